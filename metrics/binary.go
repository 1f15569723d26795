package metrics

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
)

// Accuracy is the weighted fraction of elements whose class is the label. labels and
// classes have shape [batch] or [batch, 1], or are of one shape. With [Threshold] the
// predictions are probabilities of the class 1, and labels are 0 and 1. It takes [ClassID].
func Accuracy(labels, classes *gorgonia.Node, opts ...Option) Metric {
	o := collect("Accuracy", opts, "Threshold", "ClassID")
	r := mean(elements, func(b *batch, i int) (float64, bool) { return indicator(b.x[0][i] == b.x[1][i]), true })
	if o.has("Threshold") {
		r = mean(elements, func(b *batch, i int) (float64, bool) {
			return indicator(b.x[0][i] == indicator(o.positive(b, i))), true
		})
		r.valid = numbers
	}
	return o.build(r, labels, classes)
}

// Precision is the weighted fraction of positive predictions whose label is positive; not
// 0 is positive. Both are of one shape. It takes [Threshold] and [ClassID].
func Precision(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	o := collect("Precision", opts, "Threshold", "ClassID")
	r := mean(elements, func(b *batch, i int) (float64, bool) { return indicator(b.x[0][i] != 0), o.positive(b, i) })
	r.valid = numbers
	return o.build(r, labels, predictions)
}

// Recall is the weighted fraction of positive labels that are predicted; not 0 is
// positive. Both are of one shape. It takes [Threshold] and [ClassID].
func Recall(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	o := collect("Recall", opts, "Threshold", "ClassID")
	r := mean(elements, func(b *batch, i int) (float64, bool) { return indicator(o.positive(b, i)), b.x[0][i] != 0 })
	r.valid = numbers
	return o.build(r, labels, predictions)
}

// F1 is [FBeta] with beta 1, the harmonic mean of precision and recall.
func F1(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return FBeta(labels, predictions, 1, opts...)
}

// FBeta is (1+beta^2) tp / ((1+beta^2) tp + beta^2 fn + fp) of the weights of true
// positives, false negatives and false positives, 0 if there are none: the mean of
// precision and recall in which recall counts beta times as much. Not 0 is positive; both
// are of one shape. It takes [Threshold] and [ClassID]. [ClassFBeta] is for class numbers.
func FBeta(labels, predictions *gorgonia.Node, beta float64, opts ...Option) Metric {
	o := collect("FBeta", opts, "Threshold", "ClassID")
	o.beta(beta)
	return o.build(rule{
		size: 3, // true positives, false positives, false negatives
		add: func(sums []float64, b *batch) {
			for i, w := range b.weights {
				y, p := b.x[0][i] != 0, o.positive(b, i)
				switch {
				case w == 0:
				case y && p:
					sums[0] += w
				case p:
					sums[1] += w
				case y:
					sums[2] += w
				}
			}
		},
		value: func(s []float64) float64 { return fBeta(beta, s[0], s[1], s[2]) },
		valid: numbers,
	}, labels, predictions)
}

// TruePositives is the weight of positive labels that are predicted; not 0 is positive.
// Both are of one shape. It takes [Threshold] and [ClassID].
func TruePositives(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return count("TruePositives", true, true, opts, labels, predictions)
}

// FalsePositives is the weight of positive predictions whose label is negative; as
// [TruePositives].
func FalsePositives(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return count("FalsePositives", false, true, opts, labels, predictions)
}

// TrueNegatives is the weight of negative labels that are predicted; as [TruePositives].
func TrueNegatives(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return count("TrueNegatives", false, false, opts, labels, predictions)
}

// FalseNegatives is the weight of positive labels that are not predicted; as
// [TruePositives].
func FalseNegatives(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return count("FalseNegatives", true, false, opts, labels, predictions)
}

// count is the weight of elements with that label and prediction.
func count(name string, label, prediction bool, opts []Option, labels, predictions *gorgonia.Node) Metric {
	o := collect(name, opts, "Threshold", "ClassID")
	r := mean(elements, func(b *batch, i int) (float64, bool) {
		return 1, (b.x[0][i] != 0) == label && o.positive(b, i) == prediction
	})
	r.value = func(sums []float64) float64 { return sums[1] }
	r.valid = numbers
	return o.build(r, labels, predictions)
}

// positive tells whether prediction i is.
func (o *options) positive(b *batch, i int) bool {
	if o.has("Threshold") {
		return b.x[1][i] > b.cut(1, o.threshold)
	}
	return b.x[1][i] != 0
}

// numbers reports a NaN, which is neither positive nor negative, among elements with a
// weight.
func numbers(b *batch) error {
	for node, x := range b.x {
		for i, v := range x {
			if math.IsNaN(v) && b.weights[i/b.width[node]] != 0 {
				return fmt.Errorf("%s %d is NaN, want a number", noun(node), i)
			}
		}
	}
	return nil
}

// beta notes the parameter of an F-score.
func (o *options) beta(beta float64) {
	if !(beta > 0) || math.IsInf(beta, 1) {
		o.fail("beta is %v, want a positive number", beta)
	}
	o.parameter("beta %g", beta)
}

func fBeta(beta, tp, fp, fn float64) float64 {
	square := beta * beta
	return quotient((1+square)*tp, (1+square)*tp+square*fn+fp)
}
