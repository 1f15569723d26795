package graph

import (
	"maps"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Nodes are named nodes: a model's features, labels, predictions.
type Nodes map[string]*gorgonia.Node

// One returns the only node, nil when there are none or several.
func (n Nodes) One() *gorgonia.Node {
	if len(n) != 1 {
		return nil
	}
	for _, node := range n {
		return node
	}
	return nil
}

// Names returns the names in ascending order.
func (n Nodes) Names() []string { return slices.Sorted(maps.Keys(n)) }

// Ordered returns the nodes in ascending order of their names.
func (n Nodes) Ordered() gorgonia.Nodes {
	nodes := make(gorgonia.Nodes, 0, len(n))
	for _, name := range n.Names() {
		nodes = append(nodes, n[name])
	}
	return nodes
}

// Feed gives placeholders their values for one run.
type Feed map[*gorgonia.Node]tensor.Tensor
