package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// Layer is a function from one node to another: an [Activation], [Flatten], what [Units]
// and [Rate] return, or a function of your own.
type Layer = func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node

// Sequential applies layers one after the other.
//
//	logits := nn.Sequential(g, x,
//		nn.Units(nn.LSTM, 64, nn.WithLengths(lengths)),
//		nn.Rate(nn.Dropout, 0.5),
//		nn.Units(nn.Dense, 10))
func Sequential(g *graph.Graph, x *gorgonia.Node, layers ...Layer) *gorgonia.Node {
	if x == nil {
		return g.Fail(fmt.Errorf("nn.Sequential: x is nil"))
	}
	for i, layer := range layers {
		if layer == nil {
			return g.Fail(fmt.Errorf("nn.Sequential: layer %d is nil", i))
		}
		if g.Poisoned(x) {
			return x
		}
		x = layer(g, x)
	}
	return x
}

// Units makes a [Layer] of a function that takes a number of units, such as [Dense],
// [LSTM] and [GRU].
func Units(layer func(g *graph.Graph, x *gorgonia.Node, units int, opts ...LayerOption) *gorgonia.Node, units int, opts ...LayerOption) Layer {
	return func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return layer(g, x, units, opts...) }
}

// Rate makes a [Layer] of a function that takes a rate, such as [Dropout].
func Rate(layer func(g *graph.Graph, x *gorgonia.Node, rate float64, opts ...LayerOption) *gorgonia.Node, rate float64, opts ...LayerOption) Layer {
	return func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return layer(g, x, rate, opts...) }
}
