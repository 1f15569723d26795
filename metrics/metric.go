package metrics

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"gorgonia.org/gorgonia"
)

// Metric is a quantity that is accumulated batch by batch.
type Metric interface {
	// Nodes returns the nodes whose values Update wants, in that order.
	Nodes() gorgonia.Nodes
	// Update adds one batch. The error names the metric, the value found and what was
	// expected; the metric is then unchanged.
	Update(values []gorgonia.Value) error
	// Value returns the result so far, 0 before any update. It changes nothing.
	Value() float64
	// Reset forgets all batches.
	Reset()
	// Clone returns the same metric over the same nodes, without any batches.
	Clone() Metric
	// Merge adds the batches of another metric of the same kind and parameters.
	Merge(other Metric) error
	// Map returns the same metric over other nodes, without any batches: f gives the
	// counterpart of a node in another graph.
	Map(f func(*gorgonia.Node) *gorgonia.Node) Metric
}

// RowCounter is implemented by metrics that want to know how many rows the next
// batch has. SetRows is called before Update.
type RowCounter interface{ SetRows(rows int) }

// Names returns the names of metrics in ascending order.
func Names(m map[string]Metric) []string { return slices.Sorted(maps.Keys(m)) }

// Check reports a metric that cannot be updated because a node is nil or a parameter
// is wrong.
func Check(m Metric) error {
	if m == nil {
		return errors.New("metrics: the metric is nil")
	}
	if c, ok := m.(interface{ check() error }); ok {
		if err := c.check(); err != nil {
			return err
		}
	}
	for i, n := range m.Nodes() {
		if n == nil {
			return fmt.Errorf("metrics: %T: node %d is nil", m, i)
		}
	}
	return nil
}

// Option changes how a metric is made.
type Option func(*options)

type options struct {
	weights                         *gorgonia.Node
	weightsGiven                    bool
	numThresholds                   int
	thresholds                      []float64
	numThresholdsGiven, manualGiven bool
}

// Weights weighs the values: one weight for each row, of shape [batch] or [batch, 1], or
// one for each element, or a shape that broadcasts as in NumPy. The default is 1. What
// has the weight 0 may be anything, NaN too.
func Weights(weights *gorgonia.Node) Option {
	return func(o *options) { o.weights, o.weightsGiven = weights, true }
}

// NumThresholds sets how many thresholds approximate the curve of an [AUC], default
// 200, at least 2.
func NumThresholds(n int) Option {
	return func(o *options) { o.numThresholds, o.numThresholdsGiven = n, true }
}

// Thresholds sets the thresholds of an [AUC] in place of evenly spaced ones, in [0, 1]
// and any order. The ends just below 0 and just above 1 are added, as in TensorFlow.
func Thresholds(thresholds ...float64) Option {
	return func(o *options) { o.thresholds, o.manualGiven = thresholds, true }
}

func collect(opts []Option) options {
	o := options{numThresholds: 200}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return o
}

// base has what the standard metrics share.
type base struct {
	name  string
	nodes gorgonia.Nodes
	err   error
}

func newBase(name string, o options, nodes ...*gorgonia.Node) base {
	b := base{name: name, nodes: nodes}
	switch i := slices.Index(nodes, nil); {
	case i >= 0:
		b.err = fmt.Errorf("metrics: %s: argument %d is nil", name, i)
	case o.weightsGiven && o.weights == nil:
		b.err = fmt.Errorf("metrics: %s: Weights: the node is nil", name)
	case o.numThresholdsGiven && name != aucName:
		b.err = fmt.Errorf("metrics: %s: NumThresholds: %d, but it has no thresholds", name, o.numThresholds)
	case o.manualGiven && name != aucName:
		b.err = fmt.Errorf("metrics: %s: Thresholds: %v, but it has none", name, o.thresholds)
	}
	if o.weights != nil {
		b.nodes = append(b.nodes, o.weights)
	}
	return b
}

// Nodes returns the nodes that the metric needs.
func (b *base) Nodes() gorgonia.Nodes { return b.nodes }

func (b *base) check() error { return b.err }

func (b *base) mapped(f func(*gorgonia.Node) *gorgonia.Node) base {
	c := base{name: b.name, err: b.err}
	for _, n := range b.nodes {
		if n != nil {
			n = f(n)
		}
		c.nodes = append(c.nodes, n)
	}
	return c
}

func same(n *gorgonia.Node) *gorgonia.Node { return n }
