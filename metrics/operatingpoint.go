package metrics

import (
	"math"

	"gorgonia.org/gorgonia"
)

// AtLeast changes what [SensitivityAtSpecificity] and its kin choose: of all thresholds
// at which the given rate is reached or exceeded, the one where the other rate is best,
// and 0 if there is none. That is Keras' rule, whose thresholds are from 0 to 1 and whose
// rates of nothing are 0.
func AtLeast() Option {
	return func(o *options) {
		o.atLeast = true
		o.given = append(o.given, "AtLeast")
	}
}

// SensitivityAtSpecificity is tp/(tp+fn+1e-7) at the threshold where the specificity,
// tn/(tn+fp+1e-7), is closest to the one given, in [0, 1]; the lowest of several. Labels
// are 0 or 1, probabilities in [0, 1], of one shape. It takes [NumThresholds], [AtLeast]
// and [ClassID].
func SensitivityAtSpecificity(labels, probabilities *gorgonia.Node, specificity float64, opts ...Option) Metric {
	return atPoint("SensitivityAtSpecificity", specificity, false, specificityOf, sensitivityOf, opts, labels, probabilities)
}

// SpecificityAtSensitivity is tn/(tn+fp+1e-7) at the threshold where the sensitivity,
// tp/(tp+fn+1e-7), is closest to the one given; the highest of several. As
// [SensitivityAtSpecificity].
func SpecificityAtSensitivity(labels, probabilities *gorgonia.Node, sensitivity float64, opts ...Option) Metric {
	return atPoint("SpecificityAtSensitivity", sensitivity, true, sensitivityOf, specificityOf, opts, labels, probabilities)
}

// PrecisionAtRecall is tp/(tp+fp+1e-7) at the threshold where the recall, tp/(tp+fn+1e-7),
// is closest to the one given; the highest of several. As [SensitivityAtSpecificity].
func PrecisionAtRecall(labels, probabilities *gorgonia.Node, recall float64, opts ...Option) Metric {
	return atPoint("PrecisionAtRecall", recall, true, sensitivityOf, precisionOf, opts, labels, probabilities)
}

// RecallAtPrecision is tp/(tp+fn+1e-7) at the threshold where the precision,
// tp/(tp+fp+1e-7), is closest to the one given; the lowest of several. As
// [SensitivityAtSpecificity].
func RecallAtPrecision(labels, probabilities *gorgonia.Node, precision float64, opts ...Option) Metric {
	return atPoint("RecallAtPrecision", precision, false, precisionOf, sensitivityOf, opts, labels, probabilities)
}

func sensitivityOf(p point, e float64) float64 { return quotient(p.tp, p.tp+p.fn+e) }
func specificityOf(p point, e float64) float64 { return quotient(p.tn, p.tn+p.fp+e) }
func precisionOf(p point, e float64) float64   { return quotient(p.tp, p.tp+p.fp+e) }

// atPoint is one rate where another is near the target. last chooses among equals.
func atPoint(name string, target float64, last bool, given, wanted func(p point, e float64) float64, opts []Option, labels, probabilities *gorgonia.Node) Metric {
	o := collect(name, opts, "NumThresholds", "AtLeast", "ClassID")
	if !(target >= 0 && target <= 1) {
		o.fail("the rate to look for is %v, want it in [0, 1]", target)
	}
	o.parameter("at %g", target)
	c := o.curve()
	if o.atLeast && o.err == nil {
		o.parameter("at least")
		c = newCurve(even(o.numThresholds))
	}
	r := c.rule()
	r.value = func(sums []float64) float64 {
		if o.atLeast {
			return bestAbove(c.points(sums), target, given, wanted)
		}
		best, distance := 0.0, math.Inf(1)
		for _, p := range c.points(sums) {
			if d := math.Abs(given(p, rateEpsilon) - target); d < distance || last && d == distance {
				best, distance = wanted(p, rateEpsilon), d
			}
		}
		return best
	}
	return o.build(r, labels, probabilities)
}

func bestAbove(points []point, target float64, given, wanted func(p point, e float64) float64) float64 {
	best := 0.0
	for _, p := range points {
		if given(p, 0) >= target {
			best = max(best, wanted(p, 0))
		}
	}
	return best
}
