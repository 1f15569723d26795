package session

import (
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

func checkFetches(g *graph.Graph, fetches gorgonia.Nodes) error {
	if len(fetches) == 0 {
		return fmt.Errorf("session: there is nothing to fetch")
	}
	for i, n := range fetches {
		switch {
		case n == nil:
			return fmt.Errorf("session: fetch %d is nil", i)
		case g.Poisoned(n):
			return fmt.Errorf("session: fetch %d is the result of a building call that failed", i)
		case n.Graph() != g.ExprGraph:
			return fmt.Errorf("session: fetch %d, %q, belongs to another graph", i, n.Name())
		}
	}
	return nil
}

// checkFeed verifies each fed value against its placeholder and returns the shapes.
func checkFeed(g *graph.Graph, feed graph.Feed) (map[*gorgonia.Node]tensor.Shape, error) {
	shapes := make(map[*gorgonia.Node]tensor.Shape, len(feed))
	var problems []string
	for n, t := range feed {
		if err := checkFed(g, n, t); err != nil {
			problems = append(problems, err.Error())
			continue
		}
		shapes[n] = t.Shape().Clone()
	}
	if len(problems) > 0 {
		slices.Sort(problems) // the feed is a map: keep the text the same
		return nil, fmt.Errorf("session: %s", strings.Join(problems, "; "))
	}
	return shapes, nil
}

func kindOf(g *graph.Graph, n *gorgonia.Node) string {
	switch {
	case g.VariableOf(n) != nil:
		return "variable"
	case n.Op() != nil:
		return "node"
	}
	return "placeholder"
}

// checkFed allows any node to be fed, as TensorFlow does: a variable or a computed
// node then has the fed value for this run. Only a placeholder may have another
// leading dimension than it was built with.
func checkFed(g *graph.Graph, n *gorgonia.Node, t tensor.Tensor) error {
	switch {
	case n == nil:
		return fmt.Errorf("a value is fed for a nil node")
	case n.Graph() != g.ExprGraph:
		return fmt.Errorf("%q is fed but belongs to another graph", n.Name())
	case t == nil:
		return fmt.Errorf("%s %q is fed nil", kindOf(g, n), n.Name())
	case t.Dtype() != n.Dtype():
		return fmt.Errorf("%s %q is %v %v but is fed %v %v", kindOf(g, n), n.Name(), n.Dtype(), n.Shape(), t.Dtype(), t.Shape())
	}
	want, got := n.Shape(), t.Shape()
	if kind := kindOf(g, n); kind != "placeholder" && !slices.Equal(want, got) {
		return fmt.Errorf("%s %q has shape %v but is fed shape %v", kind, n.Name(), want, got)
	}
	if len(want) != len(got) || len(want) > 1 && !slices.Equal(want[1:], got[1:]) {
		return fmt.Errorf("placeholder %q has shape %v but is fed shape %v: only the leading dimension may differ", n.Name(), want, got)
	}
	if got.TotalSize() == 0 && got.Dims() > 0 {
		return fmt.Errorf("placeholder %q is fed an empty batch of shape %v", n.Name(), got)
	}
	return nil
}
