package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// LossOption changes how a loss is computed.
type LossOption func(*lossConfig)

type lossConfig struct {
	weights  *gorgonia.Node
	weighted bool
}

// WithWeights weighs rows: weights has shape [batch], [batch, 1] or that of the
// unreduced loss, any numeric dtype. The loss is then the weighted sum divided by the
// number of weights that are not 0 (TensorFlow's SUM_BY_NONZERO_WEIGHTS); rows of weight
// 0 are masked, whatever they hold.
func WithWeights(weights *gorgonia.Node) LossOption {
	return func(c *lossConfig) { c.weights, c.weighted = weights, true }
}

// SparseSoftmaxCrossEntropy is the mean over rows of -log(softmax(logits)[label]):
// logits [batch, ..., classes], labels [batch, ...] (or [batch, ..., 1]) integers in
// [0, classes). The result is a scalar.
func SparseSoftmaxCrossEntropy(g *graph.Graph, logits, labels *gorgonia.Node, opts ...LossOption) *gorgonia.Node {
	const name = "SparseSoftmaxCrossEntropy"
	if bad, ok := given(g, name, logits, labels); !ok {
		return bad
	}
	if labels.Dims() == logits.Dims() && labels.Dims() > 0 && labels.Shape()[labels.Dims()-1] == 1 {
		labels = ops.Squeeze(g, labels)
	}
	return mean(g, name, ops.SparseSoftmaxCrossEntropy(g, logits, labels), opts)
}

// SoftmaxCrossEntropy is the mean over rows of -sum(labels*log(softmax(logits))):
// logits and labels [batch, ..., classes], each row of labels a distribution such as
// one-hot. The result is a scalar.
func SoftmaxCrossEntropy(g *graph.Graph, logits, labels *gorgonia.Node, opts ...LossOption) *gorgonia.Node {
	const name = "SoftmaxCrossEntropy"
	if bad, ok := given(g, name, logits, labels); !ok {
		return bad
	}
	return mean(g, name, ops.SoftmaxCrossEntropy(g, logits, ops.Cast(g, labels, logits.Dtype())), opts)
}

// SigmoidCrossEntropy is the mean over all elements of the cross-entropy of labels in
// [0, 1] and sigmoid(logits). logits and labels have one shape, save that a last axis of
// size 1 may be missing in either; labels may be integers. The result is a scalar.
func SigmoidCrossEntropy(g *graph.Graph, logits, labels *gorgonia.Node, opts ...LossOption) *gorgonia.Node {
	return paired(g, "SigmoidCrossEntropy", logits, labels, ops.SigmoidCrossEntropy, opts)
}

// MeanSquaredError is the mean over all elements of (prediction-label)^2. predictions
// and labels have one shape, save that a last axis of size 1 may be missing in either
// (never broadcast [batch, 1] against [batch]); labels may be integers. The result is a
// scalar.
func MeanSquaredError(g *graph.Graph, predictions, labels *gorgonia.Node, opts ...LossOption) *gorgonia.Node {
	return paired(g, "MeanSquaredError", predictions, labels, ops.SquaredError, opts)
}

// Huber is the mean over all elements of a loss that is quadratic for errors up to delta
// and linear beyond, see [ops.Huber]. Keras' default delta is 1. predictions and labels
// are those of [MeanSquaredError]. The result is a scalar.
func Huber(g *graph.Graph, predictions, labels *gorgonia.Node, delta float64, opts ...LossOption) *gorgonia.Node {
	if !(delta > 0) {
		return g.Fail(fmt.Errorf("nn.Huber: delta is %v, want above 0", delta))
	}
	return paired(g, "Huber", predictions, labels, func(g *graph.Graph, p, l *gorgonia.Node) *gorgonia.Node {
		return ops.Huber(g, p, l, delta)
	}, opts)
}

// paired computes an element-wise loss of predictions and labels and its mean.
func paired(g *graph.Graph, name string, predictions, labels *gorgonia.Node,
	loss func(g *graph.Graph, predictions, labels *gorgonia.Node) *gorgonia.Node, opts []LossOption) *gorgonia.Node {
	if bad, ok := given(g, name, predictions, labels); !ok {
		return bad
	}
	switch p, l := predictions.Dims(), labels.Dims(); {
	case p == l+1 && predictions.Shape()[l] == 1:
		predictions = ops.Squeeze(g, predictions)
	case l == p+1 && labels.Shape()[p] == 1:
		labels = ops.Squeeze(g, labels)
	}
	return mean(g, name, loss(g, predictions, ops.Cast(g, labels, predictions.Dtype())), opts)
}

// given reports a nil argument.
func given(g *graph.Graph, name string, predictions, labels *gorgonia.Node) (bad *gorgonia.Node, ok bool) {
	switch {
	case predictions == nil:
		return g.Fail(fmt.Errorf("nn.%s: the first argument, logits or predictions, is nil", name)), false
	case labels == nil:
		return g.Fail(fmt.Errorf("nn.%s: labels is nil: does the input have exactly one label?", name)), false
	case g.Poisoned(predictions), g.Poisoned(labels):
		return g.Fail(nil), false
	}
	return nil, true
}

// mean reduces per-element losses to a scalar.
func mean(g *graph.Graph, name string, losses *gorgonia.Node, opts []LossOption) *gorgonia.Node {
	var c lossConfig
	for _, opt := range opts {
		if opt != nil {
			opt(&c)
		}
	}
	switch {
	case g.Poisoned(losses):
		return losses
	case !c.weighted:
		return ops.Mean(g, losses)
	case c.weights == nil:
		return g.Fail(fmt.Errorf("nn.%s: WithWeights: the node is nil", name))
	}
	return ops.WeightedMean(g, losses, ops.Cast(g, c.weights, losses.Dtype()))
}
