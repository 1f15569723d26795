package optim

import (
	"math"

	"github.com/stheno-ml/stheno/internal/vector"
)

// Adam follows running means of g and g*g (Kingma and Ba 2014), as
// tf.train.AdamOptimizer does: m = beta1*m + (1-beta1)*g, s = beta2*s + (1-beta2)*g*g,
// v -= rate*sqrt(1-beta2^t)/(1-beta1^t) * m/(sqrt(s) + epsilon), where t counts updates
// from 1. Options: WithBeta1, WithBeta2, WithEpsilon, WithAMSGrad. Slots:
// <variable>/Adam (m) and <variable>/Adam_1 (s). State: beta1_power and beta2_power.
func Adam(learningRate float64, opts ...Option) Optimizer {
	return newAdam("Adam", "Adam", learningRate, map[string]bounds{"WithAMSGrad": {}}, opts)
}

// AMSGrad is Adam that divides by the root of the largest s so far (Reddi, Kale and Kumar
// 2018): in place of s, the slot <variable>/Adam_2 = max(itself, s). As in Keras the
// correction of the bias stays in the rate. It is Adam with WithAMSGrad.
func AMSGrad(learningRate float64, opts ...Option) Optimizer {
	return Adam(learningRate, append([]Option{WithAMSGrad()}, opts...)...)
}

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019), as
// keras.optimizers.AdamW does: v -= rate*decay*v, then Adam's update. rate is the
// scheduled one, so the decay follows the schedule. Options: as in Adam, WithWeightDecay
// (default 0.004, as in Keras) and ExcludeFromWeightDecay. The other defaults are Adam's.
// Slots: <variable>/AdamW (m), <variable>/AdamW_1 (s) and with WithAMSGrad one more.
func AdamW(learningRate float64, opts ...Option) Optimizer {
	return newAdam("AdamW", "AdamW", learningRate, map[string]bounds{
		"WithAMSGrad": {}, "WithWeightDecay": atLeast0(0.004), "ExcludeFromWeightDecay": {},
	}, opts)
}

// Nadam is Adam with Nesterov's momentum (Dozat 2016), as tf.contrib.opt.NadamOptimizer
// does: in Adam's formula beta1*m + (1-beta1)*g takes the place of m. (Keras also changes
// beta1 with t.) Options, slots and state as in Adam, the names included, as in
// TensorFlow.
func Nadam(learningRate float64, opts ...Option) Optimizer {
	return newAdam("Nadam", "Adam", learningRate, nil, opts)
}

// newAdam makes Adam or a variant that knows more options.
func newAdam(name, slotName string, learningRate float64, more map[string]bounds, opts []Option) Optimizer {
	numbers := map[string]bounds{"WithBeta1": below1(0.9), "WithBeta2": below1(0.999), "WithEpsilon": atLeast0(1e-8)}
	for key, b := range more {
		numbers[key] = b
	}
	return configure(name, learningRate, numbers, opts, func(x *settings) Rule {
		r := &adam{
			standard: standard{name: slotName, slots: []Slot{{}, {}}, state: powers(x.numbers["WithBeta1"], x.numbers["WithBeta2"])},
			beta1:    x.numbers["WithBeta1"], beta2: x.numbers["WithBeta2"], epsilon: x.numbers["WithEpsilon"],
			nesterov: name == "Nadam", largest: x.numbers["WithAMSGrad"] != 0,
			weightDecay: weightDecay{decay: x.numbers["WithWeightDecay"], patterns: x.exclude},
		}
		if r.largest {
			r.slots = append(r.slots, Slot{})
		}
		return r
	})
}

// powers are the state of Adam: beta^t for the update that comes.
func powers(beta1, beta2 float64) []State {
	power := func(name string, beta float64) State {
		return State{Name: name, Initial: beta, Next: func(p float64) float64 { return p * beta }}
	}
	return []State{power("beta1_power", beta1), power("beta2_power", beta2)}
}

type adam struct {
	standard
	beta1, beta2, epsilon float64
	nesterov, largest     bool
	weightDecay
}

func (r *adam) forVariables(names list) (Rule, error) {
	c := *r
	var err error
	c.weightDecay, err = r.weightDecay.of(names, "ExcludeFromWeightDecay")
	return &c, err
}

func (r *adam) Update32(s Step, v, g []float32, slots [][]float32) {
	if r.nesterov || r.largest {
		updateAdam(r, s, v, g, slots)
		return
	}
	rate, keep := r.factors(s)
	if keep != 1 {
		vector.Scale(v, float32(keep), v)
	}
	vector.Adam{
		Rate: float32(rate), Beta1: float32(r.beta1), Beta2: float32(r.beta2), Epsilon: float32(r.epsilon), Scale: float32(s.Scale),
	}.Update(v, slots[0], slots[1], g)
}

func (r *adam) Update64(s Step, v, g []float64, slots [][]float64) { updateAdam(r, s, v, g, slots) }

// factors returns the rate with its correction for the means' start at 0, and what
// remains of a weight after its decay.
func (r *adam) factors(s Step) (rate, keep float64) {
	return s.LearningRate * math.Sqrt(1-s.State[1]) / (1 - s.State[0]), 1 - s.LearningRate*r.weightDecay.rate(s)
}

func updateAdam[T float](r *adam, s Step, v, g []T, slots [][]T) {
	rate64, keep64 := r.factors(s)
	rate, keep := T(rate64), T(keep64)
	scale, beta1, beta2, epsilon := T(s.Scale), T(r.beta1), T(r.beta2), T(r.epsilon)
	first, second := slots[0][:len(v)], slots[1][:len(v)]
	if r.nesterov || r.largest {
		updateAdamVariant(r, keep, rate, scale, v, g, slots)
		return
	}
	for i, x := range g[:len(v)] {
		x *= scale
		m := beta1*first[i] + (1-beta1)*x
		n := beta2*second[i] + (1-beta2)*x*x
		first[i], second[i] = m, n
		v[i] = keep*v[i] - rate*m/(sqrt(n)+epsilon)
	}
}

// updateAdamVariant is the loop of updateAdam with what makes Nadam and AMSGrad.
func updateAdamVariant[T float](r *adam, keep, rate, scale T, v, g []T, slots [][]T) {
	beta1, beta2, epsilon := T(r.beta1), T(r.beta2), T(r.epsilon)
	first, second := slots[0], slots[1]
	for i, x := range g {
		x *= scale
		m := beta1*first[i] + (1-beta1)*x
		n := beta2*second[i] + (1-beta2)*x*x
		first[i], second[i] = m, n
		if r.nesterov {
			m = beta1*m + (1-beta1)*x
		}
		if r.largest {
			n = max(slots[2][i], n)
			slots[2][i] = n
		}
		v[i] = keep*v[i] - rate*m/(sqrt(n)+epsilon)
	}
}

// Adamax is Adam with the infinity norm (Kingma and Ba 2014, section 7), as
// tf.contrib.opt.AdaMaxOptimizer does: m = beta1*m + (1-beta1)*g, u = max(beta2*u, |g|),
// v -= rate/(1-beta1^t) * m/(u + epsilon). Options: WithBeta1 (default 0.9), WithBeta2
// (0.999), WithEpsilon (1e-8). Slots: <variable>/AdaMax (m) and <variable>/AdaMax_1 (u).
// State: beta1_power.
func Adamax(learningRate float64, opts ...Option) Optimizer {
	return configure("Adamax", learningRate, map[string]bounds{
		"WithBeta1": below1(0.9), "WithBeta2": below1(0.999), "WithEpsilon": moreThan0(1e-8),
	}, opts, func(x *settings) Rule {
		b1, b2 := x.numbers["WithBeta1"], x.numbers["WithBeta2"]
		return &adamax{standard{name: "AdaMax", slots: []Slot{{}, {}}, state: powers(b1, b2)[:1]}, b1, b2, x.numbers["WithEpsilon"]}
	})
}

type adamax struct {
	standard
	beta1, beta2, epsilon float64
}

func (r *adamax) Update32(s Step, v, g []float32, slots [][]float32) { updateAdamax(r, s, v, g, slots) }
func (r *adamax) Update64(s Step, v, g []float64, slots [][]float64) { updateAdamax(r, s, v, g, slots) }

func updateAdamax[T float](r *adamax, s Step, v, g []T, slots [][]T) {
	rate := T(s.LearningRate / (1 - s.State[0]))
	scale, beta1, beta2, epsilon := T(s.Scale), T(r.beta1), T(r.beta2), T(r.epsilon)
	first, norm := slots[0], slots[1]
	for i, x := range g {
		x *= scale
		first[i] = beta1*first[i] + (1-beta1)*x
		norm[i] = max(beta2*norm[i], abs(x))
		v[i] -= rate * first[i] / (norm[i] + epsilon)
	}
}
