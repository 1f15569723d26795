package graph

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/internal/philox"
)

// GlobalStepName is the name of the global step in graphs and checkpoints.
const GlobalStepName = "global_step"

// Initializer gives a variable its first value. v is zeroed and has the variable's
// shape and dtype; the implementation writes into its backing slice.
type Initializer interface {
	Initialize(v *tensor.Dense, r Random) error
}

// InitializerFunc makes an Initializer of a function.
type InitializerFunc func(v *tensor.Dense, r Random) error

// Initialize calls f.
func (f InitializerFunc) Initialize(v *tensor.Dense, r Random) error { return f(v, r) }

// Variable describes a node whose value outlives a run. The value itself is in a
// session's store, under the variable's name, and is shared by every graph that
// binds to that store.
type Variable struct {
	// Node stands for the value from before the step wherever it is used.
	Node *gorgonia.Node
	// Name is the full name, scopes included. It is the name in checkpoints.
	Name string
	// Dtype and Shape are fixed for the variable's life.
	Dtype tensor.Dtype
	Shape tensor.Shape
	// Trainable variables are those an optimizer changes by default.
	Trainable bool
	// Local variables belong to one session and are never in a checkpoint.
	Local bool

	initializer Initializer
	seed        uint64
}

// Initial returns a fresh first value: the same bits for the same seed and name.
func (v *Variable) Initial() (*tensor.Dense, error) {
	value := dense.New(v.Dtype, v.Shape)
	if v.initializer == nil {
		return value, nil
	}
	if err := v.initializer.Initialize(value, philox.New(v.seed, v.Name, 0)); err != nil {
		return nil, fmt.Errorf("graph: initial value of variable %q %v %v: %w", v.Name, v.Dtype, v.Shape, err)
	}
	return value, nil
}

// SetInitializer replaces what gives the variable its first value; nil means zeros. It
// has no effect where a store has a value already.
func (v *Variable) SetInitializer(initializer Initializer) { v.initializer = initializer }

// VariableOption changes how a variable is made.
type VariableOption func(*Variable)

// NotTrainable keeps optimizers from changing the variable unless it is named
// explicitly: moving averages, counters, optimizer slots.
func NotTrainable() VariableOption { return func(v *Variable) { v.Trainable = false } }

// Variable adds a trainable variable. initializer nil means zeros. Asking twice for
// one name is an error.
func (g *Graph) Variable(name string, dt tensor.Dtype, shape tensor.Shape, initializer Initializer, opts ...VariableOption) *gorgonia.Node {
	return g.variable(&Variable{Name: name, Dtype: dt, Shape: shape, Trainable: true, initializer: initializer}, opts)
}

// LocalVariable adds a variable that belongs to one session: it starts anew with
// every session, is not trainable, and is never in a checkpoint.
func (g *Graph) LocalVariable(name string, dt tensor.Dtype, shape tensor.Shape, initializer Initializer) *gorgonia.Node {
	return g.variable(&Variable{Name: name, Dtype: dt, Shape: shape, Local: true, initializer: initializer}, nil)
}

func (g *Graph) variable(v *Variable, opts []VariableOption) *gorgonia.Node {
	full, err := g.reserve("variable", v.Name)
	if err == nil {
		err = checkShape(v.Shape)
	}
	if err != nil {
		return g.Fail(fmt.Errorf("variable %q: %w", v.Name, err))
	}
	v.Name, v.Shape, v.seed = full, v.Shape.Clone(), g.seed
	for _, opt := range opts {
		opt(v)
	}
	if v.Node = g.newInput(full, v.Dtype, v.Shape); v.Node == nil {
		return g.poison
	}
	g.register(v)
	return v.Node
}

func (g *Graph) register(v *Variable) {
	g.state.variables = append(g.state.variables, v)
	g.byNode[v.Node] = v
	g.byName[v.Name] = v
}

// Variables returns every variable, local ones included, in the order of building.
func (g *Graph) Variables() []*Variable { return append([]*Variable(nil), g.state.variables...) }

// TrainableVariables returns the trainable variables in the order of building.
func (g *Graph) TrainableVariables() []*Variable {
	var trainable []*Variable
	for _, v := range g.state.variables {
		if v.Trainable {
			trainable = append(trainable, v)
		}
	}
	return trainable
}

// VariableOf returns the variable that a node stands for, nil when it is none.
func (g *Graph) VariableOf(n *gorgonia.Node) *Variable { return g.byNode[n] }

// VariableNamed returns the variable of that full name, nil when there is none.
func (g *Graph) VariableNamed(name string) *Variable { return g.byName[name] }

// GlobalStep returns the global step, an int64 scalar that counts the updates
// applied so far. It is created at the first call and not trainable.
func (g *Graph) GlobalStep() *gorgonia.Node {
	if g.globalStep == nil {
		g.globalStep = g.Top().Variable(GlobalStepName, tensor.Int64, tensor.ScalarShape(), nil, NotTrainable())
	}
	return g.globalStep
}

// FindGlobalStep returns the global step if there is one, else nil.
func (g *Graph) FindGlobalStep() *gorgonia.Node { return g.globalStep }
