package metrics_test

import (
	"math"
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
		{
			"T19", metrics.MeanRelativeError(labels, predictions, node),
			[][]gorgonia.Value{{vector[float32](1, 3, 2, 3), vector[float32](2, 4, 6, 8), vector[float32](1, 3, 2, 3)}},
			1.25, 1e-12,
		},
		{
			"T25", metrics.MeanIoU(labels, predictions, 2),
			[][]gorgonia.Value{{vector[int64](0, 0, 0, 1, 1), vector[int64](0, 0, 0, 0, 0)}, {vector[int64](1, 1, 1, 1, 1), vector[int64](1, 1, 1, 1, 1)}},
			(3.0/5 + 5.0/7) / 2, 1e-12,
		},
		{"T26", metrics.PercentageBelow(node, 100), scalars(2, 4, 6, 8), 1, 1e-12},
		{"T26", metrics.PercentageBelow(node, 7), scalars(2, 4, 6, 8), 0.75, 1e-12},
		{"T26", metrics.PercentageBelow(node, 1), scalars(2, 4, 6, 8), 0, 1e-12},
		{"T28", metrics.PrecisionAtK(labels, predictions, 1), ranking, 0, 1e-12},
		{"T28", metrics.PrecisionAtK(labels, predictions, 2), ranking, 0.5, 1e-12},
		{"T28", metrics.PrecisionAtK(labels, predictions, 3), ranking, 1.0 / 3, 1e-12},
		{"T28", metrics.PrecisionAtK(labels, predictions, 4), ranking, 0.5, 1e-12},
		{
			"T30", metrics.RecallAtTopK(labels, predictions),
			[][]gorgonia.Value{{shaped[int64](tensor.Shape{2, 3}, 2, 7, 8, 1, 2, 5), topFive}},
			0.5, 1e-12,
		},
		{
			"T30", metrics.RecallAtTopK(labels, predictions),
			[][]gorgonia.Value{{shaped[int64](tensor.Shape{2, 4}, 2, 7, -1, 8, 1, 2, 5, 10), topFive}},
			0.375, 1e-12,
		},
		{
			"T31", metrics.RecallAtK(labels, predictions, 1, weighted),
			[][]gorgonia.Value{{vector[int64](3, 2), shaped[float32](tensor.Shape{2, 4}, .1, .3, .2, .4, .1, .2, .3, .4), vector[float32](2, 3)}},
			0.4, 1e-12,
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
	t.Run("T16", func(t *testing.T) {
		m := metrics.MeanTensor(node)
		running := [][]float64{nil, nil, {-2.1, 5.05}, {0.766667, 3.366667}, {-0.225, 3.525}}
		for i, row := range [][]float32{{0, 1}, {-4.2, 9.1}, {6.5, 0}, {-3.2, 4}} {
			update(t, m, vector(row...))
			if want := running[i+1]; want != nil {
				require.InDeltaSlice(t, want, m.Tensor().Float64s(), 1e-6)
			}
		}
	})
	t.Run("T32", func(t *testing.T) {
		batch := []gorgonia.Value{vector[int64](0, 1, 1, 1), vector[float32](1, 0, 1, 0)}
		precision := metrics.PrecisionAtThresholds(labels, predictions, []float64{-1, 2})
		update(t, precision, batch...)
		require.InDeltaSlice(t, []float64{0.75, 0}, precision.Tensor().Float64s(), 1e-6)
		recall := metrics.RecallAtThresholds(labels, predictions, []float64{-1, 2})
		update(t, recall, batch...)
		require.InDeltaSlice(t, []float64{1, 0}, recall.Tensor().Float64s(), 1e-6)
	})
}

// The scores of classes in the order 5, 3, 6, 0, of which 0 to 4 are labels; and classes
// that two rows have for their best five.
var (
	ranking = [][]gorgonia.Value{{
		shaped[int64](tensor.Shape{1, 5}, 0, 1, 2, 3, 4),
		shaped[float32](tensor.Shape{1, 7}, .2, .1, 0, .4, 0, .5, .3),
	}}
	topFive = shaped[int64](tensor.Shape{2, 5}, 9, 4, 6, 2, 0, 5, 7, 2, 9, 6)
)

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
	t.Run("Q7", func(t *testing.T) {
		none := shaped(tensor.Shape{2, 4}, make([]float64, 8)...)
		scores := shaped(tensor.Shape{2, 4}, .1, .3, .2, .4, .1, .2, .3, .4)
		m := func(m metrics.Metric) float64 { return update(t, m, none, scores).Value() }
		require.True(t, math.IsNaN(m(metrics.RecallAtK(labels, predictions, 2, metrics.MultiHot()))))
		require.True(t, math.IsNaN(m(metrics.AveragePrecisionAtK(labels, predictions, 2, metrics.MultiHot()))))
		require.True(t, math.IsNaN(m(metrics.PrecisionAtK(labels, predictions, 2, metrics.MultiHot(), metrics.ClassID(0)))), "class 0 is not predicted")
		require.Zero(t, m(metrics.PrecisionAtK(labels, predictions, 2, metrics.MultiHot())))
	})
	t.Run("Q9", func(t *testing.T) {
		iou := func(y, p gorgonia.Value, w ...gorgonia.Value) float64 {
			if len(w) > 0 {
				return update(t, metrics.MeanIoU(labels, predictions, 3, weighted), y, p, w[0]).Value()
			}
			return update(t, metrics.MeanIoU(labels, predictions, 3), y, p).Value()
		}
		require.InDelta(t, (2.0/3+1.0/2)/2, iou(vector(0, 0, 0, 2), vector(0, 0, 2, 2)), 1e-12, "class 1 is nowhere")
		require.Zero(t, iou(vector(0, 1, 2), vector(1, 2, 0)), "all wrong")
		require.Equal(t, 1.0, iou(vector(0, 1, 2), vector(0, 1, 2)), "all right")
		require.Zero(t, iou(vector(0, 1, 2), vector(0, 1, 2), vector(0.0, 0, 0)), "zero weights")
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
