package session

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
)

// Store holds the values of variables by name. It may be used from any number of
// goroutines: runs that only read go in parallel, a run that updates has the store
// for itself.
type Store struct {
	mu     sync.RWMutex
	values map[string]*tensor.Dense
}

// NewStore returns an empty store. Variables enter it when a session binds a graph.
func NewStore() *Store { return &Store{values: map[string]*tensor.Dense{}} }

// Names returns the names of all variables in ascending order.
func (s *Store) Names() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.values))
}

// Value returns a copy of a variable's value.
func (s *Store) Value(name string) (*tensor.Dense, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok := s.values[name]
	if !ok {
		return nil, fmt.Errorf("session: the store has no variable %q", name)
	}
	return dense.Clone(v), nil
}

// Int64 returns the value of an int64 scalar, such as the global step.
func (s *Store) Int64(name string) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok := s.values[name]
	switch {
	case !ok:
		return 0, fmt.Errorf("session: the store has no variable %q", name)
	case v.Dtype() != tensor.Int64 || v.Shape().Dims() != 0:
		return 0, fmt.Errorf("session: variable %q is %v %v, want an int64 scalar", name, v.Dtype(), v.Shape())
	}
	return v.Int64s()[0], nil
}

// Snapshot returns a copy of every value.
func (s *Store) Snapshot() map[string]*tensor.Dense {
	c := map[string]*tensor.Dense{}
	s.SnapshotInto(c)
	return c
}

// SnapshotInto makes values what Snapshot returns, and uses the memory of an earlier
// snapshot in it again.
func (s *Store) SnapshotInto(values map[string]*tensor.Dense) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	maps.DeleteFunc(values, func(name string, _ *tensor.Dense) bool { return s.values[name] == nil })
	for name, v := range s.values {
		if have := values[name]; have == nil || dense.Copy(have, v) != nil {
			values[name] = dense.Clone(v)
		}
	}
}

// Restore sets variables from values, which are copied. Names that the store does
// not hold yet are added. A dtype or shape that differs from the variable's is an
// error, and then nothing has been changed.
func (s *Store) Restore(values map[string]*tensor.Dense) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		if v == nil || !dense.Supported(v.Dtype()) {
			return fmt.Errorf("session: restoring variable %q: no value of a supported dtype", name)
		}
		have, ok := s.values[name]
		if ok && (have.Dtype() != v.Dtype() || !dense.SameShape(have.Shape(), v.Shape())) {
			return fmt.Errorf("session: restoring variable %q: it is %v %v, the new value is %v %v",
				name, have.Dtype(), have.Shape(), v.Dtype(), v.Shape())
		}
	}
	for name, v := range values {
		if have, ok := s.values[name]; ok {
			// The memory stays: sessions hold headers over it.
			if err := dense.Copy(have, v); err != nil {
				return fmt.Errorf("session: restoring variable %q: %w", name, err)
			}
			continue
		}
		s.values[name] = dense.Clone(v)
	}
	return nil
}

// bind makes sure that every variable of g that is not local has a value, initial
// where it is new, and that those it has already agree in dtype and shape.
func (s *Store) bind(variables []*graph.Variable) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range variables {
		if v.Local {
			continue
		}
		have, ok := s.values[v.Name]
		if !ok {
			value, err := v.Initial()
			if err != nil {
				return err
			}
			s.values[v.Name] = value
			continue
		}
		if have.Dtype() != v.Dtype || !dense.SameShape(have.Shape(), v.Shape) {
			return fmt.Errorf("session: variable %q is %v %v in this graph but %v %v in the store",
				v.Name, v.Dtype, v.Shape, have.Dtype(), have.Shape())
		}
	}
	return nil
}
