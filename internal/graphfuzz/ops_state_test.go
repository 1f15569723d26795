package graphfuzz

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/ops"
)

// step is an int64 scalar, as the global step is.
func (b *builder) step() *entry {
	a := zeros(tensor.Int64)
	a.x[0] = exact(float64(b.below(5)))
	return b.leaf(a)
}

// target is a variable that nothing updates yet, wrongly a placeholder.
func (b *builder) target(float bool) *entry {
	fits := func(e *entry) bool {
		return e.kind == "variable" && !b.updated[e] && (!float || e.built.dt == b.dt)
	}
	if e := b.existing(fits); e != nil && b.one(2) {
		return e
	}
	e := &entry{kind: "variable", built: zeros(b.dt, b.shape(0, 3)...)}
	for i, v := range b.values(b.dt, len(e.built.x)) {
		e.built.x[i] = exact(v)
	}
	if b.mistake() {
		e.kind = "placeholder"
		if elements(e.built.shape) == 0 {
			e.kind = "variable"
		}
	}
	b.addLeaf(e)
	return e
}

// value for a variable: of its shape and dtype.
func (b *builder) valueFor(v *entry) *entry {
	if v.built.dt == b.dt {
		return b.shaped(v.built.shape...)
	}
	a := v.built.reshaped(v.built.shape...)
	if b.mistake() {
		a.dt = tensor.Int32
	}
	return b.leaf(a)
}

func updating(name, kinds string, f func(b *builder, variable, value *gorgonia.Node) (*gorgonia.Node, reference)) op {
	return op{name, func(b *builder) {
		v := b.target(name == "AssignMovingAverage")
		value := b.valueFor(v)
		n, ref := f(b, v.node, value.node)
		if v.kind != "variable" {
			if b.g.Err() == nil {
				b.t.Fatalf("%s of a placeholder was built", name)
			}
			ref = never
		}
		if made := b.add(name, kinds, ref, []*entry{v, value}, n); made != nil {
			made[0].update, made[0].late = true, true
			b.updated[v] = true
			if v.built.dt == b.dt && b.one(2) { // what is computed from both sees the old value too
				b.add("Sub", "ff", broadcast(num.sub), []*entry{made[0], v}, ops.Sub(b.g, n, v.node))
			}
		}
	}}
}

var stateOps = []op{
	updating("Assign", "as", func(b *builder, variable, value *gorgonia.Node) (*gorgonia.Node, reference) {
		return ops.Assign(b.g, variable, value), pairwise(func(_, by num) num { return by })
	}),
	updating("AssignAdd", "as", func(b *builder, variable, value *gorgonia.Node) (*gorgonia.Node, reference) {
		return ops.AssignAdd(b.g, variable, value), pairwise(num.add)
	}),
	updating("AssignMovingAverage", "ff", func(b *builder, variable, value *gorgonia.Node) (*gorgonia.Node, reference) {
		momentum := b.number(0.9, 0, 0.5)
		ref := given(momentum >= 0 && momentum < 1, movingAverage(momentum))
		return ops.AssignMovingAverage(b.g, variable, value, momentum), ref
	}),
	{"Group", func(b *builder) {
		in := []*entry{b.any()}
		for range b.below(3) {
			in = append(in, b.any())
		}
		b.add("Group", "a", group, in, ops.Group(b.g, b.name("group"), nodesOf(in)...))
	}},
}
