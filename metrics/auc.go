package metrics

import (
	"math"

	"gorgonia.org/gorgonia"
)

// Summation is how the area under a curve is made from its points.
type Summation string

// The ways to sum up.
const (
	// Trapezoidal draws straight lines between the points.
	Trapezoidal Summation = "trapezoidal"
	// CarefulInterpolation draws between the points of a precision-recall curve what
	// random choices between the two thresholds would give, which is no straight line:
	// Davis and Goadrich, "The Relationship Between Precision-Recall and ROC Curves",
	// 2006. A ROC curve has trapezoids.
	CarefulInterpolation Summation = "careful_interpolation"
	// Minoring takes the lower of the two points: a lower bound.
	Minoring Summation = "minoring"
	// Majoring takes the higher of the two points: an upper bound.
	Majoring Summation = "majoring"
)

// SummationMethod sets how the area of an [AUC] or [PRAUC] is made from its points.
func SummationMethod(s Summation) Option {
	return func(o *options) {
		o.summation = s
		o.given = append(o.given, "SummationMethod")
	}
}

const (
	curveEpsilon = 1e-6 // of the rates of tf.metrics.auc
	rateEpsilon  = 1e-7 // of the other rates of tf.metrics
)

// Epsilon sets what is added to the rates of an [AUC] or [PRAUC] against divisions by 0:
// 1e-6 as in tf.metrics.auc, unless given. With 0 a rate of nothing is 0, as in
// tf.keras.metrics.AUC and the newer heads.
func Epsilon(e float64) Option {
	return func(o *options) {
		o.epsilon = e
		o.given = append(o.given, "Epsilon")
	}
}

// AUC is the area under the ROC curve, by TensorFlow's rule: NumThresholds thresholds,
// the first just below 0, the last just above 1, the others evenly between; a
// prediction counts as positive when it is greater than the threshold; trapezoids
// between the points (fp/(negatives+e), (tp+e)/(positives+e)) with e = 1e-6. labels
// are 0 or 1 (not 0 is positive), probabilities are in [0, 1], of one shape. It takes
// [NumThresholds], [Thresholds], [SummationMethod], [Epsilon] and [ClassID].
func AUC(labels, probabilities *gorgonia.Node, opts ...Option) Metric {
	return area("AUC", Trapezoidal, opts, labels, probabilities, func(o *options, points []point) float64 {
		x, y := make([]float64, len(points)), make([]float64, len(points))
		for i, p := range points {
			x[i] = quotient(p.fp, p.fp+p.tn+o.epsilon)
			y[i] = quotient(p.tp+o.epsilon, p.tp+p.fn+o.epsilon)
		}
		return o.under(x, y)
	})
}

// PRAUC is the area under the precision-recall curve; labels, probabilities, thresholds
// and options are those of [AUC]. The summation is [CarefulInterpolation] unless given,
// which needs no epsilon; the others are over the points ((tp+e)/(positives+e),
// (tp+e)/(tp+fp+e)).
func PRAUC(labels, probabilities *gorgonia.Node, opts ...Option) Metric {
	return area("PRAUC", CarefulInterpolation, opts, labels, probabilities, func(o *options, points []point) float64 {
		if o.summation == CarefulInterpolation {
			return interpolated(points)
		}
		x, y := make([]float64, len(points)), make([]float64, len(points))
		for i, p := range points {
			x[i] = quotient(p.tp+o.epsilon, p.tp+p.fn+o.epsilon)
			y[i] = quotient(p.tp+o.epsilon, p.tp+p.fp+o.epsilon)
		}
		return o.under(x, y)
	})
}

func area(name string, usual Summation, opts []Option, labels, probabilities *gorgonia.Node, of func(*options, []point) float64) Metric {
	o := collect(name, opts, "NumThresholds", "Thresholds", "SummationMethod", "Epsilon", "ClassID")
	c := o.curve()
	if !o.has("SummationMethod") {
		o.summation = usual
	}
	switch o.summation {
	case Trapezoidal, CarefulInterpolation, Minoring, Majoring:
	default:
		o.fail("SummationMethod: %q, want %q, %q, %q or %q", o.summation, Trapezoidal, CarefulInterpolation, Minoring, Majoring)
	}
	if !(o.epsilon >= 0 && o.epsilon < 1) {
		o.fail("Epsilon: %v, want it in [0, 1)", o.epsilon)
	}
	o.parameter("%s", o.summation)
	o.parameter("epsilon %g", o.epsilon)
	r := c.rule()
	r.value = func(sums []float64) float64 {
		points := c.points(sums)
		if p := points[0]; p == (point{}) {
			return 0 // nothing yet
		}
		return of(o, points)
	}
	return o.build(r, labels, probabilities)
}

// under returns the area under points whose x falls.
func (o *options) under(x, y []float64) float64 {
	sum := 0.0
	for i := 1; i < len(x); i++ {
		height := (y[i-1] + y[i]) / 2
		switch o.summation {
		case Minoring:
			height = min(y[i-1], y[i])
		case Majoring:
			height = max(y[i-1], y[i])
		}
		sum += (x[i-1] - x[i]) * height
	}
	return sum
}

// interpolated returns the area under the precision-recall curve. Between two thresholds
// tp is a linear function of the number of positive predictions n = tp+fp, tp = a + s*n,
// and the precision tp/n is integrated over the recall tp/positives.
func interpolated(points []point) float64 {
	sum := 0.0
	for i := 1; i < len(points); i++ {
		high, low := points[i-1], points[i]
		n, m := high.tp+high.fp, low.tp+low.fp
		d := high.tp - low.tp
		slope := quotient(d, n-m)
		intercept := low.tp - slope*m
		ratio := 1.0
		if n > 0 && m > 0 {
			ratio = n / m
		}
		sum += quotient(slope*(d+intercept*math.Log(ratio)), low.tp+low.fn)
	}
	return sum
}
