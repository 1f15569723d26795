package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// Concat puts tensors one after the other along an axis; a negative axis counts from the
// last. The other axes are equal.
func Concat(g *graph.Graph, axis int, inputs ...*gorgonia.Node) *gorgonia.Node {
	const name = "Concat"
	if bad, ok := check(g, name, inputs...); !ok {
		return bad
	}
	if len(inputs) == 0 {
		return fail(g, name, "there are no inputs")
	}
	dims := inputs[0].Dims()
	at, err := axisOf(axis, inputs[0].Shape())
	if err != nil {
		return fail(g, name, "%v", err)
	}
	dt := inputs[0].Dtype()
	differentiable := make([]bool, len(inputs))
	for i := range differentiable {
		differentiable[i] = true
	}
	return apply(g, definition{
		name: name, attributes: attributes(at), dtype: dt, dims: dims,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			out := in[0].Clone()
			for i, s := range in[1:] {
				if len(s) != dims || !equal(s[:at], out[:at]) || !equal(s[at+1:], out[at+1:]) {
					return nil, fmt.Errorf("%s: input %d has shape %v and input 0 %v, want the same but for axis %d", name, i+1, s, in[0], at)
				}
				out[at] += s[at]
			}
			return out, nil
		},
		run:            pick(dt, concatKernel[float32](at), concatKernel[float64](at)),
		differentiable: differentiable,
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			grads := make(gorgonia.Nodes, len(in))
			for i := range in {
				grads[i] = apply(g, definition{
					name: name + "Grad", attributes: attributes(at, i), dtype: dt, dims: dims,
					shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[1+i].Clone(), nil },
					run:   pick(dt, concatPullKernel[float32](at, i), concatPullKernel[float64](at, i)),
				}, append(gorgonia.Nodes{grad}, in...)...)
			}
			return grads
		},
	}, inputs...)
}

// axisOf returns the axis counted from the first.
func axisOf(axis int, shape tensor.Shape) (int, error) {
	at := axis
	if at < 0 {
		at += len(shape)
	}
	if at < 0 || at >= len(shape) {
		return 0, fmt.Errorf("axis %d, want -%d to %d for shape %v", axis, len(shape), len(shape)-1, shape)
	}
	return at, nil
}

func concatKernel[T float](axis int) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, run := elements[T](out), size(out.Shape()[axis:])
		from := 0
		for _, v := range in {
			x, n := elements[T](v), size(v.Shape()[axis:])
			for i := 0; i*n < len(x); i++ {
				copy(y[i*run+from:], x[i*n:(i+1)*n])
			}
			from += n
		}
		return nil
	}
}

// concatPullKernel cuts input k out of the gradient, which is followed by all inputs.
func concatPullKernel[T float](axis, k int) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		d, grad, run := elements[T](out), elements[T](in[0]), size(in[0].Shape()[axis:])
		from, n := 0, size(out.Shape()[axis:])
		for _, v := range in[1 : 1+k] {
			from += size(v.Shape()[axis:])
		}
		for i := 0; i*n < len(d); i++ {
			copy(d[i*n:(i+1)*n], grad[i*run+from:])
		}
		return nil
	}
}

// Transpose puts the axes of x into another order: axis i of the result is axis order[i]
// of x. Without an order the axes are reversed.
func Transpose(g *graph.Graph, x *gorgonia.Node, order ...int) *gorgonia.Node {
	const name = "Transpose"
	if bad, ok := check(g, name, x); !ok {
		return bad
	}
	axes := append([]int(nil), order...)
	if len(order) == 0 {
		for i := x.Dims() - 1; i >= 0; i-- {
			axes = append(axes, i)
		}
	}
	back := make([]int, len(axes))
	seen := make([]bool, x.Dims())
	for i, axis := range axes {
		if len(axes) != x.Dims() || axis < 0 || axis >= len(axes) || seen[axis] {
			return fail(g, name, "order %v, want the axes 0 to %d of shape %v once each", order, x.Dims()-1, x.Shape())
		}
		seen[axis], back[axis] = true, i
	}
	if x.Dims() > maxAxes {
		return fail(g, name, "shape %v has more than %d axes", x.Shape(), maxAxes)
	}
	return apply(g, definition{
		name: name, attributes: attributes(axes), dtype: x.Dtype(), dims: x.Dims(),
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			out := make(tensor.Shape, len(axes))
			for i, axis := range axes {
				out[i] = in[0][axis]
			}
			return out, nil
		},
		run:            pick(x.Dtype(), transposeKernel[float32](axes), transposeKernel[float64](axes)),
		differentiable: []bool{true},
		gradient: func(_ gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{Transpose(g, grad, back...)}
		},
	}, x)
}

func transposeKernel[T float](axes []int) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, x, shape := elements[T](out), elements[T](in[0]), in[0].Shape()
		// Axes at the end that stay where they are move together.
		run, moved := 1, len(axes)
		for moved > 0 && axes[moved-1] == moved-1 {
			moved--
			run *= shape[moved]
		}
		w := walk{axes: moved}
		for i, axis := range axes[:moved] {
			w.shape[i], w.strides[i] = shape[axis], size(shape[axis+1:])
		}
		for i := 0; i < len(y); i += run {
			copy(y[i:i+run], x[w.offset:])
			w.next()
		}
		return nil
	}
}

// MergeAxes makes one axis of the first n axes of x: [a, b, ...] becomes [a*b, ...] for
// n = 2.
func MergeAxes(g *graph.Graph, x *gorgonia.Node, n int) *gorgonia.Node {
	const name = "MergeAxes"
	if bad, ok := checkAny(g, name, x); !ok {
		return bad
	}
	if n < 1 || n > x.Dims() {
		return fail(g, name, "n is %d, want 1 to %d for shape %v", n, x.Dims(), x.Shape())
	}
	return reshape(g, name, attributes(n), x, x.Dims()-n+1, func(in tensor.Shape) (tensor.Shape, error) {
		return append(tensor.Shape{size(in[:n])}, in[n:]...), nil
	})
}
