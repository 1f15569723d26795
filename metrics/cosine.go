package metrics

import (
	"math"

	"gorgonia.org/gorgonia"
)

// MeanCosineDistance is 1 less the weighted mean of the sums of label*prediction along
// axis dim, counted from 0, or from the end if negative: -1 for [batch, n]. Both have
// one shape and are taken for unit vectors, as in tf.metrics; weights have that shape
// without the axis.
func MeanCosineDistance(labels, predictions *gorgonia.Node, dim int, opts ...Option) Metric {
	o := collect("MeanCosineDistance", opts)
	o.parameter("dim %d", dim)
	r := rowMean(func(b *batch, i int) float64 { return dot(b.row(0, i), b.row(1, i)) })
	r.axis = dim
	r.value = func(sums []float64) float64 {
		if sums[1] <= 0 {
			return 0
		}
		return 1 - sums[0]/sums[1]
	}
	return o.build(r, labels, predictions)
}

// CosineSimilarity is the weighted mean over rows of the cosine of the angle between
// label and prediction, both [batch, n]: 1 for the same direction, -1 for opposite ones.
// A vector of zeros has the cosine 0.
func CosineSimilarity(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return collect("CosineSimilarity", opts).build(rowMean(func(b *batch, i int) float64 {
		y, p := b.row(0, i), b.row(1, i)
		return quotient(dot(y, p), math.Sqrt(dot(y, y))*math.Sqrt(dot(p, p)))
	}), labels, predictions)
}

func dot(x, y []float64) (sum float64) {
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}
