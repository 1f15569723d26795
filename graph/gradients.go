package graph

import (
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Gradients adds the nodes that compute the derivative of a scalar loss with
// respect to each of wrt, by reverse-mode symbolic differentiation over the ops'
// SymDiff, and returns them in wrt's order.
//
// It visits only nodes between wrt and the loss, sums gradients in a fixed order
// and leaves no trace on the nodes, so it may be called several times, and beside
// nodes without a derivative. gorgonia.Grad does none of that: it sorts the whole
// graph, refuses graphs that hold a non-differentiable node anywhere, and marks
// nodes so that a second loss gets the first one's gradients.
//
// A wrt on which the loss does not depend is an error that names it.
func (g *Graph) Gradients(loss *gorgonia.Node, wrt ...*gorgonia.Node) gorgonia.Nodes {
	gradients, err := g.gradients(loss, wrt)
	if err != nil {
		g.fail(err)
	}
	if g.err != nil {
		gradients = make(gorgonia.Nodes, len(wrt))
		for i := range gradients {
			gradients[i] = g.poison
		}
	}
	return gradients
}

// missingGradients are ops of Gorgonia's that look like constants to differentiation, by
// type, with what to use instead.
var missingGradients = map[string]string{
	"gorgonia.atOp": "use Slice", "gorgonia.diagFlatOp": "multiply an identity matrix by it",
	"*gorgonia.globalAveragePoolOp": "use ops.Mean over axes 2 and 3",
}

func (g *Graph) gradients(loss *gorgonia.Node, wrt gorgonia.Nodes) (gorgonia.Nodes, error) {
	if g.err != nil {
		return nil, g.err
	}
	if g.Poisoned(loss) {
		return nil, fmt.Errorf("gradients: the loss is nil")
	}
	if loss.Shape().Dims() != 0 {
		return nil, fmt.Errorf("gradients: the loss %q has shape %v, want a scalar", loss.Name(), loss.Shape())
	}
	order := Topological(loss)
	depends := g.dependents(order, wrt)
	for _, n := range wrt {
		if !depends[n] {
			return nil, fmt.Errorf("gradients: %q is not a node of this graph", n.Name())
		}
	}
	for _, n := range order {
		use, missing := missingGradients[fmt.Sprintf("%T", n.Op())]
		if missing && slices.ContainsFunc(InputsOf(n), func(in *gorgonia.Node) bool { return depends[in] }) {
			return nil, fmt.Errorf("gradients: node %q: Gorgonia's %v has no gradient: %s", n.Name(), n.Op(), use)
		}
	}
	if !depends[loss] {
		return nil, fmt.Errorf("gradients: the loss %q does not depend on %s through differentiable ops", loss.Name(), describe(wrt))
	}
	seed, err := g.one(loss.Dtype())
	if err != nil {
		return nil, err
	}
	terms := map[*gorgonia.Node]gorgonia.Nodes{loss: {seed}}
	for i := len(order) - 1; i >= 0; i-- {
		n := order[i]
		if !depends[n] || len(terms[n]) == 0 {
			continue
		}
		gradient, err := g.sum(terms[n])
		if err != nil {
			return nil, fmt.Errorf("gradients: at node %q: %w", n.Name(), err)
		}
		terms[n] = gorgonia.Nodes{gradient}
		if n.Op() == nil || hasNoDependentInput(n, depends) {
			continue
		}
		if err := g.pull(n, gradient, depends, terms); err != nil {
			return nil, err
		}
	}
	gradients := make(gorgonia.Nodes, len(wrt))
	for i, n := range wrt {
		if len(terms[n]) == 0 {
			return nil, fmt.Errorf("gradients: the loss %q does not depend on %q", loss.Name(), n.Name())
		}
		gradients[i] = terms[n][0]
	}
	return gradients, nil
}

// Influences returns those of candidates that loss depends on through differentiable
// ops, in their order.
func (g *Graph) Influences(loss *gorgonia.Node, candidates ...*gorgonia.Node) gorgonia.Nodes {
	if g.Poisoned(loss) {
		return nil
	}
	reached := map[*gorgonia.Node]bool{loss: true}
	order := Topological(loss)
	for i := len(order) - 1; i >= 0; i-- {
		n := order[i]
		op, ok := n.Op().(gorgonia.SDOp)
		if !ok || !reached[n] {
			continue
		}
		inputs := InputsOf(n)
		differentiable := diffWRT(op, len(inputs))
		for k, in := range inputs {
			if k < len(differentiable) && differentiable[k] {
				reached[in] = true
			}
		}
	}
	var influences gorgonia.Nodes
	for _, n := range candidates {
		if reached[n] {
			influences = append(influences, n)
		}
	}
	return influences
}

// pull adds the contributions of node n to the gradients of its inputs.
func (g *Graph) pull(n, gradient *gorgonia.Node, depends map[*gorgonia.Node]bool, terms map[*gorgonia.Node]gorgonia.Nodes) error {
	inputs := InputsOf(n)
	op := n.Op().(gorgonia.SDOp) // dependents only follows such ops
	contributions, err := guard(func() (gorgonia.Nodes, error) { return op.SymDiff(inputs, n, gradient) })
	if err == nil && len(contributions) < len(inputs) {
		err = fmt.Errorf("it returned %d gradients for %d inputs", len(contributions), len(inputs))
	}
	if err != nil {
		return fmt.Errorf("gradients: differentiating node %q (%v): %w", n.Name(), op, err)
	}
	differentiable := diffWRT(op, len(inputs))
	for i, in := range inputs {
		if i < len(differentiable) && differentiable[i] && depends[in] {
			if contributions[i] == nil {
				return fmt.Errorf("gradients: differentiating node %q (%v): no gradient for input %d", n.Name(), op, i)
			}
			terms[in] = append(terms[in], contributions[i])
		}
	}
	return nil
}

// diffWRT is DiffWRT, which panics in some of Gorgonia's ops when the number of inputs
// is not the expected one; then nothing is differentiable.
func diffWRT(op gorgonia.SDOp, inputs int) []bool {
	differentiable, err := guard(func() ([]bool, error) { return op.DiffWRT(inputs), nil })
	if err != nil {
		return nil
	}
	return differentiable
}

// dependents marks the nodes through which the loss depends on wrt.
func (g *Graph) dependents(order, wrt gorgonia.Nodes) map[*gorgonia.Node]bool {
	depends := make(map[*gorgonia.Node]bool, len(order))
	for _, n := range wrt {
		if n != nil && n.Graph() == g.ExprGraph {
			depends[n] = true
		}
	}
	for _, n := range order {
		op, ok := n.Op().(gorgonia.SDOp)
		if !ok {
			continue
		}
		inputs := InputsOf(n)
		differentiable := diffWRT(op, len(inputs))
		for i, in := range inputs {
			if depends[in] && i < len(differentiable) && differentiable[i] {
				depends[n] = true
			}
		}
	}
	return depends
}

// hasNoDependentInput reports whether differentiation ends at n.
func hasNoDependentInput(n *gorgonia.Node, depends map[*gorgonia.Node]bool) bool {
	for _, in := range InputsOf(n) {
		if depends[in] {
			return false
		}
	}
	return true
}

// sum adds gradient terms left to right: a fixed order gives fixed bits.
func (g *Graph) sum(terms gorgonia.Nodes) (*gorgonia.Node, error) {
	total := terms[0]
	for _, term := range terms[1:] {
		next, err := guard(func() (*gorgonia.Node, error) { return gorgonia.Add(total, term) })
		if err != nil {
			return nil, err
		}
		total = next
	}
	return total, nil
}

// Addends returns the two terms of a sum of float tensors of one shape, which is how
// Gradients adds the gradients of a value that is used several times. ok is false for
// any other node.
func Addends(n *gorgonia.Node) (a, b *gorgonia.Node, ok bool) {
	op := n.Op()
	if fmt.Sprintf("%T", op) != "gorgonia.elemBinOp" || !strings.HasPrefix(op.String(), "+ ") {
		return nil, nil, false
	}
	inputs := InputsOf(n)
	if len(inputs) != 2 || n.Dtype() != tensor.Float32 && n.Dtype() != tensor.Float64 {
		return nil, nil, false
	}
	a, b = inputs[0], inputs[1]
	ok = a.Dims() > 0 && a.Dtype() == n.Dtype() && b.Dtype() == n.Dtype() && slices.Equal(a.Shape(), b.Shape())
	return a, b, ok
}

// one returns the constant 1 of a dtype. It has a name of its own because Gorgonia
// takes two constants of one name for the same, whatever their dtype.
func (g *Graph) one(dt tensor.Dtype) (*gorgonia.Node, error) {
	switch dt {
	case tensor.Float32:
		return g.NamedConstant("gradient_seed_float32", float32(1)), nil
	case tensor.Float64:
		return g.NamedConstant("gradient_seed_float64", float64(1)), nil
	}
	return nil, fmt.Errorf("gradients: the loss has dtype %v, want float32 or float64", dt)
}

// NamedConstant returns a constant node. value is a Go number, a gorgonia.Value or a
// *tensor.Dense, which must not change afterwards. The same name gives the same
// node: choose one for each value.
func (g *Graph) NamedConstant(name string, value any) *gorgonia.Node {
	n, err := guard(func() (*gorgonia.Node, error) {
		return g.AddNode(gorgonia.NewConstant(value, gorgonia.WithName(name))), nil
	})
	if err != nil {
		return g.Fail(fmt.Errorf("constant %q of %T: %w", name, value, err))
	}
	return n
}

// Topological returns the nodes that roots depend on, inputs before users, in an
// order that depends on nothing but the graph.
func Topological(roots ...*gorgonia.Node) gorgonia.Nodes {
	type frame struct {
		node   *gorgonia.Node
		inputs gorgonia.Nodes
		next   int
	}
	var order gorgonia.Nodes
	seen := map[*gorgonia.Node]bool{}
	for _, root := range roots {
		if seen[root] {
			continue
		}
		seen[root] = true
		stack := []frame{{node: root, inputs: InputsOf(root)}}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next == len(top.inputs) {
				order = append(order, top.node)
				stack = stack[:len(stack)-1]
				continue
			}
			in := top.inputs[top.next]
			top.next++
			if !seen[in] {
				seen[in] = true
				stack = append(stack, frame{node: in, inputs: InputsOf(in)})
			}
		}
	}
	return order
}
