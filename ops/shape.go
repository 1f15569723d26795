package ops

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// ReshapeRows gives every row of x [batch, ...] another shape: the result is
// [batch, row...]. The number of elements of a row stays.
func ReshapeRows(g *graph.Graph, x *gorgonia.Node, row ...int) *gorgonia.Node {
	const name = "ReshapeRows"
	if bad, ok := checkAny(g, name, x); !ok {
		return bad
	}
	for _, n := range row {
		if n < 0 {
			return fail(g, name, "rows of shape %v, want sizes of at least 0", tensor.Shape(row))
		}
	}
	want := slices.Clone(row)
	return reshape(g, name, attributes(want), x, 1+len(want), func(in tensor.Shape) (tensor.Shape, error) {
		if len(in) == 0 {
			return nil, fmt.Errorf("%s: a scalar has no rows", name)
		}
		if size(in[1:]) != size(want) {
			return nil, fmt.Errorf("%s: rows of shape %v cannot become %v", name, tensor.Shape(in[1:]), tensor.Shape(want))
		}
		return append(tensor.Shape{in[0]}, want...), nil
	})
}

// Flatten makes [batch, n] of x [batch, ...].
func Flatten(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	const name = "Flatten"
	if bad, ok := checkAny(g, name, x); !ok {
		return bad
	}
	return reshape(g, name, "", x, 2, func(in tensor.Shape) (tensor.Shape, error) {
		if len(in) == 0 {
			return nil, fmt.Errorf("%s: a scalar has no rows", name)
		}
		return tensor.Shape{in[0], size(in[1:])}, nil
	})
}

// Squeeze drops the last axis of x, whose size must be 1.
func Squeeze(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	const name = "Squeeze"
	if bad, ok := checkAny(g, name, x); !ok {
		return bad
	}
	return reshape(g, name, "", x, max(x.Dims()-1, 0), func(in tensor.Shape) (tensor.Shape, error) {
		if len(in) == 0 || in[len(in)-1] != 1 {
			return nil, fmt.Errorf("%s: shape %v, want a last axis of size 1", name, in)
		}
		return in[:len(in)-1].Clone(), nil
	})
}

// reshape copies x to another shape, of any dtype.
func reshape(g *graph.Graph, name, attributes string, x *gorgonia.Node, dims int, shape func(tensor.Shape) (tensor.Shape, error)) *gorgonia.Node {
	d := definition{
		name: name, attributes: attributes, dtype: x.Dtype(), dims: dims,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return shape(in[0]) },
		run:   copyKernel,
		view:  true,
	}
	if isFloat(x.Dtype()) {
		d.differentiable = []bool{true}
		d.gradient = func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{apply(g, definition{
				name: "ReshapeLike", dtype: x.Dtype(), dims: in[0].Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[1].Clone(), nil },
				run:   copyKernel,
				view:  true,
			}, grad, in[0])}
		}
	}
	return apply(g, d, x)
}

// copyKernel copies the elements of the first input.
func copyKernel(out gorgonia.Value, in []gorgonia.Value) error { return copyValue(out, in[0]) }

func copyValue(out, in gorgonia.Value) error {
	switch {
	case copyElements[float32](out, in), copyElements[float64](out, in), copyElements[int64](out, in),
		copyElements[int32](out, in), copyElements[int](out, in), copyElements[uint8](out, in):
		return nil
	}
	return fmt.Errorf("copying a %T to a %T is not supported", in, out)
}

func copyElements[T float | integer](out, in gorgonia.Value) bool {
	dst, src := elements[T](out), elements[T](in)
	if dst == nil || src == nil {
		return false
	}
	copy(dst, src)
	return true
}

// ArgMax is the index of the largest element along the last axis, the first of equal
// ones: x [..., classes], result int64 [...]. Not differentiable.
func ArgMax(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	const name = "ArgMax"
	if bad, ok := check(g, name, x); !ok {
		return bad
	}
	return apply(g, definition{
		name: name, dtype: tensor.Int64, dims: max(x.Dims()-1, 0),
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			if len(in[0]) == 0 || in[0][len(in[0])-1] == 0 {
				return nil, fmt.Errorf("%s: shape %v, want at least one class along the last axis", name, in[0])
			}
			return in[0][:len(in[0])-1].Clone(), nil
		},
		run: pick(x.Dtype(), argMaxKernel[float32], argMaxKernel[float64]),
	}, x)
}

func argMaxKernel[T float](out gorgonia.Value, in []gorgonia.Value) error {
	y, x := elements[int64](out), elements[T](in[0])
	_, width := last(in[0].Shape())
	for i := range y {
		row := x[i*width : (i+1)*width]
		best := 0
		for k, v := range row {
			if v > row[best] {
				best = k
			}
		}
		y[i] = int64(best)
	}
	return nil
}

// Cast converts x to another dtype: float32, float64, int64 or int32. Floats are
// rounded towards zero. Between float dtypes it is differentiable.
func Cast(g *graph.Graph, x *gorgonia.Node, dt tensor.Dtype) *gorgonia.Node {
	const name = "Cast"
	if bad, ok := checkAny(g, name, x); !ok {
		return bad
	}
	if x.Dtype() == dt {
		return x
	}
	var run kernel
	switch dt {
	case tensor.Float32:
		run = castKernel[float32]
	case tensor.Float64:
		run = castKernel[float64]
	case tensor.Int64:
		run = castKernel[int64]
	case tensor.Int32:
		run = castKernel[int32]
	default:
		return fail(g, name, "to %v is not supported, want float32, float64, int64 or int32", dt)
	}
	d := definition{
		name: name, attributes: attributes(x.Dtype(), dt), dtype: dt, dims: x.Dims(),
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
		run:   run,
	}
	if from := x.Dtype(); isFloat(from) && isFloat(dt) {
		d.differentiable = []bool{true}
		d.gradient = func(_ gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{Cast(g, grad, from)}
		}
	}
	return apply(g, d, x)
}

func castKernel[T float32 | float64 | int64 | int32](out gorgonia.Value, in []gorgonia.Value) error {
	y := elements[T](out)
	switch {
	case castFrom[T, float32](y, in[0]), castFrom[T, float64](y, in[0]), castFrom[T, int64](y, in[0]),
		castFrom[T, int32](y, in[0]), castFrom[T, int](y, in[0]), castFrom[T, uint8](y, in[0]):
		return nil
	}
	if b, ok := in[0].Data().([]bool); ok {
		for i, set := range b {
			y[i] = 0
			if set {
				y[i] = 1
			}
		}
		return nil
	}
	return fmt.Errorf("casting a %T is not supported", in[0].Data())
}

func castFrom[T, F float | integer](y []T, in gorgonia.Value) bool {
	x := elements[F](in)
	if x == nil {
		return false
	}
	for i, v := range x {
		y[i] = T(v)
	}
	return true
}
