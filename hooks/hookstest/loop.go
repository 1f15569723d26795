package hookstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
	"github.com/stheno-ml/stheno/summaries"
)

// stepsPerEpoch is how long an epoch of the loop is.
const stepsPerEpoch = 3

// Loop is a stand-in for the training loop: it trains a real graph in which the loss is
// given and a weight grows by 1 at every step, and it keeps the order of calls of the
// training loop. Use it for tests of a monitor's own behaviour.
type Loop struct {
	// First is the global step before the first step, Steps how many are made. The
	// defaults are 0 and 6, in epochs of 3 steps.
	First int64
	Steps int
	// LastStep is what the run says of its end; 0 for First + Steps.
	LastStep int64
	// StopAfter ends the run after that many steps as if another monitor had asked for
	// it, FailAfter with an error; 0 for neither.
	StopAfter, FailAfter int
	// Worker runs as a worker that is not the chief.
	Worker bool
	// Endless makes a run whose input has no epochs and whose end is not known: no
	// EpochBegin and EpochEnd, LastStep and BatchesPerEpoch are -1.
	Endless bool
	// LossAt gives the loss of a step; nil for 1/step. As in the training loop the updates
	// of a step whose loss is not finite are not made.
	LossAt func(step int64) float64
	// LateSaves tells monitors of a checkpoint only before the next one is collected or the
	// run ends, as the training loop may when it writes them in the background.
	LateSaves bool
	// Context is the run's; nil for one that is never cancelled.
	Context context.Context
	// Logger is the run's; nil for none.
	Logger *slog.Logger
	// Metrics are the results of an evaluation that is asked for; nil for "loss", the loss
	// of the step, and "global_step".
	Metrics func(step int64, name string) hooks.Metrics
	// Requested is what monitors asked for during the run, Made the steps made.
	Requested hooks.Requests
	Made      int
	// Graph is the graph; Weight a float32 variable [2], Loss a scalar.
	Graph        *graph.Graph
	Weight, Loss *gorgonia.Node

	trainOp *gorgonia.Node
	session *session.Session
	writer  *summaries.Writer
	dir     string
	saved   int64
	late    int64 // the checkpoint that monitors were not told of yet, -1 for none
	spans   bool  // somebody wants this step's
}

// NewLoop returns a loop whose output directory is dir. Close it.
func NewLoop(dir string) (*Loop, error) {
	l := &Loop{Steps: 6, dir: dir}
	l.Graph, l.trainOp, l.Loss = model()
	l.Weight = l.Graph.VariableNamed("weight").Node
	s, err := session.New(l.Graph)
	if err != nil {
		return nil, err
	}
	l.session = s
	if l.writer, err = summaries.NewWriter(filepath.Join(dir, "events")); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return l, nil
}

// model is what is trained: the loss is fed, and the weight's gradient is -1.
func model() (g *graph.Graph, trainOp, loss *gorgonia.Node) {
	g = graph.New(graph.Training(true))
	g.GlobalStep()
	weight := g.Variable("weight", tensor.Float32, tensor.Shape{2}, nil)
	loss = g.Placeholder("loss", tensor.Float32)
	down := g.NamedConstant("down", tensor.New(tensor.WithBacking([]float32{-1, -1})))
	trainOp = optim.SGD(1).ApplyGradients(g, []optim.Gradient{{Variable: g.VariableOf(weight), Node: down}})
	g.AddSummary("weight", graph.HistogramSummary, weight)
	g.AddSummary("scalar", graph.ScalarSummary, loss)
	return g, trainOp, loss
}

// Close frees what the loop holds.
func (l *Loop) Close() error { return errors.Join(l.writer.Close(), l.session.Close()) }

// NewRun returns a run from the step first to last, -1 for no end.
func (l *Loop) NewRun(first, last int64) *hooks.Run {
	run := &hooks.Run{
		Context: l.Context, Graph: l.Graph, Session: l.session, TrainOp: l.trainOp, Loss: l.Loss, OutputDir: l.dir, Chief: !l.Worker,
		FirstStep: first, LastStep: last, BatchesPerEpoch: stepsPerEpoch, Logger: l.Logger,
	}
	if run.Context == nil {
		run.Context = context.Background()
	}
	if run.Logger == nil {
		run.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if l.Endless {
		run.LastStep, run.BatchesPerEpoch = -1, -1
	}
	if !l.Worker {
		run.Summaries = l.writer
	}
	return run
}

// Run makes a run with the monitors. As in the training loop the first state of a fresh
// run and the last of any run are saved, the last not after a loss that is not finite;
// End is called on every way out, and its error is joined to the run's. What a monitor
// does against the rules within a step is an error too.
func (l *Loop) Run(monitors ...hooks.Monitor) (err error) {
	step := tensor.New(tensor.FromScalar(l.First))
	if err := l.session.Store().Restore(map[string]*tensor.Dense{graph.GlobalStepName: step}); err != nil {
		return err
	}
	last := l.LastStep
	if last == 0 {
		last = l.First + int64(l.Steps)
	}
	run := l.NewRun(l.First, last)
	l.Requested, l.Made, l.saved = hooks.Requests{}, 0, -1
	l.late = -1
	begun := 0
	defer func() {
		cause := err
		run.TakeRequests() // what is asked for from here on comes too late
		for _, m := range monitors[:begun] {
			if endErr := m.End(cause); endErr != nil {
				err = errors.Join(err, fmt.Errorf("hookstest: End: %w", endErr))
			}
		}
		if late := run.TakeRequests(); late.Stop || late.Save || len(late.Evaluate) > 0 {
			err = errors.Join(err, errLate)
		}
	}()
	for _, m := range monitors {
		begun++
		if err := m.Begin(run); err != nil {
			return fmt.Errorf("hookstest: Begin: %w", err)
		}
	}
	if l.First > 0 {
		l.saved = l.First // it was restored from there
	} else if err := l.save(run, l.First, monitors); err != nil {
		return err
	}
	return l.steps(run, monitors)
}

// steps makes the steps and the final checkpoint.
func (l *Loop) steps(run *hooks.Run, monitors []hooks.Monitor) error {
	healthy, stopped := true, false
	var cancelled error
	for l.Made < l.Steps && !stopped {
		if cancelled = context.Cause(run.Context); cancelled != nil {
			break
		}
		out, stop, err := l.step(run, monitors)
		if err != nil {
			return err
		}
		healthy, stopped = out.Finite(), stop
	}
	last := l.First + int64(l.Made)
	if last == run.LastStep && l.Made > 0 && !stopped && last%stepsPerEpoch != 0 {
		// The input ended within an epoch.
		if err := each(monitors, "EpochEnd", last, func(m hooks.Monitor) error { return m.EpochEnd(epochOf(last)) }); err != nil {
			return err
		}
	}
	if healthy {
		if err := l.save(run, last, monitors); err != nil {
			return err
		}
	}
	if err := l.settle(monitors); err != nil {
		return err
	}
	return cancelled
}

// epochOf returns the epoch that a step is in.
func epochOf(step int64) int64 { return (step - 1) / stepsPerEpoch }

// each calls every monitor until one fails.
func each(monitors []hooks.Monitor, method string, step int64, call func(hooks.Monitor) error) error {
	for _, m := range monitors {
		if err := call(m); err != nil {
			return fmt.Errorf("hookstest: %s at step %d: %w", method, step, err)
		}
	}
	return nil
}

// save does what saving does for monitors: it asks for their state and tells them.
func (l *Loop) save(run *hooks.Run, step int64, monitors []hooks.Monitor) error {
	if l.Worker || step == l.saved {
		return nil
	}
	if err := l.settle(monitors); err != nil {
		return err
	}
	l.saved = step
	err := each(monitors, "BeforeSave", step, func(m hooks.Monitor) error {
		if before, ok := m.(hooks.BeforeSaver); ok {
			return before.BeforeSave(step)
		}
		return nil
	})
	if err == nil {
		err = each(monitors, "State", step, func(m hooks.Monitor) error { _, err := m.State(); return err })
	}
	if err != nil {
		return err
	}
	l.span(monitors, hooks.PhaseSaving, "checkpoint", step, time.Now())
	if l.late = step; l.LateSaves && step > l.First { // the first is waited for
		return nil
	}
	return l.settle(monitors)
}

// settle tells monitors of a checkpoint.
func (l *Loop) settle(monitors []hooks.Monitor) error {
	step := l.late
	if step < 0 {
		return nil
	}
	l.late = -1
	path := filepath.Join(l.dir, fmt.Sprint("model.ckpt-", step))
	return each(monitors, "Saved", step, func(m hooks.Monitor) error { return m.Saved(step, path) })
}

// span tells the monitors that want to know.
func (l *Loop) span(monitors []hooks.Monitor, phase hooks.Phase, name string, step int64, start time.Time) {
	for _, m := range monitors {
		if t, ok := m.(hooks.Tracer); ok && l.spans {
			t.Span(hooks.Span{Phase: phase, Name: name, Step: step, Start: start, Duration: time.Since(start)})
		}
	}
}
