package graphfuzz

import (
	"math"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

type unaryOp = func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node
type binaryOp = func(g *graph.Graph, x, y *gorgonia.Node) *gorgonia.Node

func unary(name string, f unaryOp, ref reference) op {
	return op{name, func(b *builder) {
		x := b.float(0, 4)
		b.add(name, "f", ref, []*entry{x}, f(b.g, x.node))
	}}
}

// binary broadcasts: the second input often is a part of the first's shape.
func binary(name string, f binaryOp, value func(x, y num) num) op {
	return op{name, func(b *builder) {
		x := b.float(0, 4)
		shape := append([]int(nil), x.built.shape...)
		if len(shape) > 0 {
			shape = shape[b.below(len(shape)+1):]
		}
		for i := range shape {
			if b.one(4) {
				shape[i] = 1
			}
		}
		y := b.shaped(shape...)
		if b.one(2) {
			x, y = y, x
		}
		b.add(name, "ff", broadcast(value), []*entry{x, y}, f(b.g, x.node, y.node))
	}}
}

// pairOp takes two inputs of one shape.
func pairOp(name string, f binaryOp, ref reference) op {
	return op{name, func(b *builder) {
		x := b.float(0, 4)
		y := b.shaped(x.built.shape...)
		b.add(name, "ff", ref, []*entry{x, y}, f(b.g, x.node, y.node))
	}}
}

var pointwiseOps = []op{
	binary("Add", ops.Add, num.add),
	binary("Sub", ops.Sub, num.sub),
	binary("Mul", ops.Mul, num.mul),
	binary("Div", ops.Div, num.div),
	unary("Neg", ops.Neg, pointwise(func(_ *arithmetic, x num) num { return x.neg() })),
	unary("Abs", ops.Abs, pointwise(abs)),
	unary("Square", ops.Square, pointwise(func(_ *arithmetic, x num) num { return x.mul(x) })),
	unary("Sqrt", ops.Sqrt, pointwise(func(_ *arithmetic, x num) num { return x.sqrt() })),
	unary("Exp", ops.Exp, pointwise(func(_ *arithmetic, x num) num { return x.exp() })),
	unary("Log", ops.Log, pointwise(func(_ *arithmetic, x num) num { return x.log() })),
	unary("Tanh", ops.Tanh, pointwise(func(_ *arithmetic, x num) num { return x.tanh() })),
	unary("Sigmoid", ops.Sigmoid, pointwise(func(_ *arithmetic, x num) num { return x.sigmoid() })),
	unary("Softplus", ops.Softplus, pointwise(softplus)),
	unary("Softsign", ops.Softsign, pointwise(softsign)),
	unary("ReLU", ops.ReLU, pointwise(relu)),
	unary("ReLU6", ops.ReLU6, pointwise(relu6)),
	unary("SELU", ops.SELU, elu(1.0507009873554804934193349852946, 1.6732632423543772848170429916717)),
	unary("Swish", ops.Swish, pointwise(swish)),
	unary("GELU", ops.GELU, pointwise(gelu)),
	{"LeakyReLU", func(b *builder) {
		x, alpha := b.float(0, 4), b.number(0.2, 0, -0.5, 1)
		b.add("LeakyReLU", "f", given(finite(alpha), leaky(alpha)), []*entry{x}, ops.LeakyReLU(b.g, x.node, alpha))
	}},
	{"ELU", func(b *builder) {
		x, alpha := b.float(0, 4), b.number(1, 0.5, 2)
		b.add("ELU", "f", given(finite(alpha), elu(1, alpha)), []*entry{x}, ops.ELU(b.g, x.node, alpha))
	}},
	pairOp("SigmoidCrossEntropy", ops.SigmoidCrossEntropy, pairs(sigmoidCrossEntropy)),
	pairOp("SquaredError", ops.SquaredError, pairs(squaredError)),
	{"Huber", func(b *builder) {
		x := b.float(0, 4)
		y, delta := b.shaped(x.built.shape...), b.number(1, 0.5, 3)
		b.add("Huber", "ff", given(delta > 0 && finite(delta), pairs(huber(delta))), []*entry{x, y}, ops.Huber(b.g, x.node, y.node, delta))
	}},
	{"Dropout", func(b *builder) {
		x, step, rate := b.float(0, 4), b.step(), b.number(0.5, 0.25, 0, 0.9)
		ref := dropout(b.g.Seed(), "d", rate)
		if rate == 0 {
			ref = unchanged
		}
		b.add("Dropout", "fa", given(rate >= 0 && rate < 1, ref), []*entry{x, step}, ops.Dropout(b.g, x.node, step.node, rate, "d"))
	}},
}

// given is an interpreter where arguments are right. Where they are not, building refuses.
func given(right bool, ref reference) reference {
	if right {
		return ref
	}
	return never
}

func never(_ *arithmetic, in []array) ([]array, error) { return nil, wants(false, in...) }

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
