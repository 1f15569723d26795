package ops

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// BatchNorm normalises every channel by its own mean and variance in this batch (Ioffe
// and Szegedy 2015):
//
//	y = gamma*(x-mean)/sqrt(variance+epsilon) + beta
//
// x is [batch, ..., channels], gamma and beta [channels]; mean and variance, which are
// returned too, are over all axes but the last, and the variance is that of the
// population, as Keras' is. The gradient takes in that they depend on x. Sums are
// accumulated in float64. A batch of one row without other axes has variance 0, and y is
// beta.
//
// There is no gradient through the returned mean and variance: they are for moving
// averages, see [AssignMovingAverage].
func BatchNorm(g *graph.Graph, x, gamma, beta *gorgonia.Node, epsilon float64) (y, mean, variance *gorgonia.Node) {
	const name = "BatchNorm"
	bad, ok := checkNorm(g, name, epsilon, x, gamma, beta)
	if !ok {
		return bad, bad, bad
	}
	dt := x.Dtype()
	mean = applyWithScratch(g, definition{
		name: "BatchMean", dtype: dt, dims: 1, shape: channelsShape,
	}, pickScratch(dt, batchMeanKernel[float32], batchMeanKernel[float64]), x)
	if g.Poisoned(mean) {
		return mean, mean, mean
	}
	variance = applyWithScratch(g, definition{
		name: "BatchVariance", dtype: dt, dims: 1, shape: channelsShape,
	}, pickScratch(dt, batchVarianceKernel[float32], batchVarianceKernel[float64]), x, mean)
	return normalise(g, name, true, epsilon, x, gamma, beta, mean, variance), mean, variance
}

// FrozenBatchNorm is [BatchNorm] with a mean and a variance, both [channels], that are
// given, such as moving averages. There is no gradient with respect to them.
func FrozenBatchNorm(g *graph.Graph, x, gamma, beta, mean, variance *gorgonia.Node, epsilon float64) *gorgonia.Node {
	const name = "FrozenBatchNorm"
	if bad, ok := checkNorm(g, name, epsilon, x, gamma, beta, mean, variance); !ok {
		return bad
	}
	return normalise(g, name, false, epsilon, x, gamma, beta, mean, variance)
}

func checkNorm(g *graph.Graph, name string, epsilon float64, inputs ...*gorgonia.Node) (bad *gorgonia.Node, ok bool) {
	if bad, ok := check(g, name, inputs...); !ok {
		return bad, false
	}
	if x := inputs[0]; x.Dims() < 2 {
		return fail(g, name, "x has shape %v, want [batch, ..., channels]", x.Shape()), false
	}
	if !(epsilon > 0) || math.IsInf(epsilon, 1) {
		return fail(g, name, "epsilon is %v, want more than 0", epsilon), false
	}
	return nil, true
}

func channelsShape(in []tensor.Shape) (tensor.Shape, error) {
	return tensor.Shape{in[0][len(in[0])-1]}, nil
}

// channelVectors wants the inputs after x to be [channels].
func channelVectors(name string, in []tensor.Shape) error {
	channels := in[0][len(in[0])-1]
	for i, s := range in[1:] {
		if len(s) != 1 || s[0] != channels {
			return fmt.Errorf("%s: x has shape %v and %s %v, want [%d]", name, in[0], [...]string{"gamma", "beta", "the mean", "the variance"}[i], s, channels)
		}
	}
	return nil
}

// normalise applies mean and variance. ofBatch says that they are those of x, so that the
// gradient goes through them.
func normalise(g *graph.Graph, name string, ofBatch bool, epsilon float64, x, gamma, beta, mean, variance *gorgonia.Node) *gorgonia.Node {
	dt := x.Dtype()
	return applyWithScratch(g, definition{
		name: name, attributes: attributes(epsilon), dtype: dt, dims: x.Dims(),
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			return in[0].Clone(), channelVectors(name, in)
		},
		differentiable: []bool{true, true, true, false, false},
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			x, gamma, mean, variance := in[0], in[1], in[3], in[4]
			// The sums are a node of their own: dbeta and dgamma are its rows, dx needs both.
			sums := applyWithScratch(g, definition{
				name: name + "Sums", attributes: attributes(epsilon), dtype: dt, dims: 2,
				shape: func(in []tensor.Shape) (tensor.Shape, error) {
					return tensor.Shape{2, in[0][len(in[0])-1]}, nil
				},
			}, pickScratch(dt, batchSumsKernel[float32](epsilon), batchSumsKernel[float64](epsilon)), x, mean, variance, grad)
			dx := applyWithScratch(g, definition{
				name: name + "InputGrad", attributes: attributes(epsilon), dtype: dt, dims: x.Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
			}, pickScratch(dt, batchInputKernel[float32](epsilon, ofBatch), batchInputKernel[float64](epsilon, ofBatch)), x, mean, variance, gamma, sums, grad)
			return gorgonia.Nodes{dx, rowOf(g, sums, 1), rowOf(g, sums, 0), nil, nil}
		},
	}, pickScratch(dt, normaliseKernel[float32](epsilon), normaliseKernel[float64](epsilon)), x, gamma, beta, mean, variance)
}

// rowOf is row i of a matrix.
func rowOf(g *graph.Graph, matrix *gorgonia.Node, i int) *gorgonia.Node {
	return apply(g, definition{
		name: "Row", attributes: attributes(i), dtype: matrix.Dtype(), dims: 1,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return tensor.Shape{in[0][1]}, nil },
		run:   pick(matrix.Dtype(), rowOfKernel[float32](i), rowOfKernel[float64](i)),
	}, matrix)
}

func rowOfKernel[T float](i int) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y := elements[T](out)
		copy(y, elements[T](in[0])[i*len(y):])
		return nil
	}
}

// AssignMovingAverage moves a variable towards value at the end of the step:
// variable*momentum + value*(1-momentum). The node's value is the new one. momentum is at
// least 0 and below 1.
func AssignMovingAverage(g *graph.Graph, variable, value *gorgonia.Node, momentum float64) *gorgonia.Node {
	const name = "AssignMovingAverage"
	if bad, ok := check(g, name, variable, value); !ok {
		return bad
	}
	if !(momentum >= 0 && momentum < 1) {
		return fail(g, name, "momentum is %v, want at least 0 and below 1", momentum)
	}
	moved := apply(g, definition{
		name: "MovingAverage", attributes: attributes(momentum), dtype: variable.Dtype(), dims: variable.Dims(),
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return sameShape(name, in) },
		run:   pick(variable.Dtype(), movingAverageKernel[float32](momentum), movingAverageKernel[float64](momentum)),
	}, variable, value)
	if g.Poisoned(moved) {
		return moved
	}
	return Assign(g, variable, moved)
}

func movingAverageKernel[T float](momentum float64) kernel {
	rest := T(1 - momentum)
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, old, value := elements[T](out), elements[T](in[0]), elements[T](in[1])
		for i, v := range old {
			y[i] = v - (v-value[i])*rest // as TensorFlow computes it
		}
		return nil
	}
}

// LayerNorm normalises every row of the last axis by its own mean and variance (Ba, Kiros
// and Hinton 2016):
//
//	y = gamma*(x-mean)/sqrt(variance+epsilon) + beta
//
// x is [batch, ..., channels], gamma and beta [channels]. The variance is that of the
// population; sums are accumulated in float64.
func LayerNorm(g *graph.Graph, x, gamma, beta *gorgonia.Node, epsilon float64) *gorgonia.Node {
	const name = "LayerNorm"
	if bad, ok := checkNorm(g, name, epsilon, x, gamma, beta); !ok {
		return bad
	}
	dt := x.Dtype()
	return applyWithScratch(g, definition{
		name: name, attributes: attributes(epsilon), dtype: dt, dims: x.Dims(),
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			return in[0].Clone(), channelVectors(name, in)
		},
		differentiable: []bool{true, true, true},
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			sums := applyWithScratch(g, definition{
				name: name + "Sums", attributes: attributes(epsilon), dtype: dt, dims: 2,
				shape: func(in []tensor.Shape) (tensor.Shape, error) {
					return tensor.Shape{2, in[0][len(in[0])-1]}, nil
				},
			}, pickScratch(dt, layerSumsKernel[float32](epsilon), layerSumsKernel[float64](epsilon)), in[0], grad)
			dx := applyWithScratch(g, definition{
				name: name + "InputGrad", attributes: attributes(epsilon), dtype: dt, dims: x.Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
			}, pickScratch(dt, layerInputKernel[float32](epsilon), layerInputKernel[float64](epsilon)), in[0], in[1], grad)
			return gorgonia.Nodes{dx, rowOf(g, sums, 1), rowOf(g, sums, 0)}
		},
	}, pickScratch(dt, layerNormKernel[float32](epsilon), layerNormKernel[float64](epsilon)), x, gamma, beta)
}
