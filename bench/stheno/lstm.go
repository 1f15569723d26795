//go:build lstm

package main

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/bench/worker"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
)

func characters(g *graph.Graph, ids *gorgonia.Node) (*gorgonia.Node, error) {
	h := nn.Embedding(g, ids, worker.Vocabulary, worker.Dim)
	h = nn.LSTM(g, h, worker.Units, nn.ReturnSequences())
	return nn.Dense(g, h, worker.Vocabulary), nil
}
