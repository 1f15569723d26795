package main

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/bench/worker"
	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
)

// model is a training graph of a workload with its input.
type model struct {
	g             *graph.Graph
	x, y          *gorgonia.Node
	loss, trainOp *gorgonia.Node
	input         *datasets.Dataset
}

func build(w worker.Workload) (*model, error) {
	g := graph.New(graph.Seed(1), graph.Training(true))
	m := &model{g: g}
	rows := worker.NewRows(w)
	var features, labels *tensor.Dense
	var logits *gorgonia.Node
	switch w.Name {
	case "W4":
		m.x = g.Placeholder(datasets.DefaultFeature, tensor.Float32, w.Batch, worker.Side, worker.Side, 1)
		m.y = g.Placeholder(datasets.DefaultLabel, tensor.Int64, w.Batch)
		features = dense(rows.X, rows.N, worker.Side, worker.Side, 1)
		labels = dense(rows.Y, rows.N)
		logits = images(g, m.x)
	case "W6":
		m.x = g.Placeholder(datasets.DefaultFeature, tensor.Int64, w.Batch, worker.Time)
		m.y = g.Placeholder(datasets.DefaultLabel, tensor.Int64, w.Batch, worker.Time)
		features = dense(rows.IDs, rows.N, worker.Time)
		labels = dense(rows.Y, rows.N, worker.Time)
		logits = characters(g, m.x)
	default:
		m.x = g.Placeholder(datasets.DefaultFeature, tensor.Float32, w.Batch, w.Inputs())
		features = dense(rows.X, rows.N, w.Inputs())
		logits = perceptron(g, m.x, w.Layers)
		if w.Outputs() == 1 {
			m.y = g.Placeholder(datasets.DefaultLabel, tensor.Float32, w.Batch)
			zeroOrOne := make([]float32, rows.N)
			for i, y := range rows.Y {
				zeroOrOne[i] = float32(y)
			}
			labels = dense(zeroOrOne, rows.N)
		} else {
			m.y = g.Placeholder(datasets.DefaultLabel, tensor.Int64, w.Batch)
			labels = dense(rows.Y, rows.N)
		}
	}
	if w.Outputs() == 1 {
		m.loss = nn.SigmoidCrossEntropy(g, logits, m.y)
	} else {
		m.loss = nn.SparseSoftmaxCrossEntropy(g, logits, m.y)
	}
	optimizer := optim.Adam(0.001)
	if w.Name == "W3" {
		optimizer = optim.SGD(0.001)
	}
	m.trainOp = optimizer.Minimize(g, m.loss)
	m.input = datasets.FromTensors(features, labels).Shuffle(rows.N).Batch(w.Batch).Repeat(-1)
	return m, g.Err()
}

func dense[T any](values []T, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
}

func perceptron(g *graph.Graph, h *gorgonia.Node, layers []int) *gorgonia.Node {
	last := len(layers) - 1
	for _, units := range layers[1:last] {
		h = nn.Dense(g, h, units, nn.WithActivation(nn.ReLU))
	}
	return nn.Dense(g, h, layers[last])
}

func images(g *graph.Graph, h *gorgonia.Node) *gorgonia.Node {
	for _, filters := range []int{worker.Filters1, worker.Filters2} {
		h = nn.MaxPool2D(g, nn.Conv2D(g, h, filters, worker.Kernel, nn.WithActivation(nn.ReLU)), worker.Pool)
	}
	h = nn.Dense(g, nn.Flatten(g, h), worker.Hidden, nn.WithActivation(nn.ReLU))
	return nn.Dense(g, h, worker.Classes)
}

func characters(g *graph.Graph, ids *gorgonia.Node) *gorgonia.Node {
	h := nn.Embedding(g, ids, worker.Vocabulary, worker.Dim)
	h = nn.LSTM(g, h, worker.Units, nn.ReturnSequences())
	return nn.Dense(g, h, worker.Vocabulary)
}
