package hooks

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"gorgonia.org/gorgonia"
)

// Capture keeps the values of a node by step. Make one with [NewCapture].
type Capture struct {
	Base
	node     *gorgonia.Node
	schedule Schedule
	timer    *Timer
	due      bool
	values   map[int64]gorgonia.Value
	step     int64          // the step of last
	last     gorgonia.Value // nil when nothing was asked for
}

// NewCapture keeps the node's value at the steps of the schedule, the last steps of
// epochs and of the run among them.
func NewCapture(node *gorgonia.Node, schedule Schedule) *Capture {
	return &Capture{node: node, schedule: schedule}
}

// Validate reports a nil node or a bad schedule.
func (c *Capture) Validate() error {
	if c.node == nil {
		return errors.New("hooks: Capture: the node is nil")
	}
	if err := c.schedule.Validate(); err != nil {
		return fmt.Errorf("hooks: Capture: %w", err)
	}
	return nil
}

// Begin forgets what an earlier run captured.
func (c *Capture) Begin(*Run) error {
	if err := c.Validate(); err != nil {
		return err
	}
	c.timer, c.values, c.last = NewTimer(c.schedule), map[int64]gorgonia.Value{}, nil
	return nil
}

// StepBegin asks for the node when it is due.
func (c *Capture) StepBegin(step int64) ([]*gorgonia.Node, error) {
	if c.due = c.timer.Due(step); !c.due && !c.late() {
		return nil, nil
	}
	return []*gorgonia.Node{c.node}, nil
}

// late reports whether any step may turn out to be one to keep.
func (c *Capture) late() bool { return c.schedule.byEpochs() || c.schedule.atEnd() }

// StepEnd keeps the value.
func (c *Capture) StepEnd(step int64, out Outputs) (bool, error) {
	if !c.due && !c.late() {
		return false, nil
	}
	v, err := out.Value(c.node)
	if errors.Is(err, ErrNotComputed) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.step, c.last = step, v
	if !c.due {
		return false, nil
	}
	c.timer.Trigger(step)
	return false, c.keep()
}

// EpochEnd keeps the value of the epoch's last step when the schedule has epochs.
func (c *Capture) EpochEnd(epoch int64) error {
	if !c.timer.EpochDue(epoch) {
		return nil
	}
	return c.keep()
}

// End keeps the value of the last step when the schedule has the end.
func (c *Capture) End(error) error {
	if !c.schedule.atEnd() {
		return nil
	}
	return c.keep()
}

// keep copies the last value: the monitors share what a step computed.
func (c *Capture) keep() (err error) {
	if c.last != nil {
		c.values[c.step], err = gorgonia.CloneValue(c.last)
	}
	return err
}

// Values returns what was captured, by step. The map is the caller's own.
func (c *Capture) Values() map[int64]gorgonia.Value { return maps.Clone(c.values) }

// Steps returns the steps at which a value was captured, ascending.
func (c *Capture) Steps() []int64 { return slices.Sorted(maps.Keys(c.values)) }
