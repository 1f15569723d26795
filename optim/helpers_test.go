package optim_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

// setup is a train op over variables v0, v1 ... whose gradients are fed.
type setup struct {
	graph     *graph.Graph
	op        *gorgonia.Node
	gradients gorgonia.Nodes
	session   *session.Session
}

func newSetup[T float32 | float64](t testing.TB, o optim.Optimizer, opts []session.Option, variables ...[]T) *setup {
	t.Helper()
	var zero T
	dt := tensor.Float32
	if _, ok := any(zero).(float64); ok {
		dt = tensor.Float64
	}
	s := &setup{graph: graph.New()}
	var all []optim.Gradient
	for i, x := range variables {
		v := s.graph.Variable(fmt.Sprint("v", i), dt, tensor.Shape{len(x)}, values(x...))
		g := s.graph.Placeholder(fmt.Sprint("g", i), dt, len(x))
		all = append(all, optim.Gradient{Variable: s.graph.VariableOf(v), Node: g})
		s.gradients = append(s.gradients, g)
	}
	s.op = o.ApplyGradients(s.graph, all)
	require.NoError(t, s.graph.Err())
	var err error
	s.session, err = session.New(s.graph, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.session.Close()) })
	return s
}

func feedOf[T float32 | float64](s *setup, gradients ...[]T) graph.Feed {
	feed := graph.Feed{}
	for i, g := range gradients {
		feed[s.gradients[i]] = tensor.New(tensor.WithShape(len(g)), tensor.WithBacking(append([]T(nil), g...)))
	}
	return feed
}

// step makes one run and returns the global step.
func step[T float32 | float64](t *testing.T, s *setup, gradients ...[]T) int64 {
	t.Helper()
	out, err := s.session.Run(t.Context(), gorgonia.Nodes{s.op}, feedOf(s, gradients...))
	require.NoError(t, err)
	return out[0].Data().(int64)
}

// trainWith makes steps over one float64 variable v0 with a gradient that changes.
func trainWith(t *testing.T, o optim.Optimizer, steps int, variable []float64, gradient func(k int) []float64) *session.Store {
	t.Helper()
	s := newSetup(t, o, nil, variable)
	for k := 1; k <= steps; k++ {
		require.EqualValues(t, k, step(t, s, gradient(k)))
	}
	return s.session.Store()
}

// noisy is a gradient for step k of n elements, the same at each call.
func noisy[T float32 | float64](k, n int) []T {
	g := make([]T, n)
	for i := range g {
		g[i] = T(math.Sin(float64(k*7 + i*13)))
	}
	return g
}

// optimizers are all of the package, and chains, for tests that each must pass.
func optimizers() map[string]func(opts ...optim.Option) optim.Optimizer {
	type option = optim.Option
	with := func(more []option, first ...option) []option { return append(first, more...) }
	return map[string]func(opts ...optim.Option) optim.Optimizer{
		"SGD":      func(o ...option) optim.Optimizer { return optim.SGD(0.1, o...) },
		"Momentum": func(o ...option) optim.Optimizer { return optim.Momentum(0.1, 0.9, o...) },
		"Nesterov": func(o ...option) optim.Optimizer { return optim.Momentum(0.1, 0.9, with(o, optim.WithNesterov())...) },
		"Adagrad":  func(o ...option) optim.Optimizer { return optim.Adagrad(0.1, o...) },
		"Adadelta": func(o ...option) optim.Optimizer { return optim.Adadelta(1, o...) },
		"RMSProp":  func(o ...option) optim.Optimizer { return optim.RMSProp(0.1, o...) },
		"RMSProp centered": func(o ...option) optim.Optimizer {
			return optim.RMSProp(0.1, with(o, optim.WithCentered(), optim.WithMomentum(0.5))...)
		},
		"Adam":            func(o ...option) optim.Optimizer { return optim.Adam(0.1, o...) },
		"AMSGrad":         func(o ...option) optim.Optimizer { return optim.AMSGrad(0.1, o...) },
		"AdamW":           func(o ...option) optim.Optimizer { return optim.AdamW(0.1, o...) },
		"Nadam":           func(o ...option) optim.Optimizer { return optim.Nadam(0.1, o...) },
		"Adamax":          func(o ...option) optim.Optimizer { return optim.Adamax(0.1, o...) },
		"Lion":            func(o ...option) optim.Optimizer { return optim.Lion(0.1, with(o, optim.WithWeightDecay(0.1))...) },
		"Ftrl":            func(o ...option) optim.Optimizer { return optim.Ftrl(0.1, with(o, optim.WithL1(0.01))...) },
		"ProximalAdagrad": func(o ...option) optim.Optimizer { return optim.ProximalAdagrad(0.1, with(o, optim.WithL1(0.01))...) },
		"ProximalGradientDescent": func(o ...option) optim.Optimizer {
			return optim.ProximalGradientDescent(0.1, with(o, optim.WithL2(0.1))...)
		},
		"LAMB": func(o ...option) optim.Optimizer {
			return optim.Chain(0.1, with(o, optim.ScaleByAdam(0.9, 0.999, 1e-6), optim.AddDecayedWeights(0.01), optim.ScaleByTrustRatio())...)
		},
		"every part": func(o ...option) optim.Optimizer {
			return optim.Chain(0.1, with(o, optim.ClipByGlobalNorm(2), optim.ClipByNorm(1.5), optim.ClipByValue(-0.5, 0.5), optim.ScaleByRSS(0.1), optim.ScaleByRMS(0.9, 1e-10),
				optim.Trace(0.5), optim.NesterovTrace(0.5), optim.Scale(0.5), optim.ScaleBySchedule(optim.InverseTimeDecay{DecaySteps: 10, DecayRate: 1}))...)
		},
	}
}
