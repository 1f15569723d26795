package optim_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

// lookups is a model with a table that is looked up in twice, and a vector. The gradient
// of a row is what is fed for it, times the row.
type lookups struct {
	g               *graph.Graph
	ids, more, x, y *gorgonia.Node
	trainOp         *gorgonia.Node
	vocabulary, dim int
	dt              tensor.Dtype
}

// trainFunc makes a train op.
type trainFunc func(g *graph.Graph, loss, table *gorgonia.Node) *gorgonia.Node

func newLookups(t testing.TB, dt tensor.Dtype, vocabulary, dim, batch int, trainOp trainFunc) *lookups {
	t.Helper()
	g := graph.New()
	l := &lookups{g: g, vocabulary: vocabulary, dim: dim, dt: dt}
	table := g.Variable("table", dt, tensor.Shape{vocabulary, dim}, graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
		fillWith(v, func(k int) float64 {
			if k%11 == 10 {
				return math.Copysign(0, -1) // must stay -0
			}
			return math.Cos(float64(k))
		})
		return nil
	}))
	w := g.Variable("w", dt, tensor.Shape{dim}, graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
		fillWith(v, func(k int) float64 { return float64(k) })
		return nil
	}))
	l.ids, l.more = g.Placeholder("ids", tensor.Int64, batch, 2), g.Placeholder("more", tensor.Int32, batch)
	l.x, l.y = g.Placeholder("x", dt, batch, 2, dim), g.Placeholder("y", dt, batch, dim)
	a, b := ops.Gather(g, table, l.ids), ops.Gather(g, table, l.more)
	loss := ops.Add(g, ops.Sum(g, ops.Mul(g, ops.Square(g, a), l.x)), ops.Sum(g, ops.Mul(g, ops.Square(g, b), l.y)))
	loss = ops.Add(g, loss, ops.Sum(g, ops.Square(g, w)))
	l.trainOp = trainOp(g, loss, table)
	return l
}

func minimize(o optim.Optimizer) trainFunc {
	return func(g *graph.Graph, loss, _ *gorgonia.Node) *gorgonia.Node { return o.Minimize(g, loss) }
}

// minimizeDense hides from the optimizer where gradients come from.
func minimizeDense(o optim.Optimizer) trainFunc {
	return func(g *graph.Graph, loss, _ *gorgonia.Node) *gorgonia.Node {
		gradients := optim.ComputeGradients(g, loss, nil)
		for i, gradient := range gradients {
			if shape := gradient.Node.Shape(); len(shape) == 2 {
				gradients[i].Node = ops.ReshapeRows(g, gradient.Node, shape[1]) // a view
			}
		}
		return o.ApplyGradients(g, gradients)
	}
}

// feed is that of step k; few ids come often.
func (l *lookups) feed(k, batch int) graph.Feed {
	of := func(dt tensor.Dtype, shape ...int) *tensor.Dense {
		return tensor.New(tensor.Of(dt), tensor.WithShape(shape...))
	}
	ids, more := of(tensor.Int64, batch, 2), of(tensor.Int32, batch)
	id := func(i int) int {
		if (k+i)%3 == 0 {
			return 1
		}
		return (k*31 + i*i*7 + 5) % l.vocabulary
	}
	for i := range ids.Int64s() {
		ids.Int64s()[i] = int64(id(i))
	}
	for i := range more.Int32s() {
		more.Int32s()[i] = int32(id(2*i + 1))
	}
	x, y := of(l.dt, batch, 2, l.dim), of(l.dt, batch, l.dim)
	fillWith(x, func(i int) float64 { return math.Sin(float64(7*k + 13*i)) })
	fillWith(y, func(i int) float64 { return math.Sin(float64(5*k + 11*i)) })
	return graph.Feed{l.ids: ids, l.more: more, l.x: x, l.y: y}
}

func (l *lookups) session(t testing.TB, opts ...session.Option) *session.Session {
	t.Helper()
	require.NoError(t, l.g.Err())
	s, err := session.New(l.g, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// isSparse reports whether the train op updates a table by rows.
func (l *lookups) isSparse() bool {
	return slices.ContainsFunc(graph.Topological(l.trainOp), func(n *gorgonia.Node) bool {
		return n.Op() != nil && n.Op().String() == "GatherIndices"
	})
}

func requireSameBits(t *testing.T, want, got map[string]*tensor.Dense) {
	t.Helper()
	bits := func(v *tensor.Dense) (all []uint64) {
		switch x := v.Data().(type) {
		case []float32:
			for _, v := range x {
				all = append(all, uint64(math.Float32bits(v)))
			}
		case []float64:
			for _, v := range x {
				all = append(all, math.Float64bits(v))
			}
		}
		return all
	}
	require.Len(t, got, len(want))
	for name := range want {
		if b := bits(want[name]); b == nil || !slices.Equal(b, bits(got[name])) {
			require.Equal(t, want[name].Data(), got[name].Data(), name)
			require.Nil(t, b, "%s: zeros of another sign", name)
		}
	}
}
