package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// Activation is an element-wise function of a node, such as [ReLU].
type Activation func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node

// LayerOption changes how a layer is made. An option that a layer has no use for is an
// error.
type LayerOption func(*layer)

type layer struct {
	name              string
	activation        Activation
	kernelInitializer graph.Initializer
	biasInitializer   graph.Initializer
	noBias            bool
	spatial           spatial    // convolutions and pooling
	norm              norm       // normalisation
	embedding         embeddings // embeddings
	recurrent         recurrentOptions
	attention         attentionOptions
	regularizers      regularizers
	given             []string
}

// WithName names the layer: its variables are name/kernel and name/bias. The name must
// be free.
func WithName(name string) LayerOption {
	return func(l *layer) { l.name = name; l.given = append(l.given, "WithName") }
}

// WithActivation applies a function to the layer's result.
func WithActivation(a Activation) LayerOption {
	return func(l *layer) { l.activation = a; l.given = append(l.given, "WithActivation") }
}

// WithKernelInitializer replaces GlorotUniform.
func WithKernelInitializer(i graph.Initializer) LayerOption {
	return func(l *layer) { l.kernelInitializer = i; l.given = append(l.given, "WithKernelInitializer") }
}

// WithBiasInitializer replaces Zeros.
func WithBiasInitializer(i graph.Initializer) LayerOption {
	return func(l *layer) { l.biasInitializer = i; l.given = append(l.given, "WithBiasInitializer") }
}

// WithoutBias leaves the bias out.
func WithoutBias() LayerOption {
	return func(l *layer) { l.noBias = true; l.given = append(l.given, "WithoutBias") }
}

func newLayer(opts []LayerOption) *layer {
	l := &layer{kernelInitializer: GlorotUniform(), biasInitializer: Zeros(), norm: defaultNorm(), embedding: defaultEmbeddings()}
	for _, opt := range opts {
		if opt != nil {
			opt(l)
		}
	}
	return l
}

// only reports an option that the layer has no use for.
func (l *layer) only(allowed ...string) error {
outer:
	for _, name := range l.given {
		for _, a := range allowed {
			if a == name {
				continue outer
			}
		}
		return fmt.Errorf("%s: it has no meaning here", name)
	}
	return nil
}

// scope returns the layer's scope: its name, or the next free one of the default.
func (l *layer) scope(g *graph.Graph, defaultName string) *graph.Graph {
	if l.name != "" {
		return g.Scope(l.name)
	}
	return g.Scope(g.UniqueName(defaultName))
}

// Dense is a fully connected layer, activation(x*kernel + bias) over the last axis:
// x [batch, ..., inputs], result [batch, ..., units]. Its variables are kernel
// [inputs, units], GlorotUniform, and bias [units], zeros. There is no activation by
// default.
//
// Options: WithActivation, WithName, WithKernelInitializer, WithBiasInitializer,
// WithoutBias, WithKernelRegularizer, WithBiasRegularizer.
func Dense(g *graph.Graph, x *gorgonia.Node, units int, opts ...LayerOption) *gorgonia.Node {
	l := newLayer(opts)
	if err := l.only("WithActivation", "WithName", "WithKernelInitializer", "WithBiasInitializer", "WithoutBias",
		"WithKernelRegularizer", "WithBiasRegularizer"); err != nil {
		return g.Fail(fmt.Errorf("nn.Dense: %w", err))
	}
	switch {
	case x == nil:
		return g.Fail(fmt.Errorf("nn.Dense: x is nil"))
	case g.Poisoned(x):
		return x
	case units < 1:
		return g.Fail(fmt.Errorf("nn.Dense: units is %d, want at least 1", units))
	case x.Dims() < 2:
		return g.Fail(fmt.Errorf("nn.Dense: x has shape %v, want [batch, inputs]: reshape rows that are single numbers with ops.ReshapeRows(g, x, 1)", x.Shape()))
	}
	if dt := x.Dtype(); dt != tensor.Float32 && dt != tensor.Float64 {
		return g.Fail(fmt.Errorf("nn.Dense: x has dtype %v, want float32 or float64: use ops.Cast", dt))
	}
	scope := l.scope(g, "dense")
	inputs := x.Shape()[x.Dims()-1]
	kernel := scope.Variable("kernel", x.Dtype(), tensor.Shape{inputs, units}, l.kernelInitializer)
	var bias *gorgonia.Node
	if !l.noBias {
		bias = scope.Variable("bias", x.Dtype(), tensor.Shape{units}, l.biasInitializer)
	}
	l.regularize(g, kernel, bias)
	if isReLU(l.activation) {
		return scope.SetName(ops.DenseReLU(g, x, kernel, bias), "Relu")
	}
	y := scope.SetName(ops.Dense(g, x, kernel, bias), "BiasAdd")
	if l.activation != nil && !g.Poisoned(y) {
		y = l.activation(g, y)
	}
	return y
}

// Dropout sets elements of x to 0 with probability rate and scales the others by
// 1/(1-rate), in a graph built to train; elsewhere it returns x. rate is at least 0 and
// below 1. Which elements is a function of the graph's seed, the layer's name and the
// global step.
//
// Option: WithName.
func Dropout(g *graph.Graph, x *gorgonia.Node, rate float64, opts ...LayerOption) *gorgonia.Node {
	l := newLayer(opts)
	if err := l.only("WithName"); err != nil {
		return g.Fail(fmt.Errorf("nn.Dropout: %w", err))
	}
	if !(rate >= 0 && rate < 1) {
		return g.Fail(fmt.Errorf("nn.Dropout: rate is %v, want at least 0 and below 1", rate))
	}
	// The name is taken in every mode, so that the modes' names agree.
	scope := l.scope(g, "dropout")
	if !g.Training() {
		if x == nil {
			return g.Fail(fmt.Errorf("nn.Dropout: x is nil"))
		}
		return x
	}
	return ops.Dropout(g, x, g.GlobalStep(), rate, scope.ScopeName())
}

// Flatten makes [batch, n] of x [batch, ...].
func Flatten(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Flatten(g, x) }

// Argmax is the index of the largest element along the last axis, the first of equal
// ones: x [..., classes], result int64 [...]. Not differentiable.
func Argmax(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.ArgMax(g, x) }
