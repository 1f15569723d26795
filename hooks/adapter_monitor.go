package hooks

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/session"
)

// BaseMonitor is a monitor in the manner of tf.contrib.learn.monitors.BaseMonitor, where
// nodes have names and their values come by name. [FromBaseMonitor] makes a [Monitor] of
// one. New monitors are better written as a [Monitor].
type BaseMonitor interface {
	// Begin is called once before the first step. maxSteps is the global step at which the
	// run ends, -1 when that is not known.
	Begin(maxSteps int64) error
	// EpochBegin and EpochEnd are called around the epochs of the input, if it has any.
	EpochBegin(epoch int64) error
	EpochEnd(epoch int64) error
	// StepBegin returns the names of nodes, with or without TensorFlow's ":0".
	StepBegin(step int64) ([]string, error)
	// StepEnd gets the values under exactly the names asked for. stop true asks to end
	// the run.
	StepEnd(step int64, output map[string]gorgonia.Value) (stop bool, err error)
	// PostStep is called after StepEnd of every monitor, with the live session.
	PostStep(step int64, s *session.Session) error
	// End is called once if Begin was, on every way out.
	End(s *session.Session) error
	// RunOnAllWorkers tells whether the monitor runs on workers that are not the chief
	// too.
	RunOnAllWorkers() bool
}

// FromBaseMonitor makes a [Monitor] of an old-style monitor, so that both kinds go into
// one list. As tf.contrib.learn's own adapter and base class do, it reports an order of
// calls that is wrong: Begin twice, End without Begin, a step that is negative or beyond
// the last, epochs within one another, StepEnd of another step than StepBegin's.
//
// A monitor that implements [Validator] is asked before anything is written.
func FromBaseMonitor(m BaseMonitor) Monitor {
	return &monitorAdapter{monitor: m, step: -1, epoch: -1}
}

type monitorAdapter struct {
	Base
	monitor BaseMonitor
	called  bool  // Begin was, and End was not
	run     *Run  // nil while the monitor has not begun
	step    int64 // the step that has begun, -1 when none has
	epoch   int64 // the epoch that has begun, -1 when none has
	nodes   map[string]*gorgonia.Node
	names   []string
	wanted  []*gorgonia.Node
}

// Name is the old-style monitor's type, for error messages.
func (a *monitorAdapter) Name() string { return fmt.Sprintf("%T", a.monitor) }

func (a *monitorAdapter) misuse(format string, args ...any) error {
	return fmt.Errorf("hooks: BaseMonitor: "+format, args...)
}

// Validate reports a nil monitor, or what the monitor says itself.
func (a *monitorAdapter) Validate() error {
	if a.monitor == nil {
		return errors.New("hooks: FromBaseMonitor: the monitor is nil")
	}
	if v, ok := a.monitor.(Validator); ok {
		return v.Validate()
	}
	return nil
}

func (a *monitorAdapter) Begin(run *Run) error {
	if a.called {
		return a.misuse("Begin was called twice without End")
	}
	a.called = true
	if err := a.Validate(); err != nil {
		return err
	}
	a.run, a.step, a.epoch, a.nodes = run, -1, -1, map[string]*gorgonia.Node{}
	return a.monitor.Begin(run.LastStep)
}

func (a *monitorAdapter) EpochBegin(epoch int64) error {
	switch {
	case epoch < 0:
		return a.misuse("EpochBegin: epoch %d, want at least 0", epoch)
	case a.epoch >= 0:
		return a.misuse("EpochBegin: epoch %d begins before epoch %d has ended", epoch, a.epoch)
	}
	a.epoch = epoch
	return a.monitor.EpochBegin(epoch)
}

func (a *monitorAdapter) EpochEnd(epoch int64) error {
	if epoch != a.epoch {
		return a.misuse("EpochEnd: epoch %d ends, but the one that has begun is %d (-1: none)", epoch, a.epoch)
	}
	a.epoch = -1
	return a.monitor.EpochEnd(epoch)
}

func (a *monitorAdapter) StepBegin(step int64) (nodes []*gorgonia.Node, err error) {
	switch {
	case a.run == nil:
		return nil, a.misuse("StepBegin: step %d comes before Begin", step)
	case step < 0:
		return nil, a.misuse("StepBegin: step %d, want at least 0", step)
	case a.run.LastStep >= 0 && step > a.run.LastStep:
		return nil, a.misuse("StepBegin: step %d, want at most the last step, %d", step, a.run.LastStep)
	}
	a.step, a.wanted = step, a.wanted[:0]
	if a.names, err = a.monitor.StepBegin(step); err != nil {
		return nil, err
	}
	for _, name := range a.names {
		n := a.nodes[name]
		if n == nil {
			if n, err = nodeNamed(a.run.Graph, name); err != nil {
				return nil, fmt.Errorf("hooks: BaseMonitor: StepBegin asks for %q: %w", name, err)
			}
			a.nodes[name] = n
		}
		a.wanted = append(a.wanted, n)
	}
	return a.wanted, nil
}

func (a *monitorAdapter) StepEnd(step int64, out Outputs) (bool, error) {
	if step != a.step {
		return false, a.misuse("StepEnd: step %d ends, but the one that has begun is %d (-1: none)", step, a.step)
	}
	a.step = -1
	values, err := out.valuesOf(a.wanted)
	if err != nil {
		return false, err
	}
	output := make(map[string]gorgonia.Value, len(a.names))
	for i, name := range a.names {
		if values[i] != nil { // after a loss that is not finite some are not computed
			output[name] = values[i]
		}
	}
	return a.monitor.StepEnd(step, output)
}

func (a *monitorAdapter) PostStep(step int64) error {
	return a.monitor.PostStep(step, a.run.Session)
}

func (a *monitorAdapter) End(error) error {
	if !a.called {
		return a.misuse("End was called without Begin")
	}
	a.called = false
	if a.run == nil {
		return nil // Begin said why
	}
	s := a.run.Session
	a.run = nil
	return a.monitor.End(s)
}

func (a *monitorAdapter) AllWorkers() bool {
	return a.monitor != nil && a.monitor.RunOnAllWorkers()
}
