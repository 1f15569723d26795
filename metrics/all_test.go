package metrics_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
)

// each runs a test for every metric of the package, with data of 60 rows.
func each(t *testing.T, test func(t *testing.T, s subject, columns [][]float64, weights []float64)) {
	all := subjects()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			columns := all[name].rows(random, allRows)
			weights := whole(random, allRows, 4)
			weights[0], weights[1] = 2, 3
			test(t, all[name], columns, weights)
		})
	}
}

const allRows = 60

// same is require.Equal for numbers that may be NaN.
func same(t *testing.T, want, got metrics.Metric, delta float64, message string) {
	t.Helper()
	w, g := result(want), result(got)
	require.Len(t, g, len(w), message)
	for i := range w {
		if !(math.IsNaN(w[i]) && math.IsNaN(g[i])) {
			require.InDelta(t, w[i], g[i], delta, message)
		}
	}
}

func TestEveryMetricOfNothing(t *testing.T) {
	each(t, func(t *testing.T, s subject, columns [][]float64, weights []float64) {
		empty := func(m metrics.Metric, why string) {
			if s.nan {
				require.True(t, math.IsNaN(m.Value()), why)
				return
			}
			require.Zero(t, m.Value(), why)
		}
		empty(s.make(), "before any update")
		empty(update(t, s.make(), s.values(columns, nil, 0, 0)...), "a batch without rows")
		empty(update(t, s.make(weighted), s.values(columns, make([]float64, allRows), 0, allRows)...), "weights of 0")
	})
}

// However rows are split into batches, and batches among shards, the result is the same:
// the very same where sums are exact.
func TestAnySplitIsTheWhole(t *testing.T) {
	each(t, func(t *testing.T, s subject, columns [][]float64, weights []float64) {
		delta := 1e-12
		if s.exact {
			delta = 0
		}
		all := update(t, s.make(weighted), s.values(columns, weights, 0, allRows)...)
		require.NotZero(t, all.Value())
		require.False(t, math.IsNaN(all.Value()))
		random := rand.New(rand.NewPCG(3, 4))
		for range 20 {
			shards := []metrics.Metric{all.Clone(), all.Clone(), all.Clone()}
			for from := 0; from < allRows; {
				to := min(from+1+random.IntN(20), allRows)
				update(t, shards[random.IntN(len(shards))], s.values(columns, weights, from, to)...)
				from = to
			}
			require.NoError(t, shards[0].Merge(shards[1]))
			require.NoError(t, shards[0].Merge(shards[2]))
			same(t, all, shards[0], delta, "merged")
			require.NoError(t, shards[0].Merge(all.Clone()))
			same(t, all, shards[0], delta, "merging nothing changes nothing")
		}
	})
}

// A weight is as good as repeated rows.
func TestWeightsAreRepetitions(t *testing.T) {
	each(t, func(t *testing.T, s subject, columns [][]float64, weights []float64) {
		repeated := s.make()
		for i, w := range weights {
			for range int(w) {
				update(t, repeated, s.values(columns, nil, i, i+1)...)
			}
		}
		same(t, repeated, update(t, s.make(weighted), s.values(columns, weights, 0, allRows)...), 1e-12, "weighted")
	})
}

// What has no weight may hold anything: padding often is NaN.
func TestMaskedRows(t *testing.T) {
	each(t, func(t *testing.T, s subject, columns [][]float64, weights []float64) {
		clean := update(t, s.make(weighted), s.values(columns, weights, 0, allRows)...)
		for i, x := range columns {
			width := max(s.width[i], 1)
			for k := range x {
				if weights[k/width] == 0 {
					x[k] = []float64{math.NaN(), 1e9, -7.5}[k%3]
				}
			}
		}
		same(t, clean, update(t, s.make(weighted), s.values(columns, weights, 0, allRows)...), 0, "masked")
	})
}

func TestResetCloneMapAndIdempotence(t *testing.T) {
	other := graph.New()
	counterparts := map[*gorgonia.Node]*gorgonia.Node{}
	for _, n := range []*gorgonia.Node{labels, predictions, node, weights} {
		counterparts[n] = other.Placeholder(n.Name(), n.Dtype(), 4)
	}
	each(t, func(t *testing.T, s subject, columns [][]float64, weights []float64) {
		batch := s.values(columns, weights, 0, allRows)
		m := update(t, s.make(weighted), batch...)
		want := result(m)
		for range 3 {
			require.Equal(t, want, result(m), "reading changes nothing")
		}
		clone, mapped := m.Clone(), m.Map(func(n *gorgonia.Node) *gorgonia.Node { return counterparts[n] })
		require.Equal(t, m.Nodes(), clone.Nodes())
		require.Len(t, mapped.Nodes(), len(m.Nodes()))
		for i, n := range mapped.Nodes() {
			require.Same(t, counterparts[m.Nodes()[i]], n)
		}
		same(t, s.make(), clone, 0, "a clone has no batches")
		same(t, s.make(), mapped, 0, "nor has what Map returns")
		require.Equal(t, want, result(update(t, clone, batch...)))
		require.Equal(t, want, result(update(t, mapped, batch...)))
		require.Equal(t, want, result(m), "clones have sums of their own")
		m.Reset()
		same(t, s.make(), m, 0, "Reset")
		require.Equal(t, want, result(update(t, m, batch...)))
	})
}

// Values are not kept, and float32 is as good as float64 for what it can hold.
func TestValuesMayChangeAfterwards(t *testing.T) {
	each(t, func(t *testing.T, s subject, columns [][]float64, weights []float64) {
		batch := s.values(columns, weights, 0, allRows)
		var single []gorgonia.Value
		for _, v := range batch {
			single = append(single, shaped(v.Shape(), cast[float32](v.Data().([]float64))...))
		}
		m := update(t, s.make(weighted), batch...)
		want := result(m)
		for _, v := range batch {
			clear(v.Data().([]float64))
		}
		require.Equal(t, want, result(m))
		require.Equal(t, want, result(update(t, s.make(weighted), single...)))
	})
}

func TestStateGoesOn(t *testing.T) {
	each(t, func(t *testing.T, s subject, columns [][]float64, weights []float64) {
		var m, resumed metrics.Metric = s.make(weighted), s.make(weighted)
		state, err := m.(metrics.Stateful).State()
		require.NoError(t, err)
		require.NoError(t, resumed.(metrics.Stateful).SetState(state))
		same(t, m, resumed, 0, "nothing yet")
		update(t, m, s.values(columns, weights, 0, 20)...)
		state, err = m.(metrics.Stateful).State()
		require.NoError(t, err)
		update(t, resumed, s.values(columns, weights, 50, 60)...)
		require.NoError(t, resumed.(metrics.Stateful).SetState(state), "what was there is replaced")
		require.Equal(t, result(m), result(resumed))
		for _, x := range []metrics.Metric{m, resumed} {
			update(t, x, s.values(columns, weights, 20, 60)...)
		}
		require.Equal(t, result(m), result(resumed))
	})
}

// A batch that is refused counts for nothing.
func TestAFailedUpdateChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, s subject, columns [][]float64, weights []float64) {
		m := update(t, s.make(weighted), s.values(columns, weights, 0, 20)...)
		want := result(m)
		bad := slices.Clone(weights)
		bad[59] = math.NaN()
		require.ErrorContains(t, m.Update(s.values(columns, bad, 20, 60)), "weight 39 is NaN, want a finite number")
		bad[59] = math.Inf(1)
		require.ErrorContains(t, m.Update(s.values(columns, bad, 20, 60)), "weight 39 is +Inf")
		require.ErrorContains(t, m.Update(s.values(columns, nil, 20, 60)), "values, want")
		batch := s.values(columns, weights, 20, 60)
		batch[0] = nil
		require.ErrorContains(t, m.Update(batch), "value 0: it is nil")
		batch = s.values(columns, weights, 20, 60)
		batch[len(batch)-1] = nil
		require.ErrorContains(t, m.Update(batch), "weights: it is nil")
		batch = s.values(columns, weights, 20, 60)
		batch[len(batch)-1] = vector(1.0, 2, 3)
		require.ErrorContains(t, m.Update(batch), "weights can not be broadcast to values: weights have shape (3)")
		require.Equal(t, want, result(m))
	})
}

// Clones share nothing that an update writes to: the race detector says so.
func TestClonesInGoroutines(t *testing.T) {
	each(t, func(t *testing.T, s subject, columns [][]float64, weights []float64) {
		m := s.make(weighted)
		want := result(update(t, m.Clone(), s.values(columns, weights, 0, allRows)...))
		shards := []metrics.Metric{m.Clone(), m.Clone()}
		var wait sync.WaitGroup
		errs := make([]error, len(shards))
		for i, shard := range shards {
			wait.Go(func() {
				for range 3 {
					shard.Reset()
					errs[i] = shard.Update(s.values(columns, weights, 0, allRows))
				}
			})
		}
		wait.Wait()
		for i, shard := range shards {
			require.NoError(t, errs[i])
			require.Equal(t, want, result(shard))
		}
	})
}
