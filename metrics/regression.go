package metrics

import (
	"math"

	"gorgonia.org/gorgonia"
)

// keep is what Keras adds or clips by so as not to divide by 0 or take the logarithm
// of 0.
const keep = 1e-7

// MeanSquaredError is the weighted mean of (prediction-label)^2. Both have one shape.
func MeanSquaredError(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return errorMean("MeanSquaredError", squared, opts, labels, predictions)
}

// RootMeanSquaredError is the square root of [MeanSquaredError].
func RootMeanSquaredError(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	r := pairs(squared)
	r.value = func(sums []float64) float64 { return math.Sqrt(quotient(sums[0], sums[1])) }
	return collect("RootMeanSquaredError", opts, "ClassID").build(r, labels, predictions)
}

// MeanAbsoluteError is the weighted mean of |prediction-label|. Both have one shape.
func MeanAbsoluteError(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return errorMean("MeanAbsoluteError", func(y, p float64) float64 { return math.Abs(p - y) }, opts, labels, predictions)
}

// MeanAbsolutePercentageError is the weighted mean of 100 |label-prediction| /
// max(|label|, 1e-7), as in Keras. Both have one shape.
func MeanAbsolutePercentageError(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return errorMean("MeanAbsolutePercentageError", func(y, p float64) float64 {
		return 100 * math.Abs(y-p) / math.Max(math.Abs(y), keep)
	}, opts, labels, predictions)
}

// MeanSquaredLogarithmicError is the weighted mean of (ln(1+prediction)-ln(1+label))^2.
// What is less than 1e-7 counts as that, as in Keras. Both have one shape.
func MeanSquaredLogarithmicError(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return errorMean("MeanSquaredLogarithmicError", func(y, p float64) float64 {
		return squared(math.Log1p(math.Max(y, keep)), math.Log1p(math.Max(p, keep)))
	}, opts, labels, predictions)
}

// LogCoshError is the weighted mean of ln(cosh(prediction-label)), which is like a half
// of the square for small errors and like the absolute value for large ones. Both have
// one shape.
func LogCoshError(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return errorMean("LogCoshError", func(y, p float64) float64 {
		d := math.Abs(p - y) // ln((e^d + e^-d)/2) without overflow
		return d + math.Log1p(math.Exp(-2*d)) - math.Ln2
	}, opts, labels, predictions)
}

// MeanRelativeError is the weighted mean of |label-prediction|/normalizer, 0 where the
// normalizer is 0. All have one shape.
func MeanRelativeError(labels, predictions, normalizer *gorgonia.Node, opts ...Option) Metric {
	return collect("MeanRelativeError", opts, "ClassID").build(mean(elements, func(b *batch, i int) (float64, bool) {
		if b.x[2][i] == 0 {
			return 0, true
		}
		return math.Abs(b.x[0][i]-b.x[1][i]) / b.x[2][i], true
	}), labels, predictions, normalizer)
}

// errorMean is the weighted mean of a function of label and prediction.
func errorMean(name string, of func(y, p float64) float64, opts []Option, labels, predictions *gorgonia.Node) Metric {
	return collect(name, opts, "ClassID").build(pairs(of), labels, predictions)
}

func pairs(of func(y, p float64) float64) rule {
	return mean(elements, func(b *batch, i int) (float64, bool) { return of(b.x[0][i], b.x[1][i]), true })
}

func squared(y, p float64) float64 { return (p - y) * (p - y) }
