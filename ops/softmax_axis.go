package ops

import (
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// SoftmaxOver is [Softmax] over any axis; a negative one counts from the last.
func SoftmaxOver(g *graph.Graph, x *gorgonia.Node, axis int) *gorgonia.Node {
	return overAxis(g, "SoftmaxOver", x, axis, Softmax)
}

// LogSoftmaxOver is [LogSoftmax] over any axis; a negative one counts from the last.
func LogSoftmaxOver(g *graph.Graph, x *gorgonia.Node, axis int) *gorgonia.Node {
	return overAxis(g, "LogSoftmaxOver", x, axis, LogSoftmax)
}

// overAxis moves the axis to the end, applies f and moves it back.
func overAxis(g *graph.Graph, name string, x *gorgonia.Node, axis int, f func(*graph.Graph, *gorgonia.Node) *gorgonia.Node) *gorgonia.Node {
	if bad, ok := check(g, name, x); !ok {
		return bad
	}
	at, err := axisOf(axis, x.Shape())
	if err != nil {
		return fail(g, name, "%v", err)
	}
	last := x.Dims() - 1
	if at == last {
		return f(g, x)
	}
	order := make([]int, x.Dims())
	for i := range order {
		order[i] = i
	}
	order[at], order[last] = last, at // a swap is its own inverse
	return Transpose(g, f(g, Transpose(g, x, order...)), order...)
}

// LogSumExp is log(sum(exp(x))) along the given axes, which the result lacks, computed
// after subtracting the maximum; without axes it is over everything and the result is a
// scalar. Negative axes count from the last. Where every element is -Inf it is -Inf, and
// the gradient there is 0.
func LogSumExp(g *graph.Graph, x *gorgonia.Node, axes ...int) *gorgonia.Node {
	const name = "LogSumExp"
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
	dt := x.Dtype()
	return apply(g, definition{
		name: name, attributes: attributes(axesText(gone)), dtype: dt, dims: x.Dims() - count(gone),
		shape:          func(in []tensor.Shape) (tensor.Shape, error) { return without(in[0], gone), nil },
		run:            pick(dt, logSumExpKernel[float32](gone), logSumExpKernel[float64](gone)),
		differentiable: []bool{true},
		gradient: func(in gorgonia.Nodes, out, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{apply(g, definition{
				name: name + "Grad", attributes: attributes(axesText(gone)), dtype: dt, dims: x.Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
				run:   pick(dt, logSumExpPullKernel[float32](gone), logSumExpPullKernel[float64](gone)),
			}, in[0], out, grad)}
		},
	}, x)
}

func logSumExpKernel[T float](gone []bool) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, x, shape := elements[T](out), elements[T](in[0]), in[0].Shape()
		n := reducedCount(shape, gone)
		row := along(shape, gone, false)
		for i := range y {
			largest := T(math.Inf(-1))
			term := along(shape, gone, true)
			for range n {
				if v := x[row.offset+term.offset]; v > largest || v != v {
					largest = v
				}
				term.next()
			}
			if y[i] = largest; !math.IsInf(float64(largest), 0) {
				sum := 0.0
				term = along(shape, gone, true)
				for range n {
					sum += math.Exp(float64(x[row.offset+term.offset] - largest))
					term.next()
				}
				y[i] = largest + T(math.Log(sum))
			}
			row.next()
		}
		return nil
	}
}

// logSumExpPullKernel: d = grad*exp(x - y).
func logSumExpPullKernel[T float](gone []bool) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		d, x, y, grad, shape := elements[T](out), elements[T](in[0]), elements[T](in[1]), elements[T](in[2]), in[0].Shape()
		n := reducedCount(shape, gone)
		row := along(shape, gone, false)
		for i := range y {
			term := along(shape, gone, true)
			for range n {
				k := row.offset + term.offset
				if d[k] = 0; !math.IsInf(float64(x[k]), -1) {
					d[k] = grad[i] * T(math.Exp(float64(x[k]-y[i])))
				}
				term.next()
			}
			row.next()
		}
		return nil
	}
}
