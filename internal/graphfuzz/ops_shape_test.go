package graphfuzz

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// any is a node of any dtype.
func (b *builder) any() *entry {
	if b.one(4) {
		return b.integer(0, 5, b.shape(0, 3)...)
	}
	return b.float(0, 4)
}

// whole is a node of integers, computed or not.
func (b *builder) whole() *entry {
	isWhole := func(e *entry) bool { return e.built.dt != tensor.Float32 && e.built.dt != tensor.Float64 }
	if e := b.existing(isWhole); e != nil && b.one(2) {
		return e
	}
	return b.ids(-1, 6, b.shape(0, 2)...)
}

var floatDtypes = []tensor.Dtype{tensor.Float32, tensor.Float64}

// places has a row of 0 and 1 for each integer.
func places(name string, f func(g *graph.Graph, ids *gorgonia.Node, n int, dt tensor.Dtype) *gorgonia.Node, mark func(id, place int) bool) op {
	return op{name, func(b *builder) {
		ids, n, dt := b.whole(), b.count(5), floatDtypes[b.below(2)]
		b.add(name, "i", marked(n, dt, mark), []*entry{ids}, f(b.g, ids.node, n, dt))
	}}
}

func isClass(id, place int) bool  { return id == place }
func isBefore(id, place int) bool { return place < id }

var shapeOps = []op{
	{"ReshapeRows", func(b *builder) {
		x := b.any()
		row := []int{1}
		if len(x.built.shape) > 0 {
			n := elements(x.built.shape[1:])
			row = [][]int{{n}, {n, 1}, {1, n}}[b.below(3)]
			if b.mistake() {
				row = [][]int{{n + 1}, {}, {-n, -1}, {2, n}}[b.below(4)]
			}
		}
		b.add("ReshapeRows", "a", reshaped(rowsOf(row)), []*entry{x}, ops.ReshapeRows(b.g, x.node, row...))
	}},
	{"Flatten", func(b *builder) {
		x := b.any()
		b.add("Flatten", "a", reshaped(flatten), []*entry{x}, ops.Flatten(b.g, x.node))
	}},
	{"Squeeze", func(b *builder) {
		x := b.existing(func(e *entry) bool { n := len(e.built.shape); return n > 0 && e.built.shape[n-1] == 1 })
		if x == nil {
			x = b.any()
		}
		b.add("Squeeze", "a", reshaped(squeeze), []*entry{x}, ops.Squeeze(b.g, x.node))
	}},
	{"MergeAxes", func(b *builder) {
		x := b.any()
		n := b.count(len(x.built.shape))
		b.add("MergeAxes", "a", reshaped(merge(n)), []*entry{x}, ops.MergeAxes(b.g, x.node, n))
	}},
	{"Concat", func(b *builder) {
		x := b.float(1, 4)
		in, axis := []*entry{x}, b.axis(len(x.built.shape))
		for range b.below(3) {
			shape := append([]int{}, x.built.shape...)
			if k := axis; k >= -len(shape) && k < len(shape) && len(shape) > 0 {
				shape[(k+len(shape))%len(shape)] = b.size()
			}
			in = append(in, b.shaped(shape...))
		}
		b.add("Concat", "f", concat(axis), in, ops.Concat(b.g, axis, nodesOf(in)...))
	}},
	{"Transpose", func(b *builder) {
		x := b.float(0, 4)
		var order []int
		if n := len(x.built.shape); !b.one(3) {
			for i := range n {
				order = append(order, i)
			}
			for i := range order {
				k := b.below(n)
				order[i], order[k] = order[k], order[i]
			}
			if n > 0 && b.mistake() {
				order[0] = order[n-1] + b.below(2)
			}
		}
		b.add("Transpose", "f", transpose(order), []*entry{x}, ops.Transpose(b.g, x.node, order...))
	}},
	{"Cast", func(b *builder) {
		x := b.any()
		dt := []tensor.Dtype{tensor.Float32, tensor.Float64, tensor.Int64, tensor.Int32}[b.below(4)]
		ref := cast(dt)
		if dt == x.built.dt {
			ref = unchanged
		}
		b.add("Cast", "a", ref, []*entry{x}, ops.Cast(b.g, x.node, dt))
	}},
	{"Gather", func(b *builder) {
		table := b.float(2, 2)
		high := 1
		if len(table.built.shape) > 0 {
			high = table.built.shape[0]
		}
		ids := b.ids(0, high, b.shape(0, 2)...)
		b.add("Gather", "fi", gather, []*entry{table, ids}, ops.Gather(b.g, table.node, ids.node))
	}},
	places("OneHot", ops.OneHot, isClass),
	places("SequenceMask", ops.SequenceMask, isBefore),
	{"ReverseSequence", func(b *builder) {
		x := b.float(2, 4)
		in := []*entry{x}
		if len(x.built.shape) > 1 && b.one(2) {
			in = append(in, b.ids(0, x.built.shape[1]+1, x.built.shape[0]))
		}
		n := nodesOf(append(in, &entry{}))
		b.add("ReverseSequence", "fi", reverseSequence, in, ops.ReverseSequence(b.g, n[0], n[1]))
	}},
}
