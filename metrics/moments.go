package metrics

import (
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Covariance is the unbiased covariance of predictions and labels, of one shape: the sum
// of weight*(prediction-mean)*(label-mean) over the sum of weights less 1. It is NaN
// while the weights sum up to 1 or less. It takes [ClassID].
func Covariance(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	r := moments()
	r.value = func(s []float64) float64 {
		if s[total] <= 1 {
			return math.NaN()
		}
		return s[both] / (s[total] - 1)
	}
	return collect("Covariance", opts, "ClassID").build(r, labels, predictions)
}

// PearsonCorrelation is the correlation of predictions and labels, of one shape:
// [Covariance] over the product of the standard deviations. It is NaN where that is NaN
// and where one of the two is constant. It takes [ClassID].
func PearsonCorrelation(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	r := moments()
	r.value = func(s []float64) float64 {
		if s[total] <= 1 {
			return math.NaN()
		}
		return s[both] / math.Sqrt(s[labelSquares]) / math.Sqrt(s[predictionSquares])
	}
	return collect("PearsonCorrelation", opts, "ClassID").build(r, labels, predictions)
}

// R2 is the coefficient of determination, 1 - sum(weight*(label-prediction)^2) /
// sum(weight*(label-mean)^2): 1 for perfect predictions, 0 for those no better than the
// mean, without a lower bound. Labels and predictions are [batch] or [batch, outputs];
// with several outputs it is the mean over them, as in Keras and scikit-learn. Where all
// labels are equal it is 1 if the predictions are too, else 0. It takes [ClassID].
func R2(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	o := collect("R2", opts, "ClassID")
	return o.build(rule{
		size: r2Sums,
		dims: func(b *batch) tensor.Shape {
			if len(b.shape) == 0 {
				return tensor.Shape{1}
			}
			return tensor.Shape{b.shape[1:].TotalSize()}
		},
		add: func(sums []float64, b *batch) {
			for i, w := range b.weights {
				if w != 0 {
					at := r2Sums * i % len(sums)
					addR2(sums[at:at+r2Sums], []float64{w, b.x[0][i], 0, w * squared(b.x[0][i], b.x[1][i])})
				}
			}
		},
		merge: func(sums, others []float64) {
			for at := 0; at < len(sums); at += r2Sums {
				addR2(sums[at:at+r2Sums], others[at:at+r2Sums])
			}
		},
		value: func(sums []float64) float64 {
			sum := 0.0
			for at := 0; at < len(sums); at += r2Sums {
				s := sums[at : at+r2Sums]
				switch {
				case s[0] == 0: // nothing yet
				case s[2] > 0:
					sum += 1 - s[3]/s[2]
				case s[3] == 0:
					sum++
				}
			}
			return quotient(sum, float64(len(sums)/r2Sums))
		},
	}, labels, predictions)
}

// The sums of R2 for each output: weights, the labels' mean, their squared distances
// from it, squared errors.
const r2Sums = 4

func addR2(a, b []float64) {
	n := a[0] + b[0]
	if n == 0 {
		return
	}
	d := b[1] - a[1]
	a[1] += d * b[0] / n
	a[2] += b[2] + d*d*a[0]*b[0]/n
	a[3] += b[3]
	a[0] = n
}

// The sums of moments. Sums of distances from the mean, unlike sums of squares, lose no
// digits when the mean is large: Chan, Golub and LeVeque, "Updating formulae and a
// pairwise algorithm for computing sample variances", 1979.
const (
	total             = iota // of the weights
	labelMean                // weighted
	predictionMean           // weighted
	labelSquares             // of distances from the mean, weighted
	predictionSquares        // likewise
	both                     // products of the two distances, weighted
	momentSums
)

func moments() rule {
	return rule{
		size: momentSums,
		add: func(sums []float64, b *batch) {
			for i, w := range b.weights {
				if w != 0 {
					addMoments(sums, []float64{total: w, labelMean: b.x[0][i], predictionMean: b.x[1][i], both: 0})
				}
			}
		},
		merge: addMoments,
	}
}

func addMoments(a, b []float64) {
	n := a[total] + b[total]
	if n == 0 {
		return
	}
	dy, dp, share := b[labelMean]-a[labelMean], b[predictionMean]-a[predictionMean], b[total]/n
	a[labelMean] += dy * share
	a[predictionMean] += dp * share
	a[labelSquares] += b[labelSquares] + dy*dy*a[total]*share
	a[predictionSquares] += b[predictionSquares] + dp*dp*a[total]*share
	a[both] += b[both] + dy*dp*a[total]*share
	a[total] = n
}
