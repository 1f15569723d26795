package metrics_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/metrics"
)

// Values by hand, of what no other program was asked.
func TestSmallCases(t *testing.T) {
	pair := func(m metrics.Metric, y, p []float64) float64 {
		return update(t, m, vector(y...), vector(p...)).Value()
	}
	require.Equal(t, 7.5, update(t, metrics.Sum(node, weighted), vector(1.0, 2, 3), vector(1.0, 1, 1.5)).Value())
	require.Equal(t, 0.75, update(t, metrics.AccuracyBaseline(node), vector(0.0, 1, 0, 0)).Value(), "the better answer is 0")
	require.Equal(t, 0.75, update(t, metrics.AccuracyBaseline(node), vector(1.0, 1, 0, 1)).Value(), "the better answer is 1")
	require.Equal(t, 1.5, pair(metrics.Hinge(labels, predictions), []float64{0, -1}, []float64{0.5, 0.5}), "a label 0 is -1")
	require.Equal(t, 1.0, pair(metrics.R2(labels, predictions), []float64{2, 2}, []float64{2, 2}), "all labels equal, and predictions")
	require.Equal(t, 0.0, pair(metrics.R2(labels, predictions), []float64{2, 2}, []float64{2, 3}), "all labels equal, but not predictions")
	require.Equal(t, 75.0, pair(metrics.MeanAbsolutePercentageError(labels, predictions), []float64{-2, 4}, []float64{-1, 8}), "of the label's size")
	require.True(t, math.IsNaN(pair(metrics.PearsonCorrelation(labels, predictions), []float64{2, 2}, []float64{2, 3})), "constant labels")
	require.True(t, math.IsNaN(pair(metrics.Covariance(labels, predictions), []float64{2}, []float64{2})), "one row")
	require.InDelta(t, -math.Log(1e-7), pair(metrics.LogLoss(labels, predictions), []float64{1}, []float64{0}), 1e-9)
	require.InDelta(t, 1000-math.Ln2, pair(metrics.LogCoshError(labels, predictions), []float64{0}, []float64{-1000}), 1e-9, "without overflow")
	require.InDelta(t, -math.Log(0.75), update(t, metrics.CategoricalCrossEntropy(labels, predictions),
		shaped(tensor.Shape{1, 2}, 1.0, 0), shaped(tensor.Shape{1, 2}, 0.6, 0.2)).Value(), 1e-12, "probabilities are divided by their sum")
	zero := shaped(tensor.Shape{1, 2}, 0.0, 0)
	require.Zero(t, update(t, metrics.CosineSimilarity(labels, predictions), zero, shaped(tensor.Shape{1, 2}, 1.0, 0)).Value())

	micro := metrics.FBeta(labels, predictions, 2, metrics.Threshold(0.5))
	require.InDelta(t, 5*2/(5*2+4*1+1.0), pair(micro, []float64{1, 1, 1, 0, 0}, []float64{0.9, 0.8, 0.1, 0.7, 0.2}), 1e-12)
	mean := metrics.MeanTensor(node, weighted)
	update(t, mean, shaped(tensor.Shape{2, 2}, 1.0, 2, 3, 4), vector(1.0, 0))
	require.Equal(t, []float64{1, 2, 0, 0}, mean.Tensor().Float64s(), "an element without weight is 0")
	require.Equal(t, tensor.Shape{2, 2}, mean.Tensor().Shape())
	require.Nil(t, mean.Labels())
	update(t, mean, shaped(tensor.Shape{2, 2}, 3.0, 2, 3, 4), vector(1.0, 2))
	require.Equal(t, []float64{2, 2, 3, 4}, mean.Tensor().Float64s())
	require.Equal(t, 11.0/4, mean.Value())
}

// An axis other than the last, and weights without it.
func TestMeanCosineDistanceAlongAnAxis(t *testing.T) {
	y, p := shaped(tensor.Shape{2, 2, 2}, 1.0, 0, 0, 1, 1, 1, 0, 0), shaped(tensor.Shape{2, 2, 2}, 1.0, 0, 0, -1, 1, 0, 0, 0)
	m := metrics.MeanCosineDistance(labels, predictions, 1, weighted)
	// Sums over the middle axis: 1, -1; 1, 0.
	require.InDelta(t, 1-(1-1*2+1*3)/6.0, update(t, m, y, p, shaped(tensor.Shape{2, 2}, 1.0, 2, 3, 0)).Value(), 1e-12)
	same(t, m, update(t, metrics.MeanCosineDistance(labels, predictions, -2, weighted), y, p, shaped(tensor.Shape{2, 2}, 1.0, 2, 3, 0)), 0, "from the end")
	first := metrics.MeanCosineDistance(labels, predictions, 0)
	require.InDelta(t, 1-(2+0+0-1)/4.0, update(t, first, y, p).Value(), 1e-12)
}

// A mean that is large beside the spread costs no digits.
func TestMomentsFarFromZero(t *testing.T) {
	const far = 1 << 30
	m := metrics.PearsonCorrelation(labels, predictions)
	c := metrics.Covariance(labels, predictions)
	for i := range 100 {
		x := float64(i % 2)
		update(t, m, vector(far+x), vector(far-x))
		update(t, c, vector(far+x), vector(far-x))
	}
	require.InDelta(t, -1, m.Value(), 1e-9)
	require.InDelta(t, -25.0/99, c.Value(), 1e-9)
}
