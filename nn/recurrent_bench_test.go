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

// characters is a language model over characters, trained by Adam: an embedding, a
// recurrent layer, and the logits of the next character at every step.
func characters(layer nn.RecurrentLayer, batch, time, vocabulary, dim, units int) (g *graph.Graph, fetches gorgonia.Nodes, feed graph.Feed) {
	g = graph.New(graph.Seed(1), graph.Training(true))
	x := g.Placeholder("x", tensor.Int64, batch, time)
	y := g.Placeholder("y", tensor.Int64, batch, time)
	h := layer(g, nn.Embedding(g, x, vocabulary, dim), units, nn.ReturnSequences())
	loss := nn.SparseSoftmaxCrossEntropy(g, nn.Dense(g, h, vocabulary), y)
	text := func(name string) *tensor.Dense {
		r, ids := philox.New(1, name, 0), make([]int64, batch*time)
		for i := range ids {
			ids[i] = int64(r.Intn(uint64(i), vocabulary))
		}
		return tensor.New(tensor.WithShape(batch, time), tensor.WithBacking(ids))
	}
	return g, gorgonia.Nodes{loss, optim.Adam(0.001).Minimize(g, loss)}, graph.Feed{x: text("x"), y: text("y")}
}

// BenchmarkCharacters is a training step of W6 with other layers than LSTM.
func BenchmarkCharacters(b *testing.B) {
	b.Run("GRU", func(b *testing.B) { benchmarkCharacters(b, nn.GRU) })
	b.Run("SimpleRNN", func(b *testing.B) { benchmarkCharacters(b, nn.SimpleRNN) })
}

func benchmarkCharacters(b *testing.B, layer nn.RecurrentLayer) {
	g, fetches, feed := characters(layer, 32, 50, 65, 128, 128)
	s, err := session.New(g)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	outputs := make([]gorgonia.Value, len(fetches))
	step := func() {
		if err := s.RunInto(context.Background(), outputs, fetches, feed, nil); err != nil {
			b.Fatal(err)
		}
	}
	step() // compiles
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
}
