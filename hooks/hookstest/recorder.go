package hookstest

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/hooks"
)

// Recorder wraps a monitor, notes what is called, and finds calls that come in another
// order than the [hooks.Monitor] interface documents: for tests of what calls monitors. It
// passes on Validate, Name and BeforeSave; a wrapped [hooks.Feeder] or [hooks.Tracer] is
// none. Make one with [Record].
type Recorder struct {
	monitor  hooks.Monitor
	calls    []string
	problems []error

	run        *hooks.Run // nil outside Begin and End
	begun      int64      // the step between StepBegin and StepEnd, -1 for none
	made       int64      // the last step whose StepEnd was called
	posted     int64      // the last step whose PostStep was called
	epoch      int64      // the epoch that has begun, -1 for none
	beforeSave int64      // the step between BeforeSave and Saved, -1 for none
	state      bool       // SetState was called for the next run
}

var _ hooks.BeforeSaver = (*Recorder)(nil)

// Record returns a recorder of the monitor; nil records alone.
func Record(m hooks.Monitor) *Recorder {
	if m == nil {
		m = hooks.Base{}
	}
	return &Recorder{monitor: m, begun: -1, epoch: -1, beforeSave: -1}
}

// Calls returns the calls so far, such as "StepEnd 3". State, which may come at any time,
// and AllWorkers are left out.
func (r *Recorder) Calls() []string { return slices.Clone(r.calls) }

// Err returns what was wrong with the order so far. After a run its End must have come.
func (r *Recorder) Err() error {
	problems := slices.Clone(r.problems)
	if r.run != nil {
		problems = append(problems, errors.New("hookstest: End did not come after Begin"))
	}
	return errors.Join(problems...)
}

// note writes a call down and whether it may come now.
func (r *Recorder) note(call string, conditions ...condition) {
	r.calls = append(r.calls, call)
	for _, c := range conditions {
		if !c.holds {
			r.problems = append(r.problems, fmt.Errorf("hookstest: call %d, %s: %s", len(r.calls), call, c.rule))
			return
		}
	}
}

type condition struct {
	holds bool
	rule  string
}

func (r *Recorder) running() condition {
	return condition{r.run != nil, "it must come between Begin and End"}
}

func (r *Recorder) between() condition {
	return condition{r.begun < 0 && r.posted == r.made, "it must come between steps, after PostStep"}
}

// Begin must come once for each End.
func (r *Recorder) Begin(run *hooks.Run) error {
	r.note("Begin", condition{r.run == nil, "End must come before another Begin"})
	r.run, r.begun, r.epoch, r.beforeSave, r.state = run, -1, -1, -1, false
	r.made, r.posted = run.FirstStep, run.FirstStep
	return r.monitor.Begin(run)
}

// EpochBegin must not come within another epoch.
func (r *Recorder) EpochBegin(epoch int64) error {
	r.note(fmt.Sprint("EpochBegin ", epoch), r.running(), condition{r.epoch < 0, "EpochEnd must come before another EpochBegin"})
	r.epoch = epoch
	return r.monitor.EpochBegin(epoch)
}

// StepBegin must come with a step that is later than the last.
func (r *Recorder) StepBegin(step int64) ([]*gorgonia.Node, error) {
	r.note(fmt.Sprint("StepBegin ", step), r.running(), r.between(), condition{step > r.made, "the step must be later than the last one"},
		condition{r.run == nil || r.run.LastStep < 0 || step <= r.run.LastStep, "the step must not be beyond LastStep"})
	r.begun = step
	return r.monitor.StepBegin(step)
}

// StepEnd must come after the StepBegin of its step.
func (r *Recorder) StepEnd(step int64, out hooks.Outputs) (bool, error) {
	r.note(fmt.Sprint("StepEnd ", step), r.running(), condition{step == r.begun, "StepBegin of the same step must come before"})
	r.begun, r.made = -1, step
	return r.monitor.StepEnd(step, out)
}

// PostStep must come after the StepEnd of its step.
func (r *Recorder) PostStep(step int64) error {
	r.note(fmt.Sprint("PostStep ", step), r.running(), condition{r.begun < 0 && step == r.made && step != r.posted, "StepEnd of the same step must come before"})
	r.posted = step
	return r.monitor.PostStep(step)
}

// EpochEnd must come after the EpochBegin of its epoch.
func (r *Recorder) EpochEnd(epoch int64) error {
	r.note(fmt.Sprint("EpochEnd ", epoch), r.running(), condition{epoch == r.epoch, "EpochBegin of the same epoch must come before"})
	r.epoch = -1
	return r.monitor.EpochEnd(epoch)
}

// BeforeSave must come between steps, with the last one.
func (r *Recorder) BeforeSave(step int64) error {
	// After another monitor's StepEnd has failed the step was made all the same.
	r.note(fmt.Sprint("BeforeSave ", step), r.running(), condition{step == r.made || step == r.begun, "it must have the last step made"})
	r.beforeSave = step
	if before, ok := r.monitor.(hooks.BeforeSaver); ok {
		return before.BeforeSave(step)
	}
	return nil
}

// Saved must come after the BeforeSave of its step.
func (r *Recorder) Saved(step int64, path string) error {
	r.note(fmt.Sprint("Saved ", step), r.running(), condition{step == r.beforeSave, "BeforeSave of the same step must come before"})
	r.beforeSave = -1
	return r.monitor.Saved(step, path)
}

// Evaluated must come between steps, with the last one.
func (r *Recorder) Evaluated(step int64, name string, metrics hooks.Metrics) error {
	r.note(fmt.Sprintf("Evaluated %d %q", step, name), r.running(), r.between(), condition{step == r.made, "it must have the last step made"})
	return r.monitor.Evaluated(step, name, metrics)
}

// End must come once for each Begin.
func (r *Recorder) End(cause error) error {
	r.note(fmt.Sprint("End ", cause), condition{r.run != nil, "Begin must come before"})
	r.run = nil
	return r.monitor.End(cause)
}

// State may come at any time.
func (r *Recorder) State() ([]byte, error) { return r.monitor.State() }

// SetState must come before Begin, once.
func (r *Recorder) SetState(state []byte) error {
	r.note("SetState", condition{r.run == nil && !r.state, "it must come once, before Begin"})
	r.state = true
	return r.monitor.SetState(state)
}

// AllWorkers is the monitor's.
func (r *Recorder) AllWorkers() bool { return r.monitor.AllWorkers() }

// Name is the monitor's, or its type.
func (r *Recorder) Name() string {
	if named, ok := r.monitor.(hooks.Named); ok {
		return named.Name()
	}
	return fmt.Sprintf("%T", r.monitor)
}

// Validate is the monitor's.
func (r *Recorder) Validate() error {
	if v, ok := r.monitor.(hooks.Validator); ok {
		return v.Validate()
	}
	return nil
}
