// Package optimtest is a conformance kit for authors of rules and transforms.
//
//	func TestConformance(t *testing.T) {
//		optimtest.Run(t, func() optim.Rule { return myrule.New(...) })
//	}
//
// It calls the rule itself and trains with it, and states the rule of conduct in words
// when one is broken. [RunTransform] does the same for a part of a chain.
package optimtest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stheno-ml/stheno/optim"
)

// subject is what a case checks: a rule, or a transform in the shape of one.
type subject struct {
	// fresh returns a new rule.
	fresh func() (optim.Rule, error)
	// train returns an optimizer with a new rule.
	train func(rate float64) optim.Optimizer
	// keepsVariable is true where v must not change: for a transform.
	keepsVariable bool
}

// rule is one case of the kit.
type rule struct {
	name, text string
	check      func(s subject) error
}

var rules = []rule{
	{"Fresh", "the function given to the kit must return a rule each time", checkFresh},
	{"Names", "Name and the names of the state must be names of variables, Next must be there", checkNames},
	{"Constant", "Name, Slots and State must say the same at each call", checkConstant},
	{"Gradient", "the gradient must not be changed", checkGradient},
	{"Variable", "a transform must not change the variable", checkVariable},
	{"Length", "nothing behind the end of the slices may be written", checkLength},
	{"Scale", "the gradient must be multiplied by Scale", checkScale},
	{"Dtypes", "Update32 and Update64 must follow the same formula", checkDtypes},
	{"ZeroGradient", "a gradient of zeros must leave finite numbers, in the first step too", checkZeroGradient},
	{"Empty", "a variable without elements must be accepted", checkEmpty},
	{"SameBits", "two rules that see the same must do the same, bit for bit", checkSameBits},
	{"State", "what is remembered must be in slots and state: a run that stops and is restored must equal one that does not", checkState},
	{"Independent", "variables must not influence one another but through the state", checkIndependent},
	{"NoAllocation", "an update must not allocate memory", checkNoAllocation},
}

// Run checks rules that newRule makes against every rule of conduct, each as a subtest.
// newRule must return a fresh rule at each call.
func Run(t *testing.T, newRule func() optim.Rule) {
	t.Helper()
	run(t, ofRule(newRule))
}

// TestRule checks every rule of conduct and returns all violations as one error, nil when
// there are none.
func TestRule(newRule func() optim.Rule) error { return ofRule(newRule).test() }

// RunTransform is Run for a part of a chain, where Update is to be read as Apply.
func RunTransform(t *testing.T, newTransform func() optim.Transform) {
	t.Helper()
	run(t, ofTransform(newTransform))
}

// TestTransform is TestRule for a part of a chain.
func TestTransform(newTransform func() optim.Transform) error {
	return ofTransform(newTransform).test()
}

func run(t *testing.T, s subject) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			if err := r.apply(s); err != nil {
				t.Errorf("the rule: %s.\nthe finding: %v", r.text, err)
			}
		})
	}
}

func (s subject) test() error {
	var errs []error
	for _, r := range rules {
		if err := r.apply(s); err != nil {
			errs = append(errs, fmt.Errorf("%s: the rule: %s. the finding: %w", r.name, r.text, err))
		}
	}
	return errors.Join(errs...)
}

func (r rule) apply(s subject) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return r.check(s)
}

func ofRule(newRule func() optim.Rule) subject {
	return subject{
		fresh: func() (optim.Rule, error) {
			if r := newRule(); r != nil {
				return r, nil
			}
			return nil, fmt.Errorf("it is nil")
		},
		train: func(rate float64) optim.Optimizer { return optim.New(newRule(), rate) },
	}
}

func ofTransform(newTransform func() optim.Transform) subject {
	return subject{
		fresh: func() (optim.Rule, error) {
			if t := newTransform(); t != nil {
				return &descent{Transform: t}, nil
			}
			return nil, fmt.Errorf("it is nil")
		},
		train: func(rate float64) optim.Optimizer {
			return optim.Chain(rate, optim.WithTransform(newTransform()))
		},
		keepsVariable: true,
	}
}

// descent is gradient descent along what a transform makes of the gradient. Its scratch
// memory grows as needed.
type descent struct {
	optim.Transform
	u32 []float32
	u64 []float64
	// touched is true after a call in which the transform changed the variable.
	touched bool
}

func (d *descent) Update32(s optim.Step, v, gradient []float32, slots [][]float32) {
	descend(d, &d.u32, s, v, gradient, slots, d.Apply32)
}

func (d *descent) Update64(s optim.Step, v, gradient []float64, slots [][]float64) {
	descend(d, &d.u64, s, v, gradient, slots, d.Apply64)
}

func descend[T float](d *descent, scratch *[]T, s optim.Step, v, gradient []T, slots [][]T, apply func(optim.Step, []T, []T, [][]T)) {
	if need := 2 * len(v); cap(*scratch) < need {
		*scratch = make([]T, need)
	}
	n := len(v)
	u, before := (*scratch)[:n:n], (*scratch)[n:2*n:2*n]
	copy(before, v)
	for i, x := range gradient {
		u[i] = x * T(s.Scale)
	}
	s.Scale = 1
	apply(s, u, v, slots)
	for i := range v {
		d.touched = d.touched || v[i] != before[i]
		v[i] -= T(s.LearningRate) * u[i]
	}
}
