package session

import (
	"fmt"

	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// run executes the program: all reads, then all updates. The fetches go to outputs,
// into the memory that is there where it fits.
func (p *program) run(s *Session, feed graph.Feed, outputs []gorgonia.Value, check func([]gorgonia.Value) error) error {
	if len(p.updated) > 0 {
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
	} else {
		s.store.mu.RLock()
		defer s.store.mu.RUnlock()
	}
	defer clear(p.values) // fed tensors are the caller's: do not keep them alive
	if err := p.compute(0, p.writes, feed); err != nil {
		return err
	}
	if err := p.collect(outputs, 0, p.writes); err != nil {
		return err
	}
	if check != nil {
		if err := p.look(outputs, check); err != nil {
			return err
		}
	}
	if p.writes == len(p.nodes) {
		return nil
	}
	if err := p.protectReads(); err != nil {
		return err
	}
	if err := p.compute(p.writes, len(p.nodes), feed); err != nil {
		return err
	}
	return p.collect(outputs, p.writes, len(p.nodes))
}

// look lets check see the fetches computed so far. The memory of the others, from an
// earlier run, is put back for collect.
func (p *program) look(outputs []gorgonia.Value, check func([]gorgonia.Value) error) error {
	for k, i := range p.fetched {
		if i >= p.writes {
			p.late[k], outputs[k] = outputs[k], nil
		}
	}
	err := check(outputs)
	for k, i := range p.fetched {
		if i >= p.writes && err == nil {
			outputs[k] = p.late[k]
		}
		p.late[k] = nil
	}
	return err
}

// collect copies the values of the fetches among nodes [from, to).
func (p *program) collect(outputs []gorgonia.Value, from, to int) error {
	for k, i := range p.fetched {
		if i < from || i >= to || copyInto(outputs[k], p.values[i]) {
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

// protectReads copies what late nodes read from memory that updates will write.
func (p *program) protectReads() error {
	for i := p.writes; i < len(p.nodes); i++ {
		clear(p.steps[i].scratch) // a run that failed may have left something
	}
	for _, r := range p.reads {
		st := &p.steps[r.node]
		in := st.inputs[r.input]
		if !r.always && !p.aliasesUpdated(in) {
			continue
		}
		v, err := copyOf(p.values[in])
		if err != nil {
			return nodeError(p.graph, p.nodes[in], nil, fmt.Errorf("copying its value: %w", err))
		}
		st.scratch[r.input] = v
	}
	return nil
}

func (p *program) aliasesUpdated(i int) bool {
	for _, u := range p.updated {
		if overlap(p.values[i], p.values[u]) {
			return true
		}
	}
	return false
}

// compute runs nodes [from, to). A panic of an op becomes an error that names the node.
func (p *program) compute(from, to int, feed graph.Feed) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = nodeError(p.graph, p.nodes[p.current], p.steps[p.current].scratch, errors.Errorf("panic: %v", r))
		}
	}()
	for p.current = from; p.current < to; p.current++ {
		if p.measured != nil || p.trace != nil {
			err = p.stepMeasured(p.current, func() error { return p.step(p.current, feed) })
		} else {
			err = p.step(p.current, feed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// step runs one node.
func (p *program) step(i int, feed graph.Feed) error {
	st := &p.steps[i]
	if st.feed != nil {
		v, err := fed(feed[st.feed], st.result, st.direct)
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
	var v gorgonia.Value
	var err error
	for _, k := range st.copies {
		if st.scratch[k], err = copyOf(st.scratch[k]); err != nil {
			return nodeError(p.graph, p.nodes[i], st.scratch, err)
		}
	}
	if st.kernel != nil {
		v, err = st.kernel.UsePreallocDo(st.result, st.scratch...)
	} else {
		v, err = st.op.Do(st.scratch...)
	}
	switch {
	case err != nil:
		err = nodeError(p.graph, p.nodes[i], st.scratch, err)
	case v == nil:
		err = nodeError(p.graph, p.nodes[i], st.scratch, errors.New("the op returned no value"))
	case p.resized && v.Shape().TotalSize() != st.shape.TotalSize():
		err = nodeError(p.graph, p.nodes[i], st.scratch, errors.Errorf("the result has shape %v, want %v", v.Shape(), st.shape))
	}
	clear(st.scratch)
	p.values[i] = v
	return err
}
