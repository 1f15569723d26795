package hooks

import (
	"encoding/json"
	"fmt"
	"maps"
)

// Validation asks the loop for a named evaluation by a schedule, at exactly the steps
// of the schedule, whether or not they are saved. It writes nothing itself: whoever
// serves the evaluation (estimator.Validate, graphactions.OnEvaluate) does. Make one
// with [NewValidation].
type Validation struct {
	Base
	name          string
	schedule      Schedule
	atCheckpoints bool

	run       *Run
	timer     *Timer
	healthy   bool  // the last loss was finite
	step      int64 // the last step made, -1 before the first
	due       int64 // the step at which an evaluation became due that was not made yet, or -1
	evaluated int64 // the step of the newest evaluation, -1 when there is none
	saved     int64 // the step of the newest checkpoint, -1 when there is none
	results   Metrics
	resumed   *validationState // from SetState, for Begin
}

// validationState survives a restart, so that a resumed run evaluates at the steps at
// which an uninterrupted one does.
type validationState struct {
	Last      int64 `json:"last"`      // the step from which the schedule counts
	Due       int64 `json:"due"`       // see Validation
	Evaluated int64 `json:"evaluated"` // see Validation
}

// ValidationOption is an argument of [NewValidation].
type ValidationOption func(*Validation)

// AtCheckpoints evaluates at a step of the schedule only if a checkpoint was saved since
// the last evaluation, or is saved in that very step: the rule of tf.contrib.learn's
// ValidationMonitor. A step that is passed over is logged. Unlike there, the variables
// of the step are evaluated, not those of the checkpoint.
func AtCheckpoints() ValidationOption { return func(v *Validation) { v.atCheckpoints = true } }

// NewValidation returns a monitor that asks for the evaluation of that name; "" is the
// default one. EverySteps(n) counts from the beginning of the run, across restarts: the
// first evaluation is at step n of a fresh run. AtEnd is the last step if the run knows
// it beforehand, by Steps or MaxSteps; End warns when it did not.
//
// Nothing is evaluated after a loss that is not finite; an evaluation that was due then
// is made at the next step whose loss is.
func NewValidation(name string, schedule Schedule, opts ...ValidationOption) *Validation {
	v := &Validation{name: name, schedule: schedule}
	for _, o := range opts {
		if o != nil {
			o(v)
		}
	}
	v.forget()
	return v
}

func (v *Validation) forget() {
	v.step, v.due, v.evaluated, v.saved, v.healthy, v.results = -1, -1, -1, -1, false, nil
}

// Name is the key of the state in checkpoints.
func (v *Validation) Name() string { return "hooks.Validation/" + v.name }

// Evaluation returns the name of the evaluation that is asked for.
func (v *Validation) Evaluation() string { return v.name }

// Last returns the step and the results of the newest evaluation of this run; ok is
// false when there is none. The results are the caller's own.
func (v *Validation) Last() (step int64, results Metrics, ok bool) {
	if v.results == nil {
		return 0, nil, false
	}
	return v.evaluated, maps.Clone(v.results), true
}

// Validate reports a bad schedule.
func (v *Validation) Validate() error {
	if err := v.schedule.Validate(); err != nil {
		return fmt.Errorf("hooks: Validation: %w", err)
	}
	return nil
}

// Begin starts the schedule, or goes on with it.
func (v *Validation) Begin(run *Run) error {
	if err := v.Validate(); err != nil {
		return err
	}
	v.forget()
	v.run, v.timer = run, NewTimer(v.schedule)
	last := run.FirstStep
	if v.resumed != nil {
		last, v.due, v.evaluated = v.resumed.Last, v.resumed.Due, v.resumed.Evaluated
		v.resumed = nil
	}
	v.timer.Trigger(last)
	if run.FirstStep > 0 {
		v.saved = run.FirstStep // the run was restored from there
	}
	run.Logger.Info(fmt.Sprintf("evaluation %q: %v", v.name, v.schedule))
	return nil
}

// StepEnd notes what PostStep needs.
func (v *Validation) StepEnd(step int64, out Outputs) (bool, error) {
	v.step, v.healthy = step, out.Finite()
	return false, nil
}

// PostStep asks for the evaluation when it is due. By then every monitor may have asked
// for a checkpoint of this step.
func (v *Validation) PostStep(step int64) error {
	if v.due < 0 && (v.timer.Due(step) || v.schedule.atEnd() && step == v.run.LastStep) {
		v.due = step
	}
	if v.due >= 0 {
		v.ask(step)
	}
	return nil
}

// EpochEnd asks for the evaluation when the schedule has epochs, unless the epoch's last
// step was evaluated.
func (v *Validation) EpochEnd(epoch int64) error {
	if v.timer.EpochDue(epoch) && v.step >= 0 && v.evaluated != v.step {
		if v.due < 0 {
			v.due = v.step
		}
		v.ask(v.step)
	}
	return nil
}

func (v *Validation) ask(step int64) {
	switch {
	case !v.healthy:
		// It stays due.
	case v.atCheckpoints && v.saved <= v.evaluated && !v.run.requests.Save:
		v.run.Logger.Info(fmt.Sprintf("evaluation %q is passed over: no checkpoint was saved since the last one", v.name), "step", step)
		v.timer.Trigger(v.due)
		v.due = -1
	default:
		v.run.RequestEvaluate(v.name)
	}
}

// Saved notes the checkpoint.
func (v *Validation) Saved(step int64, _ string) error {
	v.saved = step
	return nil
}

// Evaluated logs and keeps the results. The schedule counts from the step at which the
// evaluation was due; one that somebody else asked for does not move it.
func (v *Validation) Evaluated(step int64, name string, results Metrics) error {
	if name != v.name {
		return nil
	}
	v.evaluated, v.results = step, maps.Clone(results)
	if v.results == nil {
		v.results = Metrics{}
	}
	v.run.Logger.Info(fmt.Sprintf("evaluation %q: %v", name, results), "step", step)
	if v.due >= 0 {
		v.timer.Trigger(v.due)
		v.due = -1
	}
	return nil
}

// End warns when the schedule has the end and the last step was not evaluated.
func (v *Validation) End(cause error) error {
	if cause == nil && v.run != nil && v.schedule.atEnd() && v.step >= 0 && v.healthy && v.evaluated != v.step {
		v.run.Logger.Warn(fmt.Sprintf("evaluation %q was not made at the end: nobody knew beforehand that it was the last step", v.name), "step", v.step)
	}
	return nil
}

// State returns where the schedule is.
func (v *Validation) State() ([]byte, error) {
	switch {
	case v.resumed != nil:
		return json.Marshal(v.resumed)
	case v.timer == nil:
		return nil, nil
	}
	return json.Marshal(validationState{Last: v.timer.step, Due: v.due, Evaluated: v.evaluated})
}

// SetState goes on with the schedule of an earlier run.
func (v *Validation) SetState(state []byte) error {
	v.resumed = nil
	if len(state) == 0 {
		return nil
	}
	s := &validationState{Due: -1, Evaluated: -1}
	if err := json.Unmarshal(state, s); err != nil {
		return fmt.Errorf("hooks: Validation: the state of evaluation %q: %w", v.name, err)
	}
	v.resumed = s
	return nil
}
