package optim_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/optim"
)

// A chain of parts is the optimizer of the same formula, checkpoints included.
func TestChainEqualsFused(t *testing.T) {
	schedule := optim.WithSchedule(optim.ExponentialDecay{DecaySteps: 2, DecayRate: 0.9})
	for _, c := range []struct {
		name         string
		fused, chain optim.Optimizer
		slots        bool // have one name
	}{
		{"SGD", optim.SGD(0.1, schedule), optim.Chain(0.1, schedule), true},
		{"Momentum", optim.Momentum(0.1, 0.9, schedule), optim.Chain(0.1, optim.Trace(0.9), schedule), true},
		{"Nesterov", optim.Momentum(0.1, 0.9, optim.WithNesterov()), optim.Chain(0.1, optim.NesterovTrace(0.9)), true},
		{"Adagrad", optim.Adagrad(0.1, schedule), optim.Chain(0.1, optim.ScaleByRSS(0.1), schedule), true},
		{"RMSProp", optim.RMSProp(0.1, optim.WithMomentum(0.5)), optim.Chain(0.1, optim.ScaleByRMS(0.9, 1e-10), optim.Trace(0.5)), false},
		{"Adam", optim.Adam(0.1, schedule), optim.Chain(0.1, optim.ScaleByAdam(0.9, 0.999, 1e-8), schedule), true},
		{"AdamW", optim.AdamW(0.1, optim.WithWeightDecay(0.2), optim.ExcludeFromWeightDecay("1$"), schedule),
			optim.Chain(0.1, optim.ScaleByAdam(0.9, 0.999, 1e-8), optim.AddDecayedWeights(0.2, "1$"), schedule), false},
		{"global norm", optim.Adam(0.1, optim.ClipByGlobalNorm(0.5)), optim.Chain(0.1, optim.ClipByGlobalNorm(0.5), optim.ScaleByAdam(0.9, 0.999, 1e-8)), true},
		{"schedule in the chain", optim.Momentum(0.1, 0.9, schedule),
			optim.Chain(0.1, optim.Trace(0.9), optim.ScaleBySchedule(optim.ExponentialDecay{DecaySteps: 2, DecayRate: 0.9})), true},
		{"scale", optim.SGD(0.3), optim.Chain(0.1, optim.Scale(3)), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newSetup(t, c.fused, nil, []float64{1, -2, 3}, []float64{0.5})
			b := newSetup(t, c.chain, nil, []float64{1, -2, 3}, []float64{0.5})
			for k := 1; k <= 20; k++ {
				step(t, a, noisy[float64](k, 3), noisy[float64](k+1, 1))
				step(t, b, noisy[float64](k, 3), noisy[float64](k+1, 1))
			}
			if c.slots {
				require.Equal(t, a.session.Store().Names(), b.session.Store().Names())
			}
			for _, name := range b.session.Store().Names() {
				if !c.slots && len(name) > 2 || name == "global_step" {
					continue
				}
				want, err := a.session.Store().Value(name)
				require.NoError(t, err)
				got, err := b.session.Store().Value(name)
				require.NoError(t, err)
				require.InDeltaSlice(t, want.Float64s(), got.Float64s(), 1e-12, name)
			}
		})
	}
}

// The parts' own formulas, of one step from v = [3 4] with gradient [0.6 -0.8].
func TestParts(t *testing.T) {
	for _, c := range []struct {
		name string
		want []float64 // the update
		part optim.Option
	}{
		{"ClipByValue", []float64{0.6, -0.7}, optim.ClipByValue(-0.7, 2)},
		{"ClipByValue one side", []float64{0.5, -0.8}, optim.ClipByValue(math.Inf(-1), 0.5)},
		{"ClipByNorm", []float64{0.06, -0.08}, optim.ClipByNorm(0.1)},
		{"ClipByNorm of a small gradient", []float64{0.6, -0.8}, optim.ClipByNorm(1.5)},
		{"AddDecayedWeights", []float64{0.6 + 0.3, -0.8 + 0.4}, optim.AddDecayedWeights(0.1)},
		{"ScaleByTrustRatio", []float64{5 * 0.6, 5 * -0.8}, optim.ScaleByTrustRatio()},
		{"Scale", []float64{-0.6, 0.8}, optim.Scale(-1)},
		{"WithTransform", []float64{0.3, -0.4}, optim.WithTransform(halve{})},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := train(t, optim.Chain(1, c.part), 1, [][]float64{{3, 4}}, [][]float64{{0.6, -0.8}})
			require.InDeltaSlice(t, []float64{3 - c.want[0], 4 - c.want[1]}, value(t, s, "v0"), 1e-12)
		})
	}
	t.Run("trust ratio of zeros", func(t *testing.T) {
		s := train(t, optim.Chain(1, optim.ScaleByTrustRatio()), 1, [][]float64{{0, 0}, {1}}, [][]float64{{0.6, -0.8}, {0}})
		require.Equal(t, []float64{-0.6, 0.8}, value(t, s, "v0"))
		require.Equal(t, []float64{1}, value(t, s, "v1"))
	})
	t.Run("norm is per variable", func(t *testing.T) {
		s := train(t, optim.Chain(1, optim.ClipByNorm(1)), 1, [][]float64{{0}, {0}}, [][]float64{{3}, {0.5}})
		require.Equal(t, []float64{-1}, value(t, s, "v0"))
		require.Equal(t, []float64{-0.5}, value(t, s, "v1"))
	})
	t.Run("in order", func(t *testing.T) {
		s := train(t, optim.Chain(1, optim.Scale(2), optim.ClipByValue(-1, 1)), 1, [][]float64{{0}}, [][]float64{{3}})
		require.Equal(t, []float64{-1}, value(t, s, "v0"))
		s = train(t, optim.Chain(1, optim.ClipByValue(-1, 1), optim.Scale(2)), 1, [][]float64{{0}}, [][]float64{{3}})
		require.Equal(t, []float64{-2}, value(t, s, "v0"))
	})
	t.Run("before another rule", func(t *testing.T) { // L2 in the gradient, not decoupled
		s := train(t, optim.Momentum(1, 0.5, optim.AddDecayedWeights(0.1)), 2, [][]float64{{10}}, [][]float64{{1}})
		// a = 2, v = 8; a = 1 + 1.8 = 2.8, v = 5.2
		require.InDelta(t, 5.2, value(t, s, "v0")[0], 1e-12)
	})
	t.Run("not a number stays one", func(t *testing.T) {
		for _, part := range []optim.Option{optim.ClipByNorm(1), optim.ClipByValue(-1, 1), optim.ClipByGlobalNorm(1)} {
			s := train(t, optim.Chain(1, part), 1, [][]float64{{0}}, [][]float64{{math.NaN()}})
			require.True(t, math.IsNaN(value(t, s, "v0")[0]))
		}
	})
}

// halve is a stranger's part. It knows the variable's name.
type halve struct{}

func (halve) Name() string         { return "Halve" }
func (halve) Slots() []optim.Slot  { return nil }
func (halve) State() []optim.State { return nil }
func (halve) Apply32(optim.Step, []float32, []float32, [][]float32) {
	panic("the variable is float64")
}
func (halve) Apply64(s optim.Step, u, _ []float64, _ [][]float64) {
	if s.Variable != "v0" || s.Scale != 1 {
		panic(fmt.Sprint(s))
	}
	for i := range u {
		u[i] /= 2
	}
}

// Slots of several parts have names of their own, in the order of the parts.
func TestNamesOfSlotsInChain(t *testing.T) {
	s := newSetup(t, optim.Chain(1, optim.Trace(0.5), optim.ScaleByAdam(0.9, 0.999, 1e-8), optim.Trace(0.5)), nil, []float64{1})
	var names []string
	for _, v := range s.graph.Variables() {
		names = append(names, v.Name)
	}
	require.Equal(t, []string{"v0", "global_step", "beta1_power", "beta2_power", "v0/Momentum", "v0/Adam", "v0/Adam_1", "v0/Momentum_1"}, names)
}

// A step of any optimizer, with whatever an option adds, allocates nothing.
func TestStepAllocatesNothing(t *testing.T) {
	more := []optim.Option{optim.ClipByGlobalNorm(1), optim.ClipByNorm(1), optim.AddDecayedWeights(0.1, "v1"), optim.Accumulate(2),
		optim.WithExponentialMovingAverage(0.9, optim.ZeroDebias), optim.WithSchedule(optim.WarmUp{Steps: 5, Then: optim.CosineDecayRestarts{FirstDecaySteps: 10}})}
	for name, o := range optimizers() {
		t.Run(name, func(t *testing.T) {
			for _, opts := range [][]optim.Option{nil, more} {
				if name == "every part" || name == "LAMB" {
					opts = nil
				}
				s := newSetup(t, o(opts...), nil, make([]float32, 100), make([]float32, 10))
				feed := feedOf(s, noisy[float32](1, 100), noisy[float32](2, 10))
				fetches, out := gorgonia.Nodes{s.op}, make([]gorgonia.Value, 1)
				run := func() {
					if err := s.session.RunInto(t.Context(), out, fetches, feed, nil); err != nil {
						t.Fatal(err)
					}
				}
				run()
				require.Zero(t, testing.AllocsPerRun(50, run))
			}
		})
	}
}

// Both dtypes follow the same formula, with everything that options add.
func TestDtypesAgree(t *testing.T) {
	for name, o := range optimizers() {
		for kind, opts := range map[string][]optim.Option{
			"plain": nil, "average": {optim.WithExponentialMovingAverage(0.9, optim.NumUpdates)}, "accumulate": {optim.Accumulate(3)},
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				a := newSetup(t, o(opts...), nil, []float64{1, -2, 3}, []float64{0.5})
				b := newSetup(t, o(opts...), nil, []float32{1, -2, 3}, []float32{0.5})
				for k := 1; k <= 30; k++ {
					require.Equal(t, step(t, a, noisy[float64](k, 3), noisy[float64](k+1, 1)), step(t, b, noisy[float32](k, 3), noisy[float32](k+1, 1)))
				}
				for _, name := range a.session.Store().Names() {
					want, err := a.session.Store().Value(name)
					require.NoError(t, err)
					got, err := b.session.Store().Value(name)
					require.NoError(t, err)
					if name == "global_step" || name == "micro_step" {
						require.Equal(t, want.Data(), got.Data())
						continue
					}
					x, y := want.Float64s(), got.Float32s()
					for i := range x {
						require.InDelta(t, x[i], y[i], 2e-4*max(1, math.Abs(x[i])), name)
					}
				}
				require.NotEqual(t, []float64{1, -2, 3}, value(t, a.session.Store(), "v0"))
			})
		}
	}
}

func ExampleChain() {
	// LAMB (You et al. 2020), with clipping and no decay of biases.
	lamb := optim.Chain(0.001,
		optim.ClipByGlobalNorm(1),
		optim.ScaleByAdam(0.9, 0.999, 1e-6),
		optim.AddDecayedWeights(0.01, "bias"),
		optim.ScaleByTrustRatio(),
		optim.WithSchedule(optim.WarmUp{Steps: 100}))
	g, loss := model()
	lamb.Minimize(g, loss)
	if err := g.Err(); err != nil {
		fmt.Println(err)
	}
	for _, v := range g.Variables() {
		fmt.Println(v.Name)
	}
	// Output:
	// dense/kernel
	// dense/bias
	// global_step
	// beta1_power
	// beta2_power
	// dense/kernel/Adam
	// dense/kernel/Adam_1
	// dense/bias/Adam
	// dense/bias/Adam_1
}
