package optim

// Lion moves every weight by the rate in the direction of a momentum (Chen et al. 2023),
// as keras.optimizers.Lion does: v -= rate*decay*v + rate*sign(beta1*m + (1-beta1)*g),
// then m = beta2*m + (1-beta2)*g. The rate is a third to a tenth of Adam's. Options:
// WithBeta1 (default 0.9), WithBeta2 (0.99), WithWeightDecay (0), ExcludeFromWeightDecay.
// Slot: <variable>/Lion (m).
func Lion(learningRate float64, opts ...Option) Optimizer {
	return configure("Lion", learningRate, map[string]bounds{
		"WithBeta1": below1(0.9), "WithBeta2": below1(0.99), "WithWeightDecay": atLeast0(0), "ExcludeFromWeightDecay": {},
	}, opts, func(x *settings) Rule {
		return &lion{standard{name: "Lion", slots: []Slot{{}}}, x.numbers["WithBeta1"], x.numbers["WithBeta2"],
			weightDecay{decay: x.numbers["WithWeightDecay"], patterns: x.exclude}}
	})
}

type lion struct {
	standard
	beta1, beta2 float64
	weightDecay
}

func (r *lion) forVariables(names list) (Rule, error) {
	c := *r
	var err error
	c.weightDecay, err = r.weightDecay.of(names, "ExcludeFromWeightDecay")
	return &c, err
}

func (r *lion) Update32(s Step, v, g []float32, slots [][]float32) { updateLion(r, s, v, g, slots[0]) }
func (r *lion) Update64(s Step, v, g []float64, slots [][]float64) { updateLion(r, s, v, g, slots[0]) }

func updateLion[T float](r *lion, s Step, v, g, momentum []T) {
	rate, keep := T(s.LearningRate), T(1-s.LearningRate*r.weightDecay.rate(s))
	scale, beta1, beta2 := T(s.Scale), T(r.beta1), T(r.beta2)
	for i, x := range g {
		x *= scale
		v[i] = keep*v[i] - rate*sign(beta1*momentum[i]+(1-beta1)*x)
		momentum[i] = beta2*momentum[i] + (1-beta2)*x
	}
}
