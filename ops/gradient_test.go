package ops_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/ops/opstest"
)

type build = func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node

func one(f func(*graph.Graph, *gorgonia.Node) *gorgonia.Node) build {
	return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return f(g, in[0]) }
}

func two(f func(g *graph.Graph, a, b *gorgonia.Node) *gorgonia.Node) build {
	return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return f(g, in[0], in[1]) }
}

func shapes(s ...tensor.Shape) []tensor.Shape { return s }

// Every exported op that has a gradient, with odd shapes: batch 1, one class, a scalar.
func TestGradients(t *testing.T) {
	cases := map[string]opstest.Case{}
	for name, f := range map[string]func(*graph.Graph, *gorgonia.Node) *gorgonia.Node{
		"Neg": ops.Neg, "Abs": ops.Abs, "Square": ops.Square, "Exp": ops.Exp, "Tanh": ops.Tanh, "Sigmoid": ops.Sigmoid,
		"Softplus": ops.Softplus, "Softsign": ops.Softsign, "ReLU": ops.ReLU, "SELU": ops.SELU, "Swish": ops.Swish, "GELU": ops.GELU,
	} {
		for _, shape := range []tensor.Shape{{}, {1}, {3, 4}, {2, 1, 3}} {
			cases[fmt.Sprint(name, shape)] = opstest.Case{Shapes: shapes(shape), Low: -3, High: 3, Build: one(f)}
		}
	}
	cases["Sqrt"] = opstest.Case{Shapes: shapes(tensor.Shape{5}), Low: 0.5, High: 3, Build: one(ops.Sqrt)}
	cases["Log"] = opstest.Case{Shapes: shapes(tensor.Shape{5}), Low: 0.5, High: 3, Build: one(ops.Log)}
	cases["ReLU6"] = opstest.Case{Shapes: shapes(tensor.Shape{20}), Low: -3, High: 9, Build: one(ops.ReLU6)}
	cases["LeakyReLU"] = opstest.Case{Shapes: shapes(tensor.Shape{9}), Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.LeakyReLU(g, in[0], 0.2)
	}}
	cases["ELU"] = opstest.Case{Shapes: shapes(tensor.Shape{9}), Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.ELU(g, in[0], 0.7)
	}}
	for name, f := range map[string]func(g *graph.Graph, a, b *gorgonia.Node) *gorgonia.Node{"Add": ops.Add, "Sub": ops.Sub, "Mul": ops.Mul, "Div": ops.Div} {
		for _, s := range [][]tensor.Shape{
			{{3, 4}, {3, 4}}, {{}, {}}, {{3, 4}, {}}, {{}, {2, 3}}, {{3, 4}, {4}}, {{4}, {3, 4}}, {{3, 4}, {3, 1}}, {{3, 1}, {1, 4}},
			{{2, 1, 3}, {4, 1}}, {{1, 3}, {2, 3}}, {{2, 3, 4}, {3, 1}},
		} {
			cases[fmt.Sprint(name, s)] = opstest.Case{Shapes: s, Low: 0.5, High: 2, Build: two(f)}
		}
	}
	for _, axes := range [][]int{nil, {0}, {1}, {2}, {3}, {-1}, {0, 2}, {1, 3}, {0, 1, 2, 3}} {
		for name, f := range map[string]func(*graph.Graph, *gorgonia.Node, ...int) *gorgonia.Node{"Sum": ops.Sum, "Mean": ops.Mean} {
			cases[fmt.Sprint(name, axes)] = opstest.Case{Shapes: shapes(tensor.Shape{2, 3, 2, 2}), Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
				return f(g, in[0], axes...)
			}}
		}
	}
	cases["Mean of a scalar"] = opstest.Case{Shapes: shapes(tensor.Shape{}), Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return ops.Mean(g, in[0]) }}
	for _, s := range [][]tensor.Shape{{{2, 3}, {3, 4}}, {{1, 3}, {3, 1}}, {{3, 1}, {1, 2}}} {
		cases[fmt.Sprint("MatMul", s)] = opstest.Case{Shapes: s, Build: two(ops.MatMul)}
	}
	for _, s := range [][]tensor.Shape{{{2, 3}, {3, 4}, {4}}, {{1, 3}, {3, 1}, {1}}, {{2, 2, 3}, {3, 2}, {2}}} {
		cases[fmt.Sprint("Dense", s)] = opstest.Case{Shapes: s, Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			return ops.Dense(g, in[0], in[1], in[2])
		}}
		cases[fmt.Sprint("DenseReLU", s)] = opstest.Case{Shapes: s, Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			return ops.DenseReLU(g, in[0], in[1], in[2])
		}}
		cases[fmt.Sprint("DenseReLU without bias", s)] = opstest.Case{Shapes: s[:2], Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			return ops.DenseReLU(g, in[0], in[1], nil)
		}}
		cases[fmt.Sprint("Dense without bias", s)] = opstest.Case{Shapes: s[:2], Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			return ops.Dense(g, in[0], in[1], nil)
		}}
	}
	for _, s := range []tensor.Shape{{3, 4}, {1, 1}, {2, 2, 3}, {4}} {
		cases[fmt.Sprint("Softmax", s)] = opstest.Case{Shapes: shapes(s), Build: one(ops.Softmax)}
		cases[fmt.Sprint("LogSoftmax", s)] = opstest.Case{Shapes: shapes(s), Build: one(ops.LogSoftmax)}
		cases[fmt.Sprint("SoftmaxCrossEntropy", s)] = opstest.Case{Shapes: shapes(s, s), Low: 0.1, High: 0.9, Fixed: []int{1}, Build: two(ops.SoftmaxCrossEntropy)}
		cases[fmt.Sprint("SigmoidCrossEntropy", s)] = opstest.Case{Shapes: shapes(s, s), Low: 0.1, High: 0.9, Fixed: []int{1}, Build: two(ops.SigmoidCrossEntropy)}
		cases[fmt.Sprint("SquaredError", s)] = opstest.Case{Shapes: shapes(s, s), Fixed: []int{1}, Build: two(ops.SquaredError)}
		cases[fmt.Sprint("SparseSoftmaxCrossEntropy", s)] = opstest.Case{Shapes: shapes(s), Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			rows := s[:len(s)-1]
			labels := make([]int64, rows.TotalSize())
			for i := range labels {
				labels[i] = int64(i % s[len(s)-1])
			}
			value := any(tensor.New(tensor.WithShape(rows...), tensor.WithBacking(labels)))
			if len(rows) == 0 {
				return ops.ReLU(g, in[0]) // a single row is not a batch
			}
			return ops.SparseSoftmaxCrossEntropy(g, in[0], g.NamedConstant("labels", value))
		}}
	}
	for _, s := range [][]tensor.Shape{{{4}, {4}}, {{4}, {4, 1}}, {{4, 3}, {4}}, {{4, 3}, {4, 1}}, {{4, 1}, {4, 1}}, {{4, 3}, {4, 3}}, {{2, 3, 2}, {2, 3}}, {{}, {}}} {
		cases[fmt.Sprint("WeightedMean", s)] = opstest.Case{Shapes: s, Fixed: []int{1}, Build: two(ops.WeightedMean)}
	}
	cases["WeightedMean with zeros"] = opstest.Case{Shapes: shapes(tensor.Shape{4, 2}, tensor.Shape{4}), Values: [][]float64{nil, {0, 2, 0, 1}}, Fixed: []int{1}, Build: two(ops.WeightedMean)}
	cases["Dropout"] = opstest.Case{Shapes: shapes(tensor.Shape{5, 7}), Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.Dropout(g, in[0], g.GlobalStep(), 0.4, "d")
	}}
	cases["ReshapeRows"] = opstest.Case{Shapes: shapes(tensor.Shape{2, 6}), Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.ReshapeRows(g, ops.Square(g, in[0]), 3, 2)
	}}
	cases["Flatten"] = opstest.Case{Shapes: shapes(tensor.Shape{2, 3, 2}), Build: one(ops.Flatten)}
	cases["Squeeze"] = opstest.Case{Shapes: shapes(tensor.Shape{3, 1}), Build: one(ops.Squeeze)}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { opstest.CheckGradient(t, c) })
	}
	t.Run("Cast", func(t *testing.T) {
		opstest.CheckGradient(t, opstest.Case{Shapes: shapes(tensor.Shape{3}), Tolerance: 0.05, Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			return ops.Cast(g, ops.Cast(g, in[0], tensor.Float32), tensor.Float64)
		}})
	})
}

type failures []string

func (f *failures) Helper() {}
func (f *failures) Errorf(format string, args ...any) {
	*f = append(*f, fmt.Sprintf(format, args...))
}

// The check itself must be able to say no.
func TestCheckGradientCanFail(t *testing.T) {
	var f failures
	opstest.CheckGradient(&f, opstest.Case{Shapes: shapes(tensor.Shape{3}), Values: [][]float64{{0, 1, 2}}, Build: one(ops.ReLU)}) // a kink
	require.Len(t, f, 1)
	require.True(t, strings.Contains(f[0], "element 0"), f[0])
	f = nil
	opstest.CheckGradient(&f, opstest.Case{Shapes: shapes(tensor.Shape{3}), Build: one(ops.ArgMax)})
	require.Len(t, f, 1)
}
