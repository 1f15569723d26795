package hooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/wait"
	"github.com/stheno-ml/stheno/session"
	"github.com/stheno-ml/stheno/summaries"
)

// Run is what a monitor knows of the run it watches, and how it asks for things.
// The fields do not change while the run lasts.
type Run struct {
	// Context is done when the run is cancelled. A monitor that waits for something stops
	// waiting then, and returns nil: the loop ends the run.
	Context context.Context
	// Graph is the graph being trained; Session runs it. A monitor may run nodes of
	// its own between steps, never from within StepBegin to StepEnd.
	Graph   *graph.Graph
	Session *session.Session
	// TrainOp and Loss are the nodes run at every step.
	TrainOp, Loss *gorgonia.Node
	// GlobalStep is the variable that counts updates; nil for the graph's own.
	GlobalStep *gorgonia.Node
	// OutputDir is the model directory.
	OutputDir string
	// Chief is false on workers other than the first.
	Chief bool
	// FirstStep is the global step before the first update of this run, LastStep the
	// global step at which it ends, -1 when it ends with its input.
	FirstStep, LastStep int64
	// BatchesPerEpoch is the number of steps in an epoch of the input, -1 when not
	// known.
	BatchesPerEpoch int64
	// Logger is never nil.
	Logger *slog.Logger
	// Summaries writes to the event file of OutputDir; nil on workers that are not
	// the chief.
	Summaries *summaries.Writer

	requests Requests
}

// Requests is what monitors asked for since the loop last took them.
type Requests struct {
	// Stop is true when someone asked to end the run; Reason is the first reason.
	Stop   bool
	Reason string
	// Save is true when someone asked for a checkpoint.
	Save bool
	// Evaluate has the names of evaluations asked for, each once, in order.
	Evaluate []string
}

// RequestStop asks the loop to end the run after this step. The first reason given
// is reported in the result.
func (r *Run) RequestStop(reason string) {
	if !r.requests.Stop {
		r.requests.Stop, r.requests.Reason = true, reason
	}
}

// RequestSave asks the loop for a checkpoint of this step.
func (r *Run) RequestSave() { r.requests.Save = true }

// SaveRequested reports whether somebody asked for a checkpoint of this step so far. In
// PostStep the standard monitors have asked.
func (r *Run) SaveRequested() bool { return r.requests.Save }

// RequestEvaluate asks the loop for an evaluation after this step.
func (r *Run) RequestEvaluate(name string) {
	for _, n := range r.requests.Evaluate {
		if n == name {
			return
		}
	}
	r.requests.Evaluate = append(r.requests.Evaluate, name)
}

// stepName returns the name of the variable that counts updates.
func (r *Run) stepName() string {
	if r.GlobalStep != nil {
		return r.GlobalStep.Name()
	}
	return graph.GlobalStepName
}

// wait lets time pass; it is false when the run was cancelled meanwhile.
func (r *Run) wait(d time.Duration) bool {
	ctx := r.Context
	if ctx == nil {
		ctx = context.Background() // a run that nobody can cancel
	}
	return wait.For(ctx, d) == nil
}

// TakeRequests returns what was asked for and forgets it. The loop calls it once a
// step; so does a test that stands in for the loop.
func (r *Run) TakeRequests() Requests {
	taken := r.requests
	r.requests = Requests{}
	return taken
}

// ErrNotComputed says that a node has no value at a step: it depends on the updates,
// which were not made because the loss was not finite.
var ErrNotComputed = errors.New("it was not computed, for the updates of this step were not made")

// Outputs are the values of one step. They are not to be kept for the next one, but the
// values that Value returns may be.
type Outputs struct {
	// Loss is the loss before the update. It may be NaN or infinite: look at Finite
	// before keeping it.
	Loss float64
	// Epoch is the epoch of the input that the step's rows came from, from 0.
	Epoch int64
	// Rows is the number of rows in the step's batch, 0 when not known.
	Rows int

	nodes  gorgonia.Nodes
	values []gorgonia.Value
}

// NewOutputs returns the outputs of a step in which nodes had values.
func NewOutputs(loss float64, nodes gorgonia.Nodes, values []gorgonia.Value) Outputs {
	return Outputs{Loss: loss, nodes: nodes, values: values}
}

// Finite reports whether the loss is neither NaN nor infinite.
func (o Outputs) Finite() bool { return !math.IsNaN(o.Loss) && !math.IsInf(o.Loss, 0) }

// Len returns the number of values that monitors asked for at this step.
func (o Outputs) Len() int { return len(o.nodes) }

// Value returns the value of a node that some monitor asked for at this step. It is
// shared by the monitors: do not change it. After a loss that is not finite the error may
// be [ErrNotComputed].
func (o Outputs) Value(n *gorgonia.Node) (gorgonia.Value, error) {
	for i, node := range o.nodes {
		if node == n {
			return o.value(i)
		}
	}
	if n == nil {
		return nil, fmt.Errorf("hooks: the value of a nil node was asked for")
	}
	return nil, fmt.Errorf("hooks: node %q is not among the outputs of this step: StepBegin must ask for it", n.Name())
}

// ByName returns the value of the node of that name that some monitor asked for.
func (o Outputs) ByName(name string) (gorgonia.Value, error) {
	for i, node := range o.nodes {
		if node.Name() == name {
			return o.value(i)
		}
	}
	return nil, fmt.Errorf("hooks: no node %q is among the outputs of this step: StepBegin must ask for it", name)
}

func (o Outputs) value(i int) (gorgonia.Value, error) {
	if o.values[i] == nil {
		return nil, fmt.Errorf("hooks: node %q: %w", o.nodes[i].Name(), ErrNotComputed)
	}
	return o.values[i], nil
}

// valuesOf returns the values of nodes, nil for those that were not computed.
func (o Outputs) valuesOf(nodes gorgonia.Nodes) ([]gorgonia.Value, error) {
	values := make([]gorgonia.Value, len(nodes))
	for i, n := range nodes {
		v, err := o.Value(n)
		if err != nil && !errors.Is(err, ErrNotComputed) {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// Scalar returns the value of a scalar node as a float64.
func (o Outputs) Scalar(n *gorgonia.Node) (float64, error) {
	v, err := o.Value(n)
	if err != nil {
		return 0, err
	}
	f, err := number(v)
	if err != nil {
		return 0, fmt.Errorf("hooks: node %q: %w", n.Name(), err)
	}
	return f, nil
}

func number(v gorgonia.Value) (float64, error) {
	switch d := v.Data().(type) {
	case float32:
		return float64(d), nil
	case float64:
		return d, nil
	case int:
		return float64(d), nil
	case int64:
		return float64(d), nil
	case int32:
		return float64(d), nil
	}
	return 0, fmt.Errorf("its value of shape %v and type %T is not a number", v.Shape(), v.Data())
}
