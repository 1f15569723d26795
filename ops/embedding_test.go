package ops_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/ops/opstest"
	"github.com/stheno-ml/stheno/session"
)

func TestGatherGradients(t *testing.T) {
	for name, c := range map[string]struct {
		table tensor.Shape
		ids   *tensor.Dense
	}{
		"repeated ids": {tensor.Shape{4, 3}, matrix(tensor.Shape{2, 3}, int64(0), 3, 3, 1, 3, 0)},
		"one of each":  {tensor.Shape{1, 1}, vector(int32(0))},
		"bytes":        {tensor.Shape{5, 2}, vector(uint8(4), 4, 4)},
		"ints":         {tensor.Shape{5, 2}, matrix(tensor.Shape{1, 1, 2}, 1, 2)},
	} {
		t.Run(name, func(t *testing.T) {
			opstest.CheckGradient(t, opstest.Case{Shapes: shapes(c.table), Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
				return ops.Gather(g, in[0], g.NamedConstant("ids", c.ids))
			}})
		})
	}
}

// The rows that are looked up, and what they add up to, in both dtypes, over batches of
// several sizes through one session.
func TestGather(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		const vocabulary, dim = 7, 3
		g := graph.New()
		table, ids, weights := g.Placeholder("table", dt, vocabulary, dim), g.Placeholder("ids", tensor.Int64, 4, 2), g.Placeholder("weights", dt, 4, 2, dim)
		y := ops.Gather(g, table, ids)
		gradient := g.Gradients(ops.Sum(g, ops.Mul(g, y, weights)), table)[0]
		require.NoError(t, g.Err())
		s, err := session.New(g)
		require.NoError(t, err)
		defer s.Close()
		for _, batch := range []int{4, 9, 1, 4} {
			rows, w, k := randomValues(r, vocabulary*dim), randomValues(r, batch*2*dim), make([]int64, batch*2)
			want, wantGradient := []float64{}, make([]float64, vocabulary*dim)
			for i := range k {
				k[i] = r.Int64N(vocabulary)
				want = append(want, rows[k[i]*dim:(k[i]+1)*dim]...)
				for j := range int64(dim) {
					wantGradient[k[i]*dim+j] += w[int64(i)*dim+j]
				}
			}
			out, err := s.Run(ctx, gorgonia.Nodes{y, gradient}, graph.Feed{
				table: ofDtype(dt, table.Shape(), rows), ids: matrix(tensor.Shape{batch, 2}, k...), weights: ofDtype(dt, tensor.Shape{batch, 2, dim}, w)})
			require.NoError(t, err)
			require.Equal(t, tensor.Shape{batch, 2, dim}, out[0].Shape())
			require.InDeltaSlice(t, want, float64s(t, out[0]), 1e-6)
			require.InDeltaSlice(t, wantGradient, float64s(t, out[1]), 1e-5)
		}
	}
}

func TestGatherBadInput(t *testing.T) {
	for id, want := range map[int64]string{
		5:       "id 1 of row 2 is 5, want 0 to 4",
		-1:      "id 1 of row 2 is -1, want 0 to 4",
		1 << 40: "id 1 of row 2 is 1099511627776, want 0 to 4",
	} {
		_, err := try(two(ops.Gather), tensor.New(tensor.WithShape(5, 1), tensor.Of(tensor.Float32)), matrix(tensor.Shape{3, 2}, 0, 1, 2, 3, 4, id))
		require.ErrorContains(t, err, want)
		_, err = try(func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			return g.Gradients(ops.Sum(g, ops.Gather(g, in[0], in[1])), in[0])[0]
		}, tensor.New(tensor.WithShape(5, 1), tensor.Of(tensor.Float32)), matrix(tensor.Shape{3, 2}, 0, 1, 2, 3, 4, id))
		require.ErrorContains(t, err, want)
	}
	g := graph.New()
	ops.Gather(g, g.Placeholder("table", tensor.Float32, 5, 2), g.Placeholder("ids", tensor.Float32, 3))
	require.ErrorContains(t, g.Err(), `ops.Gather: ids "ids" have dtype float32, want integers: use ops.Cast`)
	g = graph.New()
	ops.Gather(g, g.Placeholder("table", tensor.Float32, 5), g.Placeholder("ids", tensor.Int64, 3))
	require.ErrorContains(t, g.Err(), "Gather: the table has shape (5), want [vocabulary, dim]")
	g = graph.New()
	ops.Gather(g, g.Placeholder("table", tensor.Int64, 5, 2), nil)
	require.ErrorContains(t, g.Err(), `ops.Gather: input 0, "table", has dtype int64`)
	g = graph.New()
	ops.Gather(g, g.Placeholder("table", tensor.Float32, 5, 2), nil)
	require.ErrorContains(t, g.Err(), "ops.Gather: input 0 is nil")
}
