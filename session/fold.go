package session

import (
	"github.com/pkg/errors"
	"gorgonia.org/gorgonia"
)

// fold computes node i once and for all if it is an op of constants. Stock ops are left
// alone: some of them draw random numbers or keep state.
func (p *program) fold(i int) (err error) {
	st := &p.steps[i]
	if st.kernel == nil || len(st.inputs) == 0 {
		return nil
	}
	values := make([]gorgonia.Value, len(st.inputs))
	for k, in := range st.inputs {
		if !p.steps[in].constant {
			return nil
		}
		values[k] = p.steps[in].result
	}
	defer func() {
		if r := recover(); r != nil {
			err = nodeError(p.graph, p.nodes[i], values, errors.Errorf("panic: %v", r))
		}
	}()
	v, err := st.op.Do(values...)
	if err != nil {
		return nodeError(p.graph, p.nodes[i], values, err)
	}
	*st = step{result: v, shape: st.shape, constant: true}
	return nil
}
