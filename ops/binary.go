package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/vector"
)

// Add is a+b. Shapes are broadcast by NumPy's rule: aligned at the last axis, an axis
// of size 1 or a missing one is repeated.
func Add(g *graph.Graph, a, b *gorgonia.Node) *gorgonia.Node {
	return binary(g, "Add", a, b, vector.Add, addKernel[float64], func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
		return gorgonia.Nodes{sumTo(g, grad, in[0]), sumTo(g, grad, in[1])}
	})
}

// Sub is a-b, broadcast as in [Add].
func Sub(g *graph.Graph, a, b *gorgonia.Node) *gorgonia.Node {
	return binary(g, "Sub", a, b, subKernel[float32], subKernel[float64], func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
		return gorgonia.Nodes{sumTo(g, grad, in[0]), Neg(g, sumTo(g, grad, in[1]))}
	})
}

// Mul is the element-wise product, broadcast as in [Add].
func Mul(g *graph.Graph, a, b *gorgonia.Node) *gorgonia.Node {
	return binary(g, "Mul", a, b, vector.Mul, mulKernel[float64], func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
		return gorgonia.Nodes{sumTo(g, Mul(g, grad, in[1]), in[0]), sumTo(g, Mul(g, grad, in[0]), in[1])}
	})
}

// Div is the element-wise quotient, broadcast as in [Add].
func Div(g *graph.Graph, a, b *gorgonia.Node) *gorgonia.Node {
	return binary(g, "Div", a, b, divKernel[float32], divKernel[float64], func(in gorgonia.Nodes, out, grad *gorgonia.Node) gorgonia.Nodes {
		da := Div(g, grad, in[1])
		return gorgonia.Nodes{sumTo(g, da, in[0]), Neg(g, sumTo(g, Mul(g, da, out), in[1]))}
	})
}

func addKernel[T float](y, a, b []T) {
	for i := range y {
		y[i] = a[i] + b[i]
	}
}

func subKernel[T float](y, a, b []T) {
	for i := range y {
		y[i] = a[i] - b[i]
	}
}

func mulKernel[T float](y, a, b []T) {
	for i := range y {
		y[i] = a[i] * b[i]
	}
}

func divKernel[T float](y, a, b []T) {
	for i := range y {
		y[i] = a[i] / b[i]
	}
}

func binary(g *graph.Graph, name string, a, b *gorgonia.Node, f32 func(y, a, b []float32), f64 func(y, a, b []float64), pull gradient) *gorgonia.Node {
	if bad, ok := check(g, name, a, b); !ok {
		return bad
	}
	if n := max(a.Dims(), b.Dims()); n > maxAxes {
		return fail(g, name, "shapes %v and %v have more than %d axes", a.Shape(), b.Shape(), maxAxes)
	}
	return apply(g, definition{
		name: name, dtype: a.Dtype(), dims: max(a.Dims(), b.Dims()),
		shape:          func(in []tensor.Shape) (tensor.Shape, error) { return broadcast(name, in[0], in[1]) },
		run:            pick(a.Dtype(), binaryKernel(f32), binaryKernel(f64)),
		differentiable: []bool{true, true},
		gradient:       pull,
	}, a, b)
}

// broadcast returns the shape that a and b have together.
func broadcast(name string, a, b tensor.Shape) (tensor.Shape, error) {
	out := make(tensor.Shape, max(len(a), len(b)))
	for i := range out {
		x, y := axisFromEnd(a, len(out)-i), axisFromEnd(b, len(out)-i)
		switch {
		case x == y || y == 1:
			out[i] = x
		case x == 1:
			out[i] = y
		default:
			return nil, fmt.Errorf("%s: shapes %v and %v cannot be broadcast", name, a, b)
		}
	}
	return out, nil
}

// axisFromEnd is the size of the k-th axis from the end, 1 where there is none.
func axisFromEnd(s tensor.Shape, k int) int {
	if k > len(s) {
		return 1
	}
	return s[len(s)-k]
}

// binaryKernel hands f runs of elements that lie side by side in y. A run is as long
// as both inputs allow: everything when the shapes are equal, a row when one of them
// is repeated over the leading axes.
func binaryKernel[T float](f func(y, a, b []T)) kernel {
	whole := func(y, a, b, _ []T) { f(y, a, b) }
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, a, b := elements[T](out), elements[T](in[0]), elements[T](in[1])
		if len(y) == 0 {
			return nil
		}
		shape := out.Shape()
		run := 1
		axis := len(shape)
		for ; axis > 0; axis-- {
			k := len(shape) - axis + 1
			if axisFromEnd(in[0].Shape(), k) != axisFromEnd(in[1].Shape(), k) {
				break
			}
			run *= shape[axis-1]
		}
		if axis == 0 {
			overElements(whole, 1, y, a, b, nil)
			return nil
		}
		// The innermost axis that differs is walked here, element run by element run.
		at, bt := newWalk(in[0].Shape(), shape, axis), newWalk(in[1].Shape(), shape, axis)
		for i := 0; i < len(y); i += run {
			f(y[i:i+run], a[at.offset:at.offset+run], b[bt.offset:bt.offset+run])
			at.next()
			bt.next()
		}
		return nil
	}
}

// maxAxes bounds the axes of broadcast and reduced tensors, so that a walk needs no
// memory of its own.
const maxAxes = 8

// walk visits the elements of a grid in row-major order and follows the offset of the
// corresponding element of some tensor.
type walk struct {
	axes    int
	shape   [maxAxes]int
	strides [maxAxes]int // the tensor's, 0 along axes where it is repeated
	index   [maxAxes]int
	offset  int
}

// newWalk visits the first axes of shape and follows input, which is broadcast to shape.
func newWalk(input, shape tensor.Shape, axes int) walk {
	w := walk{axes: axes}
	copy(w.shape[:], shape[:axes])
	stride := 1
	for k := 1; k <= len(input); k++ {
		n := input[len(input)-k]
		if axis := len(shape) - k; axis < axes && n != 1 {
			w.strides[axis] = stride
		}
		stride *= n
	}
	return w
}

func (w *walk) next() {
	for axis := w.axes - 1; axis >= 0; axis-- {
		w.index[axis]++
		w.offset += w.strides[axis]
		if w.index[axis] < w.shape[axis] {
			return
		}
		w.offset -= w.strides[axis] * w.shape[axis]
		w.index[axis] = 0
	}
}
