package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"gorgonia.org/gorgonia"
)

// curve has the weights of labels and predictions at many thresholds. The sums are the
// weights of negative labels by how many thresholds their prediction is above, then those
// of positive labels: one more of each than there are thresholds.
type curve struct {
	thresholds []float64 // ascending
	single     []float64 // the same in float32
}

func newCurve(ascending []float64) curve {
	c := curve{thresholds: ascending, single: make([]float64, len(ascending))}
	for i, t := range ascending {
		c.single[i] = float64(float32(t))
	}
	return c
}

// rule is what all metrics of curves have: labels, not 0 is positive, and probabilities,
// of one shape.
func (c curve) rule() rule {
	classes := len(c.thresholds) + 1
	return rule{
		size:  2 * classes,
		valid: validCurve,
		add: func(sums []float64, b *batch) {
			thresholds := c.thresholds
			if b.single[1] {
				thresholds = c.single
			}
			for i, w := range b.weights {
				if w == 0 {
					continue
				}
				above := sort.SearchFloat64s(thresholds, b.x[1][i]) // of so many
				if b.x[0][i] != 0 {
					above += classes
				}
				sums[above] += w
			}
		},
	}
}

func validCurve(b *batch) error {
	for i, y := range b.x[0] {
		if math.IsNaN(y) && b.weights[i] != 0 {
			return fmt.Errorf("label %d is NaN, want 0 or 1", i)
		}
	}
	return probabilitiesIn(1)(b)
}

// point is the weights at one threshold.
type point struct{ tp, fp, fn, tn float64 }

// points returns the weights at each threshold.
func (c curve) points(sums []float64) []point {
	n := len(c.thresholds)
	negative, positive := sums[:n+1], sums[n+1:]
	points := make([]point, n)
	var fp, tp float64
	for i := n - 1; i >= 0; i-- {
		fp += negative[i+1]
		tp += positive[i+1]
		points[i].fp, points[i].tp = fp, tp
	}
	fp += negative[0]
	tp += positive[0]
	for i := range points {
		points[i].tn, points[i].fn = fp-points[i].fp, tp-points[i].tp
	}
	return points
}

// curve returns the curve that the options ask for: from just below 0 to just above 1.
func (o *options) curve() curve {
	const margin = 1e-7
	if o.has("Thresholds") {
		o.parameter("thresholds %v", slices.Sorted(slices.Values(o.thresholds)))
		if o.has("NumThresholds") {
			o.fail("NumThresholds (%d) and Thresholds (%v) are both given: give one", o.numThresholds, o.thresholds)
		}
		if err := checkThresholds(o.thresholds, 0, 1); err != nil {
			o.fail("Thresholds: %w", err)
		}
		all := append([]float64{-margin, 1 + margin}, o.thresholds...)
		slices.Sort(all)
		return newCurve(slices.Compact(all))
	}
	o.parameter("%d thresholds", o.numThresholds)
	if !o.between("NumThresholds", o.numThresholds, 2, maxParts) {
		return curve{}
	}
	c := newCurve(even(o.numThresholds))
	for _, t := range [][]float64{c.thresholds, c.single} {
		t[0], t[len(t)-1] = -margin, 1+margin
	}
	return c
}

// even returns n numbers from 0 to 1.
func even(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i) / float64(n-1)
	}
	return x
}

func checkThresholds(thresholds []float64, low, high float64) error {
	if len(thresholds) == 0 {
		return errors.New("there are none")
	}
	for i, t := range thresholds {
		if !(t >= low && t <= high) {
			return fmt.Errorf("number %d is %v, want it in [%v, %v]", i, t, low, high)
		}
	}
	return nil
}

// PrecisionAtThresholds is, for each threshold, tp/(tp+fp+1e-7) of the weights of true and
// false positives, where predictions greater than the threshold are positive. Labels are
// 0 and 1, predictions in [0, 1], of one shape. The result is [len(thresholds)], named
// "positive_threshold_0.5" for a threshold of 0.5. It takes [ClassID].
func PrecisionAtThresholds(labels, predictions *gorgonia.Node, thresholds []float64, opts ...Option) Tensor {
	return atThresholds("PrecisionAtThresholds", func(p point) float64 { return p.tp / (rateEpsilon + p.tp + p.fp) }, labels, predictions, thresholds, opts)
}

// RecallAtThresholds is, for each threshold, tp/(tp+fn+1e-7) of the weights of true
// positives and false negatives; as [PrecisionAtThresholds].
func RecallAtThresholds(labels, predictions *gorgonia.Node, thresholds []float64, opts ...Option) Tensor {
	return atThresholds("RecallAtThresholds", func(p point) float64 { return p.tp / (rateEpsilon + p.tp + p.fn) }, labels, predictions, thresholds, opts)
}

// TruePositivesAtThresholds is the weight of true positives for each threshold; as
// [PrecisionAtThresholds].
func TruePositivesAtThresholds(labels, predictions *gorgonia.Node, thresholds []float64, opts ...Option) Tensor {
	return atThresholds("TruePositivesAtThresholds", func(p point) float64 { return p.tp }, labels, predictions, thresholds, opts)
}

// FalsePositivesAtThresholds is the weight of false positives for each threshold; as
// [PrecisionAtThresholds].
func FalsePositivesAtThresholds(labels, predictions *gorgonia.Node, thresholds []float64, opts ...Option) Tensor {
	return atThresholds("FalsePositivesAtThresholds", func(p point) float64 { return p.fp }, labels, predictions, thresholds, opts)
}

// TrueNegativesAtThresholds is the weight of true negatives for each threshold; as
// [PrecisionAtThresholds].
func TrueNegativesAtThresholds(labels, predictions *gorgonia.Node, thresholds []float64, opts ...Option) Tensor {
	return atThresholds("TrueNegativesAtThresholds", func(p point) float64 { return p.tn }, labels, predictions, thresholds, opts)
}

// FalseNegativesAtThresholds is the weight of false negatives for each threshold; as
// [PrecisionAtThresholds].
func FalseNegativesAtThresholds(labels, predictions *gorgonia.Node, thresholds []float64, opts ...Option) Tensor {
	return atThresholds("FalseNegativesAtThresholds", func(p point) float64 { return p.fn }, labels, predictions, thresholds, opts)
}

func atThresholds(name string, of func(point) float64, labels, predictions *gorgonia.Node, thresholds []float64, opts []Option) Tensor {
	o := collect(name, opts, "ClassID")
	o.parameter("thresholds %v", thresholds)
	if err := checkThresholds(thresholds, -math.MaxFloat64, math.MaxFloat64); err != nil {
		o.fail("thresholds: %w", err)
	}
	given := slices.Clone(thresholds)
	c := newCurve(slices.Sorted(slices.Values(given)))
	r := c.rule()
	r.shape = shaped(len(given))
	r.each = func(sums []float64) []float64 {
		points, results := c.points(sums), make([]float64, len(given))
		for i, t := range given {
			results[i] = of(points[sort.SearchFloat64s(c.thresholds, t)])
		}
		return results
	}
	for _, t := range given {
		r.names = append(r.names, fmt.Sprintf("positive_threshold_%g", t))
	}
	return streamingTensor{o.build(r, labels, predictions)}
}
