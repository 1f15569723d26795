package optim_test

import (
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

// The set-ups and expected values are those of TensorFlow's
// python/training/learning_rate_decay_test.py, computed here by its formulas.
func TestSchedulesOfTensorFlow(t *testing.T) {
	at := func(s optim.Schedule, base float64, step int64) float64 {
		require.NoError(t, s.(interface{ Validate() error }).Validate())
		return s.LearningRate(base, step)
	}
	check := func(name string, want, got float64) {
		t.Helper()
		require.InDelta(t, want, got, 1e-12, name)
	}
	pc := optim.PiecewiseConstant{Boundaries: []int64{100, 110, 120}, Values: []float64{1, 0.1, 0.01, 0.001}}
	for step, want := range map[int64]float64{0: 1, 100: 1, 101: 0.1, 105: 0.1, 110: 0.1, 111: 0.01, 120: 0.01, 121: 0.001, 999: 0.001} {
		check(fmt.Sprint("piecewise ", step), want, at(pc, 7, step))
	}
	poly := func(end, power float64, cycle bool) optim.PolynomialDecay {
		return optim.PolynomialDecay{DecaySteps: 10, End: end, Power: power, Cycle: cycle}
	}
	for _, power := range []float64{1, 0.5, 2} { // Linear, Sqrt and Polynomial
		check("halfway", 0.05*math.Pow(0.5, power), at(poly(0, power, false), 0.05, 5))
		check("end", 0.001, at(poly(0.001, power, false), 0.05, 10))
		check("halfway with end", (0.05-0.001)*math.Pow(0.5, power)+0.001, at(poly(0.001, power, false), 0.05, 5))
		check("beyond the end", 0.001, at(poly(0.001, power, false), 0.05, 15))
		check("beyond the end with cycle", (0.05-0.001)*math.Pow(0.25, power)+0.001, at(poly(0.001, power, true), 0.05, 15))
	}
	check("begin with cycle", 0.001, at(poly(0, 0, true), 0.001, 0))
	check("the end of a cycle", 0, at(poly(0, 0, true), 0.001, 10))
	check("power 0 is a line", 0.02, at(poly(0, 0, false), 0.05, 6))
	for step := int64(0); step < 30; step += 7 {
		i := float64(step)
		check("exp", 0.1*math.Pow(0.96, i/10), at(optim.ExponentialDecay{DecaySteps: 10, DecayRate: 0.96}, 0.1, step))
		check("natural", 0.1*math.Exp(-i/10*0.96), at(optim.NaturalExpDecay{DecaySteps: 10, DecayRate: 0.96}, 0.1, step))
		check("natural staircase", 0.1*math.Exp(-0.96*math.Floor(i/10)), at(optim.NaturalExpDecay{DecaySteps: 10, DecayRate: 0.96, Staircase: true}, 0.1, step))
		check("inverse", 0.1/(1+0.96*i/10), at(optim.InverseTimeDecay{DecaySteps: 10, DecayRate: 0.96}, 0.1, step))
		check("inverse staircase", 0.1/(1+0.96*math.Floor(i/10)), at(optim.InverseTimeDecay{DecaySteps: 10, DecayRate: 0.96, Staircase: true}, 0.1, step))
	}
	restarts := func(step, decaySteps, tMul, mMul, alpha float64) float64 { // np_cosine_decay_restarts
		factor := 1.0
		for step >= decaySteps {
			step -= decaySteps
			decaySteps *= tMul
			factor *= mMul
		}
		return (1-alpha)*factor*0.5*(1+math.Cos(math.Pi*step/decaySteps)) + alpha
	}
	for step := int64(0); step < 1500; step += 250 {
		part := min(float64(step)/1000, 1)
		half := 0.5 * (1 + math.Cos(math.Pi*part))
		check("cosine", half, at(optim.CosineDecay{DecaySteps: 1000}, 1, step))
		check("cosine alpha", 3*(0.9*half+0.1), at(optim.CosineDecay{DecaySteps: 1000, Alpha: 0.1}, 3, step))
		check("restarts", restarts(float64(step), 1000, 2, 1, 0), at(optim.CosineDecayRestarts{FirstDecaySteps: 1000}, 1, step))
		check("restarts alpha", restarts(float64(step), 1000, 2, 1, 0.1), at(optim.CosineDecayRestarts{FirstDecaySteps: 1000, Alpha: 0.1}, 1, step))
		check("restarts m_mul", restarts(float64(step), 1000, 2, 0.9, 0), at(optim.CosineDecayRestarts{FirstDecaySteps: 1000, MMul: 0.9}, 1, step))
		check("restarts t_mul", restarts(float64(step), 300, 1, 0.9, 0), at(optim.CosineDecayRestarts{FirstDecaySteps: 300, TMul: 1, MMul: 0.9}, 1, step))
		check("restarts t_mul 1.5", restarts(float64(step), 100, 1.5, 0.7, 0.2), at(optim.CosineDecayRestarts{FirstDecaySteps: 100, TMul: 1.5, MMul: 0.7, Alpha: 0.2}, 1, step))
		linear := func(alpha, beta, periods float64) float64 { // np_linear_cosine_decay
			return (alpha+1-part)*0.5*(1+math.Cos(2*math.Pi*periods*part)) + beta
		}
		check("linear cosine", linear(0, 0.001, 0.5), at(optim.LinearCosineDecay{DecaySteps: 1000, Beta: 0.001}, 1, step))
		check("linear cosine periods", linear(0.1, 1e-4, 5), at(optim.LinearCosineDecay{DecaySteps: 1000, NumPeriods: 5, Alpha: 0.1, Beta: 1e-4}, 1, step))
		check("noise of variance 0", linear(0, 0.001, 0.5), at(optim.NoisyLinearCosineDecay{LinearCosineDecay: optim.LinearCosineDecay{DecaySteps: 1000, Beta: 0.001}}, 1, step))
	}
}

func TestNoisyLinearCosineDecay(t *testing.T) {
	d := optim.NoisyLinearCosineDecay{LinearCosineDecay: optim.LinearCosineDecay{DecaySteps: 1000}, InitialVariance: 4, VarianceDecay: 0.55, Seed: 1}
	other := d
	other.Seed = 2
	var early, late, same, stopped int
	for step := int64(0); step < 200; step++ {
		rate, line := d.LearningRate(1, step), d.LinearCosineDecay.LearningRate(1, step)
		require.Equal(t, rate, d.LearningRate(1, step), "a function of the step")
		require.GreaterOrEqual(t, rate, 0.0)
		if rate == 0 {
			stopped++
		}
		if rate == other.LearningRate(1, step) && rate > 0 {
			same++
		}
		if far := math.Abs(rate-line) > 0.4; far && step < 100 {
			early++
		} else if far {
			late++
		}
	}
	require.NotZero(t, stopped, "some noise would make the rate negative")
	require.Zero(t, same, "another seed, other noise")
	require.Greater(t, early, late, "the variance shrinks")
	require.Zero(t, testing.AllocsPerRun(100, func() { d.LearningRate(1, 5) }))
}

// Smith 2018, with the values of PyTorch's OneCycleLR: max_lr 1, total_steps 10,
// pct_start 0.3, div_factor 25, final_div_factor 1e4, anneal_strategy "cos". Its
// _annealing_cos(start, end, pct) is end + (start-end)/2*(1+cos(pi*pct)); the rate rises
// until step 0.3*10-1 and falls until step 9.
func TestOneCycle(t *testing.T) {
	c := optim.OneCycle{TotalSteps: 10}
	require.NoError(t, c.Validate())
	annealing := func(start, end, pct float64) float64 { return end + (start-end)/2*(1+math.Cos(math.Pi*pct)) }
	want := map[int64]float64{0: 0.04, 1: (1 + 0.04) / 2, 2: 1, 9: 0.04 / 1e4, 100: 0.04 / 1e4}
	for step := int64(3); step < 9; step++ {
		want[step] = annealing(1, 0.04/1e4, float64(step-2)/7)
	}
	for step, x := range want {
		require.InDelta(t, 2*x, c.LearningRate(2, step), 1e-12, step)
	}
	short := optim.OneCycle{TotalSteps: 2, Rise: 0.5, Div: 2, FinalDiv: 1}
	require.InDelta(t, 1, short.LearningRate(1, 0), 1e-15, "no rise fits into two steps")
	require.InDelta(t, 0.5, short.LearningRate(1, 1), 1e-15)
}

func TestWarmUp(t *testing.T) {
	w := optim.WarmUp{Steps: 4, Then: optim.InverseTimeDecay{DecaySteps: 1, DecayRate: 1}}
	require.NoError(t, w.Validate())
	for step, want := range []float64{0, 0.5, 1, 1.5, 2, 1, 2.0 / 3} {
		require.InDelta(t, want, w.LearningRate(2, int64(step)), 1e-15, step)
	}
	require.InDelta(t, 0.1+0.9*0.25, optim.WarmUp{Steps: 4, From: 0.1}.LearningRate(1, 1), 1e-15)
	require.InDelta(t, 1, optim.WarmUp{Steps: 4, From: 0.1}.LearningRate(1, 7), 1e-15)
}

func TestBadSchedules(t *testing.T) {
	for want, s := range map[string]optim.Schedule{
		"PiecewiseConstant: there are 2 Values for 2 Boundaries, want one more: [1 2] and [3 4]": optim.PiecewiseConstant{Boundaries: []int64{3, 4}, Values: []float64{1, 2}},
		"PiecewiseConstant: Boundaries[1] is 3 after 3, want ascending steps":                    optim.PiecewiseConstant{Boundaries: []int64{3, 3}, Values: []float64{1, 2, 3}},
		"PiecewiseConstant: Values[0] is NaN, want at least 0":                                   optim.PiecewiseConstant{Values: []float64{math.NaN()}},
		"ExponentialDecay: DecaySteps is 0, want at least 1":                                     optim.ExponentialDecay{DecayRate: 1},
		"ExponentialDecay: DecayRate is 0, want more than 0":                                     optim.ExponentialDecay{DecaySteps: 1},
		"NaturalExpDecay: DecaySteps is -1":                                                      optim.NaturalExpDecay{DecaySteps: -1},
		"NaturalExpDecay: DecayRate is -2":                                                       optim.NaturalExpDecay{DecaySteps: 1, DecayRate: -2},
		"InverseTimeDecay: DecaySteps is 0":                                                      optim.InverseTimeDecay{},
		"InverseTimeDecay: DecayRate is +Inf":                                                    optim.InverseTimeDecay{DecaySteps: 1, DecayRate: math.Inf(1)},
		"PolynomialDecay: DecaySteps is 0":                                                       optim.PolynomialDecay{},
		"PolynomialDecay: End is -1":                                                             optim.PolynomialDecay{DecaySteps: 1, End: -1},
		"PolynomialDecay: Power is -1":                                                           optim.PolynomialDecay{DecaySteps: 1, Power: -1},
		"CosineDecay: DecaySteps is 0":                                                           optim.CosineDecay{},
		"CosineDecay: Alpha is 2, want 0 to 1":                                                   optim.CosineDecay{DecaySteps: 1, Alpha: 2},
		"CosineDecayRestarts: FirstDecaySteps is 0":                                              optim.CosineDecayRestarts{},
		"CosineDecayRestarts: TMul is 0.5, want at least 1":                                      optim.CosineDecayRestarts{FirstDecaySteps: 1, TMul: 0.5},
		"CosineDecayRestarts: MMul is -1":                                                        optim.CosineDecayRestarts{FirstDecaySteps: 1, MMul: -1},
		"CosineDecayRestarts: Alpha is NaN":                                                      optim.CosineDecayRestarts{FirstDecaySteps: 1, Alpha: math.NaN()},
		"LinearCosineDecay: DecaySteps is 0":                                                     optim.LinearCosineDecay{},
		"LinearCosineDecay: NumPeriods is -1":                                                    optim.LinearCosineDecay{DecaySteps: 1, NumPeriods: -1},
		"LinearCosineDecay: Beta is -1":                                                          optim.LinearCosineDecay{DecaySteps: 1, Beta: -1},
		"NoisyLinearCosineDecay: DecaySteps is 0":                                                optim.NoisyLinearCosineDecay{},
		"NoisyLinearCosineDecay: InitialVariance is -1":                                          optim.NoisyLinearCosineDecay{LinearCosineDecay: optim.LinearCosineDecay{DecaySteps: 1}, InitialVariance: -1},
		"WarmUp: Steps is 0":                                                                     optim.WarmUp{},
		"WarmUp: From is 1":                                                                      optim.WarmUp{Steps: 1, From: 1},
		"WarmUp: Then: CosineDecay":                                                              optim.WarmUp{Steps: 1, Then: optim.CosineDecay{}},
		"OneCycle: TotalSteps is 1":                                                              optim.OneCycle{TotalSteps: 1},
		"OneCycle: Rise is 1":                                                                    optim.OneCycle{TotalSteps: 10, Rise: 1},
		"OneCycle: Div is 0.5":                                                                   optim.OneCycle{TotalSteps: 10, Div: 0.5},
		"OneCycle: FinalDiv is NaN":                                                              optim.OneCycle{TotalSteps: 10, FinalDiv: math.NaN()},
		"ScheduleFunc: the function is nil":                                                      optim.ScheduleFunc(nil),
	} {
		for _, o := range []optim.Optimizer{optim.SGD(1, optim.WithSchedule(s)), optim.Chain(1, optim.ScaleBySchedule(s))} {
			g := graph.New()
			w := g.Variable("w", tensor.Float64, tensor.Shape{1}, nil)
			require.True(t, g.Poisoned(o.Minimize(g, ops.Sum(g, w))))
			require.ErrorContains(t, g.Err(), want)
		}
	}
}

// A rate that is not one is an error of the step, before a variable changes.
func TestBadRateOfOwnSchedule(t *testing.T) {
	for _, rate := range []float64{math.NaN(), -1, math.Inf(1)} {
		g := graph.New()
		w := g.Variable("w", tensor.Float64, tensor.Shape{1}, values(1.0))
		op := optim.SGD(1, optim.WithSchedule(optim.ScheduleFunc(func(float64, int64) float64 { return rate }))).Minimize(g, ops.Sum(g, w))
		s, err := session.New(g)
		require.NoError(t, err)
		_, err = s.Run(t.Context(), gorgonia.Nodes{op}, nil)
		require.ErrorContains(t, err, fmt.Sprintf("the schedule func gives the learning rate %v at step 0", rate))
		require.Equal(t, []float64{1}, value(t, s.Store(), "w"))
		require.NoError(t, s.Close())
	}
}

// Two schedules that look alike stay two: Gorgonia merges nodes of equal ops.
func TestTwoScheduleFuncs(t *testing.T) {
	g := graph.New()
	rate := func(x float64) optim.Option {
		return optim.WithSchedule(optim.ScheduleFunc(func(float64, int64) float64 { return x }))
	}
	a := g.Variable("a", tensor.Float64, tensor.Shape{1}, nil)
	b := g.Variable("b", tensor.Float64, tensor.Shape{1}, nil)
	first := optim.SGD(1, rate(2)).Minimize(g, ops.Sum(g, a))
	second := optim.SGD(1, rate(3)).Minimize(g, ops.Sum(g, b))
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(t.Context(), gorgonia.Nodes{first, second}, nil)
	require.NoError(t, err)
	require.Equal(t, []float64{-2}, value(t, s.Store(), "a"))
	require.Equal(t, []float64{-3}, value(t, s.Store(), "b"))
}

func ExampleWarmUp() {
	schedule := optim.WarmUp{Steps: 100, Then: optim.CosineDecay{DecaySteps: 900, Alpha: 0.1}}
	fmt.Println(schedule)
	for _, step := range []int64{0, 50, 100, 550, 1000} {
		fmt.Printf("step %4d: %.4f\n", step, schedule.LearningRate(0.01, step))
	}
	// Output:
	// WarmUp(100 steps from 0, then CosineDecay(900 steps, alpha 0.1))
	// step    0: 0.0000
	// step   50: 0.0050
	// step  100: 0.0100
	// step  550: 0.0055
	// step 1000: 0.0010
}

// A schedule's description is part of a node's name: it says every number, defaults too.
func TestDescriptions(t *testing.T) {
	for want, s := range map[string]optim.Schedule{
		"PiecewiseConstant(boundaries [5], values [1 0.5])":                                        optim.PiecewiseConstant{Boundaries: []int64{5}, Values: []float64{1, 0.5}},
		"ExponentialDecay(0.9 every 3 steps)":                                                      optim.ExponentialDecay{DecaySteps: 3, DecayRate: 0.9},
		"NaturalExpDecay(0.9 every 3 steps, staircase)":                                            optim.NaturalExpDecay{DecaySteps: 3, DecayRate: 0.9, Staircase: true},
		"InverseTimeDecay(0.9 every 3 steps)":                                                      optim.InverseTimeDecay{DecaySteps: 3, DecayRate: 0.9},
		"PolynomialDecay(3 steps to 0.1, power 1, cycle)":                                          optim.PolynomialDecay{DecaySteps: 3, End: 0.1, Cycle: true},
		"CosineDecay(3 steps, alpha 0.1)":                                                          optim.CosineDecay{DecaySteps: 3, Alpha: 0.1},
		"CosineDecayRestarts(3 steps, t_mul 2, m_mul 1, alpha 0)":                                  optim.CosineDecayRestarts{FirstDecaySteps: 3},
		"LinearCosineDecay(3 steps, periods 0.5, alpha 0, beta 0)":                                 optim.LinearCosineDecay{DecaySteps: 3},
		"NoisyLinearCosineDecay(3 steps, periods 2, alpha 0, beta 0, variance 1, decay 0, seed 4)": optim.NoisyLinearCosineDecay{LinearCosineDecay: optim.LinearCosineDecay{DecaySteps: 3, NumPeriods: 2}, InitialVariance: 1, Seed: 4},
		"WarmUp(3 steps from 0.1)":                                                                 optim.WarmUp{Steps: 3, From: 0.1},
		"OneCycle(10 steps, rise 0.3, div 25, final div 10000)":                                    optim.OneCycle{TotalSteps: 10},
		"func": optim.ScheduleFunc(func(x float64, _ int64) float64 { return x }),
	} {
		require.Equal(t, want, fmt.Sprint(s))
	}
}
