package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// Huber is the mean over all elements of a loss that is quadratic for errors up to delta
// and linear beyond, see [ops.Huber]. Keras' default delta is 1. predictions and labels
// are those of [MeanSquaredError]. The result is a scalar.
func Huber(g *graph.Graph, predictions, labels *gorgonia.Node, delta float64, opts ...LossOption) *gorgonia.Node {
	if !(delta > 0) {
		return g.Fail(fmt.Errorf("nn.Huber: delta is %v, want above 0", delta))
	}
	return paired(g, "Huber", predictions, labels, func(g *graph.Graph, p, l *gorgonia.Node) *gorgonia.Node {
		return ops.Huber(g, p, l, delta)
	}, opts)
}
