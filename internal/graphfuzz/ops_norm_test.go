package graphfuzz

import "github.com/stheno-ml/stheno/ops"

// norm is x with so many vectors of its channels.
func (b *builder) norm(vectors int) (in []*entry, epsilon float64, right bool) {
	in = []*entry{b.float(2, 4)}
	for range vectors {
		in = append(in, b.shaped(in[0].dim(-1)))
	}
	epsilon = b.number(1e-3, 1e-2)
	return in, epsilon, epsilon > 0 && finite(epsilon)
}

var normOps = []op{
	{"BatchNorm", func(b *builder) {
		in, epsilon, right := b.norm(2)
		n := nodesOf(in)
		y, mean, variance := ops.BatchNorm(b.g, n[0], n[1], n[2], epsilon)
		b.add("BatchNorm", "f", given(right, batchNorm(epsilon)), in, y, mean, variance)
	}},
	{"FrozenBatchNorm", func(b *builder) {
		in, epsilon, right := b.norm(4)
		n := nodesOf(in)
		b.add("FrozenBatchNorm", "f", given(right, frozenBatchNorm(epsilon)), in, ops.FrozenBatchNorm(b.g, n[0], n[1], n[2], n[3], n[4], epsilon))
	}},
	{"LayerNorm", func(b *builder) {
		in, epsilon, right := b.norm(2)
		n := nodesOf(in)
		b.add("LayerNorm", "f", given(right, layerNorm(epsilon)), in, ops.LayerNorm(b.g, n[0], n[1], n[2], epsilon))
	}},
}
