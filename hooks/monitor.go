package hooks

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/metrics"
)

// Metrics are the results of an evaluation by name, "loss" and "global_step" among
// them.
type Metrics = metrics.Values

// Monitor is told what happens around the steps of a run and may ask for things: a
// node's value at this step, a stop, a checkpoint, an evaluation. It decides
// nothing itself; the loop acts. Embed [Base] and write the methods you need.
//
// The order of calls, which a test guards:
//
//	SetState(state)             // on resume, only if State had returned something
//	Begin(run)
//	for each step:
//	    EpochBegin(epoch)       // before the first step of an epoch of the input
//	    nodes = StepBegin(step)
//	    feed = Feed(step)       // of a [Feeder]
//	    ...the step runs...
//	    StepEnd(step, outputs)
//	    PostStep(step)          // after StepEnd of every monitor
//	    EpochEnd(epoch)         // after the last step of an epoch
//	    Evaluated(step, name, metrics) // if an evaluation was asked for
//	    BeforeSave(step)        // of a [BeforeSaver], if a checkpoint is to be written
//	    Saved(step, path)       // it was written, with all of the above in it
//	BeforeSave(step), Saved(step, path) // the final checkpoint, unless that step has one
//	End(cause)
//
// Several monitors are called in the order in which they were given. step is always
// the global step after the update: the first step of a fresh run is 1. Methods are
// called from one goroutine.
//
// An error from any method ends the run as that error; End still follows.
type Monitor interface {
	// Begin is called once before the first step.
	Begin(run *Run) error
	// EpochBegin is called before the first step of an epoch of the input, counted
	// from 0. Inputs without epochs (feed functions) never call it.
	EpochBegin(epoch int64) error
	// StepBegin returns nodes whose values StepEnd wants. They are computed in the
	// step itself and see variables as they were before its update.
	StepBegin(step int64) ([]*gorgonia.Node, error)
	// StepEnd gets the loss and the values asked for. stop true asks to end the run
	// after this step; every monitor is called whatever the others answer.
	StepEnd(step int64, out Outputs) (stop bool, err error)
	// PostStep is called after StepEnd of every monitor.
	PostStep(step int64) error
	// EpochEnd is called after the last step of an epoch.
	EpochEnd(epoch int64) error
	// Saved is called when the checkpoint of a step is durable at path: at that step, or,
	// where checkpoints are written in the background, when the next one or an evaluation
	// is due or the run ends.
	Saved(step int64, path string) error
	// Evaluated is called with the results of an evaluation of the variables as they
	// are after step. name is "" for the default evaluation.
	Evaluated(step int64, name string, metrics Metrics) error
	// End is called exactly once if Begin was, on every way out of the loop. cause is
	// nil, or why the run failed.
	End(cause error) error
	// State returns what must survive a restart; it is saved in every checkpoint.
	// Empty when there is nothing.
	State() ([]byte, error)
	// SetState gives back what State had returned, before Begin.
	SetState(state []byte) error
	// AllWorkers tells whether the monitor runs on workers that are not the chief
	// too.
	AllWorkers() bool
}

// Base is a monitor that does nothing. Embed it, so that a monitor has only the
// methods it needs and keeps compiling when the interface grows.
type Base struct{}

var _ Monitor = Base{}

// Begin does nothing.
func (Base) Begin(*Run) error { return nil }

// EpochBegin does nothing.
func (Base) EpochBegin(int64) error { return nil }

// StepBegin asks for no nodes.
func (Base) StepBegin(int64) ([]*gorgonia.Node, error) { return nil, nil }

// StepEnd does not ask to stop.
func (Base) StepEnd(int64, Outputs) (bool, error) { return false, nil }

// PostStep does nothing.
func (Base) PostStep(int64) error { return nil }

// EpochEnd does nothing.
func (Base) EpochEnd(int64) error { return nil }

// Saved does nothing.
func (Base) Saved(int64, string) error { return nil }

// Evaluated does nothing.
func (Base) Evaluated(int64, string, Metrics) error { return nil }

// End does nothing.
func (Base) End(error) error { return nil }

// State returns nothing: the monitor has no state.
func (Base) State() ([]byte, error) { return nil, nil }

// SetState ignores the state.
func (Base) SetState([]byte) error { return nil }

// AllWorkers returns false: only the chief runs the monitor.
func (Base) AllWorkers() bool { return false }

// Named is implemented by monitors that choose the key of their state in
// checkpoints. Others are keyed by their type and position among monitors of that
// type.
type Named interface{ Name() string }

// Funcs is a monitor made of functions, each of which may be nil: for notebooks and
// one-off use.
type Funcs struct {
	OnBegin      func(run *Run) error
	OnEpochBegin func(epoch int64) error
	OnStepBegin  func(step int64) ([]*gorgonia.Node, error)
	OnStepEnd    func(step int64, out Outputs) (stop bool, err error)
	OnPostStep   func(step int64) error
	OnEpochEnd   func(epoch int64) error
	OnSaved      func(step int64, path string) error
	OnEvaluated  func(step int64, name string, metrics Metrics) error
	OnEnd        func(cause error) error
	// Everywhere runs the monitor on workers that are not the chief too.
	Everywhere bool
}

var _ Monitor = Funcs{}

// Begin calls OnBegin.
func (f Funcs) Begin(run *Run) error {
	if f.OnBegin == nil {
		return nil
	}
	return f.OnBegin(run)
}

// EpochBegin calls OnEpochBegin.
func (f Funcs) EpochBegin(epoch int64) error {
	if f.OnEpochBegin == nil {
		return nil
	}
	return f.OnEpochBegin(epoch)
}

// StepBegin calls OnStepBegin.
func (f Funcs) StepBegin(step int64) ([]*gorgonia.Node, error) {
	if f.OnStepBegin == nil {
		return nil, nil
	}
	return f.OnStepBegin(step)
}

// StepEnd calls OnStepEnd.
func (f Funcs) StepEnd(step int64, out Outputs) (bool, error) {
	if f.OnStepEnd == nil {
		return false, nil
	}
	return f.OnStepEnd(step, out)
}

// PostStep calls OnPostStep.
func (f Funcs) PostStep(step int64) error {
	if f.OnPostStep == nil {
		return nil
	}
	return f.OnPostStep(step)
}

// EpochEnd calls OnEpochEnd.
func (f Funcs) EpochEnd(epoch int64) error {
	if f.OnEpochEnd == nil {
		return nil
	}
	return f.OnEpochEnd(epoch)
}

// Saved calls OnSaved.
func (f Funcs) Saved(step int64, path string) error {
	if f.OnSaved == nil {
		return nil
	}
	return f.OnSaved(step, path)
}

// Evaluated calls OnEvaluated.
func (f Funcs) Evaluated(step int64, name string, metrics Metrics) error {
	if f.OnEvaluated == nil {
		return nil
	}
	return f.OnEvaluated(step, name, metrics)
}

// End calls OnEnd.
func (f Funcs) End(cause error) error {
	if f.OnEnd == nil {
		return nil
	}
	return f.OnEnd(cause)
}

// State returns nothing.
func (f Funcs) State() ([]byte, error) { return nil, nil }

// SetState ignores the state.
func (f Funcs) SetState([]byte) error { return nil }

// AllWorkers returns Everywhere.
func (f Funcs) AllWorkers() bool { return f.Everywhere }
