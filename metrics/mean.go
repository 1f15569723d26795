package metrics

import (
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Mean is the weighted mean of a node's elements over all batches: every element
// counts once, so a short last batch weighs less. It takes [ClassID].
func Mean(node *gorgonia.Node, opts ...Option) Metric {
	return collect("Mean", opts, "ClassID").build(mean(elements, first), node)
}

// Sum is the weighted sum of a node's elements over all batches. It takes [ClassID].
func Sum(node *gorgonia.Node, opts ...Option) Metric {
	r := mean(elements, first)
	r.value = func(sums []float64) float64 { return sums[0] }
	return collect("Sum", opts, "ClassID").build(r, node)
}

// PercentageBelow is the weighted fraction, in [0, 1], of a node's elements that are
// less than the threshold. Despite its name in TensorFlow it is no percentage.
func PercentageBelow(node *gorgonia.Node, threshold float64, opts ...Option) Metric {
	o := collect("PercentageBelow", opts, "ClassID")
	if math.IsNaN(threshold) {
		o.fail("the threshold is NaN, want a number")
	}
	o.parameter("threshold %g", threshold)
	return o.build(mean(elements, func(b *batch, i int) (float64, bool) {
		return indicator(b.x[0][i] < b.cut(0, threshold)), true
	}), node)
}

// AccuracyBaseline is the accuracy of the better constant answer: max(m, 1-m) of the
// weighted mean m of labels in [0, 1], any shape; 0 before any update. It takes [ClassID].
func AccuracyBaseline(labels *gorgonia.Node, opts ...Option) Metric {
	r := mean(elements, first)
	r.value = func(sums []float64) float64 {
		if sums[1] <= 0 {
			return 0
		}
		m := sums[0] / sums[1]
		return max(m, 1-m)
	}
	return collect("AccuracyBaseline", opts, "ClassID").build(r, labels)
}

// MeanTensor is the weighted mean over all batches of each element of a node, whose
// shape must be the same in every batch. The result has that shape; an element without
// weight is 0.
func MeanTensor(node *gorgonia.Node, opts ...Option) Tensor {
	o := collect("MeanTensor", opts)
	return streamingTensor{o.build(rule{
		size: 2, // the sums of all elements, then their weights
		dims: func(b *batch) tensor.Shape { return b.shape },
		add: func(sums []float64, b *batch) {
			n := len(b.weights)
			for i, w := range b.weights {
				if w != 0 {
					sums[i] += w * b.x[0][i]
					sums[n+i] += w
				}
			}
		},
		each: func(sums []float64) []float64 {
			n := len(sums) / 2
			means := make([]float64, n)
			for i := range means {
				means[i] = quotient(sums[i], sums[n+i])
			}
			return means
		},
		shape: func(dims tensor.Shape) tensor.Shape { return dims },
	}, node)}
}

func first(b *batch, i int) (float64, bool) { return b.x[0][i], true }
