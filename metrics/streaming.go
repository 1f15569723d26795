package metrics

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// rule says what a metric adds up and what it makes of the sums.
type rule struct {
	layout layout
	axis   int // along which a row's elements are, from the end if negative; of layout rows
	fixed  int // how many nodes there are beside the weights
	class  int // the only column to look at, or -1

	// size is how many sums there are. With dims, which is asked at every batch, it is
	// how many there are for each element of that shape.
	size int
	dims func(b *batch) tensor.Shape

	valid func(b *batch) error                 // nil: every batch is
	add   func(sums []float64, b *batch)       // what has the weight 0 must be left out
	merge func(sums, others []float64)         // nil: adds them
	value func(sums []float64) float64         // of a metric without elements, or not their mean
	each  func(sums []float64) []float64       // the elements of a Tensor
	shape func(dims tensor.Shape) tensor.Shape // of the elements
	names []string                             // of the elements
}

// streaming is every standard metric: sums to which batches are added.
type streaming struct {
	name       string
	parameters string // what metrics that are merged must agree on beside the name
	nodes      gorgonia.Nodes
	err        error // a wrong argument
	rule       *rule
	batch      batch // memory that updates use again
	dims       tensor.Shape
	sums       []float64 // nil: rule.dims has not been asked yet
}

var _ Stateful = (*streaming)(nil)

// Nodes returns the nodes that the metric needs.
func (m *streaming) Nodes() gorgonia.Nodes { return m.nodes }

func (m *streaming) check() error { return m.err }

// String describes the metric for messages.
func (m *streaming) String() string {
	if m.parameters == "" {
		return m.name
	}
	return m.name + " (" + m.parameters + ")"
}

// Update adds one batch.
func (m *streaming) Update(values []gorgonia.Value) error {
	if m.err != nil {
		return m.err
	}
	if len(values) != len(m.nodes) {
		return fmt.Errorf("metrics: %s: %d values, want %d", m.name, len(values), len(m.nodes))
	}
	b := &m.batch
	if err := b.read(m.rule, values); err != nil {
		return fmt.Errorf("metrics: %s: %w", m.name, err)
	}
	if m.rule.valid != nil {
		if err := m.rule.valid(b); err != nil {
			return fmt.Errorf("metrics: %s: %w", m.name, err)
		}
	}
	if m.rule.dims != nil {
		if err := m.setDims(m.rule.dims(b)); err != nil {
			return err
		}
	}
	m.rule.add(m.sums, b)
	return nil
}

// setDims makes the sums when the first batch has told their shape, to which later
// batches must keep.
func (m *streaming) setDims(dims tensor.Shape) error {
	if m.sums == nil {
		m.dims = dims.Clone()
		m.sums = make([]float64, m.rule.size*dims.TotalSize())
	}
	if !dense.SameShape(m.dims, dims) {
		return fmt.Errorf("metrics: %s: a batch of shape %v after one of %v: they must have the same", m.name, dims, m.dims)
	}
	return nil
}

// Value returns the result so far.
func (m *streaming) Value() float64 {
	if m.err != nil || m.sums == nil {
		return 0
	}
	if m.rule.value != nil {
		return m.rule.value(m.sums)
	}
	elements := m.rule.each(m.sums)
	sum := 0.0
	for _, x := range elements {
		sum += x
	}
	return quotient(sum, float64(len(elements)))
}

// Reset forgets all batches.
func (m *streaming) Reset() {
	switch {
	case m.err != nil:
	case m.rule.dims != nil:
		m.dims, m.sums = nil, nil
	case m.sums == nil:
		m.sums = make([]float64, m.rule.size)
	default:
		clear(m.sums)
	}
}

// Clone returns the metric without batches.
func (m *streaming) Clone() Metric { return m.mapped(same) }

// Map returns the metric over other nodes.
func (m *streaming) Map(f func(*gorgonia.Node) *gorgonia.Node) Metric { return m.mapped(f) }

func (m *streaming) mapped(f func(*gorgonia.Node) *gorgonia.Node) *streaming {
	c := &streaming{name: m.name, parameters: m.parameters, err: m.err, rule: m.rule}
	for _, n := range m.nodes {
		if n != nil {
			n = f(n)
		}
		c.nodes = append(c.nodes, n)
	}
	c.Reset()
	return c
}

func same(n *gorgonia.Node) *gorgonia.Node { return n }

// Merge adds another's batches.
func (m *streaming) Merge(other Metric) error {
	o, ok := other.(interface{ standard() *streaming })
	if !ok {
		return fmt.Errorf("metrics: merging a %T into %v: they must be of one kind", other, m)
	}
	s := o.standard()
	switch {
	case s.name != m.name || s.parameters != m.parameters:
		return fmt.Errorf("metrics: merging %v into %v: they must be the same", s, m)
	case m.err != nil:
		return m.err
	case s.err != nil:
		return s.err
	case s.sums == nil:
		return nil // it has no batches
	}
	if m.rule.dims != nil {
		if err := m.setDims(s.dims); err != nil {
			return err
		}
	}
	if m.rule.merge != nil {
		m.rule.merge(m.sums, s.sums)
		return nil
	}
	for i, x := range s.sums {
		m.sums[i] += x
	}
	return nil
}

func (m *streaming) standard() *streaming { return m }

// streamingTensor is a standard metric with several results.
type streamingTensor struct{ *streaming }

var _ Tensor = streamingTensor{}

// Tensor returns the result so far.
func (m streamingTensor) Tensor() *tensor.Dense {
	if m.err != nil || m.sums == nil {
		return nil
	}
	t := dense.New(tensor.Float64, m.rule.shape(m.dims))
	copy(dense.Elements(t).([]float64), m.rule.each(m.sums))
	return t
}

// Labels names the elements.
func (m streamingTensor) Labels() []string { return m.rule.names }

// Clone returns the metric without batches.
func (m streamingTensor) Clone() Metric { return streamingTensor{m.mapped(same)} }

// Map returns the metric over other nodes.
func (m streamingTensor) Map(f func(*gorgonia.Node) *gorgonia.Node) Metric {
	return streamingTensor{m.mapped(f)}
}

// shaped is the shape of a Tensor that always has that one.
func shaped(shape ...int) func(tensor.Shape) tensor.Shape {
	return func(tensor.Shape) tensor.Shape { return shape }
}

// mean is the rule of sum(weight*term)/sum(weight). An element whose term does not count
// is left out of both sums.
func mean(l layout, term func(b *batch, i int) (term float64, counts bool)) rule {
	return rule{
		layout: l, size: 2,
		add: func(sums []float64, b *batch) {
			for i, w := range b.weights {
				if w == 0 {
					continue
				}
				if x, counts := term(b, i); counts {
					sums[0] += w * x
					sums[1] += w
				}
			}
		},
		value: func(sums []float64) float64 { return quotient(sums[0], sums[1]) },
	}
}

// rowMean is the rule of the weighted mean of a term for each row.
func rowMean(term func(b *batch, i int) float64) rule {
	r := mean(rows, func(b *batch, i int) (float64, bool) { return term(b, i), true })
	r.axis = -1
	return r
}

// quotient is 0 where there is nothing to divide by.
func quotient(x, by float64) float64 {
	if by <= 0 {
		return 0
	}
	return x / by
}
