package graphactions_test

import (
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/internal/philox"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

// tabular is W2: 16-64-64-1, batches of 32, Adam.
func tabular() *classifier {
	g := graph.New(graph.Seed(1), graph.Training(true))
	x := g.Placeholder("x", tensor.Float32, 32, 16)
	y := g.Placeholder("y", tensor.Float32, 32)
	h := nn.Dense(g, nn.Dense(g, x, 64, nn.WithActivation(nn.ReLU)), 64, nn.WithActivation(nn.ReLU))
	loss := nn.SigmoidCrossEntropy(g, nn.Dense(g, h, 1), y)
	r := philox.New(1, "rows", 0)
	features, labels := make([][]float32, 4096), make([]float32, 4096)
	for i := range features {
		features[i] = make([]float32, 16)
		for k := range features[i] {
			features[i][k] = float32(r.Normal(uint64(16*i + k)))
		}
		labels[i] = float32(r.Intn(uint64(i), 2))
	}
	return &classifier{
		g: g, features: graph.Nodes{datasets.DefaultFeature: x}, labels: graph.Nodes{datasets.DefaultLabel: y},
		loss: loss, trainOp: optim.Adam(0.001).Minimize(g, loss),
		input: datasets.FromTensors(features, labels).Shuffle(4096).Batch(32).Repeat(-1),
	}
}

// BenchmarkLoop compares a step of Train, with monitors at their defaults, with a step of
// a loop written by hand on the same engine and input.
func BenchmarkLoop(b *testing.B) {
	b.Run("hand", func(b *testing.B) {
		c := tabular()
		s, err := session.New(c.g)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		it, err := c.input.Iterator()
		if err != nil {
			b.Fatal(err)
		}
		defer it.Close()
		feed := graph.Feed{}
		fetches := gorgonia.Nodes{c.loss, c.trainOp}
		outputs := make([]gorgonia.Value, 2)
		b.ReportAllocs()
		for b.Loop() {
			batch, err := it.Next(ctx)
			if err != nil {
				b.Fatal(err)
			}
			feed[c.features.One()], feed[c.labels.One()] = batch.Features[datasets.DefaultFeature], batch.Labels[datasets.DefaultLabel]
			if err := s.RunInto(ctx, outputs, fetches, feed, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("train", func(b *testing.B) {
		c := tabular()
		b.ReportAllocs()
		if _, err := c.try(ctx, b.TempDir(), graphactions.Steps(int64(b.N))); err != nil {
			b.Fatal(err)
		}
	})
}
