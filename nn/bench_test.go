package nn_test

import (
	"context"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/philox"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

// step is a model with one batch.
type step struct {
	g       *graph.Graph
	fetches gorgonia.Nodes
	feed    graph.Feed
}

func (s *step) session(t testing.TB, opts ...session.Option) *session.Session {
	t.Helper()
	sess, err := session.New(s.g, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return sess
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

// cnn is W4: two convolutions with pooling and two dense layers over images of 28 by 28,
// batch 64, Adam.
func cnn() *step {
	const batch = 64
	g := graph.New(graph.Seed(1), graph.Training(true))
	x, y := g.Placeholder("x", tensor.Float32, batch, 28, 28, 1), g.Placeholder("y", tensor.Int64, batch)
	h := nn.MaxPool2D(g, nn.Conv2D(g, x, 32, 3, nn.WithActivation(nn.ReLU)), 2)
	h = nn.MaxPool2D(g, nn.Conv2D(g, h, 64, 3, nn.WithActivation(nn.ReLU)), 2)
	h = nn.Dense(g, nn.Flatten(g, h), 128, nn.WithActivation(nn.ReLU))
	loss := nn.SparseSoftmaxCrossEntropy(g, nn.Dense(g, h, 10), y)
	return &step{g, gorgonia.Nodes{loss, optim.Adam(0.001).Minimize(g, loss)}, graph.Feed{x: noise("x", batch, 28, 28, 1), y: classes(batch, 10)}}
}

// BenchmarkStep is one training step in the steady state: loss, gradients, update.
func BenchmarkStep(b *testing.B) {
	b.Run("W4", func(b *testing.B) {
		w := cnn()
		s := w.session(b, session.Profiling())
		defer s.Close()
		outputs := make([]gorgonia.Value, len(w.fetches))
		step := func() {
			if err := s.RunInto(context.Background(), outputs, w.fetches, w.feed, nil); err != nil {
				b.Fatal(err)
			}
		}
		step() // compiles
		b.ReportAllocs()
		for b.Loop() {
			step()
		}
		b.Logf("where the time went:\n%v", s.Profile())
	})
	b.Run("W6", func(b *testing.B) { benchmarkCharacters(b, nn.LSTM) })
}
