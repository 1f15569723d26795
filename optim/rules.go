package optim

import (
	"math"

	"github.com/stheno-ml/stheno/internal/vector"
)

// SGD is gradient descent: v -= rate*g. Slots: none.
func SGD(learningRate float64, opts ...Option) Optimizer {
	return configure("SGD", learningRate, nil, opts, func(*settings) Rule {
		return &sgd{standard{name: "SGD"}}
	})
}

type sgd struct{ standard }

func (r *sgd) skipsZeros(string) bool { return true }

func (r *sgd) Update32(s Step, v, g []float32, _ [][]float32) {
	vector.AddScaled(v, v, -float32(s.LearningRate)*float32(s.Scale), g)
}

func (r *sgd) Update64(s Step, v, g []float64, _ [][]float64) {
	rate := s.LearningRate * s.Scale
	for i := range v {
		v[i] -= rate * g[i]
	}
}

// Momentum is gradient descent with momentum: a = momentum*a + g, v -= rate*a; with
// WithNesterov v -= rate*(g + momentum*a). Slot: <variable>/Momentum.
func Momentum(learningRate, momentum float64, opts ...Option) Optimizer {
	opts = append([]Option{number("momentum", momentum)}, opts...)
	return configure("Momentum", learningRate, map[string]bounds{"momentum": atLeast0(0), "WithNesterov": {}}, opts, func(x *settings) Rule {
		return &momentumRule{standard{name: "Momentum", slots: []Slot{{}}}, x.numbers["momentum"], x.numbers["WithNesterov"] != 0}
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

func updateMomentum[T float](s Step, v, g, a []T, momentum T, nesterov bool) {
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
	return configure("Adagrad", learningRate, map[string]bounds{"WithInitialAccumulator": accumulator()}, opts, func(x *settings) Rule {
		return &adagrad{standard{name: "Adagrad", slots: []Slot{{Initial: x.numbers["WithInitialAccumulator"]}}}}
	})
}

func accumulator() bounds {
	return moreThan0(0.1)
}

type adagrad struct{ standard }

func (r *adagrad) skipsZeros(string) bool { return positive(r.slots[0]) }

func (r *adagrad) Update32(s Step, v, g []float32, slots [][]float32) {
	updateAdagrad(s, v, g, slots[0])
}
func (r *adagrad) Update64(s Step, v, g []float64, slots [][]float64) {
	updateAdagrad(s, v, g, slots[0])
}

func updateAdagrad[T float](s Step, v, g, a []T) {
	rate, scale := T(s.LearningRate), T(s.Scale)
	for i := range v {
		x := g[i] * scale
		a[i] += x * x
		v[i] -= rate * x / sqrt(a[i])
	}
}

// Adadelta makes steps of the size of its earlier ones (Zeiler 2012), as
// tf.train.AdadeltaOptimizer does: a = rho*a + (1-rho)*g*g, u = sqrt(d + epsilon) *
// g/sqrt(a + epsilon), d = rho*d + (1-rho)*u*u, v -= rate*u. The paper's rate is 1,
// TensorFlow's default 0.001. Options: WithDecay (rho, default 0.95), WithEpsilon (1e-8).
// Slots: <variable>/Adadelta (a) and <variable>/Adadelta_1 (d).
func Adadelta(learningRate float64, opts ...Option) Optimizer {
	return configure("Adadelta", learningRate, map[string]bounds{
		"WithDecay": {0.95, func(x float64) bool { return x >= 0 && x <= 1 }, "0 to 1"}, "WithEpsilon": moreThan0(1e-8),
	}, opts, func(x *settings) Rule {
		return &adadelta{standard{name: "Adadelta", slots: []Slot{{}, {}}}, x.numbers["WithDecay"], x.numbers["WithEpsilon"]}
	})
}

type adadelta struct {
	standard
	rho, epsilon float64
}

func (r *adadelta) Update32(s Step, v, g []float32, slots [][]float32) {
	updateAdadelta(r, s, v, g, slots[0], slots[1])
}

func (r *adadelta) Update64(s Step, v, g []float64, slots [][]float64) {
	updateAdadelta(r, s, v, g, slots[0], slots[1])
}

func updateAdadelta[T float](r *adadelta, s Step, v, g, square, moved []T) {
	rate, scale, rho, epsilon := T(s.LearningRate), T(s.Scale), T(r.rho), T(r.epsilon)
	for i, x := range g {
		x *= scale
		square[i] = rho*square[i] + (1-rho)*x*x
		u := sqrt(moved[i]+epsilon) * x / sqrt(square[i]+epsilon)
		moved[i] = rho*moved[i] + (1-rho)*u*u
		v[i] -= rate * u
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
	}, opts, func(x *settings) Rule {
		r := &rmsProp{standard{name: "RMSProp", slots: []Slot{{Initial: 1}, {}}}, x.numbers["WithDecay"], x.numbers["WithMomentum"], x.numbers["WithEpsilon"], x.numbers["WithCentered"] != 0}
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

func updateRMSProp[T float](r *rmsProp, s Step, v, g []T, slots [][]T) {
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

func sqrt[T float](x T) T { return T(math.Sqrt(float64(x))) }

func abs[T float](x T) T { return T(math.Abs(float64(x))) }

// sign is -1, 0 or 1, or x where it is not a number.
func sign[T float](x T) T {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}
