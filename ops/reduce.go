package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// Sum adds up the elements along the given axes, which the result lacks; without axes
// it adds up everything and the result is a scalar. Negative axes count from the last.
// Sums are accumulated in float64.
func Sum(g *graph.Graph, x *gorgonia.Node, axes ...int) *gorgonia.Node {
	return reduce(g, "Sum", x, axes, func(float64) float64 { return 1 })
}

// Mean is [Sum] divided by the number of elements added up. The mean of nothing is
// NaN.
func Mean(g *graph.Graph, x *gorgonia.Node, axes ...int) *gorgonia.Node {
	return reduce(g, "Mean", x, axes, func(n float64) float64 { return 1 / n })
}

func reduce(g *graph.Graph, name string, x *gorgonia.Node, axes []int, scale func(n float64) float64) *gorgonia.Node {
	if bad, ok := check(g, name, x); !ok {
		return bad
	}
	if x.Dims() > maxAxes {
		return fail(g, name, "shape %v has more than %d axes", x.Shape(), maxAxes)
	}
	gone, err := reducedAxes(x.Shape(), axes)
	if err != nil {
		return fail(g, name, "%v", err)
	}
	return apply(g, definition{
		name: name, attributes: attributes(axesText(gone)), dtype: x.Dtype(), dims: x.Dims() - count(gone),
		shape:          func(in []tensor.Shape) (tensor.Shape, error) { return without(in[0], gone), nil },
		run:            pick(x.Dtype(), reduceKernel[float32](gone, scale), reduceKernel[float64](gone, scale)),
		differentiable: []bool{true},
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{apply(g, definition{
				name: name + "Grad", attributes: attributes(axesText(gone)), dtype: x.Dtype(), dims: x.Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
				run:   pick(x.Dtype(), spreadKernel[float32](gone, scale), spreadKernel[float64](gone, scale)),
			}, in[0], grad)}
		},
	}, x)
}

// reducedAxes marks the axes to be reduced.
func reducedAxes(shape tensor.Shape, axes []int) ([]bool, error) {
	gone := make([]bool, len(shape))
	if len(axes) == 0 {
		for i := range gone {
			gone[i] = true
		}
		return gone, nil
	}
	for _, axis := range axes {
		i := axis
		if i < 0 {
			i += len(shape)
		}
		switch {
		case i < 0 || i >= len(shape):
			return nil, fmt.Errorf("axis %d, want -%d to %d for shape %v", axis, len(shape), len(shape)-1, shape)
		case gone[i]:
			return nil, fmt.Errorf("axis %d is given twice", axis)
		}
		gone[i] = true
	}
	return gone, nil
}

func axesText(gone []bool) []int {
	axes := []int{}
	for i, g := range gone {
		if g {
			axes = append(axes, i)
		}
	}
	return axes
}

func count(gone []bool) int { return len(axesText(gone)) }

func without(shape tensor.Shape, gone []bool) tensor.Shape {
	kept := tensor.Shape{}
	for i, n := range shape {
		if !gone[i] {
			kept = append(kept, n)
		}
	}
	return kept
}

// along visits the axes of shape that are reduced, or those that are kept, and follows
// the tensor of that shape.
func along(shape tensor.Shape, gone []bool, reduced bool) walk {
	var w walk
	stride := 1
	for axis := len(shape) - 1; axis >= 0; axis-- {
		if gone[axis] == reduced {
			w.axes++
			w.shape[maxAxes-w.axes], w.strides[maxAxes-w.axes] = shape[axis], stride
		}
		stride *= shape[axis]
	}
	copy(w.shape[:], w.shape[maxAxes-w.axes:])
	copy(w.strides[:], w.strides[maxAxes-w.axes:])
	return w
}

func reducedCount(shape tensor.Shape, gone []bool) int {
	n := 1
	for i, d := range shape {
		if gone[i] {
			n *= d
		}
	}
	return n
}

func reduceKernel[T float](gone []bool, scale func(float64) float64) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, x, shape := elements[T](out), elements[T](in[0]), in[0].Shape()
		n := reducedCount(shape, gone)
		factor := scale(float64(n))
		if len(y) == 1 {
			sum := 0.0
			for _, v := range x {
				sum += float64(v)
			}
			y[0] = T(sum * factor)
			return nil
		}
		row := along(shape, gone, false)
		for i := range y {
			sum := 0.0
			term := along(shape, gone, true)
			for range n {
				sum += float64(x[row.offset+term.offset])
				term.next()
			}
			y[i] = T(sum * factor)
			row.next()
		}
		return nil
	}
}

// spreadKernel gives every element its share of the gradient.
func spreadKernel[T float](gone []bool, scale func(float64) float64) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, grad, shape := elements[T](out), elements[T](in[1]), in[0].Shape()
		n := reducedCount(shape, gone)
		factor := T(scale(float64(n)))
		if len(grad) == 1 {
			share := grad[0] * factor
			for i := range y {
				y[i] = share
			}
			return nil
		}
		row := along(shape, gone, false)
		for _, v := range grad {
			term := along(shape, gone, true)
			for range n {
				y[row.offset+term.offset] = v * factor
				term.next()
			}
			row.next()
		}
		return nil
	}
}
