package ops

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// OneHot is 1 at the class and 0 elsewhere: ids integers [...], the result [..., classes]
// of the given dtype, float32 or float64. An id outside [0, classes) gives a row of zeros,
// as in TensorFlow. Not differentiable.
func OneHot(g *graph.Graph, ids *gorgonia.Node, classes int, dt tensor.Dtype) *gorgonia.Node {
	const name = "OneHot"
	if bad, ok := checkAny(g, name, ids); !ok {
		return bad
	}
	switch {
	case !isInteger(ids.Dtype()):
		return fail(g, name, "ids %q have dtype %v, want integers: use ops.Cast", ids.Name(), ids.Dtype())
	case classes < 1:
		return fail(g, name, "classes is %d, want at least 1", classes)
	case !isFloat(dt):
		return fail(g, name, "dtype %v, want float32 or float64", dt)
	}
	return apply(g, definition{
		name: name, attributes: attributes(classes, dt), dtype: dt, dims: ids.Dims() + 1,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return append(in[0].Clone(), classes), nil },
		run:   pick(dt, oneHotKernel[float32], oneHotKernel[float64]),
	}, ids)
}

func oneHotKernel[T float](out gorgonia.Value, in []gorgonia.Value) error {
	y, ids := elements[T](out), classesOf(in[0])
	rows, classes := last(out.Shape())
	clear(y)
	for i := range rows {
		if k := ids.at(i); k >= 0 && k < int64(classes) {
			y[i*classes+int(k)] = 1
		}
	}
	return nil
}

// SequenceMask is 1 for the first lengths[b] of time steps and 0 for the others: lengths
// integers [...], the result [..., time] of the given dtype, float32 or float64. It masks
// attention, and weighs losses of padded sequences. Not differentiable.
func SequenceMask(g *graph.Graph, lengths *gorgonia.Node, time int, dt tensor.Dtype) *gorgonia.Node {
	const name = "SequenceMask"
	if bad, ok := checkAny(g, name, lengths); !ok {
		return bad
	}
	switch {
	case !isInteger(lengths.Dtype()):
		return fail(g, name, "lengths %q have dtype %v, want integers: use ops.Cast", lengths.Name(), lengths.Dtype())
	case time < 1:
		return fail(g, name, "time is %d, want at least 1", time)
	case !isFloat(dt):
		return fail(g, name, "dtype %v, want float32 or float64", dt)
	}
	return apply(g, definition{
		name: name, attributes: attributes(time, dt), dtype: dt, dims: lengths.Dims() + 1,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return append(in[0].Clone(), time), nil },
		run:   pick(dt, sequenceMaskKernel[float32], sequenceMaskKernel[float64]),
	}, lengths)
}

func sequenceMaskKernel[T float](out gorgonia.Value, in []gorgonia.Value) error {
	y, lengths := elements[T](out), classesOf(in[0])
	rows, time := last(out.Shape())
	clear(y)
	for i := range rows {
		steps := int(min(max(lengths.at(i), 0), int64(time)))
		for t := range steps {
			y[i*time+t] = 1
		}
	}
	return nil
}

// TopK are the k largest elements along the last axis, the largest first, and their
// indices: x [..., classes], values [..., k] of x's dtype, indices int64 [..., k]. Of equal
// elements the first comes first; NaN comes last. Not differentiable.
func TopK(g *graph.Graph, x *gorgonia.Node, k int) (values, indices *gorgonia.Node) {
	const name = "TopK"
	if bad, ok := check(g, name, x); !ok {
		return bad, bad
	}
	if k < 1 {
		bad := fail(g, name, "k is %d, want at least 1", k)
		return bad, bad
	}
	shape := func(in []tensor.Shape) (tensor.Shape, error) {
		s := in[0]
		if len(s) == 0 || s[len(s)-1] < k {
			return nil, fmt.Errorf("%s: shape %v, want at least %d classes along the last axis", name, s, k)
		}
		return append(s[:len(s)-1].Clone(), k), nil
	}
	indices = apply(g, definition{
		name: name, attributes: attributes(k), dtype: tensor.Int64, dims: x.Dims(), shape: shape,
		run: pick(x.Dtype(), topKKernel[float32](k), topKKernel[float64](k)),
	}, x)
	if g.Poisoned(indices) {
		return indices, indices
	}
	values = apply(g, definition{
		name: name + "Values", attributes: attributes(k), dtype: x.Dtype(), dims: x.Dims(), shape: shape,
		run: pick(x.Dtype(), topKValuesKernel[float32](k), topKValuesKernel[float64](k)),
	}, x, indices)
	return values, indices
}

// topKKernel keeps the k best so far in order, which is quick for a small k.
func topKKernel[T float](k int) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, x := elements[int64](out), elements[T](in[0])
		rows, width := last(in[0].Shape())
		for i := range rows {
			row, best := x[i*width:(i+1)*width], y[i*k:(i+1)*k]
			for n, v := range row {
				at := min(n, k)
				for at > 0 && above(v, row[best[at-1]]) {
					if at < k {
						best[at] = best[at-1]
					}
					at--
				}
				if at < k {
					best[at] = int64(n)
				}
			}
		}
		return nil
	}
}

// above reports whether a comes before b; NaN comes last.
func above[T float](a, b T) bool {
	return a > b || math.IsNaN(float64(b)) && !math.IsNaN(float64(a))
}

func topKValuesKernel[T float](k int) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, x, indices := elements[T](out), elements[T](in[0]), elements[int64](in[1])
		rows, width := last(in[0].Shape())
		for i := range rows {
			for n := range k {
				y[i*k+n] = x[i*width+int(indices[i*k+n])]
			}
		}
		return nil
	}
}
