package optim_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
)

// What a train op is given can be asked for, whatever else is in its blocks.
func TestGradientsOf(t *testing.T) {
	for name, o := range map[string]optim.Optimizer{
		"no slots":    optim.SGD(1),
		"slots":       optim.Adam(1, optim.WithAMSGrad()),
		"accumulated": optim.Momentum(1, 0.9, optim.Accumulate(3), optim.WithExponentialMovingAverage(0.9)),
		"parts":       optim.Chain(1, optim.ClipByGlobalNorm(1), optim.ScaleByAdam(0.9, 0.99, 1e-8), optim.AddDecayedWeights(0.1)),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t, o, nil, []float32{1}, []float32{2, 3}, []float32{4})
			got := optim.GradientsOf(s.graph, ops.Group(s.graph, "all", s.gradients[0], s.op))
			require.Len(t, got, 3)
			for i, gradient := range got {
				require.Same(t, s.graph.VariableNamed([]string{"v0", "v1", "v2"}[i]), gradient.Variable)
				require.Same(t, s.gradients[i], gradient.Node)
			}
		})
	}
	require.Empty(t, optim.GradientsOf(graph.New(), nil))
}

func TestLearningRatesOf(t *testing.T) {
	g, loss := model()
	slow := optim.SGD(0.5, optim.WithSchedule(optim.ExponentialDecay{DecaySteps: 1, DecayRate: 0.5})).Minimize(g, loss, optim.Variables(g.VariableNamed("dense/kernel")))
	fast := optim.Adam(2).Minimize(g, loss, optim.Variables(g.VariableNamed("dense/bias")))
	rates := optim.LearningRatesOf(ops.Group(g, "both", fast, slow))
	require.Equal(t, []string{"SGD/learning_rate", "Adam/learning_rate"}, []string{rates[0].Name(), rates[1].Name()}, "in the order of building")
	require.Empty(t, optim.LearningRatesOf(loss))

	s := newSetup(t, optim.SGD(0.5, optim.WithSchedule(optim.ExponentialDecay{DecaySteps: 1, DecayRate: 0.5})), nil, []float32{1})
	rate := optim.LearningRatesOf(s.op)[0]
	for _, want := range []float64{0.5, 0.25, 0.125} {
		out, err := s.session.Run(t.Context(), gorgonia.Nodes{rate, s.op}, feedOf(s, []float32{1}))
		require.NoError(t, err)
		require.Equal(t, want, out[0].Data(), "the rate of this step's update")
	}
}
