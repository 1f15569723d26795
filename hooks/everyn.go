package hooks

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

// EveryN is embedded by, or used as, a monitor that acts at some steps only, by the
// rule of tf.contrib.learn's EveryN: a step is active when it is among the first First
// steps, or at least N after the last active one, or the last step of the run. The
// functions may be nil.
//
// When the run ends with a step that was not active, OnPostStep is called once for it.
type EveryN struct {
	Base
	// N is the number of steps between active steps; 0 makes every step active.
	N int64
	// First is how many steps at the beginning are active whatever N, by their number.
	// -1 (or 0) for none.
	First int64
	// OnStepBegin is called before an active step and returns the nodes it wants.
	OnStepBegin func(step int64) ([]*gorgonia.Node, error)
	// OnStepEnd is called after an active step.
	OnStepEnd func(step int64, out Outputs) (stop bool, err error)
	// OnPostStep is called after OnStepEnd of every monitor, and for the last step.
	OnPostStep func(step int64) error

	run        *Run
	lastActive int64
	lastStep   int64
	active     bool
}

var _ Monitor = (*EveryN)(nil)

// Validate reports a negative N.
func (e *EveryN) Validate() error {
	if e.N < 0 {
		return fmt.Errorf("hooks: EveryN: N is %d, want at least 0", e.N)
	}
	return nil
}

// Run returns the run, nil before Begin.
func (e *EveryN) Run() *Run { return e.run }

// Begin starts a run. A monitor that embeds EveryN and has a Begin of its own calls it.
func (e *EveryN) Begin(run *Run) error {
	e.run, e.lastActive, e.lastStep, e.active = run, 0, -1, false
	return e.Validate()
}

// StepBegin decides whether the step is active.
func (e *EveryN) StepBegin(step int64) ([]*gorgonia.Node, error) {
	e.active = step <= e.First || step >= e.lastActive+e.N || e.run.LastStep >= 0 && step == e.run.LastStep
	if !e.active || e.OnStepBegin == nil {
		return nil, nil
	}
	return e.OnStepBegin(step)
}

// StepEnd calls OnStepEnd after an active step.
func (e *EveryN) StepEnd(step int64, out Outputs) (bool, error) {
	e.lastStep = step
	if !e.active || e.OnStepEnd == nil {
		return false, nil
	}
	return e.OnStepEnd(step, out)
}

// PostStep calls OnPostStep after an active step.
func (e *EveryN) PostStep(step int64) error {
	if !e.active {
		return nil
	}
	e.lastActive = step
	return e.post(step)
}

func (e *EveryN) post(step int64) error {
	if e.OnPostStep == nil {
		return nil
	}
	return e.OnPostStep(step)
}

// End calls OnPostStep for the last step if that was not active.
func (e *EveryN) End(error) error {
	if e.lastStep < 0 || e.lastStep == e.lastActive {
		return nil
	}
	return e.post(e.lastStep)
}
