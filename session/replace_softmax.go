package session

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// replaceSoftmax returns the softmax, or its logarithm, along the axis that Gorgonia takes.
func replaceSoftmax(n *gorgonia.Node) gorgonia.Op {
	shape := graph.InputsOf(n)[0].Shape()
	axis := intField(n.Op(), "axis")
	if axis == -1 { // none was given
		axis = len(shape) - 1
		if shape.IsColVec() || shape.IsVector() && !shape.IsRowVec() {
			axis = 0
		}
	}
	if axis < 0 || axis >= len(shape) {
		return nil
	}
	logarithm := field(n.Op(), "isLog").Bool()
	return replaceWith(n.Op(), floats(n.Dtype(), softmaxKernel[float32](axis, logarithm), softmaxKernel[float64](axis, logarithm)))
}

func softmaxKernel[T float](axis int, logarithm bool) func(gorgonia.Value, []gorgonia.Value) error {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, x, _, err := three[T](out, in[0], in[0])
		if err != nil {
			return err
		}
		shape := in[0].Shape()
		if axis >= len(shape) || len(x) != len(y) {
			return fmt.Errorf("an input of shape %v for axis %d and a result of shape %v", shape, axis, out.Shape())
		}
		size, inner := shape[axis], tensor.Shape(shape[axis+1:]).TotalSize()
		for from := 0; from < len(x); from += size * inner {
			for k := range inner {
				softmaxRun(y[from+k:], x[from+k:], size, inner, logarithm)
			}
		}
		return nil
	}
}

// softmaxRun does n elements that lie stride apart.
func softmaxRun[T float](y, x []T, n, stride int, logarithm bool) {
	largest, sum := x[0], 0.0
	for i := range n {
		largest = max(largest, x[i*stride])
	}
	for i := range n {
		e := math.Exp(float64(x[i*stride] - largest))
		y[i*stride] = T(e)
		sum += e
	}
	logSum := T(math.Log(sum))
	for i := range n {
		if logarithm {
			y[i*stride] = x[i*stride] - largest - logSum
		} else {
			y[i*stride] = T(float64(y[i*stride]) / sum)
		}
	}
}
