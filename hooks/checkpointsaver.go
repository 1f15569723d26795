package hooks

import (
	"errors"
	"fmt"
)

// CheckpointSaver asks for checkpoints by a schedule. The loop saves the first state
// and the last in any case, so the schedule counts from the beginning of the run. Make
// one with [NewCheckpointSaver].
type CheckpointSaver struct {
	Base
	schedule  Schedule
	listeners []CheckpointListener
	begun     int // how many listeners had Begin called
	timer     *Timer
	run       *Run
	step      int64 // the last step made
	healthy   bool  // the last loss was finite
}

// CheckpointListener acts around every checkpoint of a run, in the manner of
// tf.train.CheckpointSaverListener. Embed [BaseListener].
type CheckpointListener interface {
	// Begin is called once before the first checkpoint.
	Begin(run *Run) error
	// BeforeSave is called before the checkpoint of a step is collected and written.
	BeforeSave(step int64) error
	// AfterSave is called when the checkpoint is durable at path. stop true asks to end
	// the run; every listener is called whatever the others answer.
	AfterSave(step int64, path string) (stop bool, err error)
	// End is called once if Begin was, on every way out, with the last step made. The
	// final checkpoint was written before, if there is one.
	End(step int64) error
}

// BaseListener is a listener that does nothing. Embed it.
type BaseListener struct{}

var _ CheckpointListener = BaseListener{}

// Begin does nothing.
func (BaseListener) Begin(*Run) error { return nil }

// BeforeSave does nothing.
func (BaseListener) BeforeSave(int64) error { return nil }

// AfterSave does not ask to stop.
func (BaseListener) AfterSave(int64, string) (bool, error) { return false, nil }

// End does nothing.
func (BaseListener) End(int64) error { return nil }

// CheckpointSaverOption is an argument of [NewCheckpointSaver].
type CheckpointSaverOption func(*CheckpointSaver)

// Listeners adds listeners. They hear of every checkpoint of the run, whoever asked for
// it, in the order given.
func Listeners(listeners ...CheckpointListener) CheckpointSaverOption {
	return func(c *CheckpointSaver) { c.listeners = append(c.listeners, listeners...) }
}

// NewCheckpointSaver returns a monitor that asks for checkpoints.
func NewCheckpointSaver(schedule Schedule, opts ...CheckpointSaverOption) *CheckpointSaver {
	c := &CheckpointSaver{schedule: schedule}
	for _, o := range opts {
		if o != nil {
			o(c)
		}
	}
	return c
}

// Validate reports a bad schedule or a nil listener.
func (c *CheckpointSaver) Validate() error {
	if err := c.schedule.Validate(); err != nil {
		return fmt.Errorf("hooks: CheckpointSaver: %w", err)
	}
	for i, l := range c.listeners {
		if l == nil {
			return fmt.Errorf("hooks: CheckpointSaver: listener %d is nil", i)
		}
	}
	return nil
}

// Begin starts the schedule and the listeners.
func (c *CheckpointSaver) Begin(run *Run) error {
	c.run, c.timer, c.step, c.healthy, c.begun = run, NewTimer(c.schedule), run.FirstStep, false, 0
	c.timer.Trigger(run.FirstStep)
	if err := c.Validate(); err != nil {
		return err
	}
	for _, l := range c.listeners {
		c.begun++ // End follows a Begin even if that failed
		if err := l.Begin(run); err != nil {
			return c.listenerError(l, "Begin", err)
		}
	}
	return nil
}

func (c *CheckpointSaver) listenerError(l CheckpointListener, method string, err error) error {
	return fmt.Errorf("listener %T: %s: %w", l, method, err)
}

// StepEnd asks for a checkpoint when one is due, never after a loss that is not finite.
func (c *CheckpointSaver) StepEnd(step int64, out Outputs) (bool, error) {
	c.step, c.healthy = step, out.Finite()
	if c.healthy && c.timer.Due(step) {
		c.run.RequestSave()
		c.timer.Trigger(step) // Saved may come later
	}
	return false, nil
}

// EpochEnd asks for a checkpoint when the schedule has epochs.
func (c *CheckpointSaver) EpochEnd(epoch int64) error {
	if c.healthy && c.timer.EpochDue(epoch) {
		c.run.RequestSave()
	}
	return nil
}

// BeforeSave tells the listeners.
func (c *CheckpointSaver) BeforeSave(step int64) error {
	for _, l := range c.listeners {
		if err := l.BeforeSave(step); err != nil {
			return c.listenerError(l, "BeforeSave", err)
		}
	}
	return nil
}

// Saved restarts the schedule, whoever asked for the checkpoint, unless a later one is
// being written, and tells the listeners.
func (c *CheckpointSaver) Saved(step int64, path string) error {
	if step > c.timer.step {
		c.timer.Trigger(step)
	}
	var errs []error
	for _, l := range c.listeners {
		stop, err := l.AfterSave(step, path)
		if err != nil {
			errs = append(errs, c.listenerError(l, "AfterSave", err))
		}
		if stop {
			c.run.RequestStop(fmt.Sprintf("checkpoint listener %T asked for it at step %d", l, step))
		}
	}
	return errors.Join(errs...)
}

// End ends the listeners.
func (c *CheckpointSaver) End(error) error {
	var errs []error
	for _, l := range c.listeners[:c.begun] {
		if err := l.End(c.step); err != nil {
			errs = append(errs, c.listenerError(l, "End", err))
		}
	}
	c.begun = 0
	return errors.Join(errs...)
}
