package ops_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/ops/opstest"
	"github.com/stheno-ml/stheno/session"
)

func attend(causal bool) build {
	return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		var mask *gorgonia.Node
		if len(in) > 3 {
			mask = in[3]
		}
		return ops.ScaledDotProductAttention(g, in[0], in[1], in[2], mask, causal)
	}
}

func TestAttentionGradients(t *testing.T) {
	mask := func(shape tensor.Shape) []float64 {
		values := make([]float64, shape.TotalSize())
		for i := range values {
			values[i] = float64((i + i/3) % 2)
		}
		return values
	}
	for _, s := range [][]tensor.Shape{
		{{2, 2, 3, 4}, {2, 2, 5, 4}, {2, 2, 5, 3}},
		{{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}},
		{{1, 2, 4, 2}, {1, 2, 2, 2}, {1, 2, 2, 1}},
		{{2, 2, 3, 4}, {2, 2, 5, 4}, {2, 2, 5, 3}, {2, 5}},
		{{2, 2, 3, 4}, {2, 2, 5, 4}, {2, 2, 5, 3}, {2, 3, 5}},
		{{2, 2, 3, 4}, {2, 2, 5, 4}, {2, 2, 5, 3}, {2, 1, 3, 5}},
		{{2, 2, 3, 4}, {2, 2, 5, 4}, {2, 2, 5, 3}, {1, 2, 3, 1}},
	} {
		for _, causal := range []bool{false, true} {
			t.Run(fmt.Sprint(s, causal), func(t *testing.T) {
				c := opstest.Case{Shapes: s, Build: attend(causal)}
				if len(s) > 3 {
					c.Values, c.Fixed = [][]float64{nil, nil, nil, mask(s[3])}, []int{3}
				}
				opstest.CheckGradient(t, c)
			})
		}
	}
	for _, s := range [][]tensor.Shape{{{2, 3}, {3, 4}}, {{3, 2, 1}, {3, 1, 2}}, {{2, 2, 3, 4}, {2, 2, 4, 1}}} {
		t.Run(fmt.Sprint("BatchMatMul", s), func(t *testing.T) {
			opstest.CheckGradient(t, opstest.Case{Shapes: s, Build: two(ops.BatchMatMul)})
		})
	}
}

// Keras' formula, written out in NumPy: testdata/README.md.
func TestAttentionGolden(t *testing.T) {
	var golden map[string][]float64
	data, err := os.ReadFile("testdata/attention.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &golden))
	in := []*tensor.Dense{matrix(tensor.Shape{2, 2, 3, 5}, golden["q"]...), matrix(tensor.Shape{2, 2, 4, 5}, golden["k"]...), matrix(tensor.Shape{2, 2, 4, 2}, golden["v"]...)}
	mask := matrix(tensor.Shape{2, 3, 4}, golden["mask"]...)
	out := evaluate(t, attend(false), append(in, mask)...)
	require.InDeltaSlice(t, golden["out"], out.Data(), 1e-12)
	require.Equal(t, []float64{0, 0}, out.Data().([]float64)[:2], "a query that sees nothing")
	bools := make([]bool, len(golden["mask"]))
	for i, v := range golden["mask"] {
		bools[i] = v != 0
	}
	require.InDeltaSlice(t, golden["out"], evaluate(t, attend(false), append(float32s(in), matrix(tensor.Shape{2, 3, 4}, bools...))...).Data(), 1e-5)
}

// What a query cannot see has no effect on its row, however large.
func TestAttentionHides(t *testing.T) {
	q, k, v := noise("q", tensor.Shape{1, 1, 3, 2}), noise("k", tensor.Shape{1, 1, 3, 2}), noise("v", tensor.Shape{1, 1, 3, 1})
	mask := matrix(tensor.Shape{1, 3}, int64(1), 1, 0)
	causal, masked := evaluate(t, attend(true), q, k, v), evaluate(t, attend(false), q, k, v, mask)
	plain := evaluate(t, attend(false), q, k, v).Data().([]float64)
	require.InDelta(t, v.Float64s()[0], causal.Data().([]float64)[0], 1e-12, "the first query sees the first key only")
	require.InDelta(t, plain[2], causal.Data().([]float64)[2], 1e-12, "the last query sees all")
	require.InDelta(t, masked.Data().([]float64)[1], causal.Data().([]float64)[1], 1e-12)
	k.Float64s()[4], v.Float64s()[2] = 1e6, 1e6
	require.Equal(t, masked.Data(), evaluate(t, attend(false), q, k, v, mask).Data())
	require.Equal(t, causal.Data().([]float64)[:2], evaluate(t, attend(true), q, k, v).Data().([]float64)[:2])
	q.Float64s()[0], k.Float64s()[0] = 1e200, 1e100
	for _, x := range evaluate(t, attend(true), q, k, v).Data().([]float64) {
		require.False(t, math.IsNaN(x), "large scores do not overflow")
	}
}

func TestAttentionAllocatesNothing(t *testing.T) {
	g := graph.New()
	q, k, v := g.Placeholder("q", tensor.Float32, 2, 2, 3, 4), g.Placeholder("k", tensor.Float32, 2, 2, 3, 4), g.Placeholder("v", tensor.Float32, 2, 2, 3, 4)
	mask := g.Placeholder("mask", tensor.Float32, 2, 3)
	loss := ops.Sum(g, ops.Square(g, ops.ScaledDotProductAttention(g, q, k, v, mask, true)))
	fetches := gorgonia.Nodes{ops.Group(g, "all", append(g.Gradients(loss, q, k, v), loss, ops.LogSumExp(g, q, 1), ops.Concat(g, 1, k, v), ops.Transpose(g, ops.SoftmaxOver(g, q, 1)))...)}
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	one := float32s([]*tensor.Dense{noise("one", tensor.Shape{2, 2, 3, 4})})[0]
	feed := graph.Feed{q: one, k: one, v: one, mask: matrix(tensor.Shape{2, 3}, float32(1), 0, 1, 0, 0, 0)}
	outputs := make([]gorgonia.Value, 1)
	run := func() { require.NoError(t, s.RunInto(ctx, outputs, fetches, feed, nil)) }
	run()
	require.Zero(t, testing.AllocsPerRun(20, run))
	for _, batch := range []int{1, 3} {
		one := float32s([]*tensor.Dense{noise("one", tensor.Shape{batch, 2, 3, 4})})[0]
		require.NoError(t, s.RunInto(ctx, outputs, fetches, graph.Feed{q: one, k: one, v: one, mask: tensor.Ones(tensor.Float32, batch, 3)}, nil))
	}
	require.Zero(t, s.Stats().Rebuilds)
}

func TestAttentionBadInput(t *testing.T) {
	f32 := func(s ...int) *tensor.Dense { return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(s...)) }
	q := f32(2, 2, 3, 4)
	for _, c := range []struct {
		name, want string
		build      build
		in         []*tensor.Dense
	}{
		{"axes", "query has shape (2, 3, 4) and key (2, 2, 3, 4), want [batch, heads, queries, size]", attend(false), []*tensor.Dense{f32(2, 3, 4), q, q}},
		{"sizes", "query has shape (2, 2, 3, 4) and key (2, 2, 3, 5), want [batch, heads, queries, size]", attend(false), []*tensor.Dense{q, f32(2, 2, 3, 5), q}},
		{"heads", "key has shape (2, 3, 3, 4) and value (2, 2, 3, 4), want [batch, heads, keys, size]", attend(false), []*tensor.Dense{q, f32(2, 3, 3, 4), q}},
		{"values", "key has shape (2, 2, 3, 4) and value (2, 2, 2, 4), want [batch, heads, keys, size]", attend(false), []*tensor.Dense{q, q, f32(2, 2, 2, 4)}},
		{"mask", "the mask has shape (2, 4), which does not fit the scores [batch, heads, queries, keys] = (2, 2, 3, 3)", attend(false), []*tensor.Dense{q, q, q, f32(2, 4)}},
		{"mask axes", "the mask has shape (3), want [batch, keys]", attend(false), []*tensor.Dense{q, q, q, f32(3)}},
		{"a product of vectors", "want matrices with equal leading axes", two(ops.BatchMatMul), []*tensor.Dense{f32(3), f32(3)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := try(c.build, c.in...)
			require.ErrorContains(t, err, c.want)
		})
	}
}
