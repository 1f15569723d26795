package ops

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// Assign sets a variable to value at the end of the step; the node's value is the new
// one. Shape and dtype must be the variable's.
func Assign(g *graph.Graph, variable, value *gorgonia.Node) *gorgonia.Node {
	return assign(g, "Assign", variable, value, copyValue)
}

// AssignAdd adds value to a variable at the end of the step; the node's value is the
// new one. Shape and dtype must be the variable's, float or integer.
func AssignAdd(g *graph.Graph, variable, value *gorgonia.Node) *gorgonia.Node {
	return assign(g, "AssignAdd", variable, value, func(v, by gorgonia.Value) error {
		switch {
		case addElements[float32](v, by), addElements[float64](v, by), addElements[int64](v, by),
			addElements[int32](v, by), addElements[int](v, by), addElements[uint8](v, by):
			return nil
		}
		return fmt.Errorf("adding a %T to a %T is not supported", by, v)
	})
}

func addElements[T float | integer](v, by gorgonia.Value) bool {
	x, y := elements[T](v), elements[T](by)
	if x == nil || y == nil {
		return false
	}
	for i := range x {
		x[i] += y[i]
	}
	return true
}

func assign(g *graph.Graph, name string, variable, value *gorgonia.Node, run func(v, by gorgonia.Value) error) *gorgonia.Node {
	if bad, ok := checkAny(g, name, variable, value); !ok {
		return bad
	}
	if variable.Dtype() != value.Dtype() {
		return fail(g, name, "variable %q is %v, the value %q is %v", variable.Name(), variable.Dtype(), value.Name(), value.Dtype())
	}
	return g.Apply(&update{
		name: name, variable: variable.Name(), run: run,
		types: [2]hm.Type{variable.Type(), value.Type()},
	}, variable, value)
}

// update changes one variable.
type update struct {
	name, variable string
	types          [2]hm.Type // of the variable and the value
	run            func(v, by gorgonia.Value) error
	salt           uint32
}

var (
	_ graph.Update   = (*update)(nil)
	_ graph.Saltable = (*update)(nil)
)

func (u *update) UpdatedInputs() []int { return []int{0} }
func (u *update) Arity() int           { return 2 }

// Type returns a new function type each time: Gorgonia gives it back to a pool.
func (u *update) Type() hm.Type { return hm.NewFnType(u.types[0], u.types[1], u.types[0]) }

func (u *update) InferShape(sizes ...gorgonia.DimSizer) (tensor.Shape, error) {
	variable, value := sizes[0].(tensor.Shape), sizes[1].(tensor.Shape)
	if !equal(variable, value) {
		return nil, fmt.Errorf("%s: variable %q has shape %v, the value %v", u.name, u.variable, variable, value)
	}
	return variable.Clone(), nil
}

func (u *update) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	if err := u.run(in[0], in[1]); err != nil {
		return nil, err
	}
	return in[0], nil
}

func (u *update) WithSalt(salt uint32) gorgonia.Op {
	c := *u
	c.salt = salt
	return &c
}

func (u *update) ReturnsPtr() bool     { return true }
func (u *update) CallsExtern() bool    { return false }
func (u *update) OverwritesInput() int { return -1 }
func (u *update) String() string       { return u.name + "{" + u.variable + "}" }
func (u *update) WriteHash(h hash.Hash) {
	fmt.Fprintf(h, "%s/%d", u, u.salt)
}

func (u *update) Hashcode() uint32 {
	h := fnv.New32a()
	u.WriteHash(h)
	return h.Sum32()
}

// Group is a node that runs all of nodes: fetch it to apply several updates in one
// step. Its value, an int64 scalar, is always 0.
func Group(g *graph.Graph, name string, nodes ...*gorgonia.Node) *gorgonia.Node {
	const function = "Group"
	if bad, ok := checkAny(g, function, nodes...); !ok {
		return bad
	}
	if len(nodes) == 0 {
		return fail(g, function, "%q: there are no nodes", name)
	}
	return g.SetName(apply(g, definition{
		name: function, attributes: name, dtype: tensor.Int64,
		shape: func([]tensor.Shape) (tensor.Shape, error) { return tensor.ScalarShape(), nil },
		run: func(out gorgonia.Value, _ []gorgonia.Value) error {
			elements[int64](out)[0] = 0
			return nil
		},
	}, nodes...), name)
}
