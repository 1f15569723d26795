package hooks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
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
	format    func(values map[string]gorgonia.Value) string // nil for the standard one
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
func NewLoggingTensor(nodes graph.Nodes, schedule Schedule, opts ...LoggingOption) *LoggingTensor {
	return (&LoggingTensor{nodes: maps.Clone(nodes), schedule: schedule}).with(opts)
}

// LoggingOption is an argument of [NewLoggingTensor] and [NewLoggingVariables].
type LoggingOption func(*LoggingTensor)

// LogFormat makes the line of the values by tag in the place of the standard one. A value
// that was not computed, because the loss was not finite, is not among them. The values
// are not to be changed.
func LogFormat(format func(values map[string]gorgonia.Value) string) LoggingOption {
	return func(l *LoggingTensor) { l.format = format }
}

func (l *LoggingTensor) with(opts []LoggingOption) *LoggingTensor {
	for _, o := range opts {
		if o != nil {
			o(l)
		}
	}
	return l
}

// NewLoggingVariables logs the trainable variables whose names begin with a match of the
// regular expression, "" for all. Begin reports a pattern that no variable matches.
func NewLoggingVariables(pattern string, schedule Schedule, opts ...LoggingOption) *LoggingTensor {
	return (&LoggingTensor{variables: true, pattern: pattern, schedule: schedule}).with(opts)
}

// Validate reports an empty list, a nil node, a bad pattern or schedule.
func (l *LoggingTensor) Validate() error {
	var err error
	if l.variables {
		_, err = namePattern(l.pattern)
	} else {
		err = checkNodes(l.nodes)
	}
	if err != nil {
		return fmt.Errorf("hooks: LoggingTensor: %w", err)
	}
	if err := l.schedule.Validate(); err != nil {
		return fmt.Errorf("hooks: LoggingTensor: %w", err)
	}
	return nil
}

// checkNodes reports an empty list or a nil node.
func checkNodes(nodes graph.Nodes) error {
	if len(nodes) == 0 {
		return errors.New("there are no nodes")
	}
	for _, tag := range nodes.Names() {
		if nodes[tag] == nil {
			return fmt.Errorf("node %q is nil", tag)
		}
	}
	return nil
}

// namePattern compiles a pattern of the beginnings of names.
func namePattern(pattern string) (*regexp.Regexp, error) {
	// What is compiled is the pattern itself too: "a)|(b" would close our parenthesis.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	return regexp.MustCompile("^(?:" + pattern + ")"), nil
}

// trainableNodes returns the trainable variables whose names begin with a match of the
// pattern.
func trainableNodes(run *Run, pattern string) (graph.Nodes, error) {
	matches, err := namePattern(pattern)
	if err != nil {
		return nil, err
	}
	nodes := graph.Nodes{}
	for _, v := range run.Graph.TrainableVariables() {
		if matches.MatchString(v.Name) {
			nodes[v.Name] = v.Node
		}
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("pattern %q matches none of the %d trainable variables", pattern, len(run.Graph.TrainableVariables()))
	}
	return nodes, nil
}

// Begin finds the variables.
func (l *LoggingTensor) Begin(run *Run) error {
	if err := l.Validate(); err != nil {
		return err
	}
	l.run, l.timer, l.count, l.step, l.logged, l.last = run, NewTimer(l.schedule), 0, run.FirstStep, 0, nil
	if l.variables {
		nodes, err := trainableNodes(run, l.pattern)
		if err != nil {
			return fmt.Errorf("hooks: LoggingTensor: %w", err)
		}
		l.nodes = nodes
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
	var err error
	if l.last, err = out.valuesOf(l.kept); err != nil {
		return false, err
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
	l.logged = l.count
	elapsed, _, again := l.timer.Trigger(l.count)
	var text string
	if l.format != nil {
		text = l.format(l.byTag(values))
	} else if text = valuesText(l.nodes.Names(), values); again {
		text += fmt.Sprintf(" (%.3f sec)", elapsed.Seconds())
	}
	l.run.Logger.Info(text, "step", l.step)
}

// byTag returns the values that were computed.
func (l *LoggingTensor) byTag(values []gorgonia.Value) map[string]gorgonia.Value {
	byTag := map[string]gorgonia.Value{}
	for i, tag := range l.nodes.Names() {
		if values[i] != nil {
			byTag[tag] = values[i]
		}
	}
	return byTag
}

// valuesText returns "a = 1, b = 2".
func valuesText(tags []string, values []gorgonia.Value) string {
	parts := make([]string, len(tags))
	for i, tag := range tags {
		parts[i] = fmt.Sprintf("%s = %v", tag, values[i])
		if values[i] == nil {
			parts[i] = tag + " not computed"
		}
	}
	return strings.Join(parts, ", ")
}
