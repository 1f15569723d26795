package metrics

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Metric is a quantity that is accumulated batch by batch.
type Metric interface {
	// Nodes returns the nodes whose values Update wants, in that order.
	Nodes() gorgonia.Nodes
	// Update adds one batch. The error names the metric, the value found and what was
	// expected; the metric is then unchanged. The values are not kept.
	Update(values []gorgonia.Value) error
	// Value returns the result so far; before any update 0, or NaN where the metric
	// says so. It changes nothing.
	Value() float64
	// Reset forgets all batches.
	Reset()
	// Clone returns the same metric over the same nodes, without any batches.
	Clone() Metric
	// Merge adds the batches of another metric of the same kind and parameters. After
	// an error the metric is unchanged.
	Merge(other Metric) error
	// Map returns the same metric over other nodes, without any batches: f gives the
	// counterpart of a node in another graph.
	Map(f func(*gorgonia.Node) *gorgonia.Node) Metric
}

// Tensor is a [Metric] whose result is more than one number: a confusion matrix, a
// precision for each of several thresholds. Its Value is the mean of the elements,
// unless the metric says otherwise.
type Tensor interface {
	Metric
	// Tensor returns the result so far, float64 and the caller's own; nil while the
	// shape is unknown, which is before the first batch of some metrics.
	Tensor() *tensor.Dense
	// Labels names the elements of the result in row-major order, as [Results] does;
	// nil when they have no names but their indices.
	Labels() []string
}

// Stateful is implemented by metrics whose batches can be saved and given back, so that
// a resumed run goes on with them. All metrics of this package are.
type Stateful interface {
	Metric
	// State returns what was accumulated.
	State() ([]byte, error)
	// SetState replaces what was accumulated by what State of the same metric had
	// returned. After an error the metric is unchanged.
	SetState(state []byte) error
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
