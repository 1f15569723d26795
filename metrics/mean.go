package metrics

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
)

// ratio is a metric of the form sum(weight*term)/sum(weight), of which the standard
// means are instances.
type ratio struct {
	base
	fixed      int
	term       func(x [][]float64, i int) (term float64, counts bool)
	finish     func(float64) float64
	sum, count float64
}

// Mean is the weighted mean of a node's elements over all batches: every element
// counts once, so a short last batch weighs less.
func Mean(node *gorgonia.Node, opts ...Option) Metric {
	return newRatio("Mean", opts, func(x [][]float64, i int) (float64, bool) { return x[0][i], true }, node)
}

// Accuracy is the weighted fraction of rows whose class is the label. labels and
// classes have shape [batch] or [batch, 1].
func Accuracy(labels, classes *gorgonia.Node, opts ...Option) Metric {
	return newRatio("Accuracy", opts, func(x [][]float64, i int) (float64, bool) {
		if x[0][i] == x[1][i] {
			return 1, true
		}
		return 0, true
	}, labels, classes)
}

// MeanSquaredError is the weighted mean of (prediction-label)^2.
func MeanSquaredError(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return newRatio("MeanSquaredError", opts, squaredError, labels, predictions)
}

// RootMeanSquaredError is the square root of MeanSquaredError.
func RootMeanSquaredError(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	m := newRatio("RootMeanSquaredError", opts, squaredError, labels, predictions)
	m.finish = math.Sqrt
	return m
}

// MeanAbsoluteError is the weighted mean of |prediction-label|.
func MeanAbsoluteError(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return newRatio("MeanAbsoluteError", opts, func(x [][]float64, i int) (float64, bool) {
		return math.Abs(x[1][i] - x[0][i]), true
	}, labels, predictions)
}

// Precision is the weighted fraction of positive predictions whose label is
// positive; not 0 is positive.
func Precision(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return newRatio("Precision", opts, func(x [][]float64, i int) (float64, bool) {
		return indicator(x[0][i] != 0), x[1][i] != 0
	}, labels, predictions)
}

// Recall is the weighted fraction of positive labels that are predicted; not 0 is
// positive.
func Recall(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return newRatio("Recall", opts, func(x [][]float64, i int) (float64, bool) {
		return indicator(x[1][i] != 0), x[0][i] != 0
	}, labels, predictions)
}

func squaredError(x [][]float64, i int) (float64, bool) {
	d := x[1][i] - x[0][i]
	return d * d, true
}

func newRatio(name string, opts []Option, term func([][]float64, int) (float64, bool), nodes ...*gorgonia.Node) *ratio {
	return &ratio{
		base: newBase(name, collect(opts), nodes...), fixed: len(nodes), term: term,
		finish: func(x float64) float64 { return x },
	}
}

// Update adds one batch.
func (m *ratio) Update(values []gorgonia.Value) error {
	x, weights, err := m.columns(values, m.fixed)
	if err != nil {
		return err
	}
	for i, w := range weights {
		if w == 0 {
			continue // a masked element may hold anything, NaN too
		}
		if term, counts := m.term(x, i); counts {
			m.sum += w * term
			m.count += w
		}
	}
	return nil
}

// Value returns the result so far.
func (m *ratio) Value() float64 {
	if m.count == 0 {
		return 0
	}
	return m.finish(m.sum / m.count)
}

// Reset forgets all batches.
func (m *ratio) Reset() { m.sum, m.count = 0, 0 }

// Clone returns the metric without batches.
func (m *ratio) Clone() Metric { return m.Map(same) }

// Map returns the metric over other nodes.
func (m *ratio) Map(f func(*gorgonia.Node) *gorgonia.Node) Metric {
	return &ratio{base: m.mapped(f), fixed: m.fixed, term: m.term, finish: m.finish}
}

// Merge adds another's batches.
func (m *ratio) Merge(other Metric) error {
	o, ok := other.(*ratio)
	if !ok || o.name != m.name {
		return fmt.Errorf("metrics: merging %s into %s: they must be of one kind", kind(other), m.name)
	}
	m.sum += o.sum
	m.count += o.count
	return nil
}

// kind names a metric for messages.
func kind(m Metric) string {
	switch m := m.(type) {
	case *ratio:
		return m.name
	case *auc:
		return m.name
	}
	return fmt.Sprintf("%T", m)
}
