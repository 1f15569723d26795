package ops

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// SquaredError is (prediction-label)^2 element by element. predictions and labels have
// one shape; there is no gradient with respect to the labels.
func SquaredError(g *graph.Graph, predictions, labels *gorgonia.Node) *gorgonia.Node {
	return pairLoss(g, pair{
		name:       "SquaredError",
		value:      func(x, z float64) float64 { return (x - z) * (x - z) },
		derivative: func(x, z float64) float64 { return 2 * (x - z) },
		value32: func(y, x, z []float32) {
			for i := range y {
				y[i] = (x[i] - z[i]) * (x[i] - z[i])
			}
		},
		pull32: func(d, x, z, grad []float32) {
			for i := range d {
				d[i] = 2 * (x[i] - z[i]) * grad[i]
			}
		},
	}, predictions, labels)
}

// Huber is, element by element, e*e/2 where the error e = prediction-label is at most delta
// and delta*(|e| - delta/2) beyond, so that outliers count linearly (Huber 1964). delta is
// above 0 and finite. predictions and labels have one shape; there is no gradient with respect to the
// labels.
func Huber(g *graph.Graph, predictions, labels *gorgonia.Node, delta float64) *gorgonia.Node {
	if !(delta > 0) || !finite(delta) {
		return fail(g, "Huber", "delta is %v, want a finite number above 0", delta)
	}
	return pairLoss(g, pair{
		name: "Huber{" + attributes(delta) + "}", // tells losses of different deltas apart
		value: func(x, z float64) float64 {
			e := math.Abs(x - z)
			if e <= delta {
				return e * e / 2
			}
			return delta * (e - delta/2)
		},
		derivative: func(x, z float64) float64 { return max(-delta, min(delta, x-z)) },
	}, predictions, labels)
}

// pair is an element-wise function of x and z, differentiable in x.
type pair struct {
	name              string
	value, derivative func(x, z float64) float64
	// value32 and pull32 take the place of those for float32, if they are set: whole
	// slices at a time. pull32 sets d to grad times the derivative.
	value32 func(y, x, z []float32)
	pull32  func(d, x, z, grad []float32)
}

func (f pair) run32() kernel {
	if f.value32 == nil {
		return pairKernel[float32](f.value)
	}
	return elementKernel(perFunction, func(y, x, z, _ []float32) { f.value32(y, x, z) })
}

func (f pair) runPull32() kernel {
	if f.pull32 == nil {
		return pullKernel[float32](f.derivative)
	}
	return elementKernel(perFunction, f.pull32)
}

func pairLoss(g *graph.Graph, f pair, x, z *gorgonia.Node) *gorgonia.Node {
	if bad, ok := check(g, f.name, x, z); !ok {
		return bad
	}
	return apply(g, definition{
		name: f.name, dtype: x.Dtype(), dims: x.Dims(),
		shape:          func(in []tensor.Shape) (tensor.Shape, error) { return sameShape(f.name, in) },
		run:            pick(x.Dtype(), f.run32(), pairKernel[float64](f.value)),
		differentiable: []bool{true, false},
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{apply(g, definition{
				name: f.name + "Grad", dtype: x.Dtype(), dims: x.Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return sameShape(f.name+"Grad", in) },
				run:   pick(x.Dtype(), f.runPull32(), pullKernel[float64](f.derivative)),
			}, in[0], in[1], grad), nil}
		},
	}, x, z)
}

func pairKernel[T float](f func(x, z float64) float64) kernel {
	return elementKernel(perFunction, func(y, x, z, _ []T) {
		for i := range y {
			y[i] = T(f(float64(x[i]), float64(z[i])))
		}
	})
}

// WeightedMean is the sum of weights*values divided by the number of weights that are
// not 0, TensorFlow's SUM_BY_NONZERO_WEIGHTS; 0 when all are 0. weights has the shape of
// values, or values' leading axes, each weight then counting for a whole row; a last
// axis of size 1 is allowed beyond that. There is no gradient with respect to the
// weights.
func WeightedMean(g *graph.Graph, values, weights *gorgonia.Node) *gorgonia.Node {
	const name = "WeightedMean"
	if bad, ok := check(g, name, values, weights); !ok {
		return bad
	}
	return apply(g, definition{
		name: name, dtype: values.Dtype(), dims: 0,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			if _, err := repeats(in[0], in[1]); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			return tensor.ScalarShape(), nil
		},
		run:            pick(values.Dtype(), weightedMeanKernel[float32], weightedMeanKernel[float64]),
		differentiable: []bool{true, false},
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{apply(g, definition{
				name: name + "Grad", dtype: values.Dtype(), dims: values.Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
				run:   pick(values.Dtype(), weightedMeanPullKernel[float32], weightedMeanPullKernel[float64]),
			}, in[0], in[1], grad), nil}
		},
	}, values, weights)
}

// repeats returns for how many values one weight counts.
func repeats(values, weights tensor.Shape) (int, error) {
	w := weights
	if len(w) > 0 && w[len(w)-1] == 1 && (len(w) > len(values) || values[len(w)-1] != 1) {
		w = w[:len(w)-1]
	}
	if len(w) > len(values) || !equal(w, values[:len(w)]) {
		return 0, fmt.Errorf("weights of shape %v can not be broadcast to values of shape %v", weights, values)
	}
	return size(values[len(w):]), nil
}

func nonzero[T float](weights []T) (n int) {
	for _, w := range weights {
		if w != 0 {
			n++
		}
	}
	return n
}

func weightedMeanKernel[T float](out gorgonia.Value, in []gorgonia.Value) error {
	values, weights := elements[T](in[0]), elements[T](in[1])
	each, err := repeats(in[0].Shape(), in[1].Shape())
	if err != nil {
		return err
	}
	sum := 0.0
	for i, w := range weights {
		if w == 0 {
			continue // a masked row may hold anything, NaN too
		}
		for _, v := range values[i*each : (i+1)*each] {
			sum += float64(w) * float64(v)
		}
	}
	mean := 0.0
	if n := nonzero(weights) * each; n > 0 {
		mean = sum / float64(n)
	}
	elements[T](out)[0] = T(mean)
	return nil
}

func weightedMeanPullKernel[T float](out gorgonia.Value, in []gorgonia.Value) error {
	d, weights, grad := elements[T](out), elements[T](in[1]), elements[T](in[2])[0]
	each, err := repeats(in[0].Shape(), in[1].Shape())
	if err != nil {
		return err
	}
	n := nonzero(weights) * each
	for i, w := range weights {
		for k := i * each; k < (i+1)*each; k++ {
			d[k] = 0
			if w != 0 {
				d[k] = grad * w / T(n)
			}
		}
	}
	return nil
}
