package optim_test

import (
	"math/rand/v2"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

// One step of a table of 100,000 rows of 64 in which 640 ids, 32 x 20, are looked up. A
// dense update is what there is for a gradient that comes from elsewhere too.
func BenchmarkTable(b *testing.B) {
	const rows, dim, batch, length = 100_000, 64, 32, 20
	adam, lazy := optim.Adam(0.001), optim.Adam(0.001, optim.Lazy())
	for _, c := range []struct {
		name  string
		train trainFunc
	}{
		{"SGD/dense", minimizeDense(optim.SGD(0.01))},
		{"SGD/sparse", minimize(optim.SGD(0.01))},
		{"SGD+clip/dense", minimizeDense(optim.SGD(0.01, optim.ClipByGlobalNorm(1)))},
		{"SGD+clip/sparse", minimize(optim.SGD(0.01, optim.ClipByGlobalNorm(1)))},
		{"Adagrad/dense", minimizeDense(optim.Adagrad(0.01))},
		{"Adagrad/sparse", minimize(optim.Adagrad(0.01))},
		{"Adagrad+accumulate/dense", minimizeDense(optim.Adagrad(0.01, optim.Accumulate(4)))},
		{"Adagrad+accumulate/sparse", minimize(optim.Adagrad(0.01, optim.Accumulate(4)))},
		{"Adam/dense", minimize(adam)},
		{"Adam/lazy", minimize(lazy)},
	} {
		b.Run(c.name, func(b *testing.B) {
			g := graph.New()
			table := g.Variable("table", tensor.Float32, tensor.Shape{rows, dim}, nil)
			ids, x := g.Placeholder("ids", tensor.Int64, batch, length), g.Placeholder("x", tensor.Float32, batch, length, dim)
			trainOp := c.train(g, ops.Sum(g, ops.Mul(g, ops.Gather(g, table, ids), x)), table)
			if err := g.Err(); err != nil {
				b.Fatal(err)
			}
			s, err := session.New(g)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			feed := graph.Feed{
				ids: tensor.New(tensor.Of(tensor.Int64), tensor.WithShape(batch, length)),
				x:   tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(batch, length, dim)),
			}
			r := rand.New(rand.NewPCG(1, 2))
			fillWith(feed[x].(*tensor.Dense), func(int) float64 { return r.NormFloat64() })
			for i := range batch * length {
				feed[ids].Data().([]int64)[i] = r.Int64N(rows)
			}
			fetches, out := gorgonia.Nodes{trainOp}, make([]gorgonia.Value, 1)
			run := func() {
				if err := s.RunInto(b.Context(), out, fetches, feed, nil); err != nil {
					b.Fatal(err)
				}
			}
			run() // compiles
			run()
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}
