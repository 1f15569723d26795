package graphactions

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/internal/raw"
	"github.com/stheno-ml/stheno/saver"
)

// diagnose finds out where a loss that is not finite came from. The step's updates
// were not made, so running its nodes again sees what the step saw.
func (t *trainer) diagnose(ctx context.Context, step int64, loss float64, b batch) error {
	e := &NaNLossError{Step: step, Loss: loss, Checkpoint: t.result.Checkpoint, Rows: badRows(b.feed)}
	e.GradientNorms = map[string]float64{}
	if err := t.findFirstNonFinite(ctx, b, e); err != nil {
		t.logger.Warn("the step with the non-finite loss could not be run again", "step", step, "reason", err)
	}
	if t.chief {
		bundle, err := t.writeBundle(ctx, e, b)
		if err != nil {
			t.logger.Warn("the debug bundle could not be written", "step", step, "reason", err)
		}
		e.Bundle = bundle
	}
	t.live.drop() // the variables in memory are newer than any checkpoint
	return e
}

// findFirstNonFinite runs every node that the train op reads and fills in e.
func (t *trainer) findFirstNonFinite(ctx context.Context, b batch, e *NaNLossError) error {
	order := graph.Topological(t.loss, t.trainOp)
	late := map[*gorgonia.Node]bool{}
	feedsUpdate := map[*gorgonia.Node]bool{}
	var nodes gorgonia.Nodes
	for _, n := range order {
		_, update := n.Op().(graph.Update)
		for _, in := range graph.InputsOf(n) {
			update = update || late[in]
		}
		if update {
			late[n] = true
			for _, in := range graph.InputsOf(n) {
				feedsUpdate[in] = !late[in] && in.Op() != nil && in.Shape().TotalSize() > 0
			}
			continue
		}
		nodes = append(nodes, n)
	}
	values, err := t.session.Run(ctx, nodes, b.feed)
	if err != nil {
		return err
	}
	bad := map[*gorgonia.Node]bool{}
	for i, n := range nodes {
		norm, ok := raw.Norm(values[i])
		if ok && feedsUpdate[n] {
			e.GradientNorms[n.Name()] = norm
		}
		bad[n] = ok && !finite(norm)
	}
	slices.SortFunc(nodes, func(a, b *gorgonia.Node) int { return int(a.ID() - b.ID()) })
	for _, n := range nodes {
		inherited := slices.ContainsFunc(graph.InputsOf(n), func(in *gorgonia.Node) bool { return bad[in] })
		if bad[n] && !inherited {
			e.Node, e.Variable = n.Name(), t.graph.VariableOf(n) != nil
			_, e.Fed = b.feed[n]
			return nil
		}
	}
	return nil
}

// badRows returns the rows of fed float tensors that hold a value that is not
// finite.
func badRows(feed graph.Feed) []int {
	rows := map[int]bool{}
	for _, fed := range feed {
		d, ok := fed.(*tensor.Dense)
		if !ok || d.Shape().Dims() == 0 || d.Shape()[0] == 0 {
			continue
		}
		width := d.Shape().TotalSize() / d.Shape()[0]
		switch values := dense.Elements(dense.Contiguous(d)).(type) {
		case []float32:
			for i, x := range values {
				if !finite(float64(x)) {
					rows[i/width] = true
				}
			}
		case []float64:
			for i, x := range values {
				if !finite(x) {
					rows[i/width] = true
				}
			}
		}
	}
	var sorted []int
	for row := range rows {
		sorted = append(sorted, row)
	}
	slices.Sort(sorted)
	return sorted
}

// writeBundle saves the batch and the variables as they were before the step to
// <model directory>/debug.
func (t *trainer) writeBundle(ctx context.Context, e *NaNLossError, b batch) (string, error) {
	tensors := modelVariables(t.graph, t.session.Store().Snapshot())
	for n, fed := range b.feed {
		if d, ok := fed.(*tensor.Dense); ok {
			tensors["feed/"+n.Name()] = d
		}
	}
	norms := map[string]string{} // JSON has no NaN
	for name, norm := range e.GradientNorms {
		norms[name] = strconv.FormatFloat(norm, 'g', -1, 64)
	}
	gradients, err := json.Marshal(norms)
	if err != nil {
		return "", err
	}
	s, err := saver.New(filepath.Join(t.outputDir, "debug"), saver.Basename("nan"), saver.Logger(t.logger))
	if err != nil {
		return "", err
	}
	return s.Save(ctx, saver.Checkpoint{Step: e.Step, Tensors: tensors, Metadata: map[string]string{
		"loss": strconv.FormatFloat(e.Loss, 'g', -1, 64), "node": e.Node, "rows": fmt.Sprint(e.Rows),
		"gradient_norms": string(gradients), "last_checkpoint": e.Checkpoint,
	}})
}

func nodesOf(nodes ...*gorgonia.Node) gorgonia.Nodes { return nodes }
