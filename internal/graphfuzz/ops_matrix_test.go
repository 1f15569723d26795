package graphfuzz

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// dim is axis k of an entry, 1 where there is none.
func (e *entry) dim(k int) int {
	if k < 0 {
		k += len(e.built.shape)
	}
	if k < 0 || k >= len(e.built.shape) {
		return 1
	}
	return e.built.shape[k]
}

// with is an entry's shape with other last axes.
func (e *entry) with(last ...int) []int {
	n := max(len(e.built.shape)-len(last), 0)
	return append(append([]int{}, e.built.shape[:n]...), last...)
}

// heads is [batch, heads, steps, size], small.
func (b *builder) heads() *entry {
	small := func(e *entry) bool {
		return e.built.dt == b.dt && len(e.built.shape) == 4 && elements(e.built.shape) <= 64
	}
	if e := b.existing(small); e != nil && b.one(2) {
		return e
	}
	return b.shaped(1+b.below(2), 1+b.below(2), 1+b.below(4), 1+b.below(3))
}

// mask for scores of this shape, or none.
func (b *builder) mask(batch, heads, queries, keys int) []*entry {
	shape := [][]int{nil, {batch, keys}, {batch, queries, keys}, {batch, heads, queries, keys}, {batch, 1, 1, keys}, {1, 1}, {batch, 1, queries, 1}}[b.below(7)]
	switch {
	case shape == nil:
		return nil
	case b.one(2):
		return []*entry{b.integer(0, 2, shape...)}
	}
	return []*entry{b.shaped(shape...)}
}

var matrixOps = []op{
	{"MatMul", func(b *builder) {
		x := b.float(2, 2)
		y := b.shaped(x.dim(1), b.size())
		b.add("MatMul", "ff", matMul, []*entry{x, y}, ops.MatMul(b.g, x.node, y.node))
	}},
	{"BatchMatMul", func(b *builder) {
		x := b.float(2, 4)
		y := b.shaped(x.with(x.dim(-1), b.size())...)
		b.add("BatchMatMul", "ff", batchMatMul, []*entry{x, y}, ops.BatchMatMul(b.g, x.node, y.node))
	}},
	connected("Dense", ops.Dense, denseLayer),
	connected("DenseReLU", ops.DenseReLU, denseReLU),
	{"AttentionWeights", func(b *builder) {
		q := b.heads()
		k, causal := b.shaped(q.dim(0), q.dim(1), 1+b.below(4), q.dim(3)), b.one(2)
		in := append([]*entry{q, k}, b.mask(q.dim(0), q.dim(1), q.dim(2), k.dim(2))...)
		n := nodesOf(append(in, &entry{}))
		b.add("AttentionWeights", "ffa", attentionWeights(causal), in, ops.AttentionWeights(b.g, n[0], n[1], n[2], causal))
	}},
	{"ScaledDotProductAttention", func(b *builder) {
		q := b.heads()
		k, causal := b.shaped(q.dim(0), q.dim(1), 1+b.below(4), q.dim(3)), b.one(2)
		v := b.shaped(q.dim(0), q.dim(1), k.dim(2), 1+b.below(3))
		in := append([]*entry{q, k, v}, b.mask(q.dim(0), q.dim(1), q.dim(2), k.dim(2))...)
		n := nodesOf(append(in, &entry{}))
		b.add("ScaledDotProductAttention", "fffa", attention(causal), in, ops.ScaledDotProductAttention(b.g, n[0], n[1], n[2], n[3], causal))
	}},
}

// connected is a fully connected layer.
func connected(name string, build func(g *graph.Graph, x, kernel, bias *gorgonia.Node) *gorgonia.Node, ref reference) op {
	return op{name, func(b *builder) {
		x := b.float(2, 4)
		kernel := b.shaped(x.dim(-1), b.size())
		in := []*entry{x, kernel}
		if b.one(2) {
			in = append(in, b.shaped(kernel.dim(1)))
		}
		n := nodesOf(append(in, &entry{}))
		b.add(name, "f", ref, in, build(b.g, n[0], n[1], n[2]))
	}}
}
