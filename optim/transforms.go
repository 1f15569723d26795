package optim

import (
	"fmt"
	"math"
)

// Scale multiplies the update by a number.
func Scale(factor float64) Option {
	return part("Scale", &scale{standard{name: "Scale"}, factor},
		check{x: factor, bounds: bounds{0, func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }, "a finite number"}})
}

type scale struct {
	standard
	factor float64
}

// skipsZeros is false for a negative factor: -0 turns a weight of -0 into 0.
func (t *scale) skipsZeros(string) bool { return !math.Signbit(t.factor) }

func (t *scale) Apply32(_ Step, u, _ []float32, _ [][]float32) { multiply(u, float32(t.factor)) }
func (t *scale) Apply64(_ Step, u, _ []float64, _ [][]float64) { multiply(u, t.factor) }

func multiply[T float](u []T, factor T) {
	for i := range u {
		u[i] *= factor
	}
}

// ScaleBySchedule multiplies the update by the rate that a schedule has for the step
// when its base is 1. Unlike WithSchedule it acts at its place in the chain: before
// AddDecayedWeights it leaves the decay as it is.
func ScaleBySchedule(schedule Schedule) Option {
	return func(s *settings) {
		if schedule == nil {
			s.fail("ScaleBySchedule: the schedule is nil")
			return
		}
		if err := validate(schedule); err != nil {
			s.fail("ScaleBySchedule: %w", err)
		}
		s.parts = append(s.parts, &scaleBySchedule{standard{name: "ScaleBySchedule"}, schedule})
	}
}

type scaleBySchedule struct {
	standard
	schedule Schedule
}

// sharing is inOrder: the schedule may be a user's.
func (t *scaleBySchedule) sharing() sharing { return inOrder }

func (t *scaleBySchedule) Apply32(s Step, u, _ []float32, _ [][]float32) {
	multiply(u, float32(t.schedule.LearningRate(1, s.GlobalStep)))
}

func (t *scaleBySchedule) Apply64(s Step, u, _ []float64, _ [][]float64) {
	multiply(u, t.schedule.LearningRate(1, s.GlobalStep))
}

// AddDecayedWeights adds decay*v to the update. After the scaling parts this is the
// decoupled weight decay of Loshchilov and Hutter (2019), before them the gradient of
// an L2 penalty decay/2*v*v. Variables whose full name one of the patterns except
// matches are left alone, as with ExcludeFromWeightDecay.
func AddDecayedWeights(decay float64, except ...string) Option {
	return part("AddDecayedWeights", &addDecayed{standard{name: "AddDecayedWeights"}, weightDecay{decay: decay, patterns: except}},
		check{x: decay, bounds: atLeast0(0)})
}

type addDecayed struct {
	standard
	weightDecay
}

func (t *addDecayed) skipsZeros(variable string) bool { return t.rate(Step{Variable: variable}) == 0 }

func (t *addDecayed) forVariables(names list) (Transform, error) {
	d, err := t.weightDecay.of(names, "AddDecayedWeights")
	return &addDecayed{t.standard, d}, err
}

func (t *addDecayed) Apply32(s Step, u, v []float32, _ [][]float32) {
	addScaled(u, v, float32(t.rate(s)))
}
func (t *addDecayed) Apply64(s Step, u, v []float64, _ [][]float64) { addScaled(u, v, t.rate(s)) }

func addScaled[T float](u, v []T, factor T) {
	if factor == 0 {
		return
	}
	for i := range u {
		u[i] += factor * v[i]
	}
}

// weightDecay is a decay that spares some variables.
type weightDecay struct {
	decay    float64
	patterns []string
	spared   map[string]bool
}

// of returns the decay for variables of these names.
func (d weightDecay) of(names list, option string) (weightDecay, error) {
	var err error
	if d.spared, err = matching(d.patterns, names); err != nil {
		err = fmt.Errorf("%s: %w", option, err)
	}
	return d, err
}

func (d *weightDecay) rate(s Step) float64 {
	if d.spared[s.Variable] {
		return 0
	}
	return d.decay
}

// Trace is momentum: a = decay*a + u becomes the update. Slot: <variable>/Momentum.
func Trace(decay float64) Option { return newTrace("Trace", decay, false) }

// NesterovTrace is momentum that looks ahead: a = decay*a + u, and the update is u +
// decay*a. Slot: <variable>/Momentum.
func NesterovTrace(decay float64) Option { return newTrace("NesterovTrace", decay, true) }

func newTrace(name string, decay float64, nesterov bool) Option {
	return part(name, &trace{standard{name: "Momentum", slots: []Slot{{}}}, decay, nesterov}, check{x: decay, bounds: atLeast0(0)})
}

type trace struct {
	standard
	decay    float64
	nesterov bool
}

func (t *trace) Apply32(_ Step, u, _ []float32, slots [][]float32) {
	applyTrace(u, slots[0], float32(t.decay), t.nesterov)
}

func (t *trace) Apply64(_ Step, u, _ []float64, slots [][]float64) {
	applyTrace(u, slots[0], t.decay, t.nesterov)
}

func applyTrace[T float](u, a []T, decay T, nesterov bool) {
	for i, x := range u {
		a[i] = decay*a[i] + x
		u[i] = a[i]
		if nesterov {
			u[i] = x + decay*a[i]
		}
	}
}

// ScaleByAdam divides running means of u by the root of running means of u*u, as [Adam]
// does: the update becomes sqrt(1-beta2^t)/(1-beta1^t) * m/(sqrt(s) + epsilon). Slots
// and state as in Adam.
func ScaleByAdam(beta1, beta2, epsilon float64) Option {
	return part("ScaleByAdam", &scaleByAdam{standard{name: "Adam", slots: []Slot{{}, {}}, state: powers(beta1, beta2)}, beta1, beta2, epsilon},
		check{"beta1: ", beta1, below1(0)}, check{"beta2: ", beta2, below1(0)}, check{"epsilon: ", epsilon, atLeast0(0)})
}

type scaleByAdam struct {
	standard
	beta1, beta2, epsilon float64
}

func (t *scaleByAdam) Apply32(s Step, u, _ []float32, slots [][]float32) { applyAdam(t, s, u, slots) }
func (t *scaleByAdam) Apply64(s Step, u, _ []float64, slots [][]float64) { applyAdam(t, s, u, slots) }

func applyAdam[T float](t *scaleByAdam, s Step, u []T, slots [][]T) {
	factor := T(math.Sqrt(1-s.State[1]) / (1 - s.State[0]))
	beta1, beta2, epsilon := T(t.beta1), T(t.beta2), T(t.epsilon)
	first, second := slots[0], slots[1]
	for i, x := range u {
		m := beta1*first[i] + (1-beta1)*x
		n := beta2*second[i] + (1-beta2)*x*x
		first[i], second[i] = m, n
		u[i] = factor * m / (sqrt(n) + epsilon)
	}
}

// ScaleByRMS divides by the root of a running mean of squares that starts at 1, as
// [RMSProp] does: m = decay*m + (1-decay)*u*u, and the update is u/sqrt(m + epsilon).
// Slot: <variable>/RMSProp.
func ScaleByRMS(decay, epsilon float64) Option {
	return part("ScaleByRMS", &scaleByRMS{standard{name: "RMSProp", slots: []Slot{{Initial: 1}}}, decay, epsilon},
		check{"decay: ", decay, below1(0)}, check{"epsilon: ", epsilon, atLeast0(0)})
}

type scaleByRMS struct {
	standard
	decay, epsilon float64
}

func (t *scaleByRMS) Apply32(_ Step, u, _ []float32, slots [][]float32) { applyRMS(t, u, slots[0]) }
func (t *scaleByRMS) Apply64(_ Step, u, _ []float64, slots [][]float64) { applyRMS(t, u, slots[0]) }

func applyRMS[T float](t *scaleByRMS, u, square []T) {
	decay, epsilon := T(t.decay), T(t.epsilon)
	for i, x := range u {
		square[i] = decay*square[i] + (1-decay)*x*x
		u[i] = x / sqrt(square[i]+epsilon)
	}
}

// ScaleByRSS divides by the root of the sum of squares, as [Adagrad] does: a += u*u, and
// the update is u/sqrt(a). Slot: <variable>/Adagrad, which starts at initial.
func ScaleByRSS(initial float64) Option {
	return part("ScaleByRSS", &scaleByRSS{standard{name: "Adagrad", slots: []Slot{{Initial: initial}}}}, check{x: initial, bounds: moreThan0(0)})
}

type scaleByRSS struct{ standard }

func (t *scaleByRSS) skipsZeros(string) bool { return positive(t.slots[0]) }

func (t *scaleByRSS) Apply32(_ Step, u, _ []float32, slots [][]float32) { applyRSS(u, slots[0]) }
func (t *scaleByRSS) Apply64(_ Step, u, _ []float64, slots [][]float64) { applyRSS(u, slots[0]) }

func applyRSS[T float](u, a []T) {
	for i, x := range u {
		a[i] += x * x
		u[i] = x / sqrt(a[i])
	}
}

// ScaleByTrustRatio multiplies the update by |v|/|u|, the Euclidean norms of the whole
// variable and its update, where neither is 0: with ScaleByAdam and AddDecayedWeights
// before it this is LAMB (You et al. 2020), with Trace after it LARS (You, Gitman and
// Ginsburg 2017).
func ScaleByTrustRatio() Option {
	return part("ScaleByTrustRatio", &trustRatio{standard{name: "ScaleByTrustRatio"}})
}

type trustRatio struct{ standard }

func (t *trustRatio) sharing() sharing { return byVariable }

func (t *trustRatio) Apply32(_ Step, u, v []float32, _ [][]float32) { applyTrustRatio(u, v) }
func (t *trustRatio) Apply64(_ Step, u, v []float64, _ [][]float64) { applyTrustRatio(u, v) }

func applyTrustRatio[T float](u, v []T) {
	a, b := math.Sqrt(squares(v)), math.Sqrt(squares(u))
	if a > 0 && b > 0 {
		multiply(u, T(a/b))
	}
}
