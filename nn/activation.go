package nn

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// ReLU is max(x, 0).
func ReLU(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.ReLU(g, x) }

// ReLU6 is min(max(x, 0), 6).
func ReLU6(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.ReLU6(g, x) }

// LeakyReLU returns an activation that is x above 0 and slope*x below. Keras' default
// slope is 0.3.
func LeakyReLU(slope float64) Activation {
	return func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.LeakyReLU(g, x, slope) }
}

// ELU is x above 0 and exp(x)-1 below.
func ELU(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.ELU(g, x, 1) }

// SELU is the scaled exponential linear unit; use it with [LecunNormal].
func SELU(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.SELU(g, x) }

// Sigmoid is 1/(1+exp(-x)).
func Sigmoid(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Sigmoid(g, x) }

// Tanh is the hyperbolic tangent.
func Tanh(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Tanh(g, x) }

// Softplus is log(1+exp(x)).
func Softplus(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Softplus(g, x) }

// Softsign is x/(1+|x|).
func Softsign(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Softsign(g, x) }

// Swish is x*sigmoid(x), also called SiLU.
func Swish(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Swish(g, x) }

// GELU is x times the standard normal distribution function of x.
func GELU(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.GELU(g, x) }

// Exponential is exp(x).
func Exponential(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Exp(g, x) }

// Softmax is exp(x)/sum(exp(x)) over the last axis.
func Softmax(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.Softmax(g, x) }

// LogSoftmax is the logarithm of [Softmax].
func LogSoftmax(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return ops.LogSoftmax(g, x) }
