package ops_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/session"
)

// runOn computes fetches node by node, each into memory full of NaN.
func runOn(t *testing.T, g *graph.Graph, fetches gorgonia.Nodes, feed graph.Feed) []any {
	t.Helper()
	values := map[*gorgonia.Node]gorgonia.Value{}
	for _, n := range graph.Topological(fetches...) {
		if fed, ok := feed[n]; ok {
			values[n] = fed.(*tensor.Dense)
			continue
		}
		if c, ok := n.Op().(interface{ Value() gorgonia.Value }); ok {
			values[n] = c.Value()
			continue
		}
		var in []gorgonia.Value
		for _, i := range graph.InputsOf(n) {
			in = append(in, values[i])
		}
		var err error
		if op, ours := n.Op().(graph.SizedByInputs); !ours {
			values[n], err = n.Op().Do(in...)
		} else {
			var out gorgonia.Value = gorgonia.NewF64(math.NaN())
			if n.Dims() > 0 {
				d := tensor.New(tensor.Of(n.Dtype()), tensor.WithShape(n.Shape()...))
				for i := range d.Float64s() {
					d.Float64s()[i] = math.NaN()
				}
				out = d
			}
			values[n], err = op.UsePreallocDo(out, in...)
		}
		require.NoError(t, err, "%v", n.Op())
	}
	var data []any
	for _, n := range fetches {
		data = append(data, values[n].Data())
	}
	return data
}

// Results share memory, whose old content must not matter.
func TestOldContentDoesNotMatter(t *testing.T) {
	x, q := tensor.Shape{3, 4, 2}, tensor.Shape{3, 2, 4, 2}
	recurrent := func(c *cellOp) build {
		return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			lengths := g.NamedConstant("lengths", vector(int64(2), 0, 4))
			s := recurrentCase{batch: 3, time: 4, inputs: 2, units: 3}
			var n gorgonia.Nodes
			for i, shape := range s.shapes(c) {
				n = append(n, g.NamedConstant(fmt.Sprint("constant", i), noise(fmt.Sprint(i), shape)))
			}
			outs := c.build(g, ops.Recurrent{X: in[0], Kernel: n[1], RecurrentKernel: n[2], Lengths: lengths})
			return ops.Concat(g, 1, ops.Flatten(g, outs[0]), outs[1])
		}
	}
	for name, c := range map[string]struct {
		shape tensor.Shape
		build build
	}{
		"LSTM": {x, recurrent(&cells[0])}, "GRU": {x, recurrent(&cells[1])}, "SimpleRNN": {x, recurrent(&cells[2])},
		"the last state alone": {x, func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			_, h, _ := ops.LSTM(g, ops.Recurrent{X: in[0], Kernel: g.NamedConstant("k", noise("k", tensor.Shape{2, 8})), RecurrentKernel: g.NamedConstant("r", noise("r", tensor.Shape{2, 8}))})
			return h
		}},
		"attention": {q, func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			mask := g.NamedConstant("mask", matrix(tensor.Shape{3, 4}, 1.0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1))
			return ops.ScaledDotProductAttention(g, in[0], in[0], in[0], mask, true)
		}},
		"ReverseSequence": {x, func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			return ops.ReverseSequence(g, in[0], g.NamedConstant("lengths", vector(int64(2), 0, 3)))
		}},
		"LogSumExp":   {x, one(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.LogSumExp(g, x, 1) })},
		"SoftmaxOver": {x, one(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.SoftmaxOver(g, x, 1) })},
		"L1L2":        {x, one(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.L1L2(g, x, 1, 1) })},
		"Huber":       {x, one(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Huber(g, x, ops.Square(g, x), 1) })},
		"SequenceMask": {x, one(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return ops.Add(g, x, ops.SequenceMask(g, g.NamedConstant("n", matrix(tensor.Shape{3, 4}, make([]int64, 12)...)), 2, tensor.Float64))
		})},
		"OneHot": {x, one(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return ops.Add(g, x, ops.OneHot(g, g.NamedConstant("n", matrix(tensor.Shape{3, 4}, make([]int64, 12)...)), 2, tensor.Float64))
		})},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			in := g.Placeholder("in", tensor.Float64, c.shape...)
			out := c.build(g, in)
			fetches := append(gorgonia.Nodes{out}, g.Gradients(ops.Sum(g, ops.Square(g, out)), in)...)
			require.NoError(t, g.Err())
			feed := graph.Feed{in: noise("in", c.shape)}
			s, err := session.New(g)
			require.NoError(t, err)
			defer s.Close()
			values, err := s.Run(ctx, fetches, feed)
			require.NoError(t, err)
			got := runOn(t, g, fetches, feed)
			for i, v := range values {
				require.Equal(t, v.Data(), got[i])
			}
		})
	}
}

// Where every element is -Inf there is no direction in which the sum grows.
func TestLogSumExpOfNothing(t *testing.T) {
	inf := math.Inf(1)
	g := graph.New()
	x := g.Placeholder("x", tensor.Float64, 2, 2)
	gradient := g.Gradients(ops.Sum(g, ops.LogSumExp(g, x, 1)), x)
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	out, err := s.Run(ctx, gradient, graph.Feed{x: matrix(tensor.Shape{2, 2}, -inf, -inf, -inf, 3)})
	require.NoError(t, err)
	require.Equal(t, []float64{0, 0, 0, 1}, out[0].Data())
}
