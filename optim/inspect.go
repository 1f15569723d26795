package optim

import (
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// GradientsOf returns the gradients that the updates of a train op get, in the order of
// building, as they are before clipping and before any part: what a monitor of gradients
// asks for. It has none where the op, and what it depends on, is not of this package. With
// Accumulate they are those of the last of the runs that make an update. Of a table whose
// gradient is sparse it is the values [n, dim] of ops.IndexedSlices: the rows that were
// looked up, with the norm of the whole gradient.
func GradientsOf(g *graph.Graph, trainOp *gorgonia.Node) (gradients []Gradient) {
	for _, u := range updatesOf(trainOp) {
		for i := range u.names {
			at := u.firstBlock() + i*u.blockSize()
			gradients = append(gradients, Gradient{Variable: g.VariableOf(u.inputs[at]), Node: u.inputs[at+1]})
		}
	}
	return gradients
}

// LearningRatesOf returns the float64 scalars that are the learning rates of a train op,
// one for each optimizer, in the order of building. They are called
// <optimizer>/learning_rate. Their value at a step is the rate of that step's update. It
// has none where the op, and what it depends on, is not of this package.
func LearningRatesOf(trainOp *gorgonia.Node) (rates gorgonia.Nodes) {
	for _, u := range updatesOf(trainOp) {
		rates = append(rates, u.inputs[1])
	}
	return rates
}

// updatesOf returns the updates among what a train op depends on, in the order of
// building.
func updatesOf(trainOp *gorgonia.Node) (updates []*updateOp) {
	if trainOp == nil {
		return nil
	}
	nodes := graph.Topological(trainOp)
	slices.SortFunc(nodes, func(a, b *gorgonia.Node) int { return int(a.ID() - b.ID()) })
	for _, n := range nodes {
		if u, ok := n.Op().(*updateOp); ok {
			updates = append(updates, u)
		}
	}
	return updates
}
