package nn_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

func values(x ...float64) graph.Initializer {
	return graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
		copy(v.Float64s(), x)
		return nil
	})
}

// TensorFlow's numbers: a hidden layer, batch normalisation and logits, in training and
// in evaluation.
func TestBatchNormGoldens(t *testing.T) {
	for training, want := range map[bool][]float64{true: {-0.699895571, 1.299895571}, false: {1.299500375, 5.297501873}} {
		g := graph.New(graph.Training(training))
		x := g.Placeholder("x", tensor.Float64, 2, 1)
		h := nn.Dense(g, x, 2, nn.WithActivation(nn.ReLU), nn.WithKernelInitializer(values(0.6, 0.5)), nn.WithBiasInitializer(values(1, -1)))
		logits := nn.Dense(g, nn.BatchNorm(g, h), 1, nn.WithKernelInitializer(values(-1, 2)), nn.WithBiasInitializer(values(0.3)))
		in := tensor.New(tensor.WithShape(2, 1), tensor.WithBacking([]float64{10, 20}))
		require.InDeltaSlice(t, want, run(t, g, graph.Feed{x: in}, logits)[0], 1e-8, "training %v", training)
	}
}

// The moving averages move by the update ops alone; evaluation and frozen layers use
// them, and a short batch is its own statistics.
func TestBatchNormMovingAverages(t *testing.T) {
	build := func(opts ...graph.Option) (g *graph.Graph, x, y *gorgonia.Node) {
		g = graph.New(opts...)
		x = g.Placeholder("x", tensor.Float64, 4, 2)
		return g, x, nn.BatchNorm(g, x, nn.WithMomentum(0.5), nn.WithEpsilon(1e-9))
	}
	g, x, y := build(graph.Training(true))
	var names []string
	for _, v := range g.Variables() {
		names = append(names, v.Name)
		require.Equal(t, v.Name == "batch_normalization/gamma" || v.Name == "batch_normalization/beta", v.Trainable, v.Name)
		require.False(t, v.Local, "it is in checkpoints")
	}
	require.Equal(t, []string{"batch_normalization/gamma", "batch_normalization/beta", "batch_normalization/moving_mean", "batch_normalization/moving_variance"}, names)
	updates := g.Collection(graph.UpdateOps)
	require.Len(t, updates, 2)
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	ctx := context.Background()
	four := tensor.New(tensor.WithShape(4, 2), tensor.WithBacking([]float64{1, 10, 3, 10, 5, 10, 7, 14}))
	out, err := s.Run(ctx, gorgonia.Nodes{y}, graph.Feed{x: four})
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{-1.3416407, -0.5773503, -0.4472136, -0.5773503, 0.4472136, -0.5773503, 1.3416407, 1.7320508}, out[0].Data(), 1e-6)
	moving := gorgonia.Nodes{g.VariableNamed("batch_normalization/moving_mean").Node, g.VariableNamed("batch_normalization/moving_variance").Node}
	for _, c := range []struct {
		batch          *tensor.Dense
		fetch          gorgonia.Nodes
		mean, variance []float64
	}{
		{four, gorgonia.Nodes{y}, []float64{0, 0}, []float64{1, 1}},
		{four, updates, []float64{2, 5.5}, []float64{3, 2}},
		{tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float64{4, 4})), updates, []float64{3, 4.75}, []float64{1.5, 1}},
	} {
		_, err := s.Run(ctx, c.fetch, graph.Feed{x: c.batch})
		require.NoError(t, err)
		out, err := s.Run(ctx, moving, nil)
		require.NoError(t, err)
		require.InDeltaSlice(t, c.mean, out[0].Data(), 1e-12)
		require.InDeltaSlice(t, c.variance, out[1].Data(), 1e-12)
	}
	one := tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float64{4.5, 2.75}))
	out, err = s.Run(ctx, gorgonia.Nodes{y}, graph.Feed{x: one})
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{0, 0}, out[0].Data(), 1e-12, "one row has variance 0")

	g, x, y = build()
	eval, err := session.New(g, session.WithStore(s.Store()))
	require.NoError(t, err)
	defer eval.Close()
	out, err = eval.Run(ctx, gorgonia.Nodes{y}, graph.Feed{x: one})
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{1.2247449, -2}, out[0].Data(), 1e-6, "evaluation uses the moving averages")
	require.Empty(t, g.Collection(graph.UpdateOps))
}

func TestFrozenBatchNorm(t *testing.T) {
	g := graph.New(graph.Training(true))
	x := g.Placeholder("x", tensor.Float64, 2, 1)
	y := nn.BatchNorm(g, x, nn.WithFrozen(), nn.WithEpsilon(3))
	in := tensor.New(tensor.WithShape(2, 1), tensor.WithBacking([]float64{4, 8}))
	require.Equal(t, []float64{2, 4}, run(t, g, graph.Feed{x: in}, y)[0])
	require.Empty(t, g.Collection(graph.UpdateOps))
	require.Empty(t, g.TrainableVariables())
	require.Len(t, g.Variables(), 4)
	loss := ops.Sum(g, ops.Square(g, nn.Dense(g, y, 1)))
	g.Gradients(loss, x)
	require.NoError(t, g.Err(), "the gradient passes through it")
}

func TestLayerNorm(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float64, 2, 1, 3)
	y := nn.LayerNorm(g, x, nn.WithEpsilon(1e-12))
	bare := nn.LayerNorm(g, x, nn.WithoutCenter(), nn.WithoutScale(), nn.WithEpsilon(1e-12))
	batch := nn.BatchNorm(g, x, nn.WithoutCenter(), nn.WithName("b"))
	var names []string
	for _, v := range g.Variables() {
		names = append(names, v.Name)
	}
	require.Equal(t, []string{"layer_normalization/gamma", "layer_normalization/beta", "b/gamma", "b/moving_mean", "b/moving_variance"}, names)
	in := tensor.New(tensor.WithShape(2, 1, 3), tensor.WithBacking([]float64{1, 2, 3, 7, 7, 10}))
	out := run(t, g, graph.Feed{x: in}, y, bare, batch)
	want := []float64{-1.2247449, 0, 1.2247449, -0.7071068, -0.7071068, 1.4142136}
	require.InDeltaSlice(t, want, out[0], 1e-6)
	require.InDeltaSlice(t, want, out[1], 1e-6)
}

// Training moves gamma and beta of both normalisations, and lessens the loss.
func TestNormsTrain(t *testing.T) {
	g := graph.New(graph.Training(true), graph.Seed(5))
	x, y := g.Placeholder("x", tensor.Float32, 16, 6), g.Placeholder("y", tensor.Int64, 16)
	h := nn.BatchNorm(g, nn.Dense(g, x, 8, nn.WithActivation(nn.ReLU)))
	loss := nn.SparseSoftmaxCrossEntropy(g, nn.Dense(g, nn.LayerNorm(g, h), 3), y)
	fetches := append(gorgonia.Nodes{loss, optim.Adam(0.05).Minimize(g, loss)}, g.Collection(graph.UpdateOps)...)
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	var first, last float32
	for i := range 60 {
		out, err := s.Run(context.Background(), fetches, graph.Feed{x: noise("x", 16, 6), y: classes(16, 3)})
		require.NoError(t, err)
		last = out[0].Data().(float32)
		if i == 0 {
			first = last
		}
	}
	require.Less(t, last, first/4)
	for _, v := range g.TrainableVariables() {
		initial, err := v.Initial()
		require.NoError(t, err)
		out, err := s.Run(context.Background(), gorgonia.Nodes{v.Node}, nil)
		require.NoError(t, err)
		require.NotEqual(t, initial.Data(), out[0].Data(), v.Name)
	}
}

func TestNormBadInput(t *testing.T) {
	for name, c := range map[string]struct {
		want  string
		build func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node
	}{
		"nil":  {"nn.BatchNorm: x is nil", func(g *graph.Graph, _ *gorgonia.Node) *gorgonia.Node { return nn.BatchNorm(g, nil) }},
		"axes": {"nn.LayerNorm: x has shape (4), want [batch, ..., channels]", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.LayerNorm(g, ops.Sum(g, x, 1)) }},
		"dtype": {"nn.BatchNorm: x has dtype int64", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.BatchNorm(g, ops.Cast(g, x, tensor.Int64))
		}},
		"momentum": {"nn.BatchNorm: WithMomentum: 1.5, want at least 0 and below 1", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.BatchNorm(g, x, nn.WithMomentum(1.5)) }},
		"epsilon":  {"ops.LayerNorm: epsilon is -1, want more than 0", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.LayerNorm(g, x, nn.WithEpsilon(-1)) }},
		"layer's option": {"nn.LayerNorm: WithFrozen: it has no meaning here", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.LayerNorm(g, x, nn.WithFrozen())
		}},
		"batch's option": {"nn.BatchNorm: WithGroups: it has no meaning here", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.BatchNorm(g, x, nn.WithGroups(2))
		}},
		"vocabulary": {"nn.Embedding: vocabulary is 0", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.Embedding(g, x, 0, 2) }},
		"dim":        {"nn.Embedding: dim is -1", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.Embedding(g, x, 2, -1) }},
		"ids":        {`have dtype float32, want integers`, func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.Embedding(g, x, 2, 2) }},
		"no ids":     {"nn.Embedding: ids is nil", func(g *graph.Graph, _ *gorgonia.Node) *gorgonia.Node { return nn.Embedding(g, nil, 2, 2) }},
		"embedding's dtype": {"nn.Embedding: WithDtype: int64, want float32 or float64", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Embedding(g, ops.Cast(g, x, tensor.Int64), 2, 2, nn.WithDtype(tensor.Int64))
		}},
		"embedding's option": {"nn.Embedding: WithoutBias: it has no meaning here", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Embedding(g, ops.Cast(g, x, tensor.Int64), 2, 2, nn.WithoutBias())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New(graph.Training(true))
			require.True(t, g.Poisoned(c.build(g, g.Placeholder("x", tensor.Float32, 4, 3))))
			require.ErrorContains(t, g.Err(), c.want)
		})
	}
}

func TestEmbedding(t *testing.T) {
	g := graph.New(graph.Seed(1))
	ids := g.Placeholder("ids", tensor.Int32, 2, 3)
	y := nn.Embedding(g, ids, 100, 8)
	double := nn.Embedding(g, ids, 5, 2, nn.WithName("double"), nn.WithDtype(tensor.Float64), nn.WithEmbeddingsInitializer(values(0, 0, 1, 1, 2, 2, 3, 3, 4, 4)))
	require.NoError(t, g.Err())
	require.Equal(t, tensor.Shape{2, 3, 8}, y.Shape())
	table := g.VariableNamed("embedding/embeddings")
	require.Equal(t, tensor.Shape{100, 8}, table.Shape)
	require.True(t, table.Trainable)
	initial, err := table.Initial()
	require.NoError(t, err)
	for _, v := range initial.Float32s() {
		require.LessOrEqual(t, v*v, float32(0.05*0.05))
	}
	in := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]int32{4, 0, 1, 1, 3, 2}))
	require.Equal(t, []float64{4, 4, 0, 0, 1, 1, 1, 1, 3, 3, 2, 2}, run(t, g, graph.Feed{ids: in}, double)[0])
}
