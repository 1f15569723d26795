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
	placeholders := g.Placeholders()
	var problems []string
	for n, t := range feed {
		if err := checkFed(g, placeholders, n, t); err != nil {
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

func checkFed(g *graph.Graph, placeholders gorgonia.Nodes, n *gorgonia.Node, t tensor.Tensor) error {
	switch {
	case n == nil:
		return fmt.Errorf("a value is fed for a nil node")
	case n.Graph() != g.ExprGraph:
		return fmt.Errorf("%q is fed but belongs to another graph", n.Name())
	case !placeholders.Contains(n):
		return fmt.Errorf("%q is fed but is not a placeholder", n.Name())
	case t == nil:
		return fmt.Errorf("placeholder %q is fed nil", n.Name())
	case t.Dtype() != n.Dtype():
		return fmt.Errorf("placeholder %q is %v %v but is fed %v %v", n.Name(), n.Dtype(), n.Shape(), t.Dtype(), t.Shape())
	}
	want, got := n.Shape(), t.Shape()
	if len(want) != len(got) || len(want) > 1 && !slices.Equal(want[1:], got[1:]) {
		return fmt.Errorf("placeholder %q has shape %v but is fed shape %v: only the leading dimension may differ", n.Name(), want, got)
	}
	if got.TotalSize() == 0 && got.Dims() > 0 {
		return fmt.Errorf("placeholder %q is fed an empty batch of shape %v", n.Name(), got)
	}
	return nil
}
