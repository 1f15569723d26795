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
	weights    *gorgonia.Node
	thresholds int
}

// Weights weighs rows: weights has shape [batch] or [batch, 1]. The default is 1 for
// every row.
func Weights(weights *gorgonia.Node) Option { return func(o *options) { o.weights = weights } }

// NumThresholds sets how many thresholds approximate the curve of an [AUC], default
// 200, at least 2.
func NumThresholds(n int) Option { return func(o *options) { o.thresholds = n } }

func collect(opts []Option) options {
	o := options{thresholds: 200}
	for _, opt := range opts {
		opt(&o)
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
	for i, n := range nodes {
		if n == nil {
			b.err = fmt.Errorf("metrics: %s: argument %d is nil", name, i)
		}
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
		c.nodes = append(c.nodes, f(n))
	}
	return c
}

// columns returns the values of a batch as float64, the first fixed of them element
// for element of one length; the weights that may follow have one value for each
// element, or one for each row.
func (b *base) columns(values []gorgonia.Value, fixed int) (columns [][]float64, weights []float64, err error) {
	if b.err != nil {
		return nil, nil, b.err
	}
	if len(values) != len(b.nodes) {
		return nil, nil, fmt.Errorf("metrics: %s: %d values, want %d", b.name, len(values), len(b.nodes))
	}
	for i, v := range values {
		x, err := floats(v)
		if err != nil {
			return nil, nil, fmt.Errorf("metrics: %s: value %d: %w", b.name, i, err)
		}
		columns = append(columns, x)
	}
	n := len(columns[0])
	for i := 1; i < fixed; i++ {
		if len(columns[i]) != n {
			return nil, nil, fmt.Errorf("metrics: %s: shapes %v and %v do not match", b.name, values[0].Shape(), values[i].Shape())
		}
	}
	weights = make([]float64, n)
	for i := range weights {
		weights[i] = 1
	}
	if len(columns) > fixed {
		w := columns[fixed]
		if len(w) == 0 || n%len(w) != 0 {
			return nil, nil, fmt.Errorf("metrics: %s: weights of shape %v for values of shape %v", b.name, values[fixed].Shape(), values[0].Shape())
		}
		for i := range weights {
			weights[i] = w[i/(n/len(w))]
		}
	}
	return columns[:fixed], weights, nil
}

// floats returns the elements of a value as float64.
func floats(v gorgonia.Value) ([]float64, error) {
	if v == nil {
		return nil, errors.New("it is nil")
	}
	switch d := v.Data().(type) {
	case []float32:
		return convert(d), nil
	case []float64:
		return d, nil
	case []int64:
		return convert(d), nil
	case []int32:
		return convert(d), nil
	case []int:
		return convert(d), nil
	case []uint8:
		return convert(d), nil
	case []bool:
		x := make([]float64, len(d))
		for i, set := range d {
			if set {
				x[i] = 1
			}
		}
		return x, nil
	case float32:
		return []float64{float64(d)}, nil
	case float64:
		return []float64{d}, nil
	case int64:
		return []float64{float64(d)}, nil
	case int32:
		return []float64{float64(d)}, nil
	case int:
		return []float64{float64(d)}, nil
	}
	return nil, fmt.Errorf("its type %T of shape %v is not numeric", v.Data(), v.Shape())
}

func convert[T float32 | int64 | int32 | int | uint8](s []T) []float64 {
	x := make([]float64, len(s))
	for i, v := range s {
		x[i] = float64(v)
	}
	return x
}
