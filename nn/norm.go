package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// norm is what normalisations can be told.
type norm struct {
	momentum, epsilon float64
	noCenter, noScale bool
	frozen            bool
}

func defaultNorm() norm { return norm{momentum: 0.99, epsilon: 1e-3} }

// WithMomentum is how much of its old value a moving average keeps at each step, default
// 0.99.
func WithMomentum(x float64) LayerOption {
	return func(l *layer) { l.norm.momentum = x; l.given = append(l.given, "WithMomentum") }
}

// WithEpsilon is added to a variance, default 1e-3.
func WithEpsilon(x float64) LayerOption {
	return func(l *layer) { l.norm.epsilon = x; l.given = append(l.given, "WithEpsilon") }
}

// WithoutCenter leaves beta out.
func WithoutCenter() LayerOption {
	return func(l *layer) { l.norm.noCenter = true; l.given = append(l.given, "WithoutCenter") }
}

// WithoutScale leaves gamma out.
func WithoutScale() LayerOption {
	return func(l *layer) { l.norm.noScale = true; l.given = append(l.given, "WithoutScale") }
}

// WithFrozen makes a BatchNorm use its moving averages in training too, and changes none
// of its variables: for a pretrained part of a model (Keras' trainable=False).
func WithFrozen() LayerOption {
	return func(l *layer) { l.norm.frozen = true; l.given = append(l.given, "WithFrozen") }
}

// BatchNorm normalises every channel of x [batch, ..., channels], see [ops.BatchNorm]. In
// a graph built to train it does so by the mean and the variance of the batch, elsewhere
// by their moving averages. Its variables, each [channels], are gamma, ones, and beta,
// zeros; and moving_mean, zeros, and moving_variance, ones, which are not trainable. The
// variance is that of the population.
//
// In training the updates of the moving averages,
//
//	moving = moving*momentum + batch*(1-momentum)
//
// are added to the collection graph.UpdateOps: they are to run with the train op.
//
// Options: WithName, WithMomentum (0.99), WithEpsilon (1e-3), WithoutCenter,
// WithoutScale, WithFrozen.
func BatchNorm(g *graph.Graph, x *gorgonia.Node, opts ...LayerOption) *gorgonia.Node {
	const name = "BatchNorm"
	l := newLayer(opts)
	if err := l.only("WithName", "WithMomentum", "WithEpsilon", "WithoutCenter", "WithoutScale", "WithFrozen"); err != nil {
		return g.Fail(fmt.Errorf("nn.%s: %w", name, err))
	}
	if bad, ok := layerInput(g, name, x, 0); !ok {
		return bad
	}
	if m := l.norm.momentum; !(m >= 0 && m < 1) {
		return g.Fail(fmt.Errorf("nn.%s: WithMomentum: %v, want at least 0 and below 1", name, m))
	}
	var trainable []graph.VariableOption
	if l.norm.frozen {
		trainable = append(trainable, graph.NotTrainable())
	}
	scope := l.scope(g, "batch_normalization")
	gamma, beta := l.norm.scaleAndCenter(scope, x, trainable)
	channels := tensor.Shape{x.Shape()[x.Dims()-1]}
	movingMean := scope.Variable("moving_mean", x.Dtype(), channels, Zeros(), graph.NotTrainable())
	movingVariance := scope.Variable("moving_variance", x.Dtype(), channels, Ones(), graph.NotTrainable())
	if !g.Training() || l.norm.frozen {
		return scope.SetName(ops.FrozenBatchNorm(g, x, gamma, beta, movingMean, movingVariance, l.norm.epsilon), "batchnorm")
	}
	y, mean, variance := ops.BatchNorm(g, x, gamma, beta, l.norm.epsilon)
	g.AddTo(graph.UpdateOps,
		scope.SetName(ops.AssignMovingAverage(g, movingMean, mean, l.norm.momentum), "AssignMovingMean"),
		scope.SetName(ops.AssignMovingAverage(g, movingVariance, variance, l.norm.momentum), "AssignMovingVariance"))
	return scope.SetName(y, "batchnorm")
}

// LayerNorm normalises every row of the last axis of x [batch, ..., channels], see
// [ops.LayerNorm]. Its variables, each [channels], are gamma, ones, and beta, zeros.
//
// Options: WithName, WithEpsilon (1e-3), WithoutCenter, WithoutScale.
func LayerNorm(g *graph.Graph, x *gorgonia.Node, opts ...LayerOption) *gorgonia.Node {
	const name = "LayerNorm"
	l := newLayer(opts)
	if err := l.only("WithName", "WithEpsilon", "WithoutCenter", "WithoutScale"); err != nil {
		return g.Fail(fmt.Errorf("nn.%s: %w", name, err))
	}
	if bad, ok := layerInput(g, name, x, 0); !ok {
		return bad
	}
	scope := l.scope(g, "layer_normalization")
	gamma, beta := l.norm.scaleAndCenter(scope, x, nil)
	return scope.SetName(ops.LayerNorm(g, x, gamma, beta, l.norm.epsilon), "layernorm")
}

// scaleAndCenter makes gamma and beta, constants where they are left out.
func (n *norm) scaleAndCenter(scope *graph.Graph, x *gorgonia.Node, opts []graph.VariableOption) (gamma, beta *gorgonia.Node) {
	channels := tensor.Shape{x.Shape()[x.Dims()-1]}
	if n.noScale {
		gamma = constant(scope, "ones", 1, x.Dtype(), channels)
	} else {
		gamma = scope.Variable("gamma", x.Dtype(), channels, Ones(), opts...)
	}
	if n.noCenter {
		beta = constant(scope, "zeros", 0, x.Dtype(), channels)
	} else {
		beta = scope.Variable("beta", x.Dtype(), channels, Zeros(), opts...)
	}
	return gamma, beta
}

// constant is a node whose elements are all value. Equal ones are one node.
func constant(g *graph.Graph, name string, value float64, dt tensor.Dtype, shape tensor.Shape) *gorgonia.Node {
	t := tensor.New(tensor.Of(dt), tensor.WithShape(shape...))
	if err := Constant(value).Initialize(t, graph.Random{}); err != nil {
		return g.Fail(err)
	}
	return g.NamedConstant(fmt.Sprintf("nn/%s_%v_%v", name, dt, shape), t)
}
