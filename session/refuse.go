package session

import (
	"fmt"
	"reflect"
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// RefusedOpError says that a program holds a stock Gorgonia op whose result is known to
// be wrong. It is reported when the program is compiled, before anything runs.
type RefusedOpError struct {
	// Node names the node and Op what it computes.
	Node, Op string
	// Site is where the node was built, "" when not known.
	Site string
	// Why says what is wrong with the op, and Use what to build in its place.
	Why, Use string
}

// Error names the node, the op and what to use.
func (e *RefusedOpError) Error() string {
	site := ""
	if e.Site != "" {
		site = " (built at " + e.Site + ")"
	}
	return fmt.Sprintf("session: node %q%s: Gorgonia's %s %s: %s", e.Node, site, e.Op, e.Why, e.Use)
}

// AllowBrokenOps makes the session run stock ops that it would refuse with a
// [RefusedOpError], and compute what Gorgonia computes. It is for people who know what
// that is: docs/from-gorgonia.md says it op by op. Ops that are replaced stay replaced.
func AllowBrokenOps() Option {
	return func(s *Session) error {
		s.allowBroken = true
		return nil
	}
}

// AllowBrokenOps is the option of that name for a machine. Call it before the first run;
// it returns the machine.
func (vm *VM) AllowBrokenOps() *VM {
	vm.session.mu.Lock()
	defer vm.session.mu.Unlock()
	vm.session.allowBroken = true
	return vm
}

// rightOp returns the op that computes n: n's own, or a kernel in its place where
// Gorgonia's is wrong and the right one is known. The error is a *RefusedOpError.
func (s *Session) rightOp(g *graph.Graph, n *gorgonia.Node) (gorgonia.Op, error) {
	op := n.Op()
	if op == nil {
		return nil, nil
	}
	name := fmt.Sprintf("%T", op)
	for i := range stockRules {
		r := &stockRules[i]
		if !slices.Contains(r.Types, name) || r.match != nil && !r.match(n) {
			continue
		}
		if r.replace != nil {
			if right := r.replace(n); right != nil {
				return right, nil
			}
		}
		if s.allowBroken {
			return op, nil
		}
		return nil, &RefusedOpError{Node: n.Name(), Op: r.Op, Site: g.Site(n), Why: r.Why, Use: r.Use}
	}
	if faster := fasterOp(n); faster != nil {
		return faster, nil
	}
	return op, nil
}

// What follows reads unexported fields of Gorgonia's nodes and ops. They are part of the
// pinned version; TestStockRulesKnowGorgonia fails when one of them is renamed.

// field returns an unexported field of an op, which may be a pointer.
func field(op gorgonia.Op, name string) reflect.Value {
	v := reflect.ValueOf(op)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return v.FieldByName(name)
}

func intField(op gorgonia.Op, name string) int {
	f := field(op, name)
	if !f.IsValid() || !f.CanInt() {
		return -1 << 31
	}
	return int(f.Int())
}

// axesField returns the axes of a reduction.
func axesField(op gorgonia.Op) []int {
	f := field(op, "along")
	if !f.IsValid() || f.Kind() != reflect.Slice {
		return nil
	}
	axes := make([]int, f.Len())
	for i := range axes {
		axes[i] = int(f.Index(i).Int())
	}
	return axes
}

// isGradient reports whether Gorgonia made n while it differentiated an op.
func isGradient(n *gorgonia.Node) bool {
	return reflect.ValueOf(n).Elem().FieldByName("group").String() == "gradients"
}
