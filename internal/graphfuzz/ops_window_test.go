package graphfuzz

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// images have so many spatial axes.
func (b *builder) images(axes int) *entry {
	fits := func(e *entry) bool {
		return e.built.dt == b.dt && len(e.built.shape) == axes+2 && elements(e.built.shape) <= 150
	}
	if e := b.existing(fits); e != nil && b.one(2) {
		return e
	}
	shape := []int{1 + b.below(2)}
	for range axes {
		shape = append(shape, 1+b.below(6))
	}
	return b.shaped(append(shape, 1+b.below(4))...)
}

// each is a setting for every axis, or one for all.
func (b *builder) each(axes, most int) (all []int) {
	if b.mistake() {
		return [][]int{{0}, {-1}, {1, 2, 3}, {9}}[b.below(4)]
	}
	if b.one(3) {
		return nil
	}
	for range axes {
		all = append(all, 1+b.below(most))
	}
	if b.one(3) {
		return all[:1]
	}
	return all
}

func (b *builder) padding() ops.Padding {
	if b.mistake() {
		return 7
	}
	return ops.Padding(b.below(2))
}

func convolutionOp(name string, axes int, f func(g *graph.Graph, x, kernel, bias *gorgonia.Node, o ops.ConvOptions) *gorgonia.Node) op {
	return op{name, func(b *builder) {
		x := b.images(axes)
		o := ops.ConvOptions{Strides: b.each(axes, 3), Dilations: b.each(axes, 2), Padding: b.padding(), ReLU: b.one(2)}
		groups := 1
		switch channels := x.dim(-1); {
		case b.one(4):
			groups = channels
		case channels%2 == 0 && b.one(3):
			groups = 2
		}
		if o.Groups = groups; groups == 1 && b.one(2) {
			o.Groups = 0
		}
		if b.mistake() {
			o.Groups = []int{-1, 5}[b.below(2)]
		}
		var shape []int
		for range axes {
			shape = append(shape, 1+b.below(3))
		}
		kernel := b.shaped(append(shape, x.dim(-1)/max(groups, 1), max(groups, 1)*(1+b.below(3)))...)
		in := []*entry{x, kernel}
		if b.one(2) {
			in = append(in, b.shaped(kernel.dim(-1)))
		}
		n := nodesOf(append(in, &entry{}))
		b.add(name, "f", convolution(axes, o), in, f(b.g, n[0], n[1], n[2], o))
	}}
}

func poolingOp(name string, axes int, f func(g *graph.Graph, x *gorgonia.Node, o ops.PoolOptions) *gorgonia.Node, terms func(r *arithmetic, terms []num) num) op {
	return op{name, func(b *builder) {
		x := b.images(axes)
		o := ops.PoolOptions{Size: b.each(axes, 3), Strides: b.each(axes, 3), Padding: b.padding()}
		b.add(name, "f", pooling(axes, o, terms), []*entry{x}, f(b.g, x.node, o))
	}}
}

func globalOp(name string, f unaryOp, terms func(r *arithmetic, terms []num) num) op {
	return op{name, func(b *builder) {
		x := b.float(3, 4)
		b.add(name, "f", globalPooling(terms), []*entry{x}, f(b.g, x.node))
	}}
}

var windowOps = []op{
	convolutionOp("Conv2D", 2, ops.Conv2D),
	convolutionOp("Conv1D", 1, ops.Conv1D),
	poolingOp("MaxPool2D", 2, ops.MaxPool2D, largest),
	poolingOp("MaxPool1D", 1, ops.MaxPool1D, largest),
	poolingOp("AvgPool2D", 2, ops.AvgPool2D, mean),
	poolingOp("AvgPool1D", 1, ops.AvgPool1D, mean),
	globalOp("GlobalMaxPool", ops.GlobalMaxPool, largest),
	globalOp("GlobalAvgPool", ops.GlobalAvgPool, mean),
}
