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
	"github.com/stheno-ml/stheno/ops/opstest"
)

func huber(delta float64) build {
	return two(func(g *graph.Graph, a, b *gorgonia.Node) *gorgonia.Node { return ops.Huber(g, a, b, delta) })
}

func TestMoreGradients(t *testing.T) {
	cases := map[string]opstest.Case{
		"Huber":         {Shapes: shapes(tensor.Shape{4, 3}, tensor.Shape{4, 3}), Low: -2, High: 2, Fixed: []int{1}, Build: huber(0.7)},
		"L1L2":          {Shapes: shapes(tensor.Shape{3, 4}), Build: one(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.L1L2(g, x, 0.3, 0.2) })},
		"MergeAxes":     {Shapes: shapes(tensor.Shape{2, 3, 2}), Build: one(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.MergeAxes(g, ops.Square(g, x), 2) })},
		"Concat of one": {Shapes: shapes(tensor.Shape{2, 3}), Build: one(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Concat(g, 0, x) })},
	}
	for axis := -3; axis < 3; axis++ {
		all := [][]tensor.Shape{{{2, 3, 2}, {1, 3, 2}, {2, 3, 2}}, {{2, 3, 2}, {2, 1, 2}, {2, 2, 2}}, {{2, 3, 2}, {2, 3, 1}, {2, 3, 2}}}
		cases[fmt.Sprint("Concat", axis)] = opstest.Case{Shapes: all[(axis+3)%3], Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return ops.Concat(g, axis, in...) }}
		for name, f := range map[string]func(*graph.Graph, *gorgonia.Node, int) *gorgonia.Node{"SoftmaxOver": ops.SoftmaxOver, "LogSoftmaxOver": ops.LogSoftmaxOver} {
			cases[fmt.Sprint(name, axis)] = opstest.Case{Shapes: shapes(tensor.Shape{2, 3, 2}), Build: one(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return f(g, x, axis) })}
		}
	}
	for _, order := range [][]int{nil, {0, 1, 2, 3}, {0, 2, 1, 3}, {3, 0, 2, 1}, {1, 0, 2, 3}} {
		cases[fmt.Sprint("Transpose", order)] = opstest.Case{Shapes: shapes(tensor.Shape{2, 3, 1, 4}), Build: one(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return ops.Transpose(g, ops.Square(g, x), order...)
		})}
	}
	for _, axes := range [][]int{nil, {0}, {1}, {-1}, {0, 2}, {0, 1, 2}} {
		cases[fmt.Sprint("LogSumExp", axes)] = opstest.Case{Shapes: shapes(tensor.Shape{2, 3, 2}), Low: -3, High: 3, Build: one(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return ops.LogSumExp(g, x, axes...)
		})}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { opstest.CheckGradient(t, c) })
	}
}

func TestMoreValues(t *testing.T) {
	inf := math.Inf(1)
	cube := matrix(tensor.Shape{2, 2, 2}, 1.0, 2, 3, 4, 5, 6, 7, 8)
	with := func(f func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node) build { return one(f) }
	for name, c := range map[string]struct {
		build build
		in    []*tensor.Dense
		want  []float64
	}{
		"Huber":                      {huber(2), []*tensor.Dense{vector(0.0, 1, 2, -5), vector(0.0, 0, 0, 0)}, []float64{0, 0.5, 2, 8}},
		"L1L2":                       {with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.L1L2(g, x, 2, 3) }), []*tensor.Dense{vector(-1.0, 0, 2)}, []float64{2*3 + 3*5}},
		"LogSumExp of large numbers": {with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.LogSumExp(g, x, 1) }), []*tensor.Dense{matrix(tensor.Shape{4, 2}, 1000.0, 1000, -1000, -1000, -inf, -inf, inf, 0)}, []float64{1000 + math.Ln2, -1000 + math.Ln2, -inf, inf}},
		"LogSumExp of columns":       {with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.LogSumExp(g, x, 0) }), []*tensor.Dense{matrix(tensor.Shape{2, 2}, 0.0, math.Log(2), 0, math.Log(4))}, []float64{math.Ln2, math.Log(6)}},
		"SoftmaxOver columns":        {with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.SoftmaxOver(g, x, 0) }), []*tensor.Dense{matrix(tensor.Shape{2, 2}, 0.0, 0, 0, math.Log(3))}, []float64{0.5, 0.25, 0.5, 0.75}},
		"LogSoftmaxOver columns":     {with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.LogSoftmaxOver(g, x, -2) }), []*tensor.Dense{matrix(tensor.Shape{2, 1}, 0.0, math.Log(3))}, []float64{math.Log(0.25), math.Log(0.75)}},
		"Concat of rows":             {two(func(g *graph.Graph, a, b *gorgonia.Node) *gorgonia.Node { return ops.Concat(g, 0, a, b) }), []*tensor.Dense{matrix(tensor.Shape{1, 2}, 1.0, 2), matrix(tensor.Shape{2, 2}, 3.0, 4, 5, 6)}, []float64{1, 2, 3, 4, 5, 6}},
		"Concat of columns":          {two(func(g *graph.Graph, a, b *gorgonia.Node) *gorgonia.Node { return ops.Concat(g, -1, a, b) }), []*tensor.Dense{matrix(tensor.Shape{2, 1}, 1.0, 2), matrix(tensor.Shape{2, 2}, 3.0, 4, 5, 6)}, []float64{1, 3, 4, 2, 5, 6}},
		"Transpose":                  {with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Transpose(g, x) }), []*tensor.Dense{cube}, []float64{1, 5, 3, 7, 2, 6, 4, 8}},
		"Transpose of the middle":    {with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Transpose(g, x, 1, 0, 2) }), []*tensor.Dense{cube}, []float64{1, 2, 5, 6, 3, 4, 7, 8}},
		"BatchMatMul":                {two(ops.BatchMatMul), []*tensor.Dense{matrix(tensor.Shape{2, 1, 2}, 1.0, 2, 3, 4), matrix(tensor.Shape{2, 2, 1}, 5.0, 6, 7, 8)}, []float64{17, 53}},
		"OneHot": {with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.OneHot(g, x, 3, tensor.Float64) }),
			[]*tensor.Dense{matrix(tensor.Shape{2, 2}, int64(0), 2, -1, 3)}, []float64{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}},
		"SequenceMask": {with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return ops.SequenceMask(g, x, 2, tensor.Float64)
		}),
			[]*tensor.Dense{vector(int32(0), 1, 2, 9)}, []float64{0, 0, 1, 0, 1, 1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			data := evaluate(t, c.build, c.in...).Data()
			if x, ok := data.(float64); ok {
				data = []float64{x}
			}
			got := data.([]float64)
			require.Len(t, got, len(c.want))
			for i, want := range c.want {
				if math.IsInf(want, 0) {
					require.Equal(t, want, got[i])
				} else {
					require.InDelta(t, want, got[i], 1e-12)
				}
			}
		})
	}
	require.Equal(t, tensor.Shape{4, 2}, evaluate(t, one(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.MergeAxes(g, x, 2) }), cube).Shape())
}

func TestTopK(t *testing.T) {
	nan := math.NaN()
	x := matrix(tensor.Shape{4, 4}, 1.0, 4, 4, 2, nan, 3, nan, 1, -1, -2, -3, -4, 5, 6, 7, 8)
	top := func(k, which int) build {
		return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			values, indices := ops.TopK(g, in[0], k)
			return []*gorgonia.Node{values, indices}[which]
		}
	}
	require.Equal(t, []int64{1, 2, 3, 1, 3, 0, 0, 1, 2, 3, 2, 1}, evaluate(t, top(3, 1), x).Data())
	require.Equal(t, []float64{4, 4, 3, 1, -1, -2, 8, 7}, evaluate(t, top(2, 0), x).Data())
	all := evaluate(t, top(4, 1), x)
	require.Equal(t, []int64{1, 2, 3, 0, 1, 3, 0, 2, 0, 1, 2, 3, 3, 2, 1, 0}, all.Data())
	require.Equal(t, tensor.Shape{4, 4}, all.Shape())
}

func TestMoreBadInput(t *testing.T) {
	f32 := func(s ...int) *tensor.Dense { return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(s...)) }
	with := func(f func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node) build { return one(f) }
	ids := vector(int64(1))
	for _, c := range []struct {
		name, want string
		build      build
		in         []*tensor.Dense
	}{
		{"delta", "ops.Huber: delta is 0, want a finite number above 0", huber(0), []*tensor.Dense{f32(2), f32(2)}},
		{"huber shapes", "shapes (2) and (3) differ", huber(1), []*tensor.Dense{f32(2), f32(3)}},
		{"axis", "ops.SoftmaxOver: axis 2, want -2 to 1", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.SoftmaxOver(g, x, 2) }), []*tensor.Dense{f32(2, 2)}},
		{"log-sum-exp axis", "ops.LogSumExp: axis -3", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.LogSumExp(g, x, -3) }), []*tensor.Dense{f32(2, 2)}},
		{"order", "ops.Transpose: order [0 0], want the axes 0 to 1", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Transpose(g, x, 0, 0) }), []*tensor.Dense{f32(2, 2)}},
		{"short order", "ops.Transpose: order [0]", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Transpose(g, x, 0) }), []*tensor.Dense{f32(2, 2)}},
		{"concat", "Concat: input 1 has shape (2, 3) and input 0 (2, 2), want the same but for axis 0", two(func(g *graph.Graph, a, b *gorgonia.Node) *gorgonia.Node { return ops.Concat(g, 0, a, b) }), []*tensor.Dense{f32(2, 2), f32(2, 3)}},
		{"concat of nothing", "ops.Concat: there are no inputs", func(g *graph.Graph, _ ...*gorgonia.Node) *gorgonia.Node { return ops.Concat(g, 0) }, nil},
		{"concat axis", "ops.Concat: axis 1, want -1 to 0", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Concat(g, 1, x) }), []*tensor.Dense{f32(2)}},
		{"merge", "ops.MergeAxes: n is 3, want 1 to 2", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.MergeAxes(g, x, 3) }), []*tensor.Dense{f32(2, 2)}},
		{"one-hot ids", "want integers", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.OneHot(g, x, 2, tensor.Float32) }), []*tensor.Dense{f32(2)}},
		{"one-hot classes", "ops.OneHot: classes is 0", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.OneHot(g, x, 0, tensor.Float32) }), []*tensor.Dense{ids}},
		{"one-hot dtype", "dtype int64, want float32 or float64", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.OneHot(g, x, 2, tensor.Int64) }), []*tensor.Dense{ids}},
		{"mask time", "ops.SequenceMask: time is 0", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return ops.SequenceMask(g, x, 0, tensor.Float32)
		}), []*tensor.Dense{ids}},
		{"mask lengths", "want integers", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return ops.SequenceMask(g, x, 2, tensor.Float32)
		}), []*tensor.Dense{f32(2)}},
		{"k", "ops.TopK: k is 0", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { _, i := ops.TopK(g, x, 0); return i }), []*tensor.Dense{f32(2)}},
		{"large k", "TopK: shape (2), want at least 3 classes", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { _, i := ops.TopK(g, x, 3); return i }), []*tensor.Dense{f32(2)}},
		{"penalty", "ops.L1L2: input 0", with(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.L1L2(g, x, 1, 1) }), []*tensor.Dense{ids}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := try(c.build, c.in...)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// A poisoned input is passed on, and the first error stays.
func TestMorePoisonIsPassedOn(t *testing.T) {
	g := graph.New()
	bad := g.Placeholder("", tensor.Float32, 2)
	x := g.Placeholder("x", tensor.Float32, 2, 2)
	first := g.Err()
	nodes := func(n ...*gorgonia.Node) []*gorgonia.Node { return n }
	var all []*gorgonia.Node
	all = append(all, nodes(ops.LSTM(g, ops.Recurrent{X: x, Kernel: bad, RecurrentKernel: x}))...)
	all = append(all, nodes(ops.GRU(g, ops.Recurrent{X: x, Kernel: x, RecurrentKernel: x, Lengths: bad}))...)
	all = append(all, nodes(ops.SimpleRNN(g, ops.Recurrent{X: bad, Kernel: x, RecurrentKernel: x}))...)
	all = append(all, nodes(ops.TopK(g, bad, 1))...)
	all = append(all, ops.ReverseSequence(g, bad, nil), ops.ScaledDotProductAttention(g, bad, x, x, nil, false), ops.AttentionWeights(g, x, bad, nil, true),
		ops.BatchMatMul(g, x, bad), ops.Concat(g, 0, x, bad), ops.Transpose(g, bad), ops.MergeAxes(g, bad, 1), ops.L1L2(g, bad, 1, 1), ops.Huber(g, bad, x, 1),
		ops.SoftmaxOver(g, bad, 0), ops.LogSumExp(g, bad), ops.OneHot(g, bad, 2, tensor.Float32), ops.SequenceMask(g, bad, 2, tensor.Float32))
	for i, n := range all {
		require.True(t, g.Poisoned(n), "node %d", i)
	}
	require.Equal(t, first, g.Err())
}
