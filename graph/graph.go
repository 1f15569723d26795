package graph

import (
	"errors"
	"fmt"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/philox"

	// Without this module Gorgonia refuses to start on a current Go.
	_ "go4.org/unsafe/assume-no-moving-gc"
)

// Random is the stream of random values an [Initializer] draws from: a pure
// function of the graph's seed and the variable's name, so that a variable gets the
// same bits in every graph of the same seed, in any order of building.
type Random = philox.Stream

// Graph is a Gorgonia expression graph together with what a training framework
// must know about it: its variables, the global step, named collections, summaries,
// the seed and the first error of any building call.
//
// A Graph is built by one goroutine. A Graph returned by [Graph.Scope] shares
// everything with its parent but puts a prefix before the names that it hands out.
type Graph struct {
	*gorgonia.ExprGraph
	*state
	scope string
}

type state struct {
	seed        uint64
	training    bool
	params      map[string]any
	paramsErr   error
	paramsRead  map[string]bool
	names       map[string]bool
	variables   []*Variable
	byNode      map[*gorgonia.Node]*Variable
	byName      map[string]*Variable
	inputs      gorgonia.Nodes
	sites       map[*gorgonia.Node]string
	collections map[string]gorgonia.Nodes
	summaries   []Summary
	globalStep  *gorgonia.Node
	salt        uint32
	err         error
	poison      *gorgonia.Node
}

// Option changes how [New] makes a graph.
type Option func(*state)

// Seed sets the seed of everything random in the graph: initial values, dropout.
// The default is 0; the same seed always gives the same bits.
func Seed(seed uint64) Option { return func(s *state) { s.seed = seed } }

// Training says whether the graph is built to train. Layers that behave
// differently then, such as dropout, ask [Graph.Training]. The default is false.
func Training(training bool) Option { return func(s *state) { s.training = training } }

// New returns an empty graph.
func New(opts ...Option) *Graph { return wrap(gorgonia.NewGraph(), opts) }

func wrap(expr *gorgonia.ExprGraph, opts []Option) *Graph {
	s := &state{
		names:       map[string]bool{},
		byNode:      map[*gorgonia.Node]*Variable{},
		byName:      map[string]*Variable{},
		sites:       map[*gorgonia.Node]string{},
		collections: map[string]gorgonia.Nodes{},
	}
	for _, opt := range opts {
		opt(s)
	}
	// The poisoned node lives in a graph of its own, so that no stock Gorgonia call
	// can mix it with healthy nodes unnoticed.
	s.poison = gorgonia.NewScalar(gorgonia.NewGraph(), tensor.Float64, gorgonia.WithName("poisoned by an earlier error"))
	return &Graph{ExprGraph: expr, state: s}
}

// Seed returns the seed that the graph was made with.
func (g *Graph) Seed() uint64 { return g.seed }

// Training reports whether the graph is built to train.
func (g *Graph) Training() bool { return g.training }

// Scope returns the same graph with name, and a slash, before every name handed
// out: g.Scope("dnn").Variable("kernel", ...) is called dnn/kernel.
func (g *Graph) Scope(name string) *Graph {
	if err := checkName(name); err != nil {
		g.fail(fmt.Errorf("scope: %w", err))
		return g
	}
	return &Graph{ExprGraph: g.ExprGraph, state: g.state, scope: g.full(name)}
}

// Top returns the same graph without a scope.
func (g *Graph) Top() *Graph { return &Graph{ExprGraph: g.ExprGraph, state: g.state} }

// ScopeName returns the prefix of the names handed out, "" at the top.
func (g *Graph) ScopeName() string { return g.scope }

func (g *Graph) full(name string) string {
	if g.scope == "" {
		return name
	}
	return g.scope + "/" + name
}

// UniqueName returns base, or base_1, base_2 and so on, whichever is free in this
// scope, and reserves it. The result has no scope before it.
func (g *Graph) UniqueName(base string) string {
	name := g.FreeName(base)
	g.names[g.full(name)] = true
	return name
}

// FreeName is UniqueName without reserving the name: whatever is made next can have it.
func (g *Graph) FreeName(base string) string {
	name := base
	for i := 1; g.names[g.full(name)]; i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	return name
}

// reserve takes a name for an input node. Gorgonia silently merges two inputs of
// the same name and shape, so a second use is an error here.
func (g *Graph) reserve(kind, name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", fmt.Errorf("%s: %w", kind, err)
	}
	full := g.full(name)
	if g.names[full] {
		return "", fmt.Errorf("%s: the name %q is already taken in this graph", kind, full)
	}
	g.names[full] = true
	return full, nil
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.Contains(name, "//"):
		return fmt.Errorf("name %q: a part between slashes is empty", name)
	case strings.ContainsAny(name, " \t\n\"\\:"):
		return fmt.Errorf("name %q: white space, quotes, backslashes and colons are not allowed", name)
	}
	return nil
}

// Placeholder adds an input that is fed at every run. shape is [batch, ...]; no
// shape at all makes a scalar. The leading dimension may differ from run to run
// where every op of the program takes its size from its inputs.
func (g *Graph) Placeholder(name string, dt tensor.Dtype, shape ...int) *gorgonia.Node {
	full, err := g.reserve("placeholder", name)
	if err == nil {
		err = checkShape(tensor.Shape(shape))
	}
	if err != nil {
		return g.Fail(fmt.Errorf("placeholder %q: %w", name, err))
	}
	n := g.newInput(full, dt, tensor.Shape(shape))
	if n == nil {
		return g.poison
	}
	g.state.inputs = append(g.state.inputs, n)
	return n
}

// Placeholders returns the placeholders in the order of building.
func (g *Graph) Placeholders() gorgonia.Nodes { return append(gorgonia.Nodes(nil), g.state.inputs...) }

func checkShape(shape tensor.Shape) error {
	for axis, n := range shape {
		if n < 0 {
			return fmt.Errorf("shape %v: axis %d is %d, want at least 0", shape, axis, n)
		}
	}
	return nil
}

// newInput makes an input node and verifies that Gorgonia did not hand back another
// one: node identity there is a 32-bit hash.
func (g *Graph) newInput(full string, dt tensor.Dtype, shape tensor.Shape) *gorgonia.Node {
	n, err := guard(func() (*gorgonia.Node, error) {
		return gorgonia.NewTensor(g.ExprGraph, dt, len(shape), gorgonia.WithName(full), gorgonia.WithShape(shape...)), nil
	})
	if err == nil && (n.Name() != full || !n.Shape().Eq(shape)) {
		err = fmt.Errorf("gorgonia merged it with %q of shape %v (a hash collision): choose another name", n.Name(), n.Shape())
	}
	if err != nil {
		g.fail(fmt.Errorf("input %q of shape %v: %w", full, shape, err))
		return nil
	}
	g.sites[n] = callSite()
	return n
}

// Err returns the first error of any building call, nil while all is well.
func (g *Graph) Err() error { return g.err }

// Fail records err as the graph's error unless there is one already, with the place
// in the caller's code, and returns the poisoned node for building functions to
// return. Building functions given a poisoned node pass it on.
func (g *Graph) Fail(err error) *gorgonia.Node {
	g.fail(err)
	return g.poison
}

func (g *Graph) fail(err error) {
	if g.err == nil && err != nil {
		g.err = &BuildError{Err: err, Site: callSite()}
	}
}

// Poisoned reports whether n stands for the result of a building call that failed,
// or is nil.
func (g *Graph) Poisoned(n *gorgonia.Node) bool { return n == nil || n == g.poison }

// Site returns where in the caller's code the node was built, as "file.go:line", or
// "" when that is not known (nodes made by stock Gorgonia calls).
func (g *Graph) Site(n *gorgonia.Node) string { return g.sites[n] }
