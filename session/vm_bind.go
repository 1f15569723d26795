package session

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

// vmInput is a node of a machine that has its value from outside.
type vmInput struct {
	node  int            // its position in the program
	value gorgonia.Value // what was bound at the last run
	// ours says that the value is the memory of a result of the program, which the program
	// will write over: it is copied. A loop that binds an update it computed to a variable
	// makes it so.
	ours bool

	// deriv is the position of its gradient, -1 if the graph computes none.
	deriv int
	// own says that the gradient is memory of something else too: solvers write to
	// gradients, so this input gets a copy, gradient.
	own, checked bool
	gradient     gorgonia.Value
}

func (vm *VM) findInputs() {
	p := vm.program
	vm.inputs = nil
	for i, n := range p.nodes {
		if n.Op() != nil {
			continue
		}
		in := vmInput{node: i, deriv: -1}
		if d := n.Deriv(); d != nil {
			if k, ok := p.index[d]; ok {
				in.deriv = k
			}
		}
		vm.inputs = append(vm.inputs, in)
	}
}

// takeInputs gives the program the values that are bound to its inputs.
func (vm *VM) takeInputs() error {
	p := vm.program
	for k := range vm.inputs {
		in := &vm.inputs[k]
		n := p.nodes[in.node]
		v := n.Value()
		if v == nil {
			return fmt.Errorf("session: input %q of shape %v has no value: use gorgonia.Let", n.Name(), n.Shape())
		}
		if v != in.value {
			in.value, in.ours = v, p.owns(v)
		}
		if in.ours {
			var err error
			if v, err = copyOf(v); err != nil {
				return nodeError(p.graph, n, nil, err)
			}
		}
		p.steps[in.node].result = v
	}
	return nil
}

// owns reports whether v is memory that a kernel of the program writes to.
func (p *program) owns(v gorgonia.Value) bool {
	for i := range p.steps {
		if st := &p.steps[i]; st.kernel != nil && overlap(v, st.result) {
			return true
		}
	}
	return false
}

// bindGradients makes Grad of each input whose gradient the graph computes return it.
// Without more ado it returns the value of the gradient's node. That must not be memory
// of anything else: a solver scales gradients and sets them to zero.
func (vm *VM) bindGradients() error {
	p := vm.program
	for k := range vm.inputs {
		in := &vm.inputs[k]
		if in.deriv < 0 {
			continue
		}
		n, v := p.nodes[in.node], p.values[in.deriv]
		if !in.own {
			// A machine of Gorgonia's may have bound an older gradient.
			bound, err := n.Grad()
			in.own = err != nil || bound != v || !in.checked && vm.shared(k)
			in.checked = true
		}
		if !in.own {
			continue
		}
		if in.gradient == nil || !copyInto(in.gradient, v) {
			var err error
			if in.gradient, err = copyOf(v); err != nil {
				return nodeError(p.graph, n, nil, err)
			}
		}
		if err := bind(n, gorgonia.WithGrad(in.gradient)); err != nil {
			return nodeError(p.graph, n, nil, fmt.Errorf("binding its gradient of shape %v: %w", v.Shape(), err))
		}
	}
	return nil
}

// shared reports whether the gradient of input k is memory of an earlier one's, of an input
// or of a constant.
func (vm *VM) shared(k int) bool {
	p := vm.program
	v := p.values[vm.inputs[k].deriv]
	for _, other := range vm.inputs[:k] {
		if other.deriv >= 0 && !other.own && overlap(v, p.values[other.deriv]) {
			return true
		}
	}
	for i := range p.steps {
		if st := &p.steps[i]; st.op == nil && len(st.inputs) == 0 && overlap(v, p.values[i]) {
			return true
		}
	}
	return false
}

// bindValue makes v the node's value.
func bindValue(n *gorgonia.Node, v gorgonia.Value) error {
	if n.Value() == v {
		return nil
	}
	if err := bind(n, gorgonia.WithValue(v)); err != nil {
		return fmt.Errorf("binding its value of shape %v: %w", v.Shape(), err)
	}
	return nil
}

// bind applies an option to a node. Gorgonia panics where types differ.
func bind(n *gorgonia.Node, option gorgonia.NodeConsOpt) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	option(n)
	return nil
}
