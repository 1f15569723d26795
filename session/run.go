package session

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// run executes the program: all reads, then all updates.
func (p *program) run(s *Session, feed graph.Feed, check func([]gorgonia.Value) error) ([]gorgonia.Value, error) {
	if len(p.updated) > 0 {
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
	} else {
		s.store.mu.RLock()
		defer s.store.mu.RUnlock()
	}
	defer clear(p.values) // fed tensors are the caller's: do not keep them alive
	for i := range p.writes {
		if err := p.compute(i, feed); err != nil {
			return nil, err
		}
	}
	outputs := make([]gorgonia.Value, len(p.fetched))
	if err := p.collect(outputs, func(i int) bool { return i < p.writes }); err != nil {
		return nil, err
	}
	if check != nil {
		if err := check(outputs); err != nil {
			return outputs, err
		}
	}
	if p.writes == len(p.nodes) {
		return outputs, nil
	}
	if err := p.protectReads(); err != nil {
		return nil, err
	}
	for i := p.writes; i < len(p.nodes); i++ {
		if err := p.compute(i, feed); err != nil {
			return nil, err
		}
	}
	return outputs, p.collect(outputs, func(i int) bool { return i >= p.writes })
}

// collect copies the values of the fetches that take selects.
func (p *program) collect(outputs []gorgonia.Value, selects func(int) bool) error {
	for k, i := range p.fetched {
		if !selects(i) {
			continue
		}
		v, err := copyOf(p.values[i])
		if err != nil {
			return nodeError(p.graph, p.nodes[i], nil, fmt.Errorf("copying its value: %w", err))
		}
		outputs[k] = v
	}
	return nil
}

// protectReads copies what late nodes read from memory that updates will write:
// variables themselves, and results of stock ops that alias a variable (a reshape).
func (p *program) protectReads() error {
	for i := p.writes; i < len(p.nodes); i++ {
		st := &p.steps[i]
		for k, in := range st.inputs {
			st.scratch[k] = nil
			if in >= p.writes || slices.Contains(st.updating, k) {
				continue
			}
			if !slices.Contains(st.before, k) && !p.aliasesUpdated(in) {
				continue
			}
			v, err := copyOf(p.values[in])
			if err != nil {
				return nodeError(p.graph, p.nodes[in], nil, fmt.Errorf("copying its value: %w", err))
			}
			st.scratch[k] = v
		}
	}
	return nil
}

func (p *program) aliasesUpdated(i int) bool {
	if p.steps[i].op == nil || p.steps[i].kernel != nil {
		return false // variables are in before; kernels write to memory of their own
	}
	for _, u := range p.updated {
		if overlap(p.values[i], p.values[u]) {
			return true
		}
	}
	return false
}

// compute runs one node.
func (p *program) compute(i int, feed graph.Feed) (err error) {
	st := &p.steps[i]
	if st.feed != nil {
		v, err := fed(feed[st.feed])
		if err != nil {
			return fmt.Errorf("session: placeholder %q: %w", st.feed.Name(), err)
		}
		p.values[i] = v
		return nil
	}
	if st.op == nil {
		p.values[i] = st.result
		return nil
	}
	late := i >= p.writes
	for k, in := range st.inputs {
		if late && st.scratch[k] != nil {
			continue // protectReads put a copy there
		}
		st.scratch[k] = p.values[in]
	}
	defer clear(st.scratch)
	defer func() {
		if r := recover(); r != nil {
			err = nodeError(p.graph, p.nodes[i], st.scratch, errors.Errorf("panic: %v", r))
		}
	}()
	for _, k := range st.copies {
		if st.scratch[k], err = copyOf(st.scratch[k]); err != nil {
			return nodeError(p.graph, p.nodes[i], st.scratch, err)
		}
	}
	var v gorgonia.Value
	if st.kernel != nil {
		v, err = st.kernel.UsePreallocDo(st.result, st.scratch...)
	} else {
		v, err = st.op.Do(st.scratch...)
	}
	switch {
	case err != nil:
		return nodeError(p.graph, p.nodes[i], st.scratch, err)
	case v == nil:
		return nodeError(p.graph, p.nodes[i], st.scratch, errors.New("the op returned no value"))
	case p.resized && v.Shape().TotalSize() != st.shape.TotalSize():
		return nodeError(p.graph, p.nodes[i], st.scratch, errors.Errorf("the result has shape %v, want %v", v.Shape(), st.shape))
	}
	p.values[i] = v
	return nil
}
