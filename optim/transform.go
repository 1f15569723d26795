package optim

// Transform is one part of an optimizer: it changes what is about to be subtracted from a
// variable. Implement it and give it to [WithTransform] for a part of your own. Like a
// [Rule] it keeps nothing itself, only in slots and state.
type Transform interface {
	// Name is the name of the slots, such as "Adam".
	Name() string
	// Slots are what is remembered of each variable, as in Rule.
	Slots() []Slot
	// State are numbers remembered for all variables together, as in Rule.
	State() []State
	// Apply32 changes update, which is the gradient as the parts before have left it, in
	// place. v is the variable and must not be changed; the slices have one length.
	// s.Scale is 1, and s.State is the transform's own.
	Apply32(s Step, update, v []float32, slots [][]float32)
	// Apply64 is Apply32 for a float64 variable.
	Apply64(s Step, update, v []float64, slots [][]float64)
}

// WithTransform adds a part of your own.
func WithTransform(t Transform) Option {
	return func(s *settings) {
		if t == nil {
			s.fail("WithTransform: the transform is nil")
			return
		}
		s.parts = append(s.parts, t)
	}
}

// Chain is an optimizer made of small parts, in the manner of Optax: each part changes
// the update of the one before it, starting from the gradient, and the variable loses
// learning rate times the last one. AdamW, for example, is
//
//	optim.Chain(0.001,
//		optim.ClipByGlobalNorm(1),
//		optim.ScaleByAdam(0.9, 0.999, 1e-8),
//		optim.AddDecayedWeights(0.01, "bias"))
//
// The parts are [ClipByGlobalNorm] (first), [ClipByValue], [ClipByNorm], [Trace],
// [NesterovTrace], [ScaleByAdam], [ScaleByRMS], [ScaleByRSS], [ScaleByTrustRatio],
// [AddDecayedWeights], [Scale], [ScaleBySchedule] and [WithTransform]. They can be given
// to every other optimizer too, whose rule then sees the gradient that they leave. Other
// options: WithSchedule, Accumulate, WithExponentialMovingAverage, Lazy.
//
// A part's slots have the names that the optimizer of the same formula gives them, so a
// checkpoint of Adam is one of Chain with ScaleByAdam. Each part goes over the memory
// once; where an optimizer of the same formula exists it is faster.
func Chain(learningRate float64, parts ...Option) Optimizer {
	return configure("Chain", learningRate, nil, parts, func(*settings) Rule {
		return &sgd{standard{name: "Chain"}}
	})
}

// part makes an option of a transform after checking its numbers.
func part(name string, t Transform, checks ...check) Option {
	return func(s *settings) {
		for _, c := range checks {
			if err := c.bounds.check(c.x); err != nil {
				s.fail("%s: %s%w", name, c.name, err)
			}
		}
		s.parts = append(s.parts, t)
	}
}

// check is a number of a part; name ends in ": " where the part has several.
type check struct {
	name   string
	x      float64
	bounds bounds
}

// applied is the slots and the state of a part or a rule within those of all.
type applied struct {
	slots, state [2]int
}

func (a applied) stateOf(all []float64) []float64 { return all[a.state[0]:a.state[1]] }

func slotsOf[S any](a applied, all []S) []S { return all[a.slots[0]:a.slots[1]] }

type float interface{ float32 | float64 }
