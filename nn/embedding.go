package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// embeddings is what an embedding can be told.
type embeddings struct {
	dtype       tensor.Dtype
	initializer graph.Initializer
}

func defaultEmbeddings() embeddings {
	return embeddings{dtype: tensor.Float32, initializer: RandomUniform(-0.05, 0.05)}
}

// WithDtype sets the dtype of an embedding, float32 or float64; the default is float32.
func WithDtype(dt tensor.Dtype) LayerOption {
	return func(l *layer) { l.embedding.dtype = dt; l.given = append(l.given, "WithDtype") }
}

// WithEmbeddingsInitializer replaces RandomUniform(-0.05, 0.05).
func WithEmbeddingsInitializer(i graph.Initializer) LayerOption {
	return func(l *layer) {
		l.embedding.initializer = i
		l.given = append(l.given, "WithEmbeddingsInitializer")
	}
}

// Embedding looks up a vector for each id: ids [batch, ...] integers in [0, vocabulary),
// result [batch, ..., dim]. Its variable is embeddings [vocabulary, dim],
// RandomUniform(-0.05, 0.05). An id out of range is an error of the run.
//
// A training step with optim.SGD or optim.Adagrad takes time for the rows that it looks
// up, whatever the vocabulary, unless the loss has another term of the table; with
// optim.Adam and others the option optim.Lazy does that and changes the results.
//
// Options: WithName, WithDtype (float32), WithEmbeddingsInitializer.
func Embedding(g *graph.Graph, ids *gorgonia.Node, vocabulary, dim int, opts ...LayerOption) *gorgonia.Node {
	l := newLayer(opts)
	if err := l.only("WithName", "WithDtype", "WithEmbeddingsInitializer"); err != nil {
		return g.Fail(fmt.Errorf("nn.Embedding: %w", err))
	}
	switch dt := l.embedding.dtype; {
	case ids == nil:
		return g.Fail(fmt.Errorf("nn.Embedding: ids is nil"))
	case g.Poisoned(ids):
		return ids
	case vocabulary < 1:
		return g.Fail(fmt.Errorf("nn.Embedding: vocabulary is %d, want at least 1", vocabulary))
	case dim < 1:
		return g.Fail(fmt.Errorf("nn.Embedding: dim is %d, want at least 1", dim))
	case dt != tensor.Float32 && dt != tensor.Float64:
		return g.Fail(fmt.Errorf("nn.Embedding: WithDtype: %v, want float32 or float64", dt))
	}
	scope := l.scope(g, "embedding")
	table := scope.Variable("embeddings", l.embedding.dtype, tensor.Shape{vocabulary, dim}, l.embedding.initializer)
	return scope.SetName(ops.Gather(g, table, ids), "embedding_lookup")
}
