package session_test

import (
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/philox"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

// workload is a model with its input, the same as those that docs/performance.md
// compares with other frameworks.
type workload struct {
	g             *graph.Graph
	loss, trainOp *gorgonia.Node
	feed          graph.Feed
}

func noise(name string, shape ...int) *tensor.Dense {
	t := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
	r := philox.New(1, name, 0)
	for i := range t.Float32s() {
		t.Float32s()[i] = float32(r.Normal(uint64(i)))
	}
	return t
}

func classes(n, k int) *tensor.Dense {
	t := tensor.New(tensor.Of(tensor.Int64), tensor.WithShape(n))
	r := philox.New(2, "classes", 0)
	for i := range t.Int64s() {
		t.Int64s()[i] = int64(r.Intn(uint64(i), k))
	}
	return t
}

// mlp is a classifier with ReLU layers trained by Adam: W1, W7.
func mlp(batch int, sizes ...int) workload {
	g := graph.New(graph.Seed(1), graph.Training(true))
	x := g.Placeholder("x", tensor.Float32, batch, sizes[0])
	y := g.Placeholder("y", tensor.Int64, batch)
	h := x
	for _, units := range sizes[1 : len(sizes)-1] {
		h = nn.Dense(g, h, units, nn.WithActivation(nn.ReLU))
	}
	last := sizes[len(sizes)-1]
	loss := nn.SparseSoftmaxCrossEntropy(g, nn.Dense(g, h, last), y)
	return workload{g, loss, optim.Adam(0.001).Minimize(g, loss), graph.Feed{x: noise("x", batch, sizes[0]), y: classes(batch, last)}}
}

// binary is a classifier with one logit: W2 with hidden layers and Adam, W3 without and
// with SGD.
func binary(batch, inputs int, optimizer optim.Optimizer, hidden ...int) workload {
	g := graph.New(graph.Seed(1), graph.Training(true))
	x := g.Placeholder("x", tensor.Float32, batch, inputs)
	y := g.Placeholder("y", tensor.Float32, batch)
	h := x
	for _, units := range hidden {
		h = nn.Dense(g, h, units, nn.WithActivation(nn.ReLU))
	}
	loss := nn.SigmoidCrossEntropy(g, nn.Dense(g, h, 1), y)
	labels := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(batch))
	for i, c := range classes(batch, 2).Int64s() {
		labels.Float32s()[i] = float32(c)
	}
	return workload{g, loss, optimizer.Minimize(g, loss), graph.Feed{x: noise("x", batch, inputs), y: labels}}
}

func binary32() workload { return binary(32, 16, optim.Adam(0.001), 64, 64) }

var workloads = []struct {
	name  string
	build func() workload
}{
	{"W1", func() workload { return mlp(128, 784, 256, 10) }},
	{"W2", binary32},
	{"W3", func() workload { return binary(32, 30, optim.SGD(0.1)) }},
	{"W7", func() workload { return mlp(512, 1024, 2048, 2048, 10) }},
}

// BenchmarkStep is one training step in the steady state: loss, gradients, update.
func BenchmarkStep(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			w := w.build()
			s, err := session.New(w.g)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			fetches := gorgonia.Nodes{w.loss, w.trainOp}
			outputs := make([]gorgonia.Value, len(fetches))
			b.ReportAllocs()
			for b.Loop() {
				if err := s.RunInto(ctx, outputs, fetches, w.feed, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
