package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Window returns a metric of the last updates batches only, so that what is said while
// training is of the model as it is now: Window(Accuracy(labels, classes), 100) is the
// accuracy over the last 100 steps. It is a [Tensor] if m is one, and a [Stateful] whose
// methods fail if m is none. The merge of windows joins the newest batch of one with the
// newest of the other, and so on. m itself is not updated.
//
// An update costs what one of m costs; the value costs one merge for each batch.
func Window(m Metric, updates int) Metric {
	w := &window{updates: updates}
	switch {
	case m == nil:
		w.err = errors.New("metrics: Window: the metric is nil")
		return w
	case updates < 1:
		w.err = fmt.Errorf("metrics: Window: %d updates, want at least 1", updates)
	}
	w.whole, w.next = m.Clone(), m.Clone()
	return wrapped(w)
}

// wrapped makes a window over a Tensor one.
func wrapped(w *window) Metric {
	if _, ok := w.whole.(Tensor); ok {
		return windowTensor{w}
	}
	return w
}

// window keeps a metric for each batch.
type window struct {
	whole   Metric // in which batches are merged for the value
	next    Metric // to be updated next: what fails changes no batch
	batches []Metric
	updates int
	err     error
}

var _ Stateful = (*window)(nil)

// Nodes returns the nodes that the metric needs.
func (w *window) Nodes() gorgonia.Nodes {
	if w.whole == nil {
		return nil
	}
	return w.whole.Nodes()
}

func (w *window) check() error {
	if w.err != nil {
		return w.err
	}
	return Check(w.whole)
}

// SetRows tells how many rows the next batch has.
func (w *window) SetRows(rows int) {
	if c, ok := w.next.(RowCounter); ok {
		c.SetRows(rows)
	}
}

// Update adds one batch and forgets the oldest when there are too many.
func (w *window) Update(values []gorgonia.Value) error {
	if w.err != nil {
		return w.err
	}
	if err := w.next.Update(values); err != nil {
		return err
	}
	if err := w.fits(); err != nil {
		w.next.Reset()
		return err
	}
	w.batches = append(w.batches, w.next)
	if len(w.batches) <= w.updates {
		w.next = w.whole.Clone()
		return nil
	}
	w.next = w.batches[0]
	w.next.Reset()
	w.batches = slices.Delete(w.batches, 0, 1)
	return nil
}

// fits reports a batch that could not be joined with the one before.
func (w *window) fits() error {
	if len(w.batches) == 0 {
		return nil
	}
	w.whole.Reset()
	if err := w.whole.Merge(w.batches[len(w.batches)-1]); err != nil {
		return err
	}
	return w.whole.Merge(w.next)
}

// Value returns the result of the last batches.
func (w *window) Value() float64 {
	if w.err != nil || w.join() != nil {
		return 0
	}
	return w.whole.Value()
}

// join merges the batches, the oldest first.
func (w *window) join() error {
	w.whole.Reset()
	for _, b := range w.batches {
		if err := w.whole.Merge(b); err != nil {
			return err
		}
	}
	return nil
}

// Reset forgets all batches.
func (w *window) Reset() {
	if w.err == nil {
		w.batches = nil
	}
}

// Clone returns the metric without batches.
func (w *window) Clone() Metric { return w.Map(same) }

// Map returns the metric over other nodes.
func (w *window) Map(f func(*gorgonia.Node) *gorgonia.Node) Metric {
	if w.whole == nil {
		return &window{updates: w.updates, err: w.err}
	}
	return wrapped(&window{whole: w.whole.Map(f), next: w.whole.Map(f), updates: w.updates, err: w.err})
}

// Merge joins the newest batch with the newest of the other, and so on.
func (w *window) Merge(other Metric) error {
	o, ok := other.(interface{ window() *window })
	if !ok {
		return fmt.Errorf("metrics: merging a %T into a Window: they must be of one kind", other)
	}
	theirs := o.window()
	switch {
	case w.err != nil:
		return w.err
	case theirs.err != nil:
		return theirs.err
	case w.updates != theirs.updates:
		return fmt.Errorf("metrics: merging a Window of %d updates into one of %d: they must be the same", theirs.updates, w.updates)
	}
	n := max(len(w.batches), len(theirs.batches))
	joined := make([]Metric, n)
	for i := range joined {
		joined[i] = w.whole.Clone()
		for _, batches := range [][]Metric{w.batches, theirs.batches} {
			if at := i - n + len(batches); at >= 0 {
				if err := joined[i].Merge(batches[at]); err != nil {
					return err
				}
			}
		}
	}
	w.batches = joined
	return nil
}

func (w *window) window() *window { return w }

// State returns the batches.
func (w *window) State() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	states := make([][]byte, len(w.batches))
	for i, b := range w.batches {
		s, err := stateful(b)
		if err != nil {
			return nil, err
		}
		if states[i], err = s.State(); err != nil {
			return nil, err
		}
	}
	return json.Marshal(states)
}

// SetState goes on with the batches of an earlier window, the newest of them if there
// are too many now.
func (w *window) SetState(state []byte) error {
	if w.err != nil {
		return w.err
	}
	var states [][]byte
	if err := json.Unmarshal(state, &states); err != nil {
		return fmt.Errorf("metrics: Window: SetState: %w", err)
	}
	states = states[max(0, len(states)-w.updates):]
	batches := make([]Metric, len(states))
	for i := range states {
		batches[i] = w.whole.Clone()
		s, err := stateful(batches[i])
		if err != nil {
			return err
		}
		if err := s.SetState(states[i]); err != nil {
			return err
		}
	}
	w.batches = batches
	return nil
}

func stateful(m Metric) (Stateful, error) {
	s, ok := m.(Stateful)
	if !ok {
		return nil, fmt.Errorf("metrics: Window: a %T has no State", m)
	}
	return s, nil
}

// windowTensor is a window over a metric with several results.
type windowTensor struct{ *window }

var _ Tensor = windowTensor{}

// Tensor returns the result of the last batches.
func (w windowTensor) Tensor() *tensor.Dense {
	if w.err != nil || w.join() != nil {
		return nil
	}
	return w.whole.(Tensor).Tensor()
}

// Labels names the elements.
func (w windowTensor) Labels() []string { return w.whole.(Tensor).Labels() }
