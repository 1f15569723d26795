package optim_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

func values[T float32 | float64](x ...T) graph.Initializer {
	return graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
		copy(v.Data().([]T), x)
		return nil
	})
}

// train makes steps with constant gradients, as TensorFlow's own tests do, and returns
// the store.
func train(t *testing.T, o optim.Optimizer, steps int, variables, gradients [][]float64) *session.Store {
	t.Helper()
	g := graph.New()
	var all []optim.Gradient
	for i, x := range variables {
		v := g.Variable(fmt.Sprint("v", i), tensor.Float64, tensor.Shape{len(x)}, values(x...))
		c := g.NamedConstant(fmt.Sprint("g", i), tensor.New(tensor.WithShape(len(x)), tensor.WithBacking(append([]float64(nil), gradients[i]...))))
		all = append(all, optim.Gradient{Variable: g.VariableOf(v), Node: c})
	}
	op := o.ApplyGradients(g, all)
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	for i := range steps {
		out, err := s.Run(context.Background(), gorgonia.Nodes{op}, nil)
		require.NoError(t, err)
		require.EqualValues(t, i+1, out[0].Data(), "the train op counts")
	}
	return s.Store()
}

func value(t *testing.T, s *session.Store, name string) []float64 {
	t.Helper()
	v, err := s.Value(name)
	require.NoError(t, err)
	return v.Float64s()
}

// Numbers from TensorFlow's own tests (python/training/*_test.py); the ids are those of
// the golden cases.
func TestGoldenNumbers(t *testing.T) {
	t.Run("O03", func(t *testing.T) {
		s := train(t, optim.Ftrl(3, optim.WithL1(0.001)), 10, [][]float64{{1, 2}, {4, 3}}, [][]float64{{0.1, 0.2}, {0.01, 0.02}})
		require.InDeltaSlice(t, []float64{-7.66718769, -10.91273689}, value(t, s, "v0"), 1e-5)
		require.InDeltaSlice(t, []float64{-0.93460727, -1.86147261}, value(t, s, "v1"), 1e-5)
	})
	t.Run("O12", func(t *testing.T) {
		for steps, want := range map[int][]float64{1: {0.8, 0.1, 2.98, 0.01}, 2: {0.42, 0.19, 2.942, 0.019}} {
			s := train(t, optim.Momentum(2, 0.9), steps, [][]float64{{1}, {3}}, [][]float64{{0.1}, {0.01}})
			got := []float64{value(t, s, "v0")[0], value(t, s, "v0/Momentum")[0], value(t, s, "v1")[0], value(t, s, "v1/Momentum")[0]}
			require.InDeltaSlice(t, want, got, 1e-12)
		}
	})
	t.Run("O13", func(t *testing.T) {
		s := train(t, optim.SGD(3), 1, [][]float64{{1, 2}}, [][]float64{{0.1, 0.1}})
		require.InDeltaSlice(t, []float64{0.7, 1.7}, value(t, s, "v0"), 1e-12)
	})
	t.Run("O17", func(t *testing.T) {
		d := optim.ExponentialDecay{DecaySteps: 3, DecayRate: 0.96, Staircase: true}
		require.InDelta(t, 0.0259969, d.LearningRate(0.1, 100), 1e-5)
		d.Staircase = false
		require.InDelta(t, 0.1*math.Pow(0.96, 100.0/3), d.LearningRate(0.1, 100), 1e-15)
	})
	t.Run("Adam", func(t *testing.T) { // adam_test.py computes the reference in NumPy by this formula
		x, m, v := 1.0, 0.0, 0.0
		for k := 1; k <= 3; k++ {
			g := 0.1
			rate := 0.001 * math.Sqrt(1-math.Pow(0.999, float64(k))) / (1 - math.Pow(0.9, float64(k)))
			m, v = 0.9*m+0.1*g, 0.999*v+0.001*g*g
			x -= rate * m / (math.Sqrt(v) + 1e-8)
		}
		s := train(t, optim.Adam(0.001), 3, [][]float64{{1}}, [][]float64{{0.1}})
		require.InDelta(t, x, value(t, s, "v0")[0], 1e-15)
		require.InDelta(t, m, value(t, s, "v0/Adam")[0], 1e-15)
		require.InDelta(t, v, value(t, s, "v0/Adam_1")[0], 1e-15)
		power, err := s.Value("beta2_power")
		require.NoError(t, err)
		require.InDelta(t, math.Pow(0.999, 4), power.Data(), 1e-12)
	})
	t.Run("Adagrad", func(t *testing.T) { // adagrad_test.py: 3 steps of rate 3
		s := train(t, optim.Adagrad(3), 3, [][]float64{{1, 2}, {3, 4}}, [][]float64{{0.1, 0.1}, {0.01, 0.01}})
		require.InDeltaSlice(t, []float64{-1.6026098728179932, -0.6026098728179932}, value(t, s, "v0"), 1e-6)
		require.InDeltaSlice(t, []float64{2.715679168701172, 3.715679168701172}, value(t, s, "v1"), 1e-6)
	})
	t.Run("Nesterov", func(t *testing.T) {
		s := train(t, optim.Momentum(2, 0.9, optim.WithNesterov()), 1, [][]float64{{1}}, [][]float64{{0.1}})
		require.InDelta(t, 1-2*(0.1+0.9*0.1), value(t, s, "v0")[0], 1e-12)
	})
	for _, c := range []struct {
		name     string
		centered bool
		momentum float64
	}{{"RMSProp", false, 0}, {"RMSProp with momentum", false, 0.5}, {"RMSProp centered", true, 0.9}} {
		t.Run(c.name, func(t *testing.T) { // rmsprop_test.py computes the reference by this formula
			x, square, mean, u := 2.0, 1.0, 0.0, 0.0
			for range 3 {
				g := 0.3
				square = 0.9*square + 0.1*g*g
				root := square
				if c.centered {
					mean = 0.9*mean + 0.1*g
					root -= mean * mean
				}
				u = c.momentum*u + 0.7*g/math.Sqrt(root+1e-10)
				x -= u
			}
			opts := []optim.Option{optim.WithMomentum(c.momentum)}
			if c.centered {
				opts = append(opts, optim.WithCentered())
			}
			s := train(t, optim.RMSProp(0.7, opts...), 3, [][]float64{{2}}, [][]float64{{0.3}})
			require.InDelta(t, x, value(t, s, "v0")[0], 1e-12)
			require.InDelta(t, square, value(t, s, "v0/RMSProp")[0], 1e-12)
		})
	}
	t.Run("Ftrl with shrinkage and another power", func(t *testing.T) {
		a, z, x := 0.1, 0.0, 1.0
		for range 2 {
			g := 0.2
			after, before := math.Pow(a+g*g, 0.6), math.Pow(a, 0.6)
			z += g + 2*0.3*x - (after-before)/0.5*x
			a += g * g
			q := after/0.5 + 2*0.2
			x = (math.Copysign(0.01, z) - z) / q
		}
		s := train(t, optim.Ftrl(0.5, optim.WithL1(0.01), optim.WithL2(0.2), optim.WithL2Shrinkage(0.3), optim.WithLearningRatePower(-0.6)), 2, [][]float64{{1}}, [][]float64{{0.2}})
		require.InDelta(t, x, value(t, s, "v0")[0], 1e-12)
	})
}

func TestSchedule(t *testing.T) {
	s := train(t, optim.SGD(1, optim.WithSchedule(optim.ScheduleFunc(func(base float64, step int64) float64 { return base / float64(step+1) }))), 3, [][]float64{{0}}, [][]float64{{1}})
	require.InDelta(t, -(1 + 0.5 + 1.0/3), value(t, s, "v0")[0], 1e-12, "the first update has step 0")
}

func TestClipByGlobalNorm(t *testing.T) {
	// The norm of both gradients together is 13.
	s := train(t, optim.SGD(1, optim.ClipByGlobalNorm(6.5)), 1, [][]float64{{0, 0}, {0}}, [][]float64{{3, 4}, {12}})
	require.InDeltaSlice(t, []float64{-1.5, -2}, value(t, s, "v0"), 1e-12)
	require.InDelta(t, -6, value(t, s, "v1")[0], 1e-12)
	s = train(t, optim.SGD(1, optim.ClipByGlobalNorm(20)), 1, [][]float64{{0, 0}, {0}}, [][]float64{{3, 4}, {12}})
	require.InDeltaSlice(t, []float64{-3, -4}, value(t, s, "v0"), 1e-12, "small gradients stay")
}

// Two optimizers may change one variable: the second one's slots get the next names.
func TestNamesOfSlots(t *testing.T) {
	g := graph.New()
	w := g.Scope("layer").Variable("w", tensor.Float64, tensor.Shape{2}, nil)
	loss := ops.Sum(g, ops.Square(g, w))
	optim.Adam(0.1).Minimize(g.Scope("elsewhere"), loss)
	optim.Adam(0.1).Minimize(g, loss)
	require.NoError(t, g.Err())
	var names []string
	for _, v := range g.Variables() {
		names = append(names, v.Name)
		require.Equal(t, v.Name == "layer/w", v.Trainable)
	}
	require.Equal(t, []string{"layer/w", "global_step", "beta1_power", "beta2_power", "layer/w/Adam", "layer/w/Adam_1",
		"beta1_power_1", "beta2_power_1", "layer/w/Adam_2", "layer/w/Adam_3"}, names)
}

// Variables that the loss does not depend on are left alone, and others on request.
func TestVariables(t *testing.T) {
	g := graph.New()
	a := g.Variable("a", tensor.Float64, tensor.Shape{1}, values(1.0))
	b := g.Variable("b", tensor.Float64, tensor.Shape{1}, values(1.0))
	g.Variable("unused", tensor.Float64, tensor.Shape{1}, values(1.0))
	loss := ops.Sum(g, ops.Mul(g, a, b))
	op := optim.SGD(0.5).Minimize(g, loss, optim.Variables(g.VariableOf(b)))
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(context.Background(), gorgonia.Nodes{op}, nil)
	require.NoError(t, err)
	require.Equal(t, []float64{1}, value(t, s.Store(), "a"))
	require.Equal(t, []float64{0.5}, value(t, s.Store(), "b"))
	require.Equal(t, []float64{1}, value(t, s.Store(), "unused"))
}

func TestBadInput(t *testing.T) {
	foreign := graph.New()
	other := foreign.VariableOf(foreign.Variable("x", tensor.Float64, tensor.Shape{1}, nil))
	for _, c := range []struct {
		name, want string
		optimizer  optim.Optimizer
		opts       []optim.MinimizeOption
	}{
		{"negative rate", "optim.SGD: the learning rate is -1", optim.SGD(-1), nil},
		{"NaN rate", "the learning rate is NaN", optim.Adam(math.NaN()), nil},
		{"beta", "optim.Adam: WithBeta1: 1, want at least 0 and below 1", optim.Adam(1, optim.WithBeta1(1)), nil},
		{"momentum", "optim.Momentum: momentum: -1", optim.Momentum(1, -1), nil},
		{"foreign option", "optim.SGD: WithBeta1: it has no meaning here", optim.SGD(1, optim.WithBeta1(0.5)), nil},
		{"clip", "ClipByGlobalNorm: 0, want more than 0", optim.SGD(1, optim.ClipByGlobalNorm(0)), nil},
		{"accumulator", "WithInitialAccumulator: 0, want more than 0", optim.Adagrad(1, optim.WithInitialAccumulator(0)), nil},
		{"schedule", "DecaySteps is 0", optim.SGD(1, optim.WithSchedule(optim.ExponentialDecay{DecayRate: 1})), nil},
		{"schedule rate", "DecayRate is 0", optim.SGD(1, optim.WithSchedule(optim.ExponentialDecay{DecaySteps: 1})), nil},
		{"nil rule", "the rule is nil", optim.New(nil, 1), nil},
		{"no variables", "Variables: there are none", optim.SGD(1), []optim.MinimizeOption{optim.Variables()}},
		{"foreign variable", "variable 0 is not one of this graph", optim.SGD(1), []optim.MinimizeOption{optim.Variables(other)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			w := g.Variable("w", tensor.Float64, tensor.Shape{1}, nil)
			n := c.optimizer.Minimize(g, ops.Sum(g, w), c.opts...)
			require.True(t, g.Poisoned(n))
			require.ErrorContains(t, g.Err(), c.want)
		})
	}
	t.Run("nil loss", func(t *testing.T) {
		g := graph.New()
		optim.SGD(1).Minimize(g, nil)
		require.ErrorContains(t, g.Err(), "the loss is nil")
	})
	t.Run("loss without variables", func(t *testing.T) {
		g := graph.New()
		g.Variable("w", tensor.Float64, tensor.Shape{1}, nil)
		optim.SGD(1).Minimize(g, g.Placeholder("loss", tensor.Float64))
		require.ErrorContains(t, g.Err(), `no gradients: the loss "loss" depends on none of the variables [w]`)
	})
}

// halving is a stranger's rule: it ignores the rate and halves the variable.
type halving struct{}

func (halving) Name() string         { return "Halving" }
func (halving) Slots() []optim.Slot  { return nil }
func (halving) State() []optim.State { return nil }
func (halving) Update32(_ optim.Step, v, _ []float32, _ [][]float32) {
	for i := range v {
		v[i] /= 2
	}
}
func (halving) Update64(_ optim.Step, v, _ []float64, _ [][]float64) {
	for i := range v {
		v[i] /= 2
	}
}

func TestOwnRule(t *testing.T) {
	s := train(t, optim.New(halving{}, 1), 2, [][]float64{{8}}, [][]float64{{1}})
	require.Equal(t, []float64{2}, value(t, s, "v0"))
}

func Example() {
	g := graph.New()
	w := g.Variable("w", tensor.Float64, tensor.Shape{1}, nil)
	loss := ops.Mean(g, ops.Square(g, ops.Sub(g, w, g.NamedConstant("three", 3.0))))
	trainOp := optim.Adam(0.5).Minimize(g, loss)
	s, err := session.New(g)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	for range 100 {
		if _, err := s.Run(context.Background(), gorgonia.Nodes{trainOp}, nil); err != nil {
			fmt.Println(err)
			return
		}
	}
	v, err := s.Store().Value("w")
	fmt.Printf("%.1f %v\n", v.Float64s(), err)
	// Output: [3.0] <nil>
}

// Update ops, such as batch normalisation's moving averages, run with the train op.
func TestUpdateOpsRunWithTheTrainOp(t *testing.T) {
	g := graph.New()
	w := g.Variable("w", tensor.Float64, tensor.Shape{1}, nil)
	n := g.Variable("n", tensor.Int64, nil, nil, graph.NotTrainable())
	g.AddTo(graph.UpdateOps, ops.AssignAdd(g, n, g.NamedConstant("one", int64(1))))
	trainOp := optim.SGD(1).Minimize(g, ops.Sum(g, w))
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	for range 3 {
		_, err = s.Run(context.Background(), gorgonia.Nodes{trainOp}, nil)
		require.NoError(t, err)
	}
	v, err := s.Store().Value("n")
	require.NoError(t, err)
	require.EqualValues(t, 3, v.Data())
	v, err = s.Store().Value("global_step")
	require.NoError(t, err)
	require.EqualValues(t, 3, v.Data())
	require.Equal(t, []float64{-3}, value(t, s.Store(), "w"))
}
