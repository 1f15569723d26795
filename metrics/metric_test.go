package metrics_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
)

func TestValuesOfMetrics(t *testing.T) {
	y, p := vector(1.0, 2, 3, 5), vector(2.0, 2, 5, 1)
	binary, guess := vector(1.0, 0, 1, 1), vector(1.0, 1, 0, 1)
	w := vector(1.0, 2, 0, 1)
	for _, row := range []struct {
		name   string
		values []gorgonia.Value
		want   float64
	}{
		{"Mean", []gorgonia.Value{p}, 2.5},
		{"Mean", []gorgonia.Value{p, w}, 7.0 / 4},
		{"Accuracy", []gorgonia.Value{y, p}, 0.25},
		{"Accuracy", []gorgonia.Value{y, p, w}, 0.5},
		{"MeanSquaredError", []gorgonia.Value{y, p}, 21.0 / 4},
		{"MeanSquaredError", []gorgonia.Value{y, p, w}, 17.0 / 4},
		{"RootMeanSquaredError", []gorgonia.Value{y, p}, math.Sqrt(21) / 2},
		{"RootMeanSquaredError", []gorgonia.Value{y, p, w}, math.Sqrt(17) / 2},
		{"MeanAbsoluteError", []gorgonia.Value{y, p}, 7.0 / 4},
		{"MeanAbsoluteError", []gorgonia.Value{y, p, w}, 5.0 / 4},
		{"Precision", []gorgonia.Value{binary, guess}, 2.0 / 3},
		{"Precision", []gorgonia.Value{binary, guess, w}, 0.5},
		{"Recall", []gorgonia.Value{binary, guess}, 2.0 / 3},
		{"Recall", []gorgonia.Value{binary, guess, w}, 1},
	} {
		var opts []metrics.Option
		if n := len(standard[row.name]().Nodes()); len(row.values) > n {
			opts = append(opts, weighted)
		}
		m := update(t, standard[row.name](opts...), row.values...)
		require.InDelta(t, row.want, m.Value(), 1e-12, row.name)
	}
}

func TestNothingToDivideBy(t *testing.T) {
	zeros, ones := vector(0.0, 0), vector(1.0, 1)
	for name, make := range standard {
		values := []gorgonia.Value{ones, ones}
		if name == "Mean" {
			values = values[:1]
		}
		m := update(t, make(weighted), append(values, zeros)...)
		require.Zero(t, m.Value(), name)
	}
	require.Zero(t, update(t, metrics.Precision(labels, predictions), ones, zeros).Value(), "nothing is predicted")
	require.Zero(t, update(t, metrics.Recall(labels, predictions), zeros, ones).Value(), "nothing is there")
	empty := tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(0))
	require.Zero(t, update(t, metrics.Mean(node), empty).Value())
	require.Zero(t, update(t, metrics.Mean(node, weighted), empty, empty).Value())
}

// What has no weight may hold anything: padding often is NaN.
func TestMaskedElements(t *testing.T) {
	mask, nan := vector(1.0, 0, 1), math.NaN()
	for name, make := range standard {
		clean, masked := make(weighted), make(weighted)
		if name == "Mean" {
			update(t, clean, vector(1.0, 5, 3), mask)
			update(t, masked, vector(1.0, nan, 3), mask)
		} else {
			update(t, clean, vector(1.0, 1, 0), vector(1.0, 1, 0.5), mask)
			update(t, masked, vector(1.0, nan, 0), vector(1.0, nan, 0.5), mask)
		}
		require.Equal(t, clean.Value(), masked.Value(), name)
		require.NotZero(t, clean.Value(), name)
	}
	m := update(t, metrics.AUC(labels, predictions, weighted), vector(1.0, 0, 0), vector(-5.0, 7, 0.5), vector(0.0, 0, 1))
	require.InDelta(t, 1, m.Value(), 1e-5, "without positives it is 1")
}

func TestWeightsAreBroadcast(t *testing.T) {
	values := shaped(tensor.Shape{2, 3}, 1.0, 2, 3, 4, 5, 6)
	cube := shaped(tensor.Shape{2, 2, 2}, 1.0, 2, 3, 4, 5, 6, 7, 8)
	for _, row := range []struct {
		name            string
		values, weights gorgonia.Value
		want            float64
	}{
		{"scalar", values, gorgonia.NewF64(3), 3.5},
		{"one", values, vector(3.0), 3.5},
		{"rows", values, vector(1.0, 3), (6 + 3*15.0) / 12},
		{"rows as a column", values, shaped(tensor.Shape{2, 1}, 1.0, 3), (6 + 3*15.0) / 12},
		{"columns", values, shaped(tensor.Shape{1, 3}, 1.0, 0, 2), (5 + 2*9.0) / 6},
		{"elements with an axis more", values, shaped(tensor.Shape{2, 3, 1}, 1.0, 0, 0, 0, 0, 1), 3.5},
		{"elements", values, shaped(tensor.Shape{2, 3}, 1.0, 0, 0, 0, 0, 1), 3.5},
		{"the middle axis", cube, shaped(tensor.Shape{1, 2, 1}, 1.0, 0), (1 + 2 + 5 + 6) / 4.0},
		{"two axes", cube, shaped(tensor.Shape{2, 1, 2}, 1.0, 0, 0, 1), (1 + 3 + 6 + 8) / 4.0},
	} {
		m := update(t, metrics.Mean(node, weighted), row.values, row.weights)
		require.InDelta(t, row.want, m.Value(), 1e-12, row.name)
	}
}

func TestDtypes(t *testing.T) {
	view := shaped(tensor.Shape{3, 2}, 1.0, 100, 2, 100, 6, 100).(*tensor.Dense)
	column, err := view.Slice(nil, gorgonia.S(0))
	require.NoError(t, err)
	for _, v := range []gorgonia.Value{
		vector[float32](1, 2, 6), vector[float64](1, 2, 6), vector[int64](1, 2, 6), vector[int32](1, 2, 6), vector(1, 2, 6),
		vector[uint8](1, 2, 6), column.(*tensor.Dense), gorgonia.NewF32(3), gorgonia.NewF64(3), gorgonia.NewI64(3), gorgonia.NewI32(3), gorgonia.NewI(3), gorgonia.NewU8(3),
	} {
		require.Equal(t, 3.0, update(t, metrics.Mean(node), v).Value(), "%T", v.Data())
	}
	require.Equal(t, 0.5, update(t, metrics.Mean(node), vector(true, false)).Value())
	require.Equal(t, 1.0, update(t, metrics.Mean(node), gorgonia.NewB(true)).Value())
}

// However rows are split into batches, and batches among shards, the result is the
// same.
func TestAnySplitIsTheWhole(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const rows = 97
	y, p, w := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	for i := range y {
		y[i], p[i], w[i] = float64(random.IntN(2)), min(float64(random.IntN(50))/30, 1), float64(random.IntN(4))
	}
	batch := func(m metrics.Metric, from, to int) []gorgonia.Value {
		columns := []gorgonia.Value{vector(y[from:to]...), vector(p[from:to]...), vector(w[from:to]...)}
		return columns[3-len(m.Nodes()):]
	}
	for name, make := range standard {
		whole := make(weighted)
		update(t, whole, batch(whole, 0, rows)...)
		require.NotZero(t, whole.Value(), name)
		for range 50 {
			shards := []metrics.Metric{make(weighted), whole.Clone(), whole.Clone()}
			for from := 0; from < rows; {
				to := min(from+1+random.IntN(20), rows)
				m := shards[random.IntN(len(shards))]
				update(t, m, batch(m, from, to)...)
				from = to
			}
			require.NoError(t, shards[0].Merge(shards[1]))
			require.NoError(t, shards[0].Merge(shards[2]))
			require.InDelta(t, whole.Value(), shards[0].Value(), 1e-12, name)
		}
	}
}

func TestResetCloneMap(t *testing.T) {
	other := graph.New()
	counterparts := map[*gorgonia.Node]*gorgonia.Node{}
	for _, n := range []*gorgonia.Node{labels, predictions, node, weights} {
		counterparts[n] = other.Placeholder(n.Name(), tensor.Float64, 4)
	}
	for name, m := range updated(t) {
		want := m.Value()
		clone := m.Clone()
		require.Zero(t, clone.Value(), name)
		require.Equal(t, m.Nodes(), clone.Nodes(), name)
		mapped := m.Map(func(n *gorgonia.Node) *gorgonia.Node { return counterparts[n] })
		require.Zero(t, mapped.Value(), name)
		require.Len(t, mapped.Nodes(), len(m.Nodes()))
		for i, n := range mapped.Nodes() {
			require.Same(t, counterparts[m.Nodes()[i]], n)
		}
		require.Equal(t, want, update(t, clone, batchFor(name)...).Value(), name)
		require.Equal(t, want, update(t, mapped, batchFor(name)...).Value(), name)
		require.Equal(t, want, m.Value(), "%s: clones have counts of their own", name)
		m.Reset()
		require.Zero(t, m.Value(), name)
		require.Equal(t, want, update(t, m, batchFor(name)...).Value(), name)
	}
}

func TestNames(t *testing.T) {
	require.Equal(t, []string{"a", "b", "c"}, metrics.Names(map[string]metrics.Metric{"c": nil, "a": nil, "b": nil}))
}
