package ops_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/session"
)

// lookups is a table that is looked up in several times: the ids, in three dtypes, and
// what the rows are multiplied by in the loss.
type lookups struct {
	g                         *graph.Graph
	table                     *gorgonia.Node
	ids, weights              gorgonia.Nodes
	vocabulary, dim           int
	gradient, indices, summed *gorgonia.Node
}

func newLookups(t *testing.T, dt tensor.Dtype, vocabulary, dim, gathers int) *lookups {
	t.Helper()
	l := &lookups{g: graph.New(), vocabulary: vocabulary, dim: dim}
	l.table = l.g.Placeholder("table", dt, vocabulary, dim)
	var loss *gorgonia.Node
	for k := range gathers {
		ids := l.g.Placeholder(fmt.Sprint("ids", k), []tensor.Dtype{tensor.Int64, tensor.Int32, tensor.Int}[k], 4, k+1)
		weights := l.g.Placeholder(fmt.Sprint("weights", k), dt, 4, k+1, dim)
		l.ids, l.weights = append(l.ids, ids), append(l.weights, weights)
		term := ops.Sum(l.g, ops.Mul(l.g, ops.Gather(l.g, l.table, ids), weights))
		if loss == nil {
			loss = term
		} else {
			loss = ops.Add(l.g, loss, term)
		}
	}
	l.gradient = l.g.Gradients(loss, l.table)[0]
	found, ok := ops.LookupsOf(l.gradient, l.table)
	require.True(t, ok)
	require.Equal(t, 4*gathers*(gathers+1)/2, found.Len())
	s := found.Slices(l.g)
	l.indices, l.summed = s.Indices, s.Values
	require.NoError(t, l.g.Err())
	return l
}

// feed makes random ids, most of them several times, and weights.
func (l *lookups) feed(r *rand.Rand, batch int) graph.Feed {
	feed := graph.Feed{l.table: ofDtype(l.table.Dtype(), l.table.Shape(), randomValues(r, l.vocabulary*l.dim))}
	for k, n := range l.ids {
		shape := tensor.Shape{batch, k + 1}
		ids := tensor.New(tensor.Of(n.Dtype()), tensor.WithShape(shape...))
		for i := range shape.TotalSize() {
			id := r.IntN(l.vocabulary)
			if r.IntN(2) == 0 {
				id = min(id, 3)
			}
			switch x := ids.Data().(type) {
			case []int64:
				x[i] = int64(id)
			case []int32:
				x[i] = int32(id)
			case []int:
				x[i] = id
			}
		}
		feed[n] = ids
		feed[l.weights[k]] = ofDtype(l.table.Dtype(), tensor.Shape{batch, k + 1, l.dim}, randomValues(r, batch*(k+1)*l.dim))
	}
	return feed
}

// The slices are the dense gradient to the bit, whatever was looked up how often.
func TestSlicesAreTheDenseGradient(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for name, c := range map[string]struct{ vocabulary, dim, gathers, batch int }{
		"one row":                    {1, 3, 1, 4},
		"one lookup":                 {7, 3, 1, 4},
		"two lookups":                {7, 3, 2, 4},
		"three lookups":              {9, 5, 3, 4},
		"more than one digit":        {5000, 2, 2, 300},
		"more than two digits":       {5_000_000, 1, 1, 300},
		"several tasks":              {3000, 64, 1, 2100},
		"several tasks, two lookups": {3000, 64, 2, 700},
	} {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			if testing.Short() && c.vocabulary > 1_000_000 {
				continue // the race detector is slow
			}
			t.Run(fmt.Sprint(name, "/", dt), func(t *testing.T) {
				l := newLookups(t, dt, c.vocabulary, c.dim, c.gathers)
				for _, workers := range []int{1, 4} {
					s, err := session.New(l.g, session.Workers(workers))
					require.NoError(t, err)
					defer s.Close()
					for _, batch := range []int{c.batch, 1, 2 * c.batch} {
						out, err := s.Run(ctx, gorgonia.Nodes{l.gradient, l.indices, l.summed}, l.feed(r, batch))
						require.NoError(t, err)
						n := batch * c.gathers * (c.gathers + 1) / 2
						require.Equal(t, tensor.Shape{2, n}, out[1].Shape())
						require.Equal(t, tensor.Shape{n, c.dim}, out[2].Shape())
						rows, values, dense := out[1].Data().([]int64), float64s(t, out[2]), float64s(t, out[0])
						require.True(t, slices.IsSorted(rows[:n]))
						numbers := map[int64]bool{}
						got := make([]float64, len(dense))
						for k := range n {
							numbers[rows[n+k]] = true
							first := k == 0 || rows[k] != rows[k-1]
							row := values[k*c.dim : (k+1)*c.dim]
							if first {
								copy(got[int(rows[k])*c.dim:], row)
								continue
							}
							require.Greater(t, rows[n+k], rows[n+k-1], "lookups of one row keep their order")
							require.Zero(t, slices.Max(row))
							require.Zero(t, slices.Min(row))
						}
						require.Len(t, numbers, n)
						require.True(t, slices.EqualFunc(dense, got, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }))
					}
				}
			})
		}
	}
}

func TestSlicesAllocateNothing(t *testing.T) {
	l := newLookups(t, tensor.Float32, 50, 3, 3)
	s, err := session.New(l.g)
	require.NoError(t, err)
	defer s.Close()
	feed, fetches, outputs := l.feed(rand.New(rand.NewPCG(1, 2)), 4), gorgonia.Nodes{ops.Group(l.g, "both", l.indices, l.summed)}, make([]gorgonia.Value, 1)
	step := func() { require.NoError(t, s.RunInto(ctx, outputs, fetches, feed, nil)) }
	step()
	require.Zero(t, testing.AllocsPerRun(20, step))
}

func TestSlicesNameTheBadID(t *testing.T) {
	g := graph.New()
	table, a, b := g.Placeholder("table", tensor.Float32, 5, 2), g.Placeholder("a", tensor.Int64, 1), g.Placeholder("b", tensor.Int32, 3, 2)
	loss := ops.Add(g, ops.Sum(g, ops.Gather(g, table, a)), ops.Sum(g, ops.Gather(g, table, b)))
	l, ok := ops.LookupsOf(g.Gradients(loss, table)[0], table)
	require.True(t, ok)
	indices := l.Slices(g).Indices
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(ctx, gorgonia.Nodes{indices}, graph.Feed{
		table: tensor.New(tensor.WithShape(5, 2), tensor.Of(tensor.Float32)), a: vector(int64(4)), b: matrix(tensor.Shape{3, 2}, int32(0), 1, 2, 3, 4, 5)})
	require.ErrorContains(t, err, `ids "b": id 1 of row 2 is 5, want 0 to 4`)
	var node *session.NodeError
	require.ErrorAs(t, err, &node)
	require.Equal(t, indices.Name(), node.Node)
}

// Whatever else a gradient comes from, it has no sparse form.
func TestLookupsOf(t *testing.T) {
	for name, c := range map[string]struct {
		loss func(g *graph.Graph, table, ids *gorgonia.Node) *gorgonia.Node
		want bool
	}{
		"lookup": {func(g *graph.Graph, table, ids *gorgonia.Node) *gorgonia.Node {
			return ops.Sum(g, ops.Gather(g, table, ids))
		}, true},
		"lookup used twice": {func(g *graph.Graph, table, ids *gorgonia.Node) *gorgonia.Node {
			h := ops.Gather(g, table, ids)
			return ops.Sum(g, ops.Mul(g, h, ops.Square(g, h)))
		}, true},
		"penalty": {func(g *graph.Graph, table, ids *gorgonia.Node) *gorgonia.Node {
			return ops.Add(g, ops.Sum(g, ops.Gather(g, table, ids)), ops.Sum(g, ops.Square(g, table)))
		}, false},
		"lookup in a function of the table": {func(g *graph.Graph, table, ids *gorgonia.Node) *gorgonia.Node {
			return ops.Sum(g, ops.Gather(g, ops.Square(g, table), ids))
		}, false},
		"no lookup": {func(g *graph.Graph, table, _ *gorgonia.Node) *gorgonia.Node { return ops.Sum(g, table) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			table, ids := g.Placeholder("table", tensor.Float32, 5, 2), g.Placeholder("ids", tensor.Int64, 3)
			gradient := g.Gradients(c.loss(g, table, ids), table)[0]
			require.NoError(t, g.Err())
			_, ok := ops.LookupsOf(gradient, table)
			require.Equal(t, c.want, ok)
			_, ok = ops.LookupsOf(gradient, g.Placeholder("other", tensor.Float32, 5, 2))
			require.False(t, ok, "another table's")
		})
	}
}
