package optim

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// Optimizer makes train ops.
type Optimizer interface {
	// Minimize returns a node that, when run, changes the trainable variables that the
	// loss depends on so as to make it smaller, adds 1 to the global step, and runs the
	// graph's update ops so far (graph.UpdateOps), such as moving averages. A loss
	// that depends on no trainable variable is the graph's error.
	Minimize(g *graph.Graph, loss *gorgonia.Node, opts ...MinimizeOption) *gorgonia.Node
	// ApplyGradients is the second half of Minimize, for gradients that were changed in
	// between.
	ApplyGradients(g *graph.Graph, gradients []Gradient) *gorgonia.Node
}

// Gradient is the derivative of a loss with respect to one variable, of the variable's
// shape and dtype. The node of a table that is only looked up in is dense like any other,
// but a train op that gets it as ComputeGradients made it reads the lookups instead: see
// [Lazy].
type Gradient struct {
	Variable *graph.Variable
	Node     *gorgonia.Node
}

// ComputeGradients is the first half of Minimize: the gradients of the loss with respect
// to those of variables (nil for all trainable ones) that it depends on, in the order of
// building.
func ComputeGradients(g *graph.Graph, loss *gorgonia.Node, variables []*graph.Variable) []Gradient {
	if g.Err() != nil {
		return nil
	}
	if loss == nil {
		g.Fail(fmt.Errorf("optim: the loss is nil"))
		return nil
	}
	if variables == nil {
		variables = g.TrainableVariables()
	}
	var nodes []*gorgonia.Node
	for i, v := range variables {
		if v == nil || g.VariableOf(v.Node) != v {
			g.Fail(fmt.Errorf("optim: variable %d is not one of this graph", i))
			return nil
		}
		nodes = append(nodes, v.Node)
	}
	wrt := g.Influences(loss, nodes...)
	if len(wrt) == 0 {
		g.Fail(fmt.Errorf("optim: no gradients: the loss %q depends on none of the variables %s", loss.Name(), names(variables)))
		return nil
	}
	grads := g.Gradients(loss, wrt...)
	if g.Err() != nil {
		return nil
	}
	gradients := make([]Gradient, len(wrt))
	for i, n := range wrt {
		gradients[i] = Gradient{Variable: g.VariableOf(n), Node: grads[i]}
	}
	return gradients
}

// optimizer is a rule with a learning rate and what the options added.
type optimizer struct {
	name     string
	rule     Rule
	rate     float64
	schedule Schedule
	clipNorm float64
	parts    []Transform
	micro    int // runs for each update, 0 or 1 without accumulation
	average  *average
	lazy     bool
	err      error
}

var _ Optimizer = (*optimizer)(nil)

// New returns an optimizer that follows a rule of your own. It takes every option that
// names no other optimizer.
func New(rule Rule, learningRate float64, opts ...Option) Optimizer {
	if rule == nil {
		return &optimizer{err: fmt.Errorf("optim.New: the rule is nil")}
	}
	return configure(rule.Name(), learningRate, nil, opts, func(*settings) Rule { return rule })
}

// Minimize implements Optimizer.
func (o *optimizer) Minimize(g *graph.Graph, loss *gorgonia.Node, opts ...MinimizeOption) *gorgonia.Node {
	if o.err != nil {
		return g.Fail(o.err)
	}
	variables, err := chosen(g, opts)
	if err != nil {
		return g.Fail(fmt.Errorf("optim.%s: %w", o.name, err))
	}
	return o.ApplyGradients(g, ComputeGradients(g, loss, variables))
}

// ApplyGradients implements Optimizer.
func (o *optimizer) ApplyGradients(g *graph.Graph, gradients []Gradient) *gorgonia.Node {
	g = g.Top() // slots are named after their variables, wherever the call is made
	switch {
	case o.err != nil:
		return g.Fail(o.err)
	case g.Err() != nil:
		return g.Fail(nil)
	case len(gradients) == 0:
		return g.Fail(fmt.Errorf("optim.%s: there are no gradients", o.name))
	}
	if err := checkGradients(g, gradients); err != nil {
		return g.Fail(fmt.Errorf("optim.%s: %w", o.name, err))
	}
	r, err := o.recipe(gradients)
	if err != nil {
		return g.Fail(fmt.Errorf("optim.%s: %w", o.name, err))
	}
	sources := o.sources(g, r, gradients)
	scope := g.Scope(g.UniqueName(o.name))
	step := g.GlobalStep()
	u := &updateOp{recipe: r}
	u.add(step, true)
	u.add(scope.SetName(learningRate(g, scope.ScopeName(), step, o.rate, o.schedule), "learning_rate"), false)
	clipNorm := o.clipNorm
	if r.micro > 1 {
		clipNorm = 0 // the op clips what it accumulated
	}
	u.add(clipScale(g, scope, sources, clipNorm), false)
	dt := gradients[0].Variable.Dtype
	if r.micro > 1 {
		u.add(g.Variable(g.FreeName(microStep), tensor.Int64, tensor.ScalarShape(), nil, graph.NotTrainable()), true)
	}
	for _, s := range r.state {
		u.add(g.Variable(g.FreeName(s.Name), dt, tensor.ScalarShape(), s.initializer(), graph.NotTrainable()), true)
	}
	for _, source := range sources {
		u.addVariable(g, source)
	}
	u.addIndices(sources)
	if g.Err() != nil {
		return g.Fail(nil)
	}
	train := g.Apply(u, u.inputs...)
	if updates := g.Collection(graph.UpdateOps); len(updates) > 0 {
		return ops.Group(scope, "train", append(updates, scope.SetName(train, "update"))...)
	}
	return scope.SetName(train, "train")
}

func checkGradients(g *graph.Graph, gradients []Gradient) error {
	seen := map[*graph.Variable]bool{}
	for i, gradient := range gradients {
		v, n := gradient.Variable, gradient.Node
		switch {
		case v == nil || g.VariableOf(v.Node) != v:
			return fmt.Errorf("gradient %d: its variable is not one of this graph", i)
		case seen[v]:
			return fmt.Errorf("gradient %d: variable %q has one already", i, v.Name)
		case v.Dtype != tensor.Float32 && v.Dtype != tensor.Float64:
			return fmt.Errorf("variable %q has dtype %v, want float32 or float64", v.Name, v.Dtype)
		case n == nil:
			return fmt.Errorf("the gradient of %q is nil", v.Name)
		case n.Dtype() != v.Dtype || !slices.Equal(n.Shape(), v.Shape):
			return fmt.Errorf("the gradient of %q is %v %v, the variable %v %v", v.Name, n.Dtype(), n.Shape(), v.Dtype, v.Shape)
		case v.Dtype != gradients[0].Variable.Dtype:
			return fmt.Errorf("variables %q and %q have dtypes %v and %v, want one", gradients[0].Variable.Name, v.Name, gradients[0].Variable.Dtype, v.Dtype)
		}
		seen[v] = true
	}
	return nil
}
