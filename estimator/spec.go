package estimator

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/metrics"
)

// Mode is what a graph is built for.
type Mode string

// The modes.
const (
	Train Mode = "train"
	Eval  Mode = "eval"
	Infer Mode = "infer"
)

// ModelFn adds a model to g and says what is what. features and labels are
// placeholders [batch, ...] under the names that the input gives them; labels is
// empty in Infer. It is called once for each mode, and again for a batch size that
// the model's ops cannot take from their inputs, so it must build the same model each
// time. g.Training() is true in Train. It must not call the estimator, which waits for
// it.
type ModelFn func(g *graph.Graph, features, labels graph.Nodes, mode Mode) (*Spec, error)

// Metrics are the results of an evaluation by name.
type Metrics = metrics.Values

// Spec is what a model function returns.
type Spec struct {
	// Predictions are the model's outputs, each [batch, ...]. Needed in Infer.
	Predictions graph.Nodes
	// Loss is a scalar, the mean over the rows of the batch. Needed in Train and Eval.
	Loss *gorgonia.Node
	// TrainOp updates the variables and adds 1 to the global step: see optim. Needed in
	// Train.
	TrainOp *gorgonia.Node
	// Metrics are computed by Evaluate, beside "loss" and "global_step". Those that are a
	// metrics.Tensor give a result for each element: see metrics.Results.
	Metrics map[string]metrics.Metric
	// ExportOutputs are what an exported model answers, by name, the predictions by
	// default: see [Spec.Signatures]. They are looked at in Infer.
	ExportOutputs map[string]ExportOutput
	// Monitors watch Fit beside the caller's.
	Monitors []hooks.Monitor
}

// validate reports what the mode needs and the spec lacks.
func (s *Spec) validate(mode Mode, g *graph.Graph) error {
	switch {
	case s == nil:
		return errors.New("it returned a nil spec")
	case mode != Infer && s.Loss == nil:
		return errors.New("missing loss")
	case mode == Train && s.TrainOp == nil:
		return errors.New("missing train_op")
	case mode == Infer && len(s.Predictions) == 0:
		return errors.New("missing predictions")
	}
	if s.Loss != nil {
		if err := checkOwn(g, "loss", s.Loss); err != nil {
			return err
		}
		if s.Loss.Shape().Dims() != 0 {
			return fmt.Errorf("loss: node %q has shape %v, want a scalar", s.Loss.Name(), s.Loss.Shape())
		}
		if dt := s.Loss.Dtype(); dt != tensor.Float32 && dt != tensor.Float64 {
			return fmt.Errorf("loss: node %q has dtype %v, want float32 or float64", s.Loss.Name(), dt)
		}
	}
	if s.TrainOp != nil {
		if err := checkOwn(g, "train_op", s.TrainOp); err != nil {
			return err
		}
	}
	for _, name := range s.Predictions.Names() {
		if err := checkOwn(g, fmt.Sprintf("predictions[%q]", name), s.Predictions[name]); err != nil {
			return err
		}
		if s.Predictions[name].Shape().Dims() == 0 {
			return fmt.Errorf("predictions[%q]: node %q is a scalar, want [batch, ...]", name, s.Predictions[name].Name())
		}
	}
	if mode == Infer {
		if err := s.checkExports(g); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Metrics)) {
		m := s.Metrics[name]
		switch {
		case name == lossMetric || name == globalStepMetric:
			return fmt.Errorf("metrics: the name %q is reserved", name)
		case m == nil:
			return fmt.Errorf("metrics[%q] is nil", name)
		}
		if err := metrics.Check(m); err != nil {
			return fmt.Errorf("metrics[%q]: %w", name, err)
		}
		for i, n := range m.Nodes() {
			if err := checkOwn(g, fmt.Sprintf("metrics[%q] node %d", name, i), n); err != nil {
				return err
			}
		}
	}
	if err := metrics.CheckNames(s.Metrics); err != nil {
		return err
	}
	for i, m := range s.Monitors {
		if m == nil {
			return fmt.Errorf("monitor %d is nil", i)
		}
	}
	return nil
}

func checkOwn(g *graph.Graph, what string, n *gorgonia.Node) error {
	switch {
	case n == nil:
		return fmt.Errorf("%s is nil", what)
	case g.Poisoned(n):
		return fmt.Errorf("%s is the result of a building call that failed", what)
	case n.Graph() != g.ExprGraph:
		return fmt.Errorf("%s: node %q must be from the graph that the model function was given", what, n.Name())
	}
	return nil
}
