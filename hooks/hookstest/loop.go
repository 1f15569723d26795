package hookstest

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/session"
	"github.com/stheno-ml/stheno/summaries"
)

// Loop stands in for the training loop: it calls monitors in the documented order over
// a graph whose one weight grows by 1 at every step. Use it for tests of a monitor's
// own behaviour.
type Loop struct {
	// First is the global step before the first step, Steps how many are made. The
	// defaults are 0 and 6, in epochs of 3 steps.
	First int64
	Steps int
	// StopAfter ends the run after that many steps as if another monitor had asked for
	// it, FailAfter with an error; 0 for neither.
	StopAfter, FailAfter int
	// Worker runs as a worker that is not the chief.
	Worker bool
	// Endless makes a run whose input has no epochs and whose end is not known: no
	// EpochBegin and EpochEnd, LastStep and BatchesPerEpoch are -1.
	Endless bool
	// LossAt gives the loss of a step; nil for 1/step.
	LossAt func(step int64) float64
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
}

// errForeign says that a node of another graph was asked for.
var errForeign = errors.New("it belongs to another graph")

// NewLoop returns a loop whose output directory is dir. Close it.
func NewLoop(dir string) (*Loop, error) {
	g := graph.New(graph.Training(true))
	step := g.GlobalStep()
	l := &Loop{Steps: 6, Graph: g, dir: dir}
	l.Weight = g.Variable("weight", tensor.Float32, tensor.Shape{2}, nil)
	l.Loss = g.Placeholder("loss", tensor.Float32)
	l.trainOp = g.SetName(g.Apply(grow{}, step, l.Weight), "train")
	g.AddSummary("weight", graph.HistogramSummary, l.Weight)
	g.AddSummary("scalar", graph.ScalarSummary, l.Loss)
	s, err := session.New(g)
	if err != nil {
		return nil, err
	}
	l.session = s
	if l.writer, err = summaries.NewWriter(filepath.Join(dir, "events")); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return l, nil
}

// Close frees what the loop holds.
func (l *Loop) Close() error { return errors.Join(l.writer.Close(), l.session.Close()) }

// NewRun returns a run from the step first to last, -1 for no end.
func (l *Loop) NewRun(first, last int64) *hooks.Run {
	run := &hooks.Run{
		Graph: l.Graph, Session: l.session, TrainOp: l.trainOp, Loss: l.Loss, OutputDir: l.dir, Chief: !l.Worker,
		FirstStep: first, LastStep: last, BatchesPerEpoch: 3, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
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
// End is called on every way out, and its error is joined to the run's.
func (l *Loop) Run(monitors ...hooks.Monitor) (err error) {
	step := tensor.New(tensor.FromScalar(l.First))
	if err := l.session.Store().Restore(map[string]*tensor.Dense{graph.GlobalStepName: step}); err != nil {
		return err
	}
	run := l.NewRun(l.First, l.First+int64(l.Steps))
	l.Requested, l.Made, l.saved = hooks.Requests{}, 0, -1
	begun := 0
	defer func() {
		cause := err
		for _, m := range monitors[:begun] {
			if endErr := m.End(cause); endErr != nil {
				err = errors.Join(err, fmt.Errorf("hookstest: End: %w", endErr))
			}
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
	} else if err := l.save(l.First, monitors); err != nil {
		return err
	}
	healthy := true
	for i := int64(0); i < int64(l.Steps); i++ {
		out, stop, err := l.step(run, i, monitors)
		if err != nil {
			return err
		}
		healthy = out.Finite()
		if stop {
			break
		}
	}
	if last := int64(l.Made); !l.Endless && l.Made == l.Steps && l.Made%3 != 0 { // the input ended within an epoch
		if err := each(monitors, "EpochEnd", l.First+last, func(m hooks.Monitor) error { return m.EpochEnd((last - 1) / 3) }); err != nil {
			return err
		}
	}
	if !healthy {
		return nil
	}
	return l.save(l.First+int64(l.Made), monitors)
}

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
func (l *Loop) save(step int64, monitors []hooks.Monitor) error {
	if l.Worker || step == l.saved {
		return nil
	}
	l.saved = step
	err := each(monitors, "State", step, func(m hooks.Monitor) error { _, err := m.State(); return err })
	if err != nil {
		return err
	}
	path := filepath.Join(l.dir, fmt.Sprint("model.ckpt-", step))
	return each(monitors, "Saved", step, func(m hooks.Monitor) error { return m.Saved(step, path) })
}

// enterEpoch calls EpochBegin before the first step of an epoch.
func (l *Loop) enterEpoch(i int64, monitors []hooks.Monitor) error {
	if l.Endless || i%3 != 0 {
		return nil
	}
	return each(monitors, "EpochBegin", l.First+i+1, func(m hooks.Monitor) error { return m.EpochBegin(i / 3) })
}

func (l *Loop) step(run *hooks.Run, i int64, monitors []hooks.Monitor) (out hooks.Outputs, stop bool, err error) {
	step := l.First + i + 1
	if err := l.enterEpoch(i, monitors); err != nil {
		return out, true, err
	}
	var wanted gorgonia.Nodes
	err = each(monitors, "StepBegin", step, func(m hooks.Monitor) error {
		nodes, err := m.StepBegin(step)
		for k, n := range nodes {
			if n == nil {
				return fmt.Errorf("node %d asked for is nil", k)
			}
			if n.Graph() != run.Graph.ExprGraph {
				return fmt.Errorf("node %q: %w", n.Name(), errForeign)
			}
			if !wanted.Contains(n) {
				wanted = append(wanted, n)
			}
		}
		return err
	})
	if err != nil {
		return out, true, err
	}
	if l.FailAfter > 0 && int(i) == l.FailAfter {
		return out, true, errStep
	}
	if out, err = l.compute(step, wanted); err != nil {
		return out, true, err
	}
	l.Made++
	out.Rows = 4
	if !l.Endless {
		out.Epoch = i / 3
	}
	err = each(monitors, "StepEnd", step, func(m hooks.Monitor) error {
		vote, err := m.StepEnd(step, out)
		stop = stop || vote
		return err
	})
	if err == nil {
		err = each(monitors, "PostStep", step, func(m hooks.Monitor) error { return m.PostStep(step) })
	}
	if err == nil && !l.Endless && i%3 == 2 {
		err = each(monitors, "EpochEnd", step, func(m hooks.Monitor) error { return m.EpochEnd(i / 3) })
	}
	if err == nil {
		stop, err = l.serve(run, step, out, stop, monitors)
	}
	return out, stop || l.StopAfter > 0 && l.Made == l.StopAfter, err
}

// serve acts upon what the monitors asked for; nothing is saved or evaluated after a
// loss that is not finite, but it is noted that someone asked.
func (l *Loop) serve(run *hooks.Run, step int64, out hooks.Outputs, vote bool, monitors []hooks.Monitor) (stop bool, err error) {
	asked := run.TakeRequests()
	l.Requested.Save = l.Requested.Save || asked.Save
	l.Requested.Evaluate = append(l.Requested.Evaluate, asked.Evaluate...)
	for _, name := range asked.Evaluate {
		if !out.Finite() {
			break
		}
		err := each(monitors, "Evaluated", step, func(m hooks.Monitor) error {
			return m.Evaluated(step, name, hooks.Metrics{"loss": out.Loss, "global_step": float64(step)})
		})
		if err != nil {
			return true, err
		}
	}
	// Evaluated and Saved may ask for more.
	later := run.TakeRequests()
	l.Requested.Save = l.Requested.Save || later.Save
	if (asked.Save || later.Save) && out.Finite() {
		if err := l.save(step, monitors); err != nil {
			return true, err
		}
	}
	last := run.TakeRequests()
	for _, more := range []hooks.Requests{later, last} {
		if !asked.Stop {
			asked.Stop, asked.Reason = more.Stop, more.Reason
		}
	}
	if stop = asked.Stop || vote; stop {
		l.Requested.Stop, l.Requested.Reason = true, asked.Reason
	}
	return stop, nil
}

func (l *Loop) compute(step int64, wanted gorgonia.Nodes) (hooks.Outputs, error) {
	loss := 1 / float64(step)
	if l.LossAt != nil {
		loss = l.LossAt(step)
	}
	feed := graph.Feed{l.Loss: tensor.New(tensor.FromScalar(float32(loss)))}
	values, err := l.session.Run(context.Background(), append(gorgonia.Nodes{l.trainOp}, wanted...), feed)
	if err != nil {
		return hooks.Outputs{}, err
	}
	return hooks.NewOutputs(loss, wanted, values[1:]), nil
}

// grow adds 1 to the global step and to every element of the weight.
type grow struct{}

var _ graph.Update = grow{}

func (grow) Arity() int { return 2 }
func (grow) Type() hm.Type {
	return hm.NewFnType(tensor.Int64, gorgonia.TensorType{Dims: 1, Of: tensor.Float32}, tensor.Int64)
}
func (grow) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) { return tensor.ScalarShape(), nil }
func (grow) ReturnsPtr() bool                                      { return true }
func (grow) CallsExtern() bool                                     { return false }
func (grow) OverwritesInput() int                                  { return -1 }
func (grow) WriteHash(h hash.Hash)                                 { h.Write([]byte("hookstest.grow")) }
func (grow) Hashcode() uint32                                      { return 0x67726f77 }
func (grow) String() string                                        { return "Grow" }
func (grow) UpdatedInputs() []int                                  { return []int{0, 1} }

func (grow) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	step := in[0].(*gorgonia.I64)
	for i := range in[1].Data().([]float32) {
		in[1].Data().([]float32)[i]++
	}
	*step++
	return step, nil
}
