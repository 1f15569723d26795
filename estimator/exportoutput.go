package estimator

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// DefaultServingKey names the export output that is served when a client names none.
const DefaultServingKey = "serving_default"

// ExportOutput is what an exported model answers under one name: a [PredictOutput],
// [ClassificationOutput] or [RegressionOutput].
type ExportOutput interface {
	// check reports what is wrong with the nodes.
	check(g *graph.Graph) error
}

// PredictOutput answers with nodes of any kind, each [batch, ...].
type PredictOutput struct{ Outputs graph.Nodes }

// ClassificationOutput answers with a score for each class, floats [batch, classes], with
// the classes' ids, whole numbers [batch] or [batch, classes], or with both.
type ClassificationOutput struct{ Scores, Classes *gorgonia.Node }

// RegressionOutput answers with floats, [batch] or [batch, outputs].
type RegressionOutput struct{ Value *gorgonia.Node }

func (o PredictOutput) check(g *graph.Graph) error {
	if len(o.Outputs) == 0 {
		return errors.New("outputs: there are none")
	}
	for _, name := range o.Outputs.Names() {
		if err := checkOwn(g, fmt.Sprintf("outputs[%q]", name), o.Outputs[name]); err != nil {
			return err
		}
	}
	return nil
}

func (o ClassificationOutput) check(g *graph.Graph) error {
	if o.Scores == nil && o.Classes == nil {
		return errors.New("scores and classes are nil, want at least one")
	}
	if o.Scores != nil {
		if err := checkFloats(g, "scores", o.Scores); err != nil {
			return err
		}
	}
	if o.Classes == nil {
		return nil
	}
	if err := checkOwn(g, "classes", o.Classes); err != nil {
		return err
	}
	if dt := o.Classes.Dtype(); dt != tensor.Int && dt != tensor.Int64 && dt != tensor.Int32 {
		return fmt.Errorf("classes: node %q has dtype %v, want whole numbers", o.Classes.Name(), dt)
	}
	return nil
}

func (o RegressionOutput) check(g *graph.Graph) error { return checkFloats(g, "value", o.Value) }

func checkFloats(g *graph.Graph, what string, n *gorgonia.Node) error {
	if err := checkOwn(g, what, n); err != nil {
		return err
	}
	if dt := n.Dtype(); dt != tensor.Float32 && dt != tensor.Float64 {
		return fmt.Errorf("%s: node %q has dtype %v, want float32 or float64", what, n.Name(), dt)
	}
	return nil
}

// Signatures returns what an exported model answers, by name: ExportOutputs, or the
// predictions where there are none. A single one has the name [DefaultServingKey] too; of
// several one must have it.
func (s *Spec) Signatures() (map[string]ExportOutput, error) {
	if len(s.ExportOutputs) == 0 {
		return map[string]ExportOutput{DefaultServingKey: PredictOutput{Outputs: s.Predictions}}, nil
	}
	all := maps.Clone(s.ExportOutputs)
	if _, ok := all[DefaultServingKey]; ok {
		return all, nil
	}
	names := slices.Sorted(maps.Keys(all))
	if len(names) > 1 {
		return nil, fmt.Errorf("multiple export_outputs were provided, %q, but none of them is %q", names, DefaultServingKey)
	}
	all[DefaultServingKey] = all[names[0]]
	return all, nil
}

// checkExports reports the first bad export output.
func (s *Spec) checkExports(g *graph.Graph) error {
	all, err := s.Signatures()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] == nil {
			return fmt.Errorf("export_outputs[%q] is nil", name)
		}
		if err := all[name].check(g); err != nil {
			return fmt.Errorf("export_outputs[%q]: %w", name, err)
		}
	}
	return nil
}
