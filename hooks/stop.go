package hooks

import (
	"errors"
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
)

// StopAtStep ends a run at a step. It runs on all workers. Make one with
// [NewStopAtStep].
type StopAtStep struct {
	Base
	numSteps, lastStep  int64
	numGiven, lastGiven bool
	stopAt              int64
	counting            bool
}

// StopOption is an argument of [NewStopAtStep].
type StopOption func(*StopAtStep)

// NumSteps stops after n steps, counted from the first step seen.
func NumSteps(n int64) StopOption { return func(s *StopAtStep) { s.numSteps, s.numGiven = n, true } }

// LastStep stops when the global step is n.
func LastStep(n int64) StopOption { return func(s *StopAtStep) { s.lastStep, s.lastGiven = n, true } }

// NewStopAtStep returns a monitor that ends the run. Give exactly one of NumSteps and
// LastStep.
func NewStopAtStep(opt StopOption, more ...StopOption) *StopAtStep {
	s := &StopAtStep{}
	for _, o := range append([]StopOption{opt}, more...) {
		if o != nil {
			o(s)
		}
	}
	return s
}

// Validate reports both arguments, none, or one that is not positive.
func (s *StopAtStep) Validate() error {
	switch {
	case s.numGiven && s.lastGiven:
		return fmt.Errorf("hooks: StopAtStep: NumSteps (%d) and LastStep (%d) are both given: give one", s.numSteps, s.lastStep)
	case !s.numGiven && !s.lastGiven:
		return fmt.Errorf("hooks: StopAtStep: give NumSteps or LastStep")
	case s.numGiven && s.numSteps <= 0:
		return fmt.Errorf("hooks: StopAtStep: NumSteps: %d, want at least 1", s.numSteps)
	case s.lastGiven && s.lastStep <= 0:
		return fmt.Errorf("hooks: StopAtStep: LastStep: %d, want at least 1", s.lastStep)
	}
	return nil
}

// Begin starts counting.
func (s *StopAtStep) Begin(*Run) error {
	s.counting, s.stopAt = s.numGiven, s.lastStep
	return s.Validate()
}

// StepBegin sees the first step.
func (s *StopAtStep) StepBegin(step int64) ([]*gorgonia.Node, error) {
	if s.counting {
		s.counting, s.stopAt = false, step+s.numSteps-1
	}
	return nil, nil
}

// StepEnd votes to stop at the last step.
func (s *StopAtStep) StepEnd(step int64, _ Outputs) (bool, error) { return step >= s.stopAt, nil }

// AllWorkers returns true.
func (s *StopAtStep) AllWorkers() bool { return true }

// NonFiniteError says that a watched node was NaN or infinite.
type NonFiniteError struct {
	Node  string
	Step  int64
	Value float64
}

// Error names the node, the step and the value.
func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("hooks: NaN: node %q is %v at step %d", e.Node, e.Value, e.Step)
}

// NaN watches a scalar node. The loop has a guard of its own for the loss; this one is
// for any other. Make one with [NewNaN].
type NaN struct {
	Base
	node *gorgonia.Node
	fail bool
	run  *Run
}

// NewNaN returns a monitor that ends the run when node is NaN or infinite: with a
// *NonFiniteError when fail is true, else as a stop. A nil node is the loss.
func NewNaN(node *gorgonia.Node, fail bool) *NaN { return &NaN{node: node, fail: fail} }

// Validate reports a node that is not a scalar.
func (n *NaN) Validate() error {
	if n.node != nil && n.node.Shape().Dims() != 0 {
		return fmt.Errorf("hooks: NaN: node %q has shape %v, want a scalar", n.node.Name(), n.node.Shape())
	}
	return nil
}

// Begin keeps the run.
func (n *NaN) Begin(run *Run) error {
	n.run = run
	return n.Validate()
}

// StepBegin asks for the node.
func (n *NaN) StepBegin(int64) ([]*gorgonia.Node, error) {
	if n.node == nil {
		return nil, nil
	}
	return []*gorgonia.Node{n.node}, nil
}

// StepEnd looks at the value.
func (n *NaN) StepEnd(step int64, out Outputs) (bool, error) {
	value, name := out.Loss, "loss"
	if n.node != nil {
		v, err := out.Scalar(n.node)
		if errors.Is(err, ErrNotComputed) {
			return false, nil // the loss was not finite, which is for the loop to act upon
		}
		if err != nil {
			return false, err
		}
		value, name = v, n.node.Name()
	}
	if !math.IsNaN(value) && !math.IsInf(value, 0) {
		return false, nil
	}
	err := &NonFiniteError{Node: name, Step: step, Value: value}
	if n.fail {
		return false, err
	}
	n.run.Logger.Warn(err.Error())
	n.run.RequestStop(err.Error())
	return true, nil
}
