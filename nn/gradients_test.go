package nn_test

import (
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/ops/opstest"
)

// Layers that other tests differentiate only inside larger models.
func TestGradientsOfSingleLayers(t *testing.T) {
	steps := tensor.Shape{2, 7, 3}
	for name, build := range map[string]func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node{
		"Conv1D": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Conv1D(g, x, 4, 3, nn.WithStrides(2), nn.WithPadding(nn.Same), nn.WithActivation(nn.Tanh))
		},
		"dilated Conv1D": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Conv1D(g, x, 2, 3, nn.WithDilation(2))
		},
		"MaxPool1D": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.MaxPool1D(g, x, 2) },
		"AvgPool1D": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.AvgPool1D(g, x, 3, nn.WithPadding(nn.Same))
		},
		"GlobalAvgPool1D": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.GlobalAvgPool1D(g, x) },
		"GlobalMaxPool1D": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.GlobalMaxPool1D(g, x) },
		"BatchNorm":       func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.BatchNorm(g, x) },
		"frozen BatchNorm": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.BatchNorm(g, x, nn.WithFrozen())
		},
		"LayerNorm": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.LayerNorm(g, x) },
		"Embedding": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			// The gradient is that of the table: x is mixed in so that the case has an input.
			ids := g.NamedConstant("ids", tensor.New(tensor.WithShape(2, 7), tensor.WithBacking([]int64{0, 1, 2, 3, 3, 3, 0, 4, 4, 1, 0, 2, 2, 2})))
			table := nn.Embedding(g, ids, 5, 3, nn.WithDtype(tensor.Float64))
			return ops.Mul(g, ops.Tanh(g, table), x)
		},
	} {
		t.Run(name, func(t *testing.T) {
			opstest.CheckGradient(t, opstest.Case{Shapes: []tensor.Shape{steps}, Tolerance: 1e-5, Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
				return build(g, in[0])
			}})
		})
	}
}

// The gradient of an embedding's table: ids that occur twice add up.
func TestGradientOfATable(t *testing.T) {
	opstest.CheckGradient(t, opstest.Case{Shapes: []tensor.Shape{{5, 3}}, Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		ids := g.NamedConstant("ids", tensor.New(tensor.WithShape(6), tensor.WithBacking([]int64{0, 4, 4, 2, 0, 4})))
		return ops.Square(g, ops.Gather(g, in[0], ids))
	}})
}
