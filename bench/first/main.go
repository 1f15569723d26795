// Command first is a small program: it builds W1, a perceptron of 784-256-10, makes one
// training step and says how much memory that took.
package main

import (
	"context"
	"fmt"
	"os"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/bench/worker"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

func main() {
	if err := step(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	worker.First()
}

func step() error {
	w, _ := worker.Find("W1")
	w.Batches = 1
	rows := worker.NewRows(w)
	g := graph.New(graph.Seed(1), graph.Training(true))
	x := g.Placeholder("x", tensor.Float32, w.Batch, w.Inputs())
	y := g.Placeholder("y", tensor.Int64, w.Batch)
	h := nn.Dense(g, x, w.Layers[1], nn.WithActivation(nn.ReLU))
	loss := nn.SparseSoftmaxCrossEntropy(g, nn.Dense(g, h, w.Layers[2]), y)
	trainOp := optim.Adam(0.001).Minimize(g, loss)
	s, err := session.New(g)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Run(context.Background(), gorgonia.Nodes{loss, trainOp}, graph.Feed{
		x: tensor.New(tensor.WithShape(w.Batch, w.Inputs()), tensor.WithBacking(rows.X)),
		y: tensor.New(tensor.WithShape(w.Batch), tensor.WithBacking(rows.Y)),
	})
	return err
}
