package metrics

import (
	"math"

	"gorgonia.org/gorgonia"
)

// Hinge is the weighted mean of max(0, 1-label*prediction), of one shape, for labels -1
// and 1; a label 0 counts as -1. It takes [ClassID].
func Hinge(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return errorMean("Hinge", hinge, opts, labels, predictions)
}

// SquaredHinge is the weighted mean of the squares of what [Hinge] is the mean of.
func SquaredHinge(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return errorMean("SquaredHinge", func(y, p float64) float64 {
		h := hinge(y, p)
		return h * h
	}, opts, labels, predictions)
}

// CategoricalHinge is the weighted mean over rows of max(0, 1 + w - r), where r is the
// prediction of the right class, w the largest of the wrong ones or 0. Labels are
// one-hot, both are [batch, classes].
func CategoricalHinge(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return collect("CategoricalHinge", opts).build(rowMean(func(b *batch, i int) float64 {
		y, p := b.row(0, i), b.row(1, i)
		right, wrong := 0.0, math.Inf(-1)
		for k := range y {
			right += y[k] * p[k]
			wrong = math.Max(wrong, (1-y[k])*p[k])
		}
		return math.Max(0, wrong-right+1)
	}), labels, predictions)
}

func hinge(y, p float64) float64 {
	if y == 0 {
		y = -1
	}
	return math.Max(0, 1-y*p)
}
