package graphfuzz

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// axes of a tensor with so many, none for all, sometimes negative.
func (b *builder) axes(dims int) (axes []int) {
	if b.mistake() {
		return [][]int{{dims}, {0, 0}, {-dims - 1}, {1, -1}}[b.below(4)]
	}
	for axis := range dims {
		if b.one(3) {
			if b.one(3) {
				axis -= dims
			}
			axes = append(axes, axis)
		}
	}
	return axes
}

// axis is one axis.
func (b *builder) axis(dims int) int {
	if dims == 0 || b.mistake() {
		return []int{dims, -dims - 1, 9}[b.below(3)]
	}
	return b.below(2*dims) - dims
}

func reduction(name string, f func(g *graph.Graph, x *gorgonia.Node, axes ...int) *gorgonia.Node, terms func(r *arithmetic, terms []num) num) op {
	return op{name, func(b *builder) {
		x := b.float(0, 4)
		axes := b.axes(len(x.built.shape))
		b.add(name, "f", reduced(axes, terms), []*entry{x}, f(b.g, x.node, axes...))
	}}
}

func overAxis(name string, f func(g *graph.Graph, x *gorgonia.Node, axis int) *gorgonia.Node, row func([]num) []num) op {
	return op{name, func(b *builder) {
		x := b.float(1, 4)
		axis := b.axis(len(x.built.shape))
		b.add(name, "f", alongAxis(axis, row), []*entry{x}, f(b.g, x.node, axis))
	}}
}

var reduceOps = []op{
	reduction("Sum", ops.Sum, total),
	reduction("Mean", ops.Mean, mean),
	reduction("LogSumExp", ops.LogSumExp, logSumExp),
	unary("Softmax", ops.Softmax, alongAxis(-1, softmax)),
	unary("LogSoftmax", ops.LogSoftmax, alongAxis(-1, logSoftmax)),
	overAxis("SoftmaxOver", ops.SoftmaxOver, softmax),
	overAxis("LogSoftmaxOver", ops.LogSoftmaxOver, logSoftmax),
	{"SparseSoftmaxCrossEntropy", func(b *builder) {
		x := b.float(1, 3)
		n := len(x.built.shape)
		rows, classes := []int{}, 1
		if n > 0 {
			rows, classes = x.built.shape[:n-1], x.built.shape[n-1]
		}
		labels := b.ids(0, classes, rows...)
		b.add("SparseSoftmaxCrossEntropy", "fi", sparseCrossEntropy, []*entry{x, labels}, ops.SparseSoftmaxCrossEntropy(b.g, x.node, labels.node))
	}},
	{"SoftmaxCrossEntropy", func(b *builder) {
		x := b.float(1, 3)
		labels := b.shaped(x.built.shape...)
		b.add("SoftmaxCrossEntropy", "ff", crossEntropy, []*entry{x, labels}, ops.SoftmaxCrossEntropy(b.g, x.node, labels.node))
	}},
	{"WeightedMean", func(b *builder) {
		x := b.float(0, 3)
		shape := x.built.shape[:b.below(len(x.built.shape)+1)]
		if b.one(3) {
			shape = append(append([]int{}, shape...), 1)
		}
		weights := b.shaped(shape...)
		b.add("WeightedMean", "ff", weightedMean, []*entry{x, weights}, ops.WeightedMean(b.g, x.node, weights.node))
	}},
	{"L1L2", func(b *builder) {
		x, l1, l2 := b.float(0, 3), b.number(0.5, 0, 1), b.number(2, 0, 0.1)
		b.add("L1L2", "f", given(finite(l1) && finite(l2), l1l2(l1, l2)), []*entry{x}, ops.L1L2(b.g, x.node, l1, l2))
	}},
	unary("ArgMax", ops.ArgMax, argMax),
	{"TopK", func(b *builder) {
		x := b.float(1, 3)
		width := 1
		if n := len(x.built.shape); n > 0 {
			width = x.built.shape[n-1]
		}
		k := b.count(width)
		values, indices := ops.TopK(b.g, x.node, k)
		b.add("TopK", "f", topK(k), []*entry{x}, values, indices)
	}},
}
