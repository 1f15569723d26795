package hooks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// LoggingTensor logs the values of nodes. It is both PrintTensor of tf.contrib.learn and
// LoggingTensorHook of tf.train. Make one with [NewLoggingTensor] or
// [NewLoggingVariables].
type LoggingTensor struct {
	Base
	nodes     graph.Nodes
	variables bool
	pattern   string
	schedule  Schedule
	timer     *Timer
	run       *Run
	due       bool
	count     int64 // steps of this run
	step      int64
	logged    int64          // count at the last line
	kept      gorgonia.Nodes // the nodes, ordered by tag
	last      []gorgonia.Value
}

// NewLoggingTensor logs "a = 1, b = 2 (0.123 sec)", ordered by tag, through the run's
// logger. The schedule counts the steps of this run; the first is logged. The seconds
// are those since the line before, which the first line lacks.
//
// With AtEnd in the schedule the nodes are run once more when the run has ended without
// an error, so that variables are as the last update left them. They must then need no
// feed: Begin reports those that do.
func NewLoggingTensor(nodes graph.Nodes, schedule Schedule) *LoggingTensor {
	return &LoggingTensor{nodes: maps.Clone(nodes), schedule: schedule}
}

// NewLoggingVariables logs the trainable variables whose names begin with a match of the
// regular expression, "" for all. Begin reports a pattern that no variable matches.
func NewLoggingVariables(pattern string, schedule Schedule) *LoggingTensor {
	return &LoggingTensor{variables: true, pattern: pattern, schedule: schedule}
}

// Validate reports an empty list, a nil node, a bad pattern or schedule.
func (l *LoggingTensor) Validate() error {
	if l.variables {
		if _, err := regexp.Compile(l.pattern); err != nil {
			return fmt.Errorf("hooks: LoggingTensor: pattern %q: %w", l.pattern, err)
		}
	} else if len(l.nodes) == 0 {
		return errors.New("hooks: LoggingTensor: there are no nodes to log")
	}
	for _, tag := range l.nodes.Names() {
		if l.nodes[tag] == nil {
			return fmt.Errorf("hooks: LoggingTensor: node %q is nil", tag)
		}
	}
	if err := l.schedule.Validate(); err != nil {
		return fmt.Errorf("hooks: LoggingTensor: %w", err)
	}
	return nil
}

// Begin finds the variables.
func (l *LoggingTensor) Begin(run *Run) error {
	if err := l.Validate(); err != nil {
		return err
	}
	l.run, l.timer, l.count, l.step, l.logged, l.last = run, NewTimer(l.schedule), 0, run.FirstStep, 0, nil
	if l.variables {
		l.nodes = graph.Nodes{}
		pattern := regexp.MustCompile("^(?:" + l.pattern + ")") // Validate compiled it
		for _, v := range run.Graph.TrainableVariables() {
			if pattern.MatchString(v.Name) {
				l.nodes[v.Name] = v.Node
			}
		}
		if len(l.nodes) == 0 {
			return fmt.Errorf("hooks: LoggingTensor: pattern %q matches none of the %d trainable variables", l.pattern, len(run.Graph.TrainableVariables()))
		}
	}
	l.kept = l.nodes.Ordered()
	if l.schedule.atEnd() {
		if err := run.Session.Compile(l.kept, nil); err != nil {
			return fmt.Errorf("hooks: LoggingTensor: AtEnd runs the nodes once more, without a feed: %w", err)
		}
	}
	return nil
}

// StepBegin asks for the nodes when they are due.
func (l *LoggingTensor) StepBegin(step int64) ([]*gorgonia.Node, error) {
	l.count++
	l.step = step
	if l.due = l.timer.Due(l.count); !l.due && !l.schedule.byEpochs() {
		return nil, nil
	}
	return l.kept, nil
}

// StepEnd logs them.
func (l *LoggingTensor) StepEnd(_ int64, out Outputs) (bool, error) {
	if !l.due && !l.schedule.byEpochs() {
		return false, nil
	}
	l.last = make([]gorgonia.Value, len(l.kept))
	for i, n := range l.kept {
		var err error
		if l.last[i], err = out.Value(n); err != nil && !errors.Is(err, ErrNotComputed) {
			return false, err
		}
	}
	if l.due {
		l.log(l.last)
	}
	return false, nil
}

// EpochEnd logs the values of the epoch's last step when the schedule has epochs, unless
// that step was logged.
func (l *LoggingTensor) EpochEnd(epoch int64) error {
	if l.timer.EpochDue(epoch) && l.last != nil && l.logged != l.count {
		l.log(l.last)
	}
	return nil
}

// End runs and logs the nodes once more when the schedule has the end.
func (l *LoggingTensor) End(cause error) error {
	if cause != nil || l.run == nil || !l.schedule.atEnd() {
		return nil
	}
	values, err := l.run.Session.Run(context.Background(), l.kept, nil)
	if err != nil {
		return fmt.Errorf("hooks: LoggingTensor: at the end: %w", err)
	}
	l.log(values)
	return nil
}

func (l *LoggingTensor) log(values []gorgonia.Value) {
	parts := make([]string, len(values))
	for i, tag := range l.nodes.Names() {
		if values[i] == nil {
			parts[i] = tag + " not computed"
			continue
		}
		parts[i] = fmt.Sprintf("%s = %v", tag, values[i])
	}
	text := strings.Join(parts, ", ")
	l.logged = l.count
	if elapsed, _, ok := l.timer.Trigger(l.count); ok {
		text += fmt.Sprintf(" (%.3f sec)", elapsed.Seconds())
	}
	l.run.Logger.Info(text, "step", l.step)
}

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
