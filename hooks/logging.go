package hooks

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// LoggingTensor logs the values of nodes. Make one with [NewLoggingTensor] or
// [NewLoggingVariables].
type LoggingTensor struct {
	Base
	nodes    graph.Nodes
	pattern  string
	schedule Schedule
	timer    *Timer
	run      *Run
	due      bool
	count    int64
}

// NewLoggingTensor logs "a = 1, b = 2 (0.123 sec)", ordered by tag, through the run's
// logger. The schedule counts the steps of this run; the first is logged. With AtEnd in
// the schedule the nodes are run once more at the end, which works for nodes that need
// no feed.
func NewLoggingTensor(nodes graph.Nodes, schedule Schedule) *LoggingTensor {
	return &LoggingTensor{nodes: maps.Clone(nodes), schedule: schedule}
}

// NewLoggingVariables logs the trainable variables whose names match the regular
// expression, "" for all.
func NewLoggingVariables(pattern string, schedule Schedule) *LoggingTensor {
	return &LoggingTensor{pattern: "^(?:" + pattern + ")", schedule: schedule}
}

// Validate reports an empty list, a nil node, a bad pattern or schedule.
func (l *LoggingTensor) Validate() error {
	if l.pattern != "" {
		if _, err := regexp.Compile(l.pattern); err != nil {
			return fmt.Errorf("hooks: LoggingTensor: pattern: %w", err)
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
	l.run, l.timer, l.count = run, NewTimer(l.schedule), 0
	if l.pattern == "" {
		return nil
	}
	pattern := regexp.MustCompile(l.pattern) // Validate compiled it
	l.nodes = graph.Nodes{}
	for _, v := range run.Graph.TrainableVariables() {
		if pattern.MatchString(v.Name) {
			l.nodes[v.Name] = v.Node
		}
	}
	return nil
}

// StepBegin asks for the nodes when they are due.
func (l *LoggingTensor) StepBegin(int64) ([]*gorgonia.Node, error) {
	l.count++
	if l.due = l.timer.Due(l.count); !l.due {
		return nil, nil
	}
	return l.nodes.Ordered(), nil
}

// StepEnd logs them.
func (l *LoggingTensor) StepEnd(step int64, out Outputs) (bool, error) {
	if !l.due {
		return false, nil
	}
	values := make([]gorgonia.Value, 0, len(l.nodes))
	for _, n := range l.nodes.Ordered() {
		v, err := out.Value(n)
		if err != nil {
			return false, err
		}
		values = append(values, v)
	}
	l.log(step, values)
	return false, nil
}

func (l *LoggingTensor) log(step int64, values []gorgonia.Value) {
	parts := make([]string, len(values))
	for i, tag := range l.nodes.Names() {
		parts[i] = fmt.Sprintf("%s = %v", tag, values[i])
	}
	text := strings.Join(parts, ", ")
	if elapsed, _, ok := l.timer.Trigger(l.count); ok {
		text += fmt.Sprintf(" (%.3f sec)", elapsed.Seconds())
	}
	l.run.Logger.Info(text, "step", step)
}

// Capture keeps the values of a node by step. Make one with [NewCapture].
type Capture struct {
	Base
	node     *gorgonia.Node
	schedule Schedule
	timer    *Timer
	due      bool
	values   map[int64]gorgonia.Value
}

// NewCapture keeps the node's value at the steps of the schedule.
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
	c.timer, c.values = NewTimer(c.schedule), map[int64]gorgonia.Value{}
	return nil
}

// StepBegin asks for the node when it is due.
func (c *Capture) StepBegin(step int64) ([]*gorgonia.Node, error) {
	if c.due = c.timer.Due(step); !c.due {
		return nil, nil
	}
	return []*gorgonia.Node{c.node}, nil
}

// StepEnd keeps the value.
func (c *Capture) StepEnd(step int64, out Outputs) (bool, error) {
	if !c.due {
		return false, nil
	}
	v, err := out.Value(c.node)
	if err != nil {
		return false, err
	}
	c.timer.Trigger(step)
	c.values[step], err = gorgonia.CloneValue(v)
	return false, err
}

// Values returns what was captured, by step. The map is the caller's own.
func (c *Capture) Values() map[int64]gorgonia.Value { return maps.Clone(c.values) }

// Steps returns the steps at which a value was captured, ascending.
func (c *Capture) Steps() []int64 { return slices.Sorted(maps.Keys(c.values)) }
