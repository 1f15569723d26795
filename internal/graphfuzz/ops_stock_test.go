package graphfuzz

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// stock adds one of Gorgonia's ops, where Gorgonia lets it be built. Inputs are leaves or
// results of ours: Gorgonia rewrites some of its own ops when others follow.
func stock(name string, least, most int, add func(b *builder, x *entry) (ref reference, in []*entry, f func() (*gorgonia.Node, error))) op {
	return op{"gorgonia." + name, func(b *builder) {
		x := b.existing(func(e *entry) bool { return e.forStock(b.dt, least, most) })
		if x == nil {
			x = b.fresh(b.shape(least, most)...)
		}
		if x.forStock(b.dt, least, most) {
			ref, in, f := add(b, x)
			b.addStock(name, ref, in, f)
		}
	}}
}

// forStock says that e can be an input of a stock op: Gorgonia has no empty tensors.
func (e *entry) forStock(dt tensor.Dtype, least, most int) bool {
	n := len(e.built.shape)
	return e.built.dt == dt && !e.stock && n >= least && n <= most && elements(e.built.shape) > 0
}

func (b *builder) addStock(name string, ref reference, in []*entry, f func() (*gorgonia.Node, error)) {
	for _, e := range in {
		if e.stock || elements(e.built.shape) == 0 {
			return
		}
	}
	n, err := buildStock(f)
	if err != nil {
		return
	}
	for _, e := range b.entries {
		if e.node == n {
			return // merged with an older one
		}
	}
	arrays := make([]array, len(in))
	for i, e := range in {
		arrays[i] = e.built
	}
	results, wrong := ref(&arithmetic{}, arrays)
	if wrong != nil || !slices.Equal(n.Shape(), results[0].shape) {
		b.t.Fatalf("gorgonia.%s of %s is built as %v, want %v: %v", name, describe(arrays), n.Shape(), results, wrong)
	}
	for _, e := range b.add(name, "a", ref, in, n) {
		e.stock = true
	}
}

// buildStock turns a panic of Gorgonia's into an error.
func buildStock(f func() (*gorgonia.Node, error)) (n *gorgonia.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return f()
}

func stockUnary(name string, f func(x *gorgonia.Node) (*gorgonia.Node, error), ref reference) op {
	return stock(name, 1, 4, func(b *builder, x *entry) (reference, []*entry, func() (*gorgonia.Node, error)) {
		return ref, []*entry{x}, func() (*gorgonia.Node, error) { return f(x.node) }
	})
}

// stockBinary is of two tensors of one shape, or of a tensor and a scalar.
func stockBinary(name string, f func(x, y *gorgonia.Node) (*gorgonia.Node, error), value func(x, y num) num) op {
	return stock(name, 1, 4, func(b *builder, x *entry) (reference, []*entry, func() (*gorgonia.Node, error)) {
		y := b.fresh(x.built.shape...)
		if b.one(3) {
			y = b.fresh()
		}
		if b.one(2) {
			x, y = y, x
		}
		return broadcast(value), []*entry{x, y}, func() (*gorgonia.Node, error) { return f(x.node, y.node) }
	})
}

func stockReduction(name string, f func(x *gorgonia.Node, axes ...int) (*gorgonia.Node, error), terms func(r *arithmetic, terms []num) num) op {
	return stock(name, 2, 4, func(b *builder, x *entry) (reference, []*entry, func() (*gorgonia.Node, error)) {
		axis := b.below(len(x.built.shape))
		return reduced([]int{axis}, terms), []*entry{x}, func() (*gorgonia.Node, error) { return f(x.node, axis) }
	})
}

var stockOps = []op{
	stockBinary("Add", gorgonia.Add, num.add),
	stockBinary("Sub", gorgonia.Sub, num.sub),
	stockBinary("HadamardProd", gorgonia.HadamardProd, num.mul),
	stockBinary("HadamardDiv", gorgonia.HadamardDiv, num.div),
	stockUnary("Neg", gorgonia.Neg, pointwise(func(_ *arithmetic, x num) num { return x.neg() })),
	stockUnary("Square", gorgonia.Square, pointwise(func(_ *arithmetic, x num) num { return x.mul(x) })),
	stockUnary("Cube", gorgonia.Cube, pointwise(func(_ *arithmetic, x num) num { return x.mul(x).mul(x) })),
	stockUnary("Exp", gorgonia.Exp, pointwise(stockExp)),
	stockUnary("Tanh", gorgonia.Tanh, pointwise(func(_ *arithmetic, x num) num { return x.tanh() })),
	stockUnary("Sqrt", gorgonia.Sqrt, pointwise(func(_ *arithmetic, x num) num { return x.sqrt() })),
	stockUnary("Sigmoid", gorgonia.Sigmoid, pointwise(stockSigmoid)),
	stockUnary("Abs", gorgonia.Abs, pointwise(abs)),
	stockUnary("Rectify", gorgonia.Rectify, pointwise(stockRectify)),
	stockReduction("Sum", gorgonia.Sum, total),
	stockReduction("Mean", gorgonia.Mean, mean),
	stockReduction("Max", gorgonia.Max, stockMax),
	stock("Mul", 2, 2, func(b *builder, x *entry) (reference, []*entry, func() (*gorgonia.Node, error)) {
		y := b.fresh(x.dim(1), 1+b.below(4))
		return stockMul, []*entry{x, y}, func() (*gorgonia.Node, error) { return gorgonia.Mul(x.node, y.node) }
	}),
	stock("Reshape", 1, 4, func(b *builder, x *entry) (reference, []*entry, func() (*gorgonia.Node, error)) {
		n := elements(x.built.shape)
		shape := [][]int{{n}, {1, n}, {n, 1}}[b.below(3)]
		return reshaped(func([]int) []int { return shape }), []*entry{x}, func() (*gorgonia.Node, error) {
			return gorgonia.Reshape(x.node, slices.Clone(shape))
		}
	}),
	stock("Transpose", 2, 4, func(b *builder, x *entry) (reference, []*entry, func() (*gorgonia.Node, error)) {
		var order []int
		for i := range x.built.shape {
			order = append(order, (i+1+b.below(2))%len(x.built.shape))
		}
		if sorted := slices.Sorted(slices.Values(order)); sorted[0] != 0 || len(slices.Compact(sorted)) != len(order) {
			order = nil
			for i := range x.built.shape {
				order = append(order, len(x.built.shape)-1-i)
			}
		}
		return transpose(order), []*entry{x}, func() (*gorgonia.Node, error) { return gorgonia.Transpose(x.node, order...) }
	}),
	stock("SoftMax", 2, 2, func(b *builder, x *entry) (reference, []*entry, func() (*gorgonia.Node, error)) {
		return alongAxis(-1, softmax), []*entry{x}, func() (*gorgonia.Node, error) {
			if x.dim(1) == 1 {
				return nil, fmt.Errorf("of a column it goes along the other axis")
			}
			return gorgonia.SoftMax(x.node)
		}
	}),
	stock("Concat", 2, 3, func(b *builder, x *entry) (reference, []*entry, func() (*gorgonia.Node, error)) {
		y, axis := b.fresh(x.built.shape...), b.below(len(x.built.shape))
		return concat(axis), []*entry{x, y}, func() (*gorgonia.Node, error) { return gorgonia.Concat(axis, x.node, y.node) }
	}),
	stock("Slice", 2, 3, func(b *builder, x *entry) (reference, []*entry, func() (*gorgonia.Node, error)) {
		k := b.below(x.dim(0))
		return rowAt(k), []*entry{x}, func() (*gorgonia.Node, error) {
			if elements(x.built.shape[1:]) == 1 {
				return nil, fmt.Errorf("a row of one element becomes a scalar at run time")
			}
			return gorgonia.Slice(x.node, gorgonia.S(k))
		}
	}),
}

// stockExp loses digits of a large x in float32.
func stockExp(_ *arithmetic, x num) num {
	y := x.exp()
	y.e += times(x.v, y.v)
	y.de += times(times(x.v, y.v), x.d)
	return y
}

// stockSigmoid is 1 from 19 on (float32: 15), where it should be 5e-9 less.
func stockSigmoid(_ *arithmetic, x num) num {
	y := x.sigmoid()
	if x.v > 14 {
		y.e += 6e-9 / (1. / (1 << 52))
	}
	return y
}

// stockRectify is x times 1 or 0.
func stockRectify(r *arithmetic, x num) num {
	if r.above(x, exact(0)) {
		return x
	}
	r.ambiguous = r.ambiguous || x.v == 0 // there its derivative is 1
	return x.mul(exact(0))
}

// stockMax shares its gradient among equal elements.
func stockMax(r *arithmetic, terms []num) num {
	best, equal := largest(r, terms), 0
	for _, x := range terms {
		if x.v == best.v {
			equal++
		}
	}
	r.ambiguous = r.ambiguous || equal > 1
	return best
}

// stockMul skips zeros, so that 0*NaN is 0.
func stockMul(r *arithmetic, in []array) ([]array, error) {
	y, err := matMul(r, in)
	if err != nil {
		return nil, err
	}
	for _, a := range in {
		if !allFinite(a) {
			return one(y[0].of(func(num) num { return anything() }), err)
		}
	}
	return y, err
}

// rowAt is one row without its axis.
func rowAt(k int) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		if k >= in[0].shape[0] {
			return nil, wants(false, in...)
		}
		n := elements(in[0].shape[1:])
		return one(array{in[0].dt, in[0].shape[1:], in[0].x[k*n : (k+1)*n]}, nil)
	}
}
