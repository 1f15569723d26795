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
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

// model is a small one: the mean of (kernel + bias - 3)^2.
func model() (*graph.Graph, *gorgonia.Node) {
	g := graph.New()
	kernel := g.Variable("dense/kernel", tensor.Float64, tensor.Shape{2}, values(1.0, 2))
	bias := g.Variable("dense/bias", tensor.Float64, tensor.Shape{2}, nil)
	return g, ops.Mean(g, ops.Square(g, ops.Sub(g, ops.Add(g, kernel, bias), g.NamedConstant("three", 3.0))))
}

// n runs are one run with the mean of their gradients, for every optimizer.
func TestAccumulate(t *testing.T) {
	const n = 4
	for name, o := range optimizers() {
		t.Run(name, func(t *testing.T) {
			want := newSetup(t, o(optim.WithExponentialMovingAverage(0.5)), nil, []float64{1, -2, 3}, []float64{0.5})
			got := newSetup(t, o(optim.WithExponentialMovingAverage(0.5), optim.Accumulate(n)), nil, []float64{1, -2, 3}, []float64{0.5})
			require.Equal(t, 1, optim.RunsPerStep(want.op))
			require.Equal(t, n, optim.RunsPerStep(got.op))
			for update := int64(1); update <= 5; update++ {
				mean, mean1 := make([]float64, 3), make([]float64, 1)
				for k := 1; k <= n; k++ {
					before := got.session.Store().Snapshot()
					a, b := noisy[float64](int(update)*n+k, 3), noisy[float64](int(update)*n+k+5, 1)
					for i := range a {
						mean[i] += a[i] / n
					}
					mean1[0] += b[0] / n
					count := step(t, got, a, b)
					if k < n {
						require.Equal(t, update-1, count, "the step counts updates")
						for name, v := range got.session.Store().Snapshot() {
							if name != "micro_step" && name != "v0/Accumulator" && name != "v1/Accumulator" {
								require.Equal(t, before[name].Data(), v.Data(), name)
							}
						}
					} else {
						require.Equal(t, update, count)
					}
				}
				step(t, want, mean, mean1)
			}
			for _, name := range want.session.Store().Names() {
				if name != "global_step" && name != "beta1_power" && name != "beta2_power" {
					require.InDeltaSlice(t, value(t, want.session.Store(), name), value(t, got.session.Store(), name), 1e-9, name)
				}
			}
			require.Equal(t, []float64{0, 0, 0}, value(t, got.session.Store(), "v0/Accumulator"), "nothing is left over")
		})
	}
}

// A run that stops between two updates goes on with the same bits.
func TestAccumulateResumes(t *testing.T) {
	o := func() optim.Optimizer { return optim.Adam(0.1, optim.Accumulate(3)) }
	whole := newSetup(t, o(), nil, []float64{1, 2})
	first := newSetup(t, o(), nil, []float64{1, 2})
	for k := 1; k <= 9; k++ {
		step(t, whole, noisy[float64](k, 2))
	}
	for k := 1; k <= 4; k++ {
		step(t, first, noisy[float64](k, 2))
	}
	store := session.NewStore()
	require.NoError(t, store.Restore(first.session.Store().Snapshot()))
	second := newSetup(t, o(), []session.Option{session.WithStore(store)}, []float64{0, 0})
	for k := 5; k <= 9; k++ {
		step(t, second, noisy[float64](k, 2))
	}
	for _, name := range store.Names() {
		want, err := whole.session.Store().Value(name)
		require.NoError(t, err)
		got, err := store.Value(name)
		require.NoError(t, err)
		require.Equal(t, want.Data(), got.Data(), name)
	}
}

func TestRunsPerStep(t *testing.T) {
	s := newSetup(t, optim.SGD(1, optim.Accumulate(1)), nil, []float64{1})
	require.Equal(t, 1, optim.RunsPerStep(s.op))
	require.NotContains(t, s.session.Store().Names(), "micro_step", "with 1 nothing is accumulated")
	require.Equal(t, 1, optim.RunsPerStep(nil))
	s = newSetup(t, optim.SGD(1, optim.Accumulate(7)), nil, []float64{1})
	require.Equal(t, 7, optim.RunsPerStep(ops.Group(s.graph, "both", s.op, s.gradients[0])))
	g, loss := model()
	kernel, bias := optim.Variables(g.VariableNamed("dense/kernel")), optim.Variables(g.VariableNamed("dense/bias"))
	first := optim.SGD(1, optim.Accumulate(2)).Minimize(g, loss, kernel)
	second := optim.SGD(1, optim.Accumulate(5)).Minimize(g, loss, bias)
	require.Equal(t, 5, optim.RunsPerStep(ops.Group(g, "first_second", first, second)))
	require.Equal(t, 5, optim.RunsPerStep(ops.Group(g, "second_first", second, first)))
}

// moving_averages_test.py computes the reference by these formulas.
func TestExponentialMovingAverage(t *testing.T) {
	const decay, steps = 0.25, 6
	for _, c := range []struct {
		name string
		opts []optim.AverageOption
		next func(average, v float64, k int, values []float64) float64
	}{
		{"plain", nil, func(a, v float64, _ int, _ []float64) float64 { return a - (1-decay)*(a-v) }},
		{"num_updates", []optim.AverageOption{optim.NumUpdates}, func(a, v float64, k int, _ []float64) float64 {
			d := math.Min(decay, (1+float64(k))/(10+float64(k)))
			return d*a + (1-d)*v
		}},
		{"zero_debias", []optim.AverageOption{optim.ZeroDebias}, func(_, _ float64, k int, values []float64) float64 {
			sum, weights := 0.0, 0.0
			for i, v := range values { // the weighted mean of all values so far
				w := math.Pow(decay, float64(k-1-i))
				sum, weights = sum+w*v, weights+w
			}
			return sum / weights
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSetup(t, optim.SGD(1, optim.WithExponentialMovingAverage(decay, c.opts...)), nil, []float64{10})
			if c.name != "zero_debias" {
				require.Equal(t, []float64{10}, value(t, s.session.Store(), "v0/ExponentialMovingAverage"), "it starts at the initial value")
			}
			a, v := 10.0, 10.0
			var values []float64
			for k := 1; k <= steps; k++ {
				g := noisy[float64](k, 1)
				step(t, s, g)
				v -= g[0]
				values = append(values, v)
				a = c.next(a, v, k, values)
				require.InDelta(t, a, value(t, s.session.Store(), "v0/ExponentialMovingAverage")[0], 1e-12, k)
			}
			require.Equal(t, c.name == "zero_debias", contains(s.session.Store().Names(), "v0/ExponentialMovingAverage/local_step"))
		})
	}
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// The averages take the place of the weights for an evaluation graph, which knows nothing
// of them.
func TestAveraged(t *testing.T) {
	g, loss := model()
	g.Variable("other", tensor.Float64, tensor.Shape{1}, values(7.0))
	train := optim.SGD(0.5, optim.WithExponentialMovingAverage(0.5, optim.ZeroDebias)).Minimize(g, loss, optim.Freeze("bias"))
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	for range 3 {
		_, err = s.Run(t.Context(), gorgonia.Nodes{train}, nil)
		require.NoError(t, err)
	}
	require.Equal(t, map[string]string{"dense/kernel": "dense/kernel/ExponentialMovingAverage"}, optim.Averages(s.Store().Names()))
	store := session.NewStore()
	require.NoError(t, store.Restore(optim.Averaged(s.Store().Snapshot())))
	require.Equal(t, []string{"dense/bias", "dense/kernel", "global_step", "other"}, store.Names())
	require.Equal(t, value(t, s.Store(), "dense/kernel/ExponentialMovingAverage"), value(t, store, "dense/kernel"))
	require.NotEqual(t, value(t, s.Store(), "dense/kernel"), value(t, store, "dense/kernel"))
	evaluation, loss := model()
	e, err := session.New(evaluation, session.WithStore(store))
	require.NoError(t, err)
	defer e.Close()
	_, err = e.Run(t.Context(), gorgonia.Nodes{loss}, nil)
	require.NoError(t, err)
}

func TestFreeze(t *testing.T) {
	g, loss := model()
	optim.Adam(0.1).Minimize(g, loss, optim.Freeze("^dense/k"))
	require.NoError(t, g.Err())
	for _, v := range g.Variables() {
		require.NotContains(t, v.Name, "kernel/Adam", "frozen variables have no slots")
	}
	require.NotNil(t, g.VariableNamed("dense/bias/Adam"))

	g, loss = model()
	kernel, bias := g.VariableNamed("dense/kernel"), g.VariableNamed("dense/bias")
	op := optim.SGD(0.1).Minimize(g, loss, optim.Variables(kernel, bias), optim.Freeze("bias"))
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(t.Context(), gorgonia.Nodes{op}, nil)
	require.NoError(t, err)
	require.Equal(t, []float64{0, 0}, value(t, s.Store(), "dense/bias"))
	require.InDeltaSlice(t, []float64{1.2, 2.1}, value(t, s.Store(), "dense/kernel"), 1e-12)
}

func TestBadFeatures(t *testing.T) {
	freeze := func(p ...string) []optim.MinimizeOption { return []optim.MinimizeOption{optim.Freeze(p...)} }
	for _, c := range []struct {
		want      string
		optimizer optim.Optimizer
		opts      []optim.MinimizeOption
	}{
		{`optim.SGD: Freeze: the pattern "conv" matches none of the variables [dense/kernel dense/bias]`, optim.SGD(1), freeze("bias", "conv")},
		{"optim.SGD: Freeze: the pattern \"(\": error parsing regexp", optim.SGD(1), freeze("(")},
		{`Freeze: the patterns ["kernel" "bias"] leave none of the variables [dense/kernel dense/bias]`, optim.SGD(1), freeze("kernel", "bias")},
		{`Freeze: the pattern "bias" matches none of the variables [dense/kernel]`, optim.SGD(1), append(freeze("bias"), func() optim.MinimizeOption { return optim.Variables(nil) }())},
		{`optim.AdamW: ExcludeFromWeightDecay: the pattern "biases" matches none of the variables [dense/kernel dense/bias]`, optim.AdamW(1, optim.ExcludeFromWeightDecay("bias", "biases")), nil},
		{`optim.Lion: ExcludeFromWeightDecay: the pattern "x" matches none`, optim.Lion(1, optim.ExcludeFromWeightDecay("x")), nil},
		{`optim.Chain: AddDecayedWeights: the pattern "x" matches none`, optim.Chain(1, optim.AddDecayedWeights(1, "x")), nil},
		{"optim.Adam: ExcludeFromWeightDecay: it has no meaning here", optim.Adam(1, optim.ExcludeFromWeightDecay("bias")), nil},
		{"optim.Adam: WithWeightDecay: it has no meaning here", optim.Adam(1, optim.WithWeightDecay(1)), nil},
		{"optim.Nadam: WithAMSGrad: it has no meaning here", optim.Nadam(1, optim.WithAMSGrad()), nil},
		{"optim.Chain: WithBeta1: it has no meaning here", optim.Chain(1, optim.WithBeta1(0.5)), nil},
		{"optim.AdamW: WithWeightDecay: -1, want at least 0", optim.AdamW(1, optim.WithWeightDecay(-1)), nil},
		{"optim.Adadelta: WithDecay: 1.1, want 0 to 1", optim.Adadelta(1, optim.WithDecay(1.1)), nil},
		{"optim.Adadelta: WithEpsilon: 0, want more than 0", optim.Adadelta(1, optim.WithEpsilon(0)), nil},
		{"optim.Adamax: WithEpsilon: 0, want more than 0", optim.Adamax(1, optim.WithEpsilon(0)), nil},
		{"optim.Adamax: WithBeta2: 1, want at least 0 and below 1", optim.Adamax(1, optim.WithBeta2(1)), nil},
		{"optim.Lion: WithBeta1: NaN", optim.Lion(1, optim.WithBeta1(math.NaN())), nil},
		{"optim.ProximalAdagrad: WithL1: -1, want at least 0", optim.ProximalAdagrad(1, optim.WithL1(-1)), nil},
		{"optim.ProximalAdagrad: WithInitialAccumulator: 0, want more than 0", optim.ProximalAdagrad(1, optim.WithInitialAccumulator(0)), nil},
		{"optim.ProximalGradientDescent: WithL2: +Inf", optim.ProximalGradientDescent(1, optim.WithL2(math.Inf(1))), nil},
		{"optim.Nadam: the learning rate is +Inf", optim.Nadam(math.Inf(1)), nil},
		{"optim.SGD: Accumulate: 0, want at least 1", optim.SGD(1, optim.Accumulate(0)), nil},
		{"WithExponentialMovingAverage: 1, want at least 0 and below 1", optim.SGD(1, optim.WithExponentialMovingAverage(1)), nil},
		{"WithExponentialMovingAverage: option 9, want NumUpdates or ZeroDebias", optim.SGD(1, optim.WithExponentialMovingAverage(0.5, 9)), nil},
		{"WithExponentialMovingAverage: both NumUpdates and ZeroDebias", optim.SGD(1, optim.WithExponentialMovingAverage(0.5, optim.NumUpdates, optim.ZeroDebias)), nil},
		{"ClipByGlobalNorm: it is given after ClipByNorm, want it before", optim.SGD(1, optim.ClipByNorm(1), optim.ClipByGlobalNorm(1)), nil},
		{"ClipByGlobalNorm: NaN, want more than 0", optim.SGD(1, optim.ClipByGlobalNorm(math.NaN())), nil},
		{"ClipByNorm: 0, want more than 0", optim.SGD(1, optim.ClipByNorm(0)), nil},
		{"ClipByValue: the range is 1 to 1", optim.SGD(1, optim.ClipByValue(1, 1)), nil},
		{"ClipByValue: the range is NaN to 1", optim.SGD(1, optim.ClipByValue(math.NaN(), 1)), nil},
		{"Trace: -1, want at least 0", optim.SGD(1, optim.Trace(-1)), nil},
		{"NesterovTrace: NaN, want at least 0", optim.SGD(1, optim.NesterovTrace(math.NaN())), nil},
		{"ScaleByAdam: beta2: 1, want at least 0 and below 1", optim.SGD(1, optim.ScaleByAdam(0.9, 1, 1)), nil},
		{"ScaleByAdam: epsilon: -1, want at least 0", optim.SGD(1, optim.ScaleByAdam(0.9, 0.9, -1)), nil},
		{"ScaleByRMS: decay: 2", optim.SGD(1, optim.ScaleByRMS(2, 1)), nil},
		{"ScaleByRSS: 0, want more than 0", optim.SGD(1, optim.ScaleByRSS(0)), nil},
		{"AddDecayedWeights: -1, want at least 0", optim.SGD(1, optim.AddDecayedWeights(-1)), nil},
		{"Scale: +Inf, want a finite number", optim.SGD(1, optim.Scale(math.Inf(1))), nil},
		{"ScaleBySchedule: the schedule is nil", optim.SGD(1, optim.ScaleBySchedule(nil)), nil},
		{"WithTransform: the transform is nil", optim.SGD(1, optim.WithTransform(nil)), nil},
	} {
		t.Run(c.want, func(t *testing.T) {
			g, loss := model()
			if len(c.opts) == 2 {
				c.opts[1] = optim.Variables(g.VariableNamed("dense/kernel"))
			}
			n := c.optimizer.Minimize(g, loss, c.opts...)
			require.True(t, g.Poisoned(n))
			require.ErrorContains(t, g.Err(), c.want)
			require.Nil(t, g.VariableNamed("dense/kernel/Adam"), "nothing is built")
		})
	}
}

// A variable has one moving average: a second would have no name that Averages knows.
func TestTwoAverages(t *testing.T) {
	g, loss := model()
	o := optim.SGD(1, optim.WithExponentialMovingAverage(0.5))
	o.Minimize(g, loss)
	require.NoError(t, g.Err())
	o.Minimize(g, loss)
	require.ErrorContains(t, g.Err(), `the name "dense/kernel/ExponentialMovingAverage" is already taken`)
}

// Variables without axes are gorgonia scalars, not tensors: everything works for them.
func TestScalarVariables(t *testing.T) {
	g := graph.New()
	v := g.Variable("v", tensor.Float32, tensor.ScalarShape(), graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
		v.Float32s()[0] = 2
		return nil
	}))
	op := optim.Momentum(1, 0.5, optim.ClipByValue(-1, 1), optim.Accumulate(2), optim.WithExponentialMovingAverage(0.5, optim.ZeroDebias)).
		Minimize(g, ops.Square(g, v)) // the gradient is 2v
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	for range 4 { // 2 - 1 = 1, then 1 - (0.5 + 1) = -0.5
		_, err := s.Run(t.Context(), gorgonia.Nodes{op}, nil)
		require.NoError(t, err)
	}
	for name, want := range map[string]float64{"v": -0.5, "v/Momentum": 1.5, "v/ExponentialMovingAverage": (0.5*1 - 0.5) / 1.5, "v/ExponentialMovingAverage/local_step": 2} {
		x, err := s.Store().Value(name)
		require.NoError(t, err)
		require.InDelta(t, want, x.Float32s()[0], 1e-6, name)
	}
}

// An average starts at the value that the variable starts at, whatever makes it.
func TestAverageOfRandomVariable(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		g := graph.New(graph.Seed(7))
		v := g.Variable("v", dt, tensor.Shape{3}, nn.GlorotUniform())
		optim.SGD(1, optim.WithExponentialMovingAverage(0.5)).Minimize(g, ops.Sum(g, v))
		s, err := session.New(g)
		require.NoError(t, err)
		first, err := s.Store().Value("v")
		require.NoError(t, err)
		average, err := s.Store().Value("v/ExponentialMovingAverage")
		require.NoError(t, err)
		require.Equal(t, first.Data(), average.Data())
		require.NoError(t, s.Close())
	}
}

func ExampleAveraged() {
	g, loss := model()
	trainOp := optim.SGD(0.1, optim.WithExponentialMovingAverage(0.9, optim.NumUpdates)).Minimize(g, loss)
	training, err := session.New(g)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer training.Close()
	for range 5 {
		if _, err := training.Run(context.Background(), gorgonia.Nodes{trainOp}, nil); err != nil {
			fmt.Println(err)
			return
		}
	}
	// A graph for evaluation, which has no averages, gets them under the weights' names.
	evaluation, loss := model()
	store := session.NewStore()
	if err := store.Restore(optim.Averaged(training.Store().Snapshot())); err != nil {
		fmt.Println(err)
		return
	}
	s, err := session.New(evaluation, session.WithStore(store))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	out, err := s.Run(context.Background(), gorgonia.Nodes{loss}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("loss with averages %.4f\n", out[0].Data())
	fmt.Println("averages of", len(optim.Averages(training.Store().Names())), "variables")
	// Output:
	// loss with averages 0.3665
	// averages of 2 variables
}

func ExampleFreeze() {
	g, loss := model()
	optim.Adam(0.001).Minimize(g, loss, optim.Freeze("/kernel$"))
	for _, v := range g.Variables() {
		fmt.Println(v.Name)
	}
	// Output:
	// dense/kernel
	// dense/bias
	// global_step
	// beta1_power
	// beta2_power
	// dense/bias/Adam
	// dense/bias/Adam_1
}

func ExampleAccumulate() {
	g, loss := model()
	trainOp := optim.SGD(0.1, optim.Accumulate(2)).Minimize(g, loss)
	s, err := session.New(g)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	for range 4 {
		out, err := s.Run(context.Background(), gorgonia.Nodes{trainOp}, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("global step", out[0])
	}
	fmt.Println("runs for each step:", optim.RunsPerStep(trainOp))
	// Output:
	// global step 0
	// global step 1
	// global step 1
	// global step 2
	// runs for each step: 2
}
