package metrics

import (
	"math"
	"sort"

	"gorgonia.org/gorgonia"
)

// CalibrationCurve tells how often something happens that is predicted with a given
// probability. The result is [bins, 3]: for each of that many equal parts of [0, 1] the
// weighted mean of the probabilities in it, the weighted mean of their labels, and their
// weight. A probability on a border belongs to the part below, as in scikit-learn. A part
// without probabilities has zeros. labels are 0 or 1, probabilities in [0, 1], of one shape.
// Its Value is the [ExpectedCalibrationError]. It takes [ClassID].
func CalibrationCurve(labels, probabilities *gorgonia.Node, bins int, opts ...Option) Tensor {
	o := collect("CalibrationCurve", opts, "ClassID")
	r := o.calibration(bins)
	r.shape = shaped(bins, binSums)
	r.each = func(sums []float64) []float64 {
		curve := make([]float64, len(sums))
		for i := 0; i < len(sums); i += binSums {
			curve[i] = quotient(sums[i], sums[i+2])
			curve[i+1] = quotient(sums[i+1], sums[i+2])
			curve[i+2] = sums[i+2]
		}
		return curve
	}
	return streamingTensor{o.build(r, labels, probabilities)}
}

// ExpectedCalibrationError is the weighted mean over the parts of a [CalibrationCurve] of
// the distance between the mean probability and the mean label: Naeini, Cooper and
// Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", 2015. For
// several classes give it, as labels, whether the best class is right, and that class's
// probability.
func ExpectedCalibrationError(labels, probabilities *gorgonia.Node, bins int, opts ...Option) Metric {
	o := collect("ExpectedCalibrationError", opts, "ClassID")
	return o.build(o.calibration(bins), labels, probabilities)
}

// The sums of a bin: probabilities, labels, weights.
const binSums = 3

func (o *options) calibration(bins int) rule {
	if !o.between("bins", bins, 1, maxParts) {
		return rule{}
	}
	o.parameter("%d bins", bins)
	borders := even(bins + 1)[1:bins]
	return rule{
		size:  binSums * bins,
		valid: probabilitiesIn(0, 1),
		add: func(sums []float64, b *batch) {
			for i, w := range b.weights {
				if w != 0 {
					bin := sums[binSums*sort.SearchFloat64s(borders, b.x[1][i]):]
					bin[0] += w * b.x[1][i]
					bin[1] += w * b.x[0][i]
					bin[2] += w
				}
			}
		},
		value: func(sums []float64) float64 {
			apart, weight := 0.0, 0.0
			for i := 0; i < len(sums); i += binSums {
				apart += math.Abs(sums[i] - sums[i+1])
				weight += sums[i+2]
			}
			return quotient(apart, weight)
		},
	}
}
