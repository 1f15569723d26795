package graphfuzz

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/ops"
)

// sequence adds the inputs of a recurrent op.
func (b *builder) sequence(gates, biases int, cell bool) (in []*entry, at recurrentInputs, r ops.Recurrent) {
	small := func(e *entry) bool {
		return e.built.dt == b.dt && len(e.built.shape) == 3 && elements(e.built.shape) <= 60
	}
	x := b.existing(small)
	if x == nil || b.one(2) {
		x = b.shaped(1+b.below(3), 1+b.below(4), 1+b.below(3))
	}
	units := 1 + b.below(3)
	in = []*entry{x, b.shaped(x.dim(-1), gates*units), b.shaped(units, gates*units)}
	optional := func(position *int, e func() *entry) *gorgonia.Node {
		if b.one(2) {
			return nil
		}
		*position = len(in)
		in = append(in, e())
		return in[*position].node
	}
	r.X, r.Kernel, r.RecurrentKernel = x.node, in[1].node, in[2].node
	r.Bias = optional(&at.bias, func() *entry {
		if biases == 2 {
			return b.shaped(2, gates*units)
		}
		return b.shaped(gates * units)
	})
	r.H = optional(&at.h, func() *entry { return b.shaped(x.dim(0), units) })
	if cell {
		r.C = optional(&at.c, func() *entry { return b.shaped(x.dim(0), units) })
	}
	r.Lengths = optional(&at.lengths, func() *entry { return b.ids(0, x.dim(1)+1, x.dim(0)) })
	return in, at, r
}

// kindsOf has a letter for each input.
func (at recurrentInputs) kinds(n int) string {
	kinds := []byte("fffffff"[:n])
	if at.lengths > 0 {
		kinds[at.lengths] = 'i'
	}
	return string(kinds)
}

var recurrentOps = []op{
	{"LSTM", func(b *builder) {
		in, at, r := b.sequence(4, 1, true)
		sequence, h, c := ops.LSTM(b.g, r)
		b.add("LSTM", at.kinds(len(in)), recurrent(4, 1, 2, at, lstmStep), in, sequence, h, c)
	}},
	{"GRU", func(b *builder) {
		in, at, r := b.sequence(3, 2, false)
		sequence, h := ops.GRU(b.g, r)
		b.add("GRU", at.kinds(len(in)), recurrent(3, 2, 1, at, gruStep), in, sequence, h)
	}},
	{"SimpleRNN", func(b *builder) {
		in, at, r := b.sequence(1, 1, false)
		sequence, h := ops.SimpleRNN(b.g, r)
		b.add("SimpleRNN", at.kinds(len(in)), recurrent(1, 1, 1, at, simpleStep), in, sequence, h)
	}},
}
