package optim_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

// foreign is an optimizer of another package.
type foreign struct{ optim.Optimizer }

// The wrapper does what the option does, around optimizers of this package and others.
func TestClipGradientsByNorm(t *testing.T) {
	variables, gradients := [][]float64{{0, 0}, {0}}, [][]float64{{3, 4}, {12}} // of norm 13
	for name, c := range map[string]struct {
		o    optim.Optimizer
		want float64 // the factor
	}{
		"own":                       {optim.ClipGradientsByNorm(optim.SGD(1), 6.5), 0.5},
		"foreign":                   {optim.ClipGradientsByNorm(foreign{optim.SGD(1)}, 6.5), 0.5},
		"own, a small gradient":     {optim.ClipGradientsByNorm(optim.SGD(1), 20), 1},
		"foreign, a small gradient": {optim.ClipGradientsByNorm(foreign{optim.SGD(1)}, 20), 1},
		"clips more already":        {optim.ClipGradientsByNorm(optim.SGD(1, optim.ClipByGlobalNorm(1.3)), 6.5), 0.1},
		"clips less already":        {optim.ClipGradientsByNorm(optim.SGD(1, optim.ClipByGlobalNorm(6.5)), 1.3), 0.1},
		"twice":                     {optim.ClipGradientsByNorm(optim.ClipGradientsByNorm(foreign{optim.SGD(1)}, 1.3), 6.5), 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			s := train(t, c.o, 1, variables, gradients)
			require.InDeltaSlice(t, []float64{-3 * c.want, -4 * c.want}, value(t, s, "v0"), 1e-12)
			require.InDeltaSlice(t, []float64{-12 * c.want}, value(t, s, "v1"), 1e-12)
		})
	}
	// Minimize takes the options of the optimizer within.
	for name, o := range map[string]optim.Optimizer{"own": optim.SGD(1), "foreign": foreign{optim.SGD(1)}} {
		t.Run("freeze "+name, func(t *testing.T) {
			g := graph.New()
			a := g.Variable("a", tensor.Float64, tensor.Shape{1}, values(3.0))
			b := g.Variable("b", tensor.Float64, tensor.Shape{1}, values(4.0))
			op := optim.ClipGradientsByNorm(o, 0.5).Minimize(g, ops.Sum(g, ops.Mul(g, a, b)), optim.Freeze("b"))
			s, err := session.New(g)
			require.NoError(t, err)
			defer s.Close()
			_, err = s.Run(t.Context(), gorgonia.Nodes{op}, nil)
			require.NoError(t, err)
			require.Equal(t, []float64{2.5}, value(t, s.Store(), "a"))
			require.Equal(t, []float64{4}, value(t, s.Store(), "b"))
		})
	}
	for want, o := range map[string]optim.Optimizer{
		"optim.ClipGradientsByNorm: the optimizer is nil":   optim.ClipGradientsByNorm(nil, 1),
		"optim.ClipGradientsByNorm: 0, want more than 0":    optim.ClipGradientsByNorm(optim.SGD(1), 0),
		"optim.ClipGradientsByNorm: Freeze: the pattern":    optim.ClipGradientsByNorm(foreign{optim.SGD(1)}, 1),
		"optim.SGD: ClipByGlobalNorm: -1, want more than 0": optim.ClipGradientsByNorm(optim.SGD(1, optim.ClipByGlobalNorm(-1)), 2),
	} {
		g := graph.New()
		a := g.Variable("a", tensor.Float64, tensor.Shape{1}, values(3.0))
		o.Minimize(g, ops.Sum(g, a), optim.Freeze("none"))
		require.ErrorContains(t, g.Err(), want)
	}
}
