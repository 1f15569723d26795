package optim

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// ClipGradientsByNorm returns an optimizer that clips the gradients by their global norm,
// as [ClipByGlobalNorm], before it gives them to another, which may be of any kind. An
// optimizer of this package that clips already does so by the smaller of the two norms.
// (tf.contrib.estimator's clip_gradients_by_norm.)
func ClipGradientsByNorm(o Optimizer, norm float64) Optimizer {
	if o == nil {
		return &optimizer{name: "ClipGradientsByNorm", err: fmt.Errorf("optim.ClipGradientsByNorm: the optimizer is nil")}
	}
	if err := moreThan0(0).check(norm); err != nil {
		return &optimizer{name: "ClipGradientsByNorm", err: fmt.Errorf("optim.ClipGradientsByNorm: %w", err)}
	}
	own, ok := o.(*optimizer)
	if !ok {
		return &clipped{o, norm}
	}
	c := *own
	if c.clipNorm == 0 || norm < c.clipNorm {
		c.clipNorm = norm
	}
	return &c
}

// clipped clips in front of somebody else's optimizer.
type clipped struct {
	Optimizer
	norm float64
}

// Minimize implements Optimizer.
func (o *clipped) Minimize(g *graph.Graph, loss *gorgonia.Node, opts ...MinimizeOption) *gorgonia.Node {
	variables, err := chosen(g, opts)
	if err != nil {
		return g.Fail(fmt.Errorf("optim.ClipGradientsByNorm: %w", err))
	}
	return o.ApplyGradients(g, ComputeGradients(g, loss, variables))
}

// ApplyGradients implements Optimizer.
func (o *clipped) ApplyGradients(g *graph.Graph, gradients []Gradient) *gorgonia.Node {
	if len(gradients) == 0 {
		return o.Optimizer.ApplyGradients(g, gradients) // whose error it is
	}
	if err := checkGradients(g, gradients); err != nil {
		return g.Fail(fmt.Errorf("optim.ClipGradientsByNorm: %w", err))
	}
	scope := g.Top().Scope(g.Top().UniqueName("ClipGradientsByNorm"))
	sources := make([]source, len(gradients))
	for i, gradient := range gradients {
		sources[i].Gradient = gradient
	}
	scale := clipScale(g, scope, sources, o.norm)
	scaled := make([]Gradient, len(gradients))
	for i, gradient := range gradients {
		scaled[i] = Gradient{Variable: gradient.Variable, Node: ops.Mul(g, gradient.Node, scale)}
	}
	return o.Optimizer.ApplyGradients(g, scaled)
}
