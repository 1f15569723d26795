package graph

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// FromExpr wraps a graph that was built with stock Gorgonia calls. learnables
// become its trainable variables: each must be a named input node with a value
// (gorgonia.WithInit or gorgonia.WithValue), which is the variable's first value.
// Other input nodes are placeholders; one that has a value uses it whenever it is
// not fed.
//
// Gorgonia merges inputs of the same name and shape silently. What is left of that
// can be seen here and is an error: a learnable given twice, or two inputs that
// share a name.
func FromExpr(expr *gorgonia.ExprGraph, learnables ...*gorgonia.Node) (*Graph, error) {
	return FromExprWith(expr, learnables)
}

// FromExprWith is [FromExpr] with options.
func FromExprWith(expr *gorgonia.ExprGraph, learnables []*gorgonia.Node, opts ...Option) (*Graph, error) {
	if expr == nil {
		return nil, errors.New("graph: FromExpr: the expression graph is nil")
	}
	g := wrap(expr, opts)
	position := map[*gorgonia.Node]int{}
	for i, n := range learnables {
		switch {
		case n == nil:
			return nil, fmt.Errorf("graph: FromExpr: learnable %d is nil", i)
		case n.Graph() != expr:
			return nil, fmt.Errorf("graph: FromExpr: learnable %d, %q, belongs to another graph", i, n.Name())
		case n.Op() != nil:
			return nil, fmt.Errorf("graph: FromExpr: learnable %d, %q, is computed by %v, want an input node", i, n.Name(), n.Op())
		case n.Value() == nil:
			return nil, fmt.Errorf("graph: FromExpr: learnable %d, %q, has no value: give it gorgonia.WithInit or gorgonia.WithValue", i, n.Name())
		}
		if first, twice := position[n]; twice {
			return nil, fmt.Errorf("graph: FromExpr: learnables %d and %d are one node, %q: Gorgonia merges inputs of the same name and shape", first, i, n.Name())
		}
		position[n] = i
	}
	for _, n := range expr.AllNodes() {
		if n.Op() != nil {
			continue
		}
		full, err := g.reserve("input", n.Name())
		if err != nil {
			return nil, fmt.Errorf("graph: FromExpr: an input node of shape %v: %w", n.Shape(), err)
		}
		if _, learnable := position[n]; !learnable {
			g.state.inputs = append(g.state.inputs, n)
			continue
		}
		value, err := asDense(n.Value())
		if err != nil {
			return nil, fmt.Errorf("graph: FromExpr: learnable %q: %w", full, err)
		}
		initial := InitializerFunc(func(v *tensor.Dense, _ Random) error { return dense.Copy(v, value) })
		g.register(&Variable{
			Node: n, Name: full, Dtype: value.Dtype(), Shape: n.Shape(), Trainable: true,
			initializer: initial, seed: g.seed,
		})
	}
	return g, nil
}

// Wrap returns a Graph over an expression graph as it is: it has no variables, every
// input node is a placeholder, and names are not looked at.
func Wrap(expr *gorgonia.ExprGraph, opts ...Option) *Graph {
	g := wrap(expr, opts)
	for _, n := range expr.AllNodes() {
		if n.Op() == nil {
			g.state.inputs = append(g.state.inputs, n)
		}
	}
	return g
}

// asDense returns a copy of a value as a dense tensor.
func asDense(v gorgonia.Value) (*tensor.Dense, error) {
	switch v := v.(type) {
	case *tensor.Dense:
		return dense.Clone(v), nil
	case gorgonia.Scalar:
		return tensor.New(tensor.FromScalar(v.Data())), nil
	}
	return nil, fmt.Errorf("its value is a %T, want a dense tensor or a scalar", v)
}
