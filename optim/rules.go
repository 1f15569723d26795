package optim

import "math"

// SGD is gradient descent: v -= rate*g. Slots: none.
func SGD(learningRate float64, opts ...Option) Optimizer {
	return configure("SGD", learningRate, nil, opts, func(map[string]float64) Rule {
		return &sgd{standard{name: "SGD"}}
	})
}

type sgd struct{ standard }

func (r *sgd) Update32(s Step, v, g []float32, _ [][]float32) { updateSGD(s, v, g) }
func (r *sgd) Update64(s Step, v, g []float64, _ [][]float64) { updateSGD(s, v, g) }

func updateSGD[T float32 | float64](s Step, v, g []T) {
	rate := T(s.LearningRate) * T(s.Scale)
	for i := range v {
		v[i] -= rate * g[i]
	}
}

// Momentum is gradient descent with momentum: a = momentum*a + g, v -= rate*a; with
// WithNesterov v -= rate*(g + momentum*a). Slot: <variable>/Momentum.
func Momentum(learningRate, momentum float64, opts ...Option) Optimizer {
	opts = append([]Option{number("momentum", momentum)}, opts...)
	return configure("Momentum", learningRate, map[string]bounds{"momentum": atLeast0(0), "WithNesterov": {}}, opts, func(x map[string]float64) Rule {
		return &momentumRule{standard{name: "Momentum", slots: []Slot{{}}}, x["momentum"], x["WithNesterov"] != 0}
	})
}

type momentumRule struct {
	standard
	momentum float64
	nesterov bool
}

func (r *momentumRule) Update32(s Step, v, g []float32, slots [][]float32) {
	updateMomentum(s, v, g, slots[0], float32(r.momentum), r.nesterov)
}

func (r *momentumRule) Update64(s Step, v, g []float64, slots [][]float64) {
	updateMomentum(s, v, g, slots[0], r.momentum, r.nesterov)
}

func updateMomentum[T float32 | float64](s Step, v, g, a []T, momentum T, nesterov bool) {
	rate, scale := T(s.LearningRate), T(s.Scale)
	for i := range v {
		x := g[i] * scale
		a[i] = momentum*a[i] + x
		if nesterov {
			v[i] -= rate * (x + momentum*a[i])
		} else {
			v[i] -= rate * a[i]
		}
	}
}

// Adagrad divides by the root of the sum of squares (Duchi, Hazan and Singer 2011):
// a += g*g, v -= rate*g/sqrt(a). Option: WithInitialAccumulator. Slot:
// <variable>/Adagrad.
func Adagrad(learningRate float64, opts ...Option) Optimizer {
	return configure("Adagrad", learningRate, map[string]bounds{"WithInitialAccumulator": accumulator()}, opts, func(x map[string]float64) Rule {
		return &adagrad{standard{name: "Adagrad", slots: []Slot{{Initial: x["WithInitialAccumulator"]}}}}
	})
}

func accumulator() bounds {
	return bounds{0.1, func(x float64) bool { return x > 0 && !math.IsInf(x, 1) }, "more than 0"}
}

type adagrad struct{ standard }

func (r *adagrad) Update32(s Step, v, g []float32, slots [][]float32) {
	updateAdagrad(s, v, g, slots[0])
}
func (r *adagrad) Update64(s Step, v, g []float64, slots [][]float64) {
	updateAdagrad(s, v, g, slots[0])
}

func updateAdagrad[T float32 | float64](s Step, v, g, a []T) {
	rate, scale := T(s.LearningRate), T(s.Scale)
	for i := range v {
		x := g[i] * scale
		a[i] += x * x
		v[i] -= rate * x / sqrt(a[i])
	}
}

// RMSProp divides by the root of a running mean of squares (Tieleman and Hinton 2012),
// as tf.train.RMSPropOptimizer does: m = decay*m + (1-decay)*g*g, u = momentum*u +
// rate*g/sqrt(m + epsilon), v -= u. The mean of squares starts at 1. WithCentered
// subtracts the square of a running mean of g from m in the root. Options: WithDecay,
// WithMomentum, WithEpsilon, WithCentered. Slots: <variable>/RMSProp (m), then the mean
// of g if centered, then u.
func RMSProp(learningRate float64, opts ...Option) Optimizer {
	return configure("RMSProp", learningRate, map[string]bounds{
		"WithDecay": below1(0.9), "WithMomentum": atLeast0(0), "WithEpsilon": atLeast0(1e-10), "WithCentered": {},
	}, opts, func(x map[string]float64) Rule {
		r := &rmsProp{standard{name: "RMSProp", slots: []Slot{{Initial: 1}, {}}}, x["WithDecay"], x["WithMomentum"], x["WithEpsilon"], x["WithCentered"] != 0}
		if r.centered {
			r.slots = append(r.slots, Slot{})
		}
		return r
	})
}

type rmsProp struct {
	standard
	decay, momentum, epsilon float64
	centered                 bool
}

func (r *rmsProp) Update32(s Step, v, g []float32, slots [][]float32) {
	updateRMSProp(r, s, v, g, slots)
}
func (r *rmsProp) Update64(s Step, v, g []float64, slots [][]float64) {
	updateRMSProp(r, s, v, g, slots)
}

func updateRMSProp[T float32 | float64](r *rmsProp, s Step, v, g []T, slots [][]T) {
	rate, scale, decay, momentum, epsilon := T(s.LearningRate), T(s.Scale), T(r.decay), T(r.momentum), T(r.epsilon)
	square, u := slots[0], slots[len(slots)-1]
	for i := range v {
		x := g[i] * scale
		square[i] = decay*square[i] + (1-decay)*x*x
		root := square[i]
		if r.centered {
			mean := slots[1]
			mean[i] = decay*mean[i] + (1-decay)*x
			root -= mean[i] * mean[i]
		}
		u[i] = momentum*u[i] + rate*x/sqrt(root+epsilon)
		v[i] -= u[i]
	}
}

// Adam follows running means of g and g*g (Kingma and Ba 2014), as
// tf.train.AdamOptimizer does: m = beta1*m + (1-beta1)*g, s = beta2*s + (1-beta2)*g*g,
// v -= rate*sqrt(1-beta2^t)/(1-beta1^t) * m/(sqrt(s) + epsilon), where t counts updates
// from 1. Options: WithBeta1, WithBeta2, WithEpsilon. Slots: <variable>/Adam (m) and
// <variable>/Adam_1 (s). State: beta1_power and beta2_power.
func Adam(learningRate float64, opts ...Option) Optimizer {
	return configure("Adam", learningRate, map[string]bounds{
		"WithBeta1": below1(0.9), "WithBeta2": below1(0.999), "WithEpsilon": atLeast0(1e-8),
	}, opts, func(x map[string]float64) Rule {
		power := func(name string, beta float64) State {
			return State{Name: name, Initial: beta, Next: func(p float64) float64 { return p * beta }}
		}
		b1, b2 := x["WithBeta1"], x["WithBeta2"]
		return &adam{standard{name: "Adam", slots: []Slot{{}, {}}, state: []State{power("beta1_power", b1), power("beta2_power", b2)}}, b1, b2, x["WithEpsilon"]}
	})
}

type adam struct {
	standard
	beta1, beta2, epsilon float64
}

func (r *adam) Update32(s Step, v, g []float32, slots [][]float32) { updateAdam(r, s, v, g, slots) }
func (r *adam) Update64(s Step, v, g []float64, slots [][]float64) { updateAdam(r, s, v, g, slots) }

func updateAdam[T float32 | float64](r *adam, s Step, v, g []T, slots [][]T) {
	rate := T(s.LearningRate * math.Sqrt(1-s.State[1]) / (1 - s.State[0]))
	scale, beta1, beta2, epsilon := T(s.Scale), T(r.beta1), T(r.beta2), T(r.epsilon)
	first, second := slots[0][:len(v)], slots[1][:len(v)]
	for i, x := range g[:len(v)] {
		x *= scale
		m := beta1*first[i] + (1-beta1)*x
		n := beta2*second[i] + (1-beta2)*x*x
		first[i], second[i] = m, n
		v[i] -= rate * m / (sqrt(n) + epsilon)
	}
}

// Ftrl follows the regularised leader (McMahan et al. 2013), as tf.train.FtrlOptimizer
// does, with p = -learning rate power: a' = a + g*g, z += h - (a'^p - a^p)/rate*v,
// q = a'^p/rate + 2*l2, v = (sign(z)*l1 - z)/q where |z| > l1, else 0; then a = a'. h is
// g + 2*shrinkage*v. Options: WithInitialAccumulator, WithLearningRatePower, WithL1,
// WithL2, WithL2Shrinkage. Slots: <variable>/Ftrl (a) and <variable>/Ftrl_1 (z).
func Ftrl(learningRate float64, opts ...Option) Optimizer {
	return configure("Ftrl", learningRate, map[string]bounds{
		"WithInitialAccumulator": accumulator(), "WithL1": atLeast0(0), "WithL2": atLeast0(0), "WithL2Shrinkage": atLeast0(0),
		"WithLearningRatePower": {-0.5, func(x float64) bool { return x <= 0 && !math.IsInf(x, -1) }, "at most 0"},
	}, opts, func(x map[string]float64) Rule {
		return &ftrl{standard{name: "Ftrl", slots: []Slot{{Initial: x["WithInitialAccumulator"]}, {}}},
			-x["WithLearningRatePower"], x["WithL1"], x["WithL2"], x["WithL2Shrinkage"]}
	})
}

type ftrl struct {
	standard
	power, l1, l2, shrinkage float64
}

func (r *ftrl) Update32(s Step, v, g []float32, slots [][]float32) { updateFtrl(r, s, v, g, slots) }
func (r *ftrl) Update64(s Step, v, g []float64, slots [][]float64) { updateFtrl(r, s, v, g, slots) }

func updateFtrl[T float32 | float64](r *ftrl, s Step, v, g []T, slots [][]T) {
	if s.LearningRate == 0 {
		return // the formula divides by it
	}
	a, z := slots[0], slots[1]
	for i := range v {
		// In float64: z is a difference of large numbers.
		x, old := float64(g[i])*s.Scale, float64(v[i])
		before, after := r.root(float64(a[i])), r.root(float64(a[i])+x*x)
		linear := float64(z[i]) + x + 2*r.shrinkage*old - (after-before)/s.LearningRate*old
		a[i] = T(float64(a[i]) + x*x)
		z[i] = T(linear)
		v[i] = 0
		if math.Abs(linear) > r.l1 {
			v[i] = T((math.Copysign(r.l1, linear) - linear) / (after/s.LearningRate + 2*r.l2))
		}
	}
}

func (r *ftrl) root(x float64) float64 {
	if r.power == 0.5 {
		return math.Sqrt(x)
	}
	return math.Pow(x, r.power)
}

func sqrt[T float32 | float64](x T) T { return T(math.Sqrt(float64(x))) }
