package optim

// ProximalAdagrad is Adagrad with L1 and L2 penalties that are solved for exactly after
// each step (Duchi and Singer 2009, "FOBOS"), as tf.train.ProximalAdagradOptimizer does:
// a += g*g, r = rate/sqrt(a), p = v - r*g, v = sign(p)*max(|p| - r*l1, 0)/(1 + r*l2).
// Options: WithInitialAccumulator (default 0.1), WithL1 (0), WithL2 (0). Slot:
// <variable>/ProximalAdagrad (a).
func ProximalAdagrad(learningRate float64, opts ...Option) Optimizer {
	return configure("ProximalAdagrad", learningRate, map[string]bounds{
		"WithInitialAccumulator": accumulator(), "WithL1": atLeast0(0), "WithL2": atLeast0(0),
	}, opts, func(x *settings) Rule {
		return &proximalAdagrad{standard{name: "ProximalAdagrad", slots: []Slot{{Initial: x.numbers["WithInitialAccumulator"]}}},
			x.numbers["WithL1"], x.numbers["WithL2"]}
	})
}

type proximalAdagrad struct {
	standard
	l1, l2 float64
}

func (r *proximalAdagrad) skipsZeros(string) bool {
	return r.l1 == 0 && r.l2 == 0 && positive(r.slots[0])
}

func (r *proximalAdagrad) Update32(s Step, v, g []float32, slots [][]float32) {
	updateProximalAdagrad(r, s, v, g, slots[0])
}

func (r *proximalAdagrad) Update64(s Step, v, g []float64, slots [][]float64) {
	updateProximalAdagrad(r, s, v, g, slots[0])
}

func updateProximalAdagrad[T float](r *proximalAdagrad, s Step, v, g, a []T) {
	rate, scale, l1, l2 := T(s.LearningRate), T(s.Scale), T(r.l1), T(r.l2)
	for i, x := range g {
		x *= scale
		a[i] += x * x
		own := rate / sqrt(a[i])
		v[i] = shrink(v[i]-own*x, own*l1) / (1 + own*l2)
	}
}

// ProximalGradientDescent is gradient descent with L1 and L2 penalties that are solved
// for exactly after each step (Duchi and Singer 2009, "FOBOS"), as
// tf.train.ProximalGradientDescentOptimizer does: p = v - rate*g, v = sign(p)*max(|p| -
// rate*l1, 0)/(1 + rate*l2). Options: WithL1 (default 0), WithL2 (0). Slots: none.
func ProximalGradientDescent(learningRate float64, opts ...Option) Optimizer {
	return configure("ProximalGradientDescent", learningRate, map[string]bounds{
		"WithL1": atLeast0(0), "WithL2": atLeast0(0),
	}, opts, func(x *settings) Rule {
		return &proximalDescent{standard{name: "ProximalGradientDescent"}, x.numbers["WithL1"], x.numbers["WithL2"]}
	})
}

type proximalDescent struct {
	standard
	l1, l2 float64
}

func (r *proximalDescent) skipsZeros(string) bool { return r.l1 == 0 && r.l2 == 0 }

func (r *proximalDescent) Update32(s Step, v, g []float32, _ [][]float32) {
	updateProximalDescent(r, s, v, g)
}

func (r *proximalDescent) Update64(s Step, v, g []float64, _ [][]float64) {
	updateProximalDescent(r, s, v, g)
}

func updateProximalDescent[T float](r *proximalDescent, s Step, v, g []T) {
	rate, scale, l1, l2 := T(s.LearningRate), T(s.Scale), T(r.l1), T(r.l2)
	for i, x := range g {
		v[i] = shrink(v[i]-rate*scale*x, rate*l1) / (1 + rate*l2)
	}
}

// shrink moves x towards 0 by a distance, at most to 0.
func shrink[T float](x, by T) T { return sign(x) * max(abs(x)-by, 0) }
