package optim

import (
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// Rule is how an optimizer changes one variable. Implement it and give it to [New] for
// an optimizer of your own; the package optimtest checks it. A rule keeps nothing itself:
// what it must remember are slots and state, which are variables, and so in checkpoints.
type Rule interface {
	// Name is the name of the slots, such as "Adam".
	Name() string
	// Slots are what is remembered of each variable, with the variable's shape. The
	// first is called <variable>/<Name>, others <variable>/<Name>_1 and so on.
	Slots() []Slot
	// State are numbers remembered for all variables together.
	State() []State
	// Update32 changes the float32 variable v and its slots by its gradient; the slices
	// have one length. The gradient must be multiplied by s.Scale and not be changed.
	Update32(s Step, v, gradient []float32, slots [][]float32)
	// Update64 is Update32 for a float64 variable.
	Update64(s Step, v, gradient []float64, slots [][]float64)
}

// Step is what a rule is told beside memory.
type Step struct {
	// LearningRate is the rate of this update.
	LearningRate float64
	// Scale is the factor of all gradients, 1 without clipping and accumulation.
	Scale float64
	// State are the rule's numbers before this update.
	State []float64
	// GlobalStep is the number of updates made before this one.
	GlobalStep int64
	// Variable is the full name of the variable that is being changed.
	Variable string
}

// Slot is something remembered of each element of a variable.
type Slot struct {
	// Initial is the first value of every element.
	Initial float64
}

// State is a number remembered for all variables together.
type State struct {
	// Name is the name of the variable that holds it; it is made unique in the graph.
	Name string
	// Initial is the first value.
	Initial float64
	// Next returns the value after an update.
	Next func(x float64) float64
}

func (s Slot) initializer() graph.Initializer  { return constant(s.Initial) }
func (s State) initializer() graph.Initializer { return constant(s.Initial) }

func constant(x float64) graph.Initializer {
	if x == 0 {
		return nil
	}
	return graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
		switch v.Dtype() {
		case tensor.Float32:
			fill(v.Float32s(), x)
		case tensor.Float64:
			fill(v.Float64s(), x)
		}
		return nil
	})
}

func fill[T float](s []T, x float64) {
	for i := range s {
		s[i] = T(x)
	}
}

// standard has what the rules of this package share. Rules embed it.
type standard struct {
	name  string
	slots []Slot
	state []State
}

func (s *standard) Name() string   { return s.name }
func (s *standard) Slots() []Slot  { return s.slots }
func (s *standard) State() []State { return s.state }
