//go:build !lstm

package main

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/bench/worker"
	"github.com/stheno-ml/stheno/graph"
)

// The driver builds with -tags lstm first. Once package nn has LSTM in every branch, this
// file and the tag can go.
func characters(*graph.Graph, *gorgonia.Node) (*gorgonia.Node, error) {
	return nil, worker.Skip("package nn has no LSTM yet")
}
