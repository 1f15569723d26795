package graph

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

// Names of the standard collections.
const (
	// Summaries holds the nodes whose values go into event files.
	Summaries = "summaries"
	// Losses holds the model's losses.
	Losses = "losses"
	// RegularizationLosses holds terms that are added to a model's loss.
	RegularizationLosses = "regularization_losses"
	// UpdateOps holds updates to run with each step beside the train op, such as
	// moving averages.
	UpdateOps = "update_ops"
)

// AddTo appends nodes to a named collection; a node that is there already stays
// once. A node added to [Summaries] is written under its own name, as a scalar or,
// when it has axes, as a histogram.
func (g *Graph) AddTo(collection string, nodes ...*gorgonia.Node) {
	for _, n := range nodes {
		if g.Poisoned(n) || g.collections[collection].Contains(n) {
			continue
		}
		g.collections[collection] = append(g.collections[collection], n)
		if collection == Summaries {
			kind := HistogramSummary
			if n.Shape().Dims() == 0 {
				kind = ScalarSummary
			}
			g.summaries = append(g.summaries, Summary{Tag: n.Name(), Kind: kind, Node: n})
		}
	}
}

// Collection returns the nodes of a collection in the order of adding.
func (g *Graph) Collection(name string) gorgonia.Nodes {
	return append(gorgonia.Nodes(nil), g.collections[name]...)
}

// SummaryKind says how a summary's value is written.
type SummaryKind int

// The kinds of summaries.
const (
	ScalarSummary SummaryKind = iota
	HistogramSummary
)

// Summary is a node whose value is written to event files.
type Summary struct {
	Tag  string
	Kind SummaryKind
	Node *gorgonia.Node
}

// AddSummary writes node's value under tag at every summary step. A scalar summary
// needs a scalar node; a second summary of one tag is an error.
func (g *Graph) AddSummary(tag string, kind SummaryKind, node *gorgonia.Node) {
	if g.Poisoned(node) {
		return
	}
	if kind == ScalarSummary && node.Shape().Dims() != 0 {
		g.fail(fmt.Errorf("scalar summary %q: node %q has shape %v, want a scalar", tag, node.Name(), node.Shape()))
		return
	}
	for _, s := range g.summaries {
		if s.Tag == tag {
			g.fail(fmt.Errorf("summary %q: the tag is already taken", tag))
			return
		}
	}
	g.summaries = append(g.summaries, Summary{Tag: tag, Kind: kind, Node: node})
	g.collections[Summaries] = append(g.collections[Summaries], node)
}

// SummaryList returns the summaries in the order of adding.
func (g *Graph) SummaryList() []Summary { return append([]Summary(nil), g.summaries...) }
