package graph

import (
	"fmt"
	"reflect"
	"strings"

	"gorgonia.org/gorgonia"
)

// SizedByInputs is implemented by ops that take every size from their inputs at run
// time and keep none from building. A program made only of such ops (and of the
// stock ops known to behave so) runs batches of any size.
//
// Such an op implements gorgonia.UsePreallocDoer too: the session owns the memory
// of results and hands it in. A scalar result is a gorgonia scalar (*gorgonia.F32),
// anything else a *tensor.Dense of the inferred shape, whose old content is
// undefined. The op writes it and returns it.
type SizedByInputs interface {
	gorgonia.Op
	gorgonia.UsePreallocDoer
	SizedByInputs()
}

// Update is implemented by ops that change variables. A session runs them after
// every read of the step, in the order in which they were built, and passes the
// variables' own memory for the inputs that UpdatedInputs names.
type Update interface {
	gorgonia.Op
	// UpdatedInputs returns the positions of the inputs that the op writes to. Each
	// must be a variable node.
	UpdatedInputs() []int
}

// PerProgram is implemented by ops that need memory of their own while they run. A
// session asks for one instance for each compiled program, which runs one at a time.
type PerProgram interface {
	gorgonia.Op
	// ForProgram returns an instance that shares no scratch memory with any other.
	ForProgram() gorgonia.Op
}

// View is implemented by ops that may only give another shape to their first input. A
// session then shares the input's memory instead of copying it.
type View interface {
	SizedByInputs
	// IsView reports whether the result has the elements of the first input, in their
	// order, wherever it has as many.
	IsView() bool
}

// Saltable is implemented by ops whose hash can be changed without a change of
// meaning. Gorgonia tells nodes apart by a 32-bit hash; when two different nodes
// collide, Apply salts the newer one and tries again.
type Saltable interface {
	gorgonia.Op
	// WithSalt returns a copy of the op whose Hashcode depends on salt.
	WithSalt(salt uint32) gorgonia.Op
}

// Apply adds a node that applies op to inputs. The first failure (types, shapes, a
// hash collision in Gorgonia that cannot be avoided) becomes the graph's error and
// Apply returns a poisoned node.
func (g *Graph) Apply(op gorgonia.Op, inputs ...*gorgonia.Node) *gorgonia.Node {
	for i, in := range inputs {
		if in == nil {
			return g.Fail(fmt.Errorf("%v: input %d is nil", op, i))
		}
		if in == g.poison {
			return g.poison
		}
		if in.Graph() != g.ExprGraph {
			return g.Fail(fmt.Errorf("%v: input %d, %q, belongs to another graph", op, i, in.Name()))
		}
	}
	if u, ok := op.(Update); ok {
		for _, i := range u.UpdatedInputs() {
			if i < 0 || i >= len(inputs) || g.byNode[inputs[i]] == nil {
				return g.Fail(fmt.Errorf("%v: input %d is updated and must be a variable of this graph", op, i))
			}
		}
	}
	const tries = 8
	for try := 0; ; try++ {
		before := len(g.AllNodes())
		n, err := guard(func() (*gorgonia.Node, error) { return gorgonia.ApplyOp(op, inputs...) })
		if err != nil {
			return g.Fail(fmt.Errorf("%v(%s): %w", op, describe(inputs), err))
		}
		if len(g.AllNodes()) > before || sameApplication(g, n, op, inputs) {
			if g.sites[n] == "" {
				g.sites[n] = callSite()
			}
			return n
		}
		salted, ok := op.(Saltable)
		if !ok || try == tries {
			return g.Fail(fmt.Errorf("%v(%s): gorgonia merged it with the different node %q (a hash collision)", op, describe(inputs), n.Name()))
		}
		g.salt++
		op = salted.WithSalt(g.salt)
	}
}

// sameApplication reports whether n, which Gorgonia returned in place of a new
// node, really is op applied to inputs.
func sameApplication(g *Graph, n *gorgonia.Node, op gorgonia.Op, inputs gorgonia.Nodes) bool {
	if _, isUpdate := op.(Update); isUpdate || n.Op() == nil || n.Op().String() != op.String() {
		return false
	}
	children := InputsOf(n)
	if len(children) != len(inputs) {
		return false
	}
	for i := range children {
		if children[i] != inputs[i] {
			return false
		}
	}
	return true
}

// InputsOf returns the nodes that n is computed from, in the order of its op's
// arguments.
//
// It reads Gorgonia's own list in the node. The graph's From looks them up through a
// cache that removals leave stale (Log(1-x) removes a node), and then returns another
// node's inputs.
func InputsOf(n *gorgonia.Node) gorgonia.Nodes {
	if n.Graph() == nil || n.ID() < 0 {
		return nil
	}
	children := reflect.ValueOf(n).Elem().FieldByName("children")
	return append(gorgonia.Nodes(nil), *(*gorgonia.Nodes)(children.Addr().UnsafePointer())...)
}

// SetName names a node that an op computes, in the graph's scope, for checkpoints'
// reports, hooks and the graph page. The name must be free.
func (g *Graph) SetName(n *gorgonia.Node, name string) *gorgonia.Node {
	if g.Poisoned(n) {
		return n
	}
	full, err := g.reserve("node", name)
	if err != nil {
		return g.Fail(err)
	}
	gorgonia.WithName(full)(n)
	return n
}

func describe(inputs gorgonia.Nodes) string {
	parts := make([]string, len(inputs))
	for i, n := range inputs {
		parts[i] = fmt.Sprintf("%s %v%v", n.Name(), n.Type(), n.Shape())
	}
	return strings.Join(parts, ", ")
}
