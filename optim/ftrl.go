package optim

import "math"

// Ftrl follows the regularised leader (McMahan et al. 2013), as tf.train.FtrlOptimizer
// does, with p = -learning rate power: a' = a + g*g, z += h - (a'^p - a^p)/rate*v,
// q = a'^p/rate + 2*l2, v = (sign(z)*l1 - z)/q where |z| > l1, else 0; then a = a'. h is
// g + 2*shrinkage*v. Options: WithInitialAccumulator, WithLearningRatePower, WithL1,
// WithL2, WithL2Shrinkage. Slots: <variable>/Ftrl (a) and <variable>/Ftrl_1 (z).
func Ftrl(learningRate float64, opts ...Option) Optimizer {
	return configure("Ftrl", learningRate, map[string]bounds{
		"WithInitialAccumulator": accumulator(), "WithL1": atLeast0(0), "WithL2": atLeast0(0), "WithL2Shrinkage": atLeast0(0),
		"WithLearningRatePower": {-0.5, func(x float64) bool { return x <= 0 && !math.IsInf(x, -1) }, "at most 0"},
	}, opts, func(x *settings) Rule {
		return &ftrl{standard{name: "Ftrl", slots: []Slot{{Initial: x.numbers["WithInitialAccumulator"]}, {}}},
			-x.numbers["WithLearningRatePower"], x.numbers["WithL1"], x.numbers["WithL2"], x.numbers["WithL2Shrinkage"]}
	})
}

type ftrl struct {
	standard
	power, l1, l2, shrinkage float64
}

func (r *ftrl) Update32(s Step, v, g []float32, slots [][]float32) { updateFtrl(r, s, v, g, slots) }
func (r *ftrl) Update64(s Step, v, g []float64, slots [][]float64) { updateFtrl(r, s, v, g, slots) }

func updateFtrl[T float](r *ftrl, s Step, v, g []T, slots [][]T) {
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
