package metrics_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/metrics"
)

// The golden numbers of TensorFlow's own tests.
func TestConformanceT(t *testing.T) {
	eight := tensor.Shape{2, 4}
	matrix := func(x ...float32) gorgonia.Value { return shaped(eight, x...) }
	for _, row := range []struct {
		id      string
		metric  metrics.Metric
		batches [][]gorgonia.Value
		want    float64
		tol     float64
	}{
		{"T01", metrics.Accuracy(labels, predictions), [][]gorgonia.Value{{vector[int64](0, 1, 1, 2), vector[int64](0, 1, 2, 1)}}, 0.5, 1e-12},
		{
			"T03", metrics.Precision(labels, predictions, weighted),
			[][]gorgonia.Value{{matrix(0, 1, 1, 0, 1, 0, 0, 1), matrix(1, 0, 1, 0, 1, 0, 1, 0), shaped(tensor.Shape{2, 1}, float32(2), 5)}},
			0.5, 1e-12,
		},
		{
			"T05", metrics.Recall(labels, predictions, weighted),
			[][]gorgonia.Value{{matrix(0, 1, 1, 0, 1, 0, 0, 1), matrix(1, 0, 1, 0, 0, 1, 0, 1), matrix(1, 2, 3, 4, 4, 3, 2, 1)}},
			0.4, 1e-12,
		},
		{
			"T07", metrics.AUC(labels, predictions, weighted),
			[][]gorgonia.Value{{vector[float32](0, 1, 1, 0), vector[float32](1, 0, 1, 0), vector[float32](1, 2, 3, 4)}},
			0.699999920000004, 1e-12,
		},
		{
			"T13", metrics.AUC(labels, predictions),
			[][]gorgonia.Value{{vector[float64](0, 1, 0, 1), vector(.12, .3001, .3003, .72)}},
			0.8749996250001562, 1e-12,
		},
		{
			"T14", metrics.AUC(labels, predictions, metrics.Thresholds(0, .2, .3002, .6, 1)),
			[][]gorgonia.Value{{vector[float64](0, 1, 0, 1), vector(.12, .3001, .3003, .72)}},
			0.7499997500000624, 1e-12,
		},
		{
			"T15", metrics.Mean(node),
			[][]gorgonia.Value{{vector[float32](0, 1)}, {vector[float32](-4.2, 9.1)}, {vector[float32](6.5, 0)}, {vector[float32](-3.2, 4)}},
			1.65, 1e-6,
		},
		{"T20", metrics.MeanSquaredError(labels, predictions), [][]gorgonia.Value{{vector[float32](1, 3, 2), vector[float32](2, 4, 6)}}, 6, 1e-12},
		{
			"T20", metrics.MeanSquaredError(labels, predictions, weighted),
			[][]gorgonia.Value{{vector[float32](1, 3, 2, 3), vector[float32](2, 4, 6, 8), vector[float32](0, 1, 0, 1)}},
			13, 1e-12,
		},
		{
			"T20", metrics.MeanSquaredError(labels, predictions),
			[][]gorgonia.Value{{vector[float32](1, 3, 2), vector[float32](10, 8, 6)}, {vector[float32](2, 4, 6), vector[float32](-4, 3, -1)}},
			34.666666666666664, 1e-12,
		},
		{"T33", metrics.Mean(node), scalars(2, 4, 6, 8, 10), 6, 1e-12},
		{"T34", metrics.Mean(node), scalars(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), 4.5, 1e-12},
	} {
		t.Run(row.id, func(t *testing.T) {
			for _, batch := range row.batches {
				update(t, row.metric, batch...)
			}
			require.InDelta(t, row.want, row.metric.Value(), row.tol)
		})
	}
}

// scalars are batches of one scalar, as a loss is.
func scalars(x ...float32) (batches [][]gorgonia.Value) {
	for _, v := range x {
		batches = append(batches, []gorgonia.Value{gorgonia.NewF32(v)})
	}
	return batches
}

func TestConformanceQ(t *testing.T) {
	t.Run("Q1", func(t *testing.T) {
		for name, make := range standard {
			require.Zero(t, make().Value(), name)
			require.Zero(t, make(weighted).Value(), name)
		}
	})
	t.Run("Q2", func(t *testing.T) {
		for name, m := range updated(t) {
			want := m.Value()
			require.NotZero(t, want, name)
			for range 10 {
				require.Equal(t, want, m.Value(), name)
			}
		}
	})
	t.Run("Q4", func(t *testing.T) {
		column := shaped(tensor.Shape{3, 1}, 1.0, 0, 1)
		row := vector(1.0, 1, 1)
		require.InDelta(t, 2.0/3, update(t, metrics.Accuracy(labels, predictions), row, column).Value(), 1e-12)
		require.InDelta(t, 2.0/3, update(t, metrics.Accuracy(labels, predictions), column, row).Value(), 1e-12)
		require.Equal(t, 1.0, update(t, metrics.Accuracy(labels, predictions, weighted), row, column, column).Value())
		require.InDelta(t, 0.5, update(t, metrics.Accuracy(labels, predictions, weighted), column, row, vector(1.0, 2, 1)).Value(), 1e-12)
	})
	t.Run("Q5", func(t *testing.T) {
		// There is no separate update operation here whose result could differ: what is
		// left of the rule is that the value after a batch counts that batch.
		m := metrics.Mean(node)
		sum, n := 0.0, 0.0
		for i := range 20 {
			x := float64(i*i%7) - 3
			update(t, m, vector(x, x+1))
			sum, n = sum+2*x+1, n+2
			require.InDelta(t, sum/n, m.Value(), 1e-12)
		}
	})
}

// updated has every standard metric after one batch, none of them 0.
func updated(t *testing.T) map[string]metrics.Metric {
	t.Helper()
	all := map[string]metrics.Metric{}
	for name, make := range standard {
		all[name] = update(t, make(), batchFor(name)...)
	}
	return all
}

func batchFor(name string) []gorgonia.Value {
	if name == "Mean" {
		return []gorgonia.Value{vector(1.0, 2, 4)}
	}
	return []gorgonia.Value{vector(1.0, 0, 1, 0), vector(1.0, 0.25, 0.75, 0)}
}
