package optim_test

import (
	"context"
	"fmt"
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

// byRows makes the updates that Lazy promises, one row after the other.
type byRows struct {
	parts []optim.Transform
	rule  optim.Rule
	table []float64
	slots [][]float64 // of the parts, then of the rule
	state [][]float64
	step  int64
	dim   int
}

func newByRows(o optim.Optimizer, table []float64, dim int) *byRows {
	b := &byRows{parts: optim.PartsOf(o), rule: optim.RuleOf(o), table: slices.Clone(table), dim: dim}
	add := func(slots []optim.Slot, state []optim.State) {
		for _, s := range slots {
			slot := make([]float64, len(table))
			for i := range slot {
				slot[i] = s.Initial
			}
			b.slots = append(b.slots, slot)
		}
		initial := []float64{}
		for _, s := range state {
			initial = append(initial, s.Initial)
		}
		b.state = append(b.state, initial)
	}
	for _, p := range b.parts {
		add(p.Slots(), p.State())
	}
	add(b.rule.Slots(), b.rule.State())
	return b
}

// update takes the gradients of the rows that were looked up.
func (b *byRows) update(rate float64, gradients map[int][]float64) {
	for row, gradient := range gradients {
		of := func(all []float64) []float64 { return all[row*b.dim : (row+1)*b.dim] }
		s := optim.Step{LearningRate: rate, Scale: 1, GlobalStep: b.step, Variable: "table"}
		u, next := slices.Clone(gradient), 0
		slots := func(n int) (slots [][]float64) {
			for range n {
				slots = append(slots, of(b.slots[next]))
				next++
			}
			return slots
		}
		for i, p := range b.parts {
			s.State = b.state[i]
			p.Apply64(s, u, of(b.table), slots(len(p.Slots())))
		}
		s.State = b.state[len(b.parts)]
		b.rule.Update64(s, of(b.table), u, slots(len(b.rule.Slots())))
	}
	b.step++
	advance := func(state []optim.State, values []float64) {
		for i, s := range state {
			values[i] = s.Next(values[i])
		}
	}
	for i, p := range b.parts {
		advance(p.State(), b.state[i])
	}
	advance(b.rule.State(), b.state[len(b.parts)])
}

// Lazy updates rows that were looked up and no others, with every optimizer.
func TestLazyUpdatesRows(t *testing.T) {
	all := optimizers()
	delete(all, "LAMB") // looks at whole variables
	delete(all, "every part")
	all["AdamW of parts"] = func(o ...optim.Option) optim.Optimizer {
		return optim.Chain(0.1, append(o, optim.ScaleByAdam(0.9, 0.999, 1e-8), optim.AddDecayedWeights(0.1))...)
	}
	all["own rule"] = func(o ...optim.Option) optim.Optimizer { return optim.New(halving{}, 0.1, o...) }
	for name, o := range all {
		t.Run(name, func(t *testing.T) {
			const vocabulary, dim, batch = 40, 3, 4
			l := newLookups(t, tensor.Float64, vocabulary, dim, batch, minimize(o(optim.Lazy())))
			require.True(t, l.isSparse())
			s := l.session(t)
			initial, err := s.Store().Value("table")
			require.NoError(t, err)
			want := newByRows(o(), initial.Float64s(), dim)
			rate := 0.1
			if name == "Adadelta" {
				rate = 1
			}
			for k := range 6 {
				feed := l.feed(k, batch)
				want.update(rate, l.gradients(feed, want.table))
				_, err := s.Run(t.Context(), gorgonia.Nodes{l.trainOp}, feed)
				require.NoError(t, err)
				require.InDeltaSlice(t, want.table, value(t, s.Store(), "table"), 1e-12)
			}
			untouched := 0
			for i := 0; i < len(want.table); i += dim {
				if slices.Equal(want.table[i:i+dim], initial.Float64s()[i:i+dim]) {
					untouched++
				}
			}
			require.Positive(t, untouched)
			require.Less(t, untouched, vocabulary)
		})
	}
}

// gradients are those of the rows that were looked up.
func (l *lookups) gradients(feed graph.Feed, table []float64) map[int][]float64 {
	sums := map[int][]float64{}
	add := func(row int, factors []float64) {
		if sums[row] == nil {
			sums[row] = make([]float64, l.dim)
		}
		for j, f := range factors {
			sums[row][j] += 2 * f * table[row*l.dim+j]
		}
	}
	for i, id := range feed[l.ids].Data().([]int64) {
		add(int(id), feed[l.x].Data().([]float64)[i*l.dim:(i+1)*l.dim])
	}
	for i, id := range feed[l.more].Data().([]int32) {
		add(int(id), feed[l.y].Data().([]float64)[i*l.dim:(i+1)*l.dim])
	}
	return sums
}

// numbers of tf.contrib.opt.LazyAdamOptimizer's formula, worked out by hand: row 0 is
// looked up in steps 1 and 3, row 1, twice, in step 2.
func TestLazyAdamByHand(t *testing.T) {
	g := graph.New()
	table := g.Variable("table", tensor.Float64, tensor.Shape{3, 1}, values(1.0, 2, 3))
	ids := g.Placeholder("ids", tensor.Int64, 2)
	x := g.Placeholder("x", tensor.Float64, 2, 1)
	trainOp := optim.Adam(0.1, optim.Lazy()).Minimize(g, ops.Sum(g, ops.Mul(g, ops.Gather(g, table, ids), x)))
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	v, m, q := []float64{1, 2, 3}, make([]float64, 3), make([]float64, 3)
	for k, c := range []struct {
		ids  []int64
		x    []float64
		row  int
		want float64 // gradient of the row
	}{{[]int64{0, 0}, []float64{1, 0}, 0, 1}, {[]int64{1, 1}, []float64{2, -0.5}, 1, 1.5}, {[]int64{0, 0}, []float64{0, -3}, 0, -3}} {
		_, err := s.Run(t.Context(), gorgonia.Nodes{trainOp}, graph.Feed{
			ids: tensor.New(tensor.WithBacking(c.ids)), x: tensor.New(tensor.WithShape(2, 1), tensor.WithBacking(c.x))})
		require.NoError(t, err)
		step := float64(k + 1)
		m[c.row] = 0.9*m[c.row] + 0.1*c.want
		q[c.row] = 0.999*q[c.row] + 0.001*c.want*c.want
		v[c.row] -= 0.1 * math.Sqrt(1-math.Pow(0.999, step)) / (1 - math.Pow(0.9, step)) * m[c.row] / (math.Sqrt(q[c.row]) + 1e-8)
		require.InDeltaSlice(t, v, value(t, s.Store(), "table"), 1e-12)
		require.InDeltaSlice(t, m, value(t, s.Store(), "table/Adam"), 1e-12)
		require.InDeltaSlice(t, q, value(t, s.Store(), "table/Adam_1"), 1e-12)
	}
}

// With Accumulate, the rows of a lazy update are those whose sum is not 0.
func TestLazyWithAccumulate(t *testing.T) {
	g := graph.New()
	table := g.Variable("table", tensor.Float64, tensor.Shape{4, 1}, values(1.0, 2, 3, 4))
	ids, x := g.Placeholder("ids", tensor.Int64, 1), g.Placeholder("x", tensor.Float64, 1, 1)
	trainOp := optim.Momentum(1, 0.5, optim.Lazy(), optim.Accumulate(2)).Minimize(g, ops.Sum(g, ops.Mul(g, ops.Gather(g, table, ids), x)))
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	for _, run := range []struct {
		id   int64
		x    float64
		want []float64
	}{
		{1, 2, []float64{1, 2, 3, 4}}, {2, 4, []float64{1, 1, 1, 4}}, // momenta 1 and 2
		{1, 2, []float64{1, 1, 1, 4}}, {1, 0, []float64{1, -0.5, 1, 4}}, // momentum 1.5; that of row 2 does not move it
		{2, 1, []float64{1, -0.5, 1, 4}}, {2, -1, []float64{1, -0.5, 1, 4}}, // a sum of 0
	} {
		_, err := s.Run(t.Context(), gorgonia.Nodes{trainOp}, graph.Feed{
			ids: tensor.New(tensor.WithShape(1), tensor.WithBacking([]int64{run.id})), x: tensor.New(tensor.WithShape(1, 1), tensor.WithBacking([]float64{run.x}))})
		require.NoError(t, err)
		require.Equal(t, run.want, value(t, s.Store(), "table"))
	}
}

// Averages go on following a row that is not looked up any more.
func TestLazyWithAverage(t *testing.T) {
	g := graph.New()
	table := g.Variable("table", tensor.Float64, tensor.Shape{2, 1}, values(1.0, 2))
	ids := g.Placeholder("ids", tensor.Int64, 1)
	trainOp := optim.Momentum(1, 0.5, optim.Lazy(), optim.WithExponentialMovingAverage(0.5)).Minimize(g, ops.Sum(g, ops.Gather(g, table, ids)))
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	for k, id := range []int64{0, 1, 1} {
		_, err := s.Run(t.Context(), gorgonia.Nodes{trainOp}, graph.Feed{ids: tensor.New(tensor.WithShape(1), tensor.WithBacking([]int64{id}))})
		require.NoError(t, err)
		require.Equal(t, []float64{0.5, 0.25, 0.125}[k], value(t, s.Store(), "table/ExponentialMovingAverage")[0])
	}
	require.Equal(t, []float64{0, -0.5}, value(t, s.Store(), "table"))
}

// Row 0 is looked up in the first step only. Its momentum then rests with it, where
// without Lazy it would go on moving it.
func ExampleLazy() {
	g := graph.New()
	table := g.Variable("table", tensor.Float64, tensor.Shape{1000, 1}, nil)
	ids := g.Placeholder("ids", tensor.Int64, 1)
	trainOp := optim.Momentum(1, 0.5, optim.Lazy()).Minimize(g, ops.Sum(g, ops.Gather(g, table, ids)))
	s, err := session.New(g)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	for _, id := range []int64{0, 7, 7} {
		feed := graph.Feed{ids: tensor.New(tensor.WithShape(1), tensor.WithBacking([]int64{id}))}
		if _, err := s.Run(context.Background(), gorgonia.Nodes{trainOp}, feed); err != nil {
			fmt.Println(err)
			return
		}
	}
	v, err := s.Store().Value("table")
	fmt.Println(v.Float64s()[0], v.Float64s()[7], err)
	// Output: -1 -2.5 <nil>
}
