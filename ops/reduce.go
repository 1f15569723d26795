package ops

import (
	"fmt"
	"slices"

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

// kept returns shape with the reduced axes as axes of size 1, so that a walk repeats
// the result along them.
func kept(shape tensor.Shape, gone []bool) tensor.Shape {
	k := slices.Clone(shape)
	for i := range k {
		if gone[i] {
			k[i] = 1
		}
	}
	return k
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
		factor := scale(float64(reducedCount(shape, gone)))
		if len(y) == 1 {
			sum := 0.0
			for _, v := range x {
				sum += float64(v)
			}
			y[0] = T(sum * factor)
			return nil
		}
		sums := make([]float64, len(y))
		w := newWalk(kept(shape, gone), shape, len(shape))
		for _, v := range x {
			sums[w.offset] += float64(v)
			w.next()
		}
		for i, sum := range sums {
			y[i] = T(sum * factor)
		}
		return nil
	}
}

// spreadKernel gives every element its share of the gradient.
func spreadKernel[T float](gone []bool, scale func(float64) float64) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, grad, shape := elements[T](out), elements[T](in[1]), in[0].Shape()
		factor := T(scale(float64(reducedCount(shape, gone))))
		w := newWalk(kept(shape, gone), shape, len(shape))
		for i := range y {
			y[i] = grad[w.offset] * factor
			w.next()
		}
		return nil
	}
}
