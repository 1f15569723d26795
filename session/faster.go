package session

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/raw"
	"github.com/stheno-ml/stheno/internal/vector"
)

// fasterOp returns a kernel with the same bits as a stock op, nil where there is none.
// Sums of float tensors of one shape are what graph.Gradients adds where a value is used
// twice: Gorgonia's allocate their result at every run.
func fasterOp(n *gorgonia.Node) gorgonia.Op {
	if _, _, ok := graph.Addends(n); !ok {
		return nil
	}
	op := n.Op()
	switch n.Dtype() {
	case tensor.Float32:
		return &replacement{Op: op, run: func(out gorgonia.Value, in []gorgonia.Value) error {
			vector.Add(raw.Slice[float32](out), raw.Slice[float32](in[0]), raw.Slice[float32](in[1]))
			return nil
		}}
	case tensor.Float64:
		return &replacement{Op: op, run: func(out gorgonia.Value, in []gorgonia.Value) error {
			y, a, b := raw.Slice[float64](out), raw.Slice[float64](in[0]), raw.Slice[float64](in[1])
			for i := range y {
				y[i] = a[i] + b[i]
			}
			return nil
		}}
	}
	return nil
}
