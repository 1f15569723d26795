package hookstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"hash"

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
	// LossAt gives the loss of a step; nil for 1/step.
	LossAt func(step int64) float64
	// CheckNodes makes a node of another graph an error that says so.
	CheckNodes bool
	// Requested is what monitors asked for during the run.
	Requested hooks.Requests
	// Graph is the graph; Weight a float32 variable [2], Loss a scalar.
	Graph        *graph.Graph
	Weight, Loss *gorgonia.Node

	trainOp *gorgonia.Node
	session *session.Session
	writer  *summaries.Writer
	dir     string
}

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
	if !l.Worker {
		run.Summaries = l.writer
	}
	return run
}

// Run makes a run with the monitors. End is called on every way out; its error is
// joined to the run's.
func (l *Loop) Run(monitors ...hooks.Monitor) (err error) {
	step := tensor.New(tensor.FromScalar(l.First))
	if err := l.session.Store().Restore(map[string]*tensor.Dense{graph.GlobalStepName: step}); err != nil {
		return err
	}
	run := l.NewRun(l.First, l.First+int64(l.Steps))
	begun := 0
	defer func() {
		cause := err
		for _, m := range monitors[:begun] {
			if endErr := m.End(cause); endErr != nil {
				err = errors.Join(err, fmt.Errorf("End: %w", endErr))
			}
		}
	}()
	for _, m := range monitors {
		begun++
		if err := m.Begin(run); err != nil {
			return fmt.Errorf("Begin: %w", err)
		}
	}
	for i := range l.Steps {
		stop, err := l.step(run, int64(i), monitors)
		if stop || err != nil {
			return err
		}
	}
	return nil
}

func (l *Loop) step(run *hooks.Run, i int64, monitors []hooks.Monitor) (stop bool, err error) {
	step := l.First + i + 1
	each := func(method string, call func(hooks.Monitor) error) {
		for _, m := range monitors {
			if callErr := call(m); callErr != nil && err == nil {
				err = fmt.Errorf("%s at step %d: %w", method, step, callErr)
			}
		}
	}
	if i%3 == 0 {
		each("EpochBegin", func(m hooks.Monitor) error { return m.EpochBegin(i / 3) })
	}
	var wanted gorgonia.Nodes
	each("StepBegin", func(m hooks.Monitor) error {
		nodes, err := m.StepBegin(step)
		for k, n := range nodes {
			if n == nil {
				return fmt.Errorf("node %d asked for is nil", k)
			}
			if n.Graph() != run.Graph.ExprGraph {
				return fmt.Errorf("node %q belongs to another graph", n.Name())
			}
			if !wanted.Contains(n) {
				wanted = append(wanted, n)
			}
		}
		return err
	})
	if err != nil {
		return true, err
	}
	if l.FailAfter > 0 && int(i) == l.FailAfter {
		return true, errStep
	}
	out, err := l.compute(step, wanted)
	if err != nil {
		return true, err
	}
	out.Epoch, out.Rows = i/3, 4
	each("StepEnd", func(m hooks.Monitor) error {
		vote, err := m.StepEnd(step, out)
		stop = stop || vote
		return err
	})
	each("PostStep", func(m hooks.Monitor) error { return m.PostStep(step) })
	if i%3 == 2 {
		each("EpochEnd", func(m hooks.Monitor) error { return m.EpochEnd(i / 3) })
	}
	asked := run.TakeRequests()
	l.Requested.Save = l.Requested.Save || asked.Save
	l.Requested.Evaluate = append(l.Requested.Evaluate, asked.Evaluate...)
	if asked.Save {
		each("Saved", func(m hooks.Monitor) error {
			return m.Saved(step, filepath.Join(l.dir, fmt.Sprint("model.ckpt-", step)))
		})
	}
	for _, name := range asked.Evaluate {
		each("Evaluated", func(m hooks.Monitor) error {
			return m.Evaluated(step, name, hooks.Metrics{"loss": out.Loss, "global_step": float64(step)})
		})
	}
	stop = stop || asked.Stop || l.StopAfter > 0 && int(i)+1 == l.StopAfter
	if stop {
		l.Requested.Stop, l.Requested.Reason = true, asked.Reason
	}
	return stop, err
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
