package metrics

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"gorgonia.org/gorgonia"
)

const aucName = "AUC"

// auc approximates the area under the ROC curve with counts at fixed thresholds.
type auc struct {
	base
	thresholds []float64 // ascending
	// tp[i] and fp[i] are the weights of positive and negative labels whose prediction
	// is above threshold i and not above threshold i+1. One is above the first always.
	tp, fp             []float64
	positive, negative float64
}

// AUC is the area under the ROC curve, by TensorFlow's rule: NumThresholds thresholds,
// the first just below 0, the last just above 1, the others evenly between; a
// prediction counts as positive when it is greater than the threshold; trapezoids
// between the points (fp/(negatives+e), (tp+e)/(positives+e)) with e = 1e-6. labels
// are 0 or 1 (not 0 is positive), probabilities are in [0, 1]; both have the same
// number of elements. [Thresholds] sets other thresholds.
func AUC(labels, probabilities *gorgonia.Node, opts ...Option) Metric {
	o := collect(opts)
	m := &auc{base: newBase(aucName, o, labels, probabilities)}
	if m.err == nil {
		m.thresholds, m.err = o.curve()
	}
	m.Reset()
	return m
}

// curve returns the thresholds of a curve, ascending.
func (o options) curve() ([]float64, error) {
	const margin = 1e-7
	if o.manualGiven {
		switch {
		case o.numThresholdsGiven:
			return nil, fmt.Errorf("metrics: AUC: NumThresholds (%d) and Thresholds (%v) are both given: give one", o.numThresholds, o.thresholds)
		case len(o.thresholds) == 0:
			return nil, errors.New("metrics: AUC: Thresholds: there are none")
		}
		for i, t := range o.thresholds {
			if !(t >= 0 && t <= 1) {
				return nil, fmt.Errorf("metrics: AUC: Thresholds: number %d is %v, want it in [0, 1]", i, t)
			}
		}
		all := append([]float64{-margin, 1 + margin}, o.thresholds...)
		slices.Sort(all)
		return slices.Compact(all), nil
	}
	if o.numThresholds < 2 {
		return nil, fmt.Errorf("metrics: AUC: NumThresholds: %d, want at least 2", o.numThresholds)
	}
	all := make([]float64, o.numThresholds)
	for i := range all {
		all[i] = float64(i) / float64(o.numThresholds-1)
	}
	all[0], all[len(all)-1] = -margin, 1+margin
	return all, nil
}

// Update adds one batch.
func (m *auc) Update(values []gorgonia.Value) error {
	x, weights, err := m.columns(values, 2)
	if err != nil {
		return err
	}
	for i, p := range x[1] {
		if weights[i] != 0 && !(p >= 0 && p <= 1) {
			return fmt.Errorf("metrics: AUC: prediction %d is %v, want a probability in [0, 1]", i, p)
		}
	}
	for i, p := range x[1] {
		if weights[i] == 0 {
			continue // a masked element may hold anything, NaN too
		}
		above := sort.SearchFloat64s(m.thresholds, p) - 1 // the last threshold that p is above
		if x[0][i] != 0 {
			m.tp[above] += weights[i]
			m.positive += weights[i]
		} else {
			m.fp[above] += weights[i]
			m.negative += weights[i]
		}
	}
	return nil
}

// Value returns the result so far.
func (m *auc) Value() float64 {
	if m.positive == 0 && m.negative == 0 {
		return 0
	}
	const e = 1e-6
	// From the last threshold, above which nothing is, to the first.
	area, tp, fp := 0.0, 0.0, 0.0
	for k := len(m.thresholds) - 2; k >= 0; k-- {
		x, y := fp/(m.negative+e), (tp+e)/(m.positive+e)
		tp += m.tp[k]
		fp += m.fp[k]
		area += (fp/(m.negative+e) - x) * ((tp+e)/(m.positive+e) + y) / 2
	}
	return area
}

// Reset forgets all batches.
func (m *auc) Reset() {
	m.tp, m.fp = make([]float64, len(m.thresholds)), make([]float64, len(m.thresholds))
	m.positive, m.negative = 0, 0
}

// Clone returns the metric without batches.
func (m *auc) Clone() Metric { return m.Map(same) }

// Map returns the metric over other nodes.
func (m *auc) Map(f func(*gorgonia.Node) *gorgonia.Node) Metric {
	c := &auc{base: m.mapped(f), thresholds: m.thresholds}
	c.Reset()
	return c
}

// Merge adds another's batches.
func (m *auc) Merge(other Metric) error {
	o, ok := other.(*auc)
	if !ok {
		return fmt.Errorf("metrics: merging %s into AUC: they must be of one kind", kind(other))
	}
	if !slices.Equal(o.thresholds, m.thresholds) {
		return fmt.Errorf("metrics: merging an AUC of %d thresholds into one of %d: they must have the same", len(o.thresholds), len(m.thresholds))
	}
	for k := range m.tp {
		m.tp[k] += o.tp[k]
		m.fp[k] += o.fp[k]
	}
	m.positive += o.positive
	m.negative += o.negative
	return nil
}
