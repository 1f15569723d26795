package metrics

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

// auc approximates the area under the ROC curve with counts at fixed thresholds.
type auc struct {
	base
	thresholds []float64
	// tp[i] and fp[i] are the weights of positive and negative labels whose prediction
	// is above threshold i.
	tp, fp             []float64
	positive, negative float64
}

// AUC is the area under the ROC curve, by TensorFlow's rule: NumThresholds thresholds,
// the first just below 0, the last just above 1, the others evenly between; a
// prediction counts as positive when it is greater than the threshold; trapezoids
// between the points (fp/(negatives+e), (tp+e)/(positives+e)) with e = 1e-6. labels
// are 0 or 1 (not 0 is positive), probabilities are in [0, 1]; both have the same
// number of elements.
func AUC(labels, probabilities *gorgonia.Node, opts ...Option) Metric {
	o := collect(opts)
	m := &auc{base: newBase("AUC", o, labels, probabilities)}
	if o.thresholds < 2 {
		m.err = fmt.Errorf("metrics: AUC: NumThresholds: %d, want at least 2", o.thresholds)
		return m
	}
	const margin = 1e-7
	m.thresholds = make([]float64, o.thresholds)
	for i := range m.thresholds {
		m.thresholds[i] = float64(i) / float64(o.thresholds-1)
	}
	m.thresholds[0], m.thresholds[o.thresholds-1] = -margin, 1+margin
	m.Reset()
	return m
}

// Update adds one batch.
func (m *auc) Update(values []gorgonia.Value) error {
	x, weights, err := m.columns(values, 2)
	if err != nil {
		return err
	}
	for i, p := range x[1] {
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("metrics: AUC: prediction %d is %v, want a probability in [0, 1]", i, p)
		}
	}
	for i, p := range x[1] {
		counts := m.fp
		if x[0][i] != 0 {
			counts = m.tp
			m.positive += weights[i]
		} else {
			m.negative += weights[i]
		}
		for k, threshold := range m.thresholds {
			if p <= threshold {
				break
			}
			counts[k] += weights[i]
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
	area := 0.0
	for k := 1; k < len(m.thresholds); k++ {
		x0, x1 := m.fp[k-1]/(m.negative+e), m.fp[k]/(m.negative+e)
		y0, y1 := (m.tp[k-1]+e)/(m.positive+e), (m.tp[k]+e)/(m.positive+e)
		area += (x0 - x1) * (y0 + y1) / 2
	}
	return area
}

// Reset forgets all batches.
func (m *auc) Reset() {
	m.tp, m.fp = make([]float64, len(m.thresholds)), make([]float64, len(m.thresholds))
	m.positive, m.negative = 0, 0
}

// Clone returns the metric without batches.
func (m *auc) Clone() Metric { return m.Map(func(n *gorgonia.Node) *gorgonia.Node { return n }) }

// Map returns the metric over other nodes.
func (m *auc) Map(f func(*gorgonia.Node) *gorgonia.Node) Metric {
	c := &auc{base: m.mapped(f), thresholds: m.thresholds}
	c.Reset()
	return c
}

// Merge adds another's batches.
func (m *auc) Merge(other Metric) error {
	o, ok := other.(*auc)
	if !ok || len(o.thresholds) != len(m.thresholds) {
		return fmt.Errorf("metrics: merging an AUC of %d thresholds with another kind of metric, %T", len(m.thresholds), other)
	}
	for k := range m.tp {
		m.tp[k] += o.tp[k]
		m.fp[k] += o.fp[k]
	}
	m.positive += o.positive
	m.negative += o.negative
	return nil
}
