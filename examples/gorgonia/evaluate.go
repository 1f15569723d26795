package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
)

// evaluate counts how often the largest probability is that of the right class. The
// stock graph has its batch size built in, so the 30 test rows are padded by
// repeating them, and only the first pass over them counts.
func evaluate(g *graph.Graph, checkpoint string, probabilities *gorgonia.Node, test *datasets.Dataset, bind func(datasets.Batch) (graph.Feed, error)) error {
	it, err := test.Repeat(-1).Batch(batch).Iterator()
	if err != nil {
		return err
	}
	defer it.Close()
	rows, err := it.Next(context.Background())
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	feed, err := bind(rows)
	if err != nil {
		return err
	}
	out, err := graphactions.Infer(context.Background(), g, checkpoint, graph.Nodes{"p": probabilities}, feed)
	if err != nil {
		return err
	}
	p, labels := out["p"].Data().([]float32), rows.Labels[datasets.DefaultLabel].Int64s()
	n, _ := test.Rows().N()
	right := 0
	for i := range int(n) {
		best := 0
		for k := range 3 {
			if p[3*i+k] > p[3*i+best] {
				best = k
			}
		}
		if int64(best) == labels[i] {
			right++
		}
	}
	fmt.Printf("accuracy %.3f\n", float64(right)/float64(n))
	return nil
}

// oneHot turns labels [batch] into [batch, 3].
func oneHot(labels *tensor.Dense) *tensor.Dense {
	rows := make([]float32, 3*batch)
	for i, label := range labels.Int64s() {
		rows[3*i+int(label)] = 1
	}
	return tensor.New(tensor.WithShape(batch, 3), tensor.WithBacking(rows))
}
