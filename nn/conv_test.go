package nn_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/ops/opstest"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

// Names and shapes are Keras'.
func TestSpatialLayers(t *testing.T) {
	g := graph.New()
	images := g.Placeholder("images", tensor.Float32, 2, 9, 8, 4)
	steps := g.Placeholder("steps", tensor.Float32, 2, 9, 4)
	for _, c := range []struct {
		node *gorgonia.Node
		name string
		want tensor.Shape
	}{
		{nn.Conv2D(g, images, 6, 3), "conv2d/BiasAdd", tensor.Shape{2, 7, 6, 6}},
		{nn.Conv2D(g, images, 6, 3, nn.WithPadding(nn.Same), nn.WithStrides(2), nn.WithActivation(nn.ReLU)), "conv2d_1/Relu", tensor.Shape{2, 5, 4, 6}},
		{nn.Conv2D(g, images, 4, 0, nn.WithSize(2, 3), nn.WithStrides(1, 2), nn.WithGroups(4), nn.WithoutBias(), nn.WithName("depthwise")), "depthwise/BiasAdd", tensor.Shape{2, 8, 3, 4}},
		{nn.Conv2D(g, images, 1, 3, nn.WithDilation(2)), "conv2d_2/BiasAdd", tensor.Shape{2, 5, 4, 1}},
		{nn.Conv1D(g, steps, 5, 2, nn.WithStrides(3)), "conv1d/BiasAdd", tensor.Shape{2, 3, 5}},
		{nn.MaxPool2D(g, images, 2), "max_pooling2d/Pool", tensor.Shape{2, 4, 4, 4}},
		{nn.MaxPool2D(g, images, 3, nn.WithStrides(1), nn.WithPadding(nn.Same)), "max_pooling2d_1/Pool", tensor.Shape{2, 9, 8, 4}},
		{nn.AvgPool2D(g, images, 0, nn.WithSize(3, 2)), "average_pooling2d/Pool", tensor.Shape{2, 3, 4, 4}},
		{nn.MaxPool1D(g, steps, 2), "max_pooling1d/Pool", tensor.Shape{2, 4, 4}},
		{nn.AvgPool1D(g, steps, 2, nn.WithPadding(nn.Same), nn.WithName("named")), "named/Pool", tensor.Shape{2, 5, 4}},
		{nn.GlobalAvgPool2D(g, images), "global_average_pooling2d/Pool", tensor.Shape{2, 4}},
		{nn.GlobalMaxPool2D(g, images), "global_max_pooling2d/Pool", tensor.Shape{2, 4}},
		{nn.GlobalAvgPool1D(g, steps), "global_average_pooling1d/Pool", tensor.Shape{2, 4}},
		{nn.GlobalMaxPool1D(g, steps), "global_max_pooling1d/Pool", tensor.Shape{2, 4}},
	} {
		require.NoError(t, g.Err())
		require.Equal(t, c.want, c.node.Shape(), c.name)
		require.Equal(t, c.name, c.node.Name())
	}
	var variables []string
	for _, v := range g.Variables() {
		variables = append(variables, fmt.Sprint(v.Name, v.Shape))
	}
	require.Equal(t, []string{
		"conv2d/kernel(3, 3, 4, 6)", "conv2d/bias(6)", "conv2d_1/kernel(3, 3, 4, 6)", "conv2d_1/bias(6)",
		"depthwise/kernel(2, 3, 1, 4)", "conv2d_2/kernel(3, 3, 4, 1)", "conv2d_2/bias(1)", "conv1d/kernel(2, 4, 5)", "conv1d/bias(5)",
	}, variables)
}

// ReLU is computed in the convolution's own pass and is the same; other activations
// follow it.
func TestConvActivation(t *testing.T) {
	g := graph.New(graph.Seed(3))
	x := g.Placeholder("x", tensor.Float64, 1, 4, 4, 2)
	opts := []nn.LayerOption{nn.WithKernelInitializer(nn.RandomNormal(0, 1)), nn.WithBiasInitializer(nn.Constant(-0.5)), nn.WithName("c")}
	fused := nn.Conv2D(g, x, 3, 2, append(opts, nn.WithActivation(nn.ReLU))...)
	plain := ops.Conv2D(g, x, g.VariableNamed("c/kernel").Node, g.VariableNamed("c/bias").Node, ops.ConvOptions{})
	closure := nn.LeakyReLU(0)
	own := func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.Tanh(g, x) }
	tanh := nn.Conv2D(g, x, 3, 2, nn.WithActivation(own), nn.WithKernelInitializer(nn.Ones()))
	values := tensor.New(tensor.WithShape(1, 4, 4, 2), tensor.WithBacking(tensor.Random(tensor.Float64, 32)))
	out := run(t, g, graph.Feed{x: values}, fused, nn.ReLU(g, plain), closure(g, plain), tanh, plain)
	require.InDeltaSlice(t, out[1], out[0], 1e-12)
	require.InDeltaSlice(t, out[2], out[0], 1e-12)
	require.NotEqual(t, out[4], out[0], "the activation was applied")
	for _, y := range out[3].([]float64) {
		require.Less(t, y, 1.0)
	}
}

func TestSpatialBadInput(t *testing.T) {
	for name, c := range map[string]struct {
		want  string
		build func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node
	}{
		"filters": {"nn.Conv2D: filters is 0, want at least 1", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.Conv2D(g, x, 0, 3) }},
		"size":    {"nn.Conv2D: the size is 0, want at least 1", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.Conv2D(g, x, 2, 0) }},
		"sizes": {"nn.Conv2D: WithSize: [3], want 2 numbers of at least 1", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Conv2D(g, x, 2, 0, nn.WithSize(3))
		}},
		"size twice": {"nn.MaxPool2D: WithSize: the size is given twice, as 2 and [3 3]", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.MaxPool2D(g, x, 2, nn.WithSize(3, 3))
		}},
		"strides": {"Strides is [0], want at least 1", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Conv2D(g, x, 2, 3, nn.WithStrides(0))
		}},
		"groups": {"nn.Conv2D: WithGroups: 4 channels and 6 filters are not both divisible by 4", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Conv2D(g, x, 6, 3, nn.WithGroups(4))
		}},
		"groups and channels": {"nn.Conv2D: WithGroups: 4 channels and 3 filters are not both divisible by 3", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Conv2D(g, x, 3, 3, nn.WithGroups(3))
		}},
		"no groups": {"nn.Conv2D: WithGroups: 0, want at least 1", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Conv2D(g, x, 6, 3, nn.WithGroups(0))
		}},
		"axes": {"nn.Conv1D: x has shape (2, 5, 5, 4), want [batch, steps, channels]", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.Conv1D(g, x, 6, 3) }},
		"dtype": {"nn.AvgPool2D: x has dtype int64, want float32 or float64", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.AvgPool2D(g, ops.Cast(g, x, tensor.Int64), 2)
		}},
		"nil":    {"nn.GlobalMaxPool2D: x is nil", func(g *graph.Graph, _ *gorgonia.Node) *gorgonia.Node { return nn.GlobalMaxPool2D(g, nil) }},
		"window": {"the window is 6 wide, the input only 5", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.Conv2D(g, x, 2, 6) }},
		"pool's option": {"nn.MaxPool2D: WithActivation: it has no meaning here", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.MaxPool2D(g, x, 2, nn.WithActivation(nn.ReLU))
		}},
		"global pool's option": {"nn.GlobalAvgPool2D: WithStrides: it has no meaning here", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.GlobalAvgPool2D(g, x, nn.WithStrides(2))
		}},
		"conv's option": {"nn.Conv2D: WithMomentum: it has no meaning here", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Conv2D(g, x, 2, 2, nn.WithMomentum(0.5))
		}},
		"dense's option": {"nn.Dense: WithStrides: it has no meaning here", func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Dense(g, x, 2, nn.WithStrides(2))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			require.True(t, g.Poisoned(c.build(g, g.Placeholder("x", tensor.Float32, 2, 5, 5, 4))))
			require.ErrorContains(t, g.Err(), c.want)
			require.Contains(t, g.Err().Error(), "conv_test.go:", "the place in the caller's code")
		})
	}
}

// Finite differences through every layer at once, with respect to the input.
func TestSpatialLayersGradient(t *testing.T) {
	opstest.CheckGradient(t, opstest.Case{Shapes: []tensor.Shape{{3, 6, 7, 2}}, Tolerance: 1e-5, Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		h := nn.Conv2D(g, in[0], 4, 3, nn.WithActivation(nn.ReLU), nn.WithPadding(nn.Same), nn.WithBiasInitializer(nn.Constant(0.1)))
		h = nn.BatchNorm(g, h)
		h = nn.MaxPool2D(g, h, 2, nn.WithPadding(nn.Same))
		h = nn.Conv2D(g, h, 4, 2, nn.WithGroups(4), nn.WithActivation(nn.Tanh))
		h = nn.LayerNorm(g, nn.AvgPool2D(g, h, 2, nn.WithStrides(1)))
		return ops.Add(g, nn.GlobalAvgPool2D(g, h), nn.GlobalMaxPool2D(g, h))
	}})
}

// A step with every layer allocates nothing once it has run. (Products are kept small:
// gonum's allocate where they are cut up for several processors.)
func TestLayersAllocateNothing(t *testing.T) {
	g := graph.New(graph.Seed(1), graph.Training(true))
	x, y, ids := g.Placeholder("x", tensor.Float32, 4, 8, 8, 2), g.Placeholder("y", tensor.Int64, 4), g.Placeholder("ids", tensor.Int64, 4, 3)
	h := nn.Conv2D(g, x, 4, 3, nn.WithActivation(nn.ReLU))
	h = nn.BatchNorm(g, nn.MaxPool2D(g, h, 2))
	h = nn.Conv2D(g, h, 4, 2, nn.WithGroups(4), nn.WithPadding(nn.Same))
	h = nn.LayerNorm(g, nn.AvgPool2D(g, h, 2, nn.WithPadding(nn.Same)))
	words := nn.GlobalMaxPool1D(g, nn.Conv1D(g, nn.Embedding(g, ids, 20, 4), 4, 2, nn.WithStrides(1)))
	h = ops.Add(g, nn.GlobalAvgPool2D(g, h), words)
	loss := nn.SparseSoftmaxCrossEntropy(g, nn.Dense(g, h, 3), y)
	updates := append(g.Collection(graph.UpdateOps), optim.Adam(0.01).Minimize(g, loss))
	fetches := gorgonia.Nodes{loss, ops.Group(g, "step", updates...)}
	feed := graph.Feed{x: noise("x", 4, 8, 8, 2), y: classes(4, 3), ids: tensor.New(tensor.WithShape(4, 3), tensor.WithBacking([]int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}))}
	w := &step{g, fetches, feed}
	require.NoError(t, g.Err())
	s := w.session(t)
	defer s.Close()
	outputs := make([]gorgonia.Value, len(fetches))
	require.Zero(t, testing.AllocsPerRun(20, func() {
		if err := s.RunInto(context.Background(), outputs, fetches, feed, nil); err != nil {
			t.Fatal(err)
		}
	}))
}

// A small network learns to read digits: the last short batch, evaluation by another
// graph over the same variables, and batch normalisation in both modes included.
func TestCNNReadsDigits(t *testing.T) {
	network := func(training bool) (g *graph.Graph, x, y, loss, classes *gorgonia.Node) {
		g = graph.New(graph.Seed(7), graph.Training(training))
		x, y = g.Placeholder("x", tensor.Float32, 32, 8, 8), g.Placeholder("y", tensor.Int64, 32)
		h := nn.Conv2D(g, ops.ReshapeRows(g, x, 8, 8, 1), 16, 3, nn.WithActivation(nn.ReLU), nn.WithPadding(nn.Same))
		h = nn.MaxPool2D(g, nn.BatchNorm(g, h, nn.WithMomentum(0.9)), 2)
		h = nn.Conv2D(g, h, 32, 3, nn.WithActivation(nn.ReLU), nn.WithPadding(nn.Same))
		logits := nn.Dense(g, nn.GlobalMaxPool2D(g, h), 10)
		return g, x, y, nn.SparseSoftmaxCrossEntropy(g, logits, y), nn.Argmax(g, logits)
	}
	ctx := context.Background()
	train, test := datasets.Digits().Split(0.8)
	g, x, y, loss, _ := network(true)
	fetches := append(gorgonia.Nodes{loss, optim.Adam(0.005).Minimize(g, loss)}, g.Collection(graph.UpdateOps)...)
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	for b, err := range train.Shuffle(2000).Batch(32).Repeat(4).All(ctx) {
		require.NoError(t, err)
		_, err = s.Run(ctx, fetches, graph.Feed{x: b.Features["x"], y: b.Labels["y"]})
		require.NoError(t, err)
	}
	g, x, _, _, class := network(false)
	require.Empty(t, g.Collection(graph.UpdateOps), "evaluation changes nothing")
	eval, err := session.New(g, session.WithStore(s.Store()))
	require.NoError(t, err)
	defer eval.Close()
	right, rows := 0, 0
	for b, err := range test.Batch(50).All(ctx) {
		require.NoError(t, err)
		out, err := eval.Run(ctx, gorgonia.Nodes{class}, graph.Feed{x: b.Features["x"]})
		require.NoError(t, err)
		for i, c := range out[0].Data().([]int64) {
			rows++
			if c == b.Labels["y"].Int64s()[i] {
				right++
			}
		}
	}
	t.Logf("%d of %d right", right, rows)
	require.Greater(t, float64(right)/float64(rows), 0.95)
}

func ExampleConv2D() {
	g := graph.New(graph.Seed(1), graph.Training(true))
	x := g.Placeholder("x", tensor.Float32, 64, 28, 28, 1)
	h := nn.MaxPool2D(g, nn.Conv2D(g, x, 32, 3, nn.WithActivation(nn.ReLU)), 2)
	h = nn.MaxPool2D(g, nn.Conv2D(g, h, 64, 3, nn.WithActivation(nn.ReLU)), 2)
	logits := nn.Dense(g, nn.Flatten(g, h), 10)
	for _, v := range g.Variables() {
		fmt.Println(v.Name, v.Shape)
	}
	fmt.Println(h.Shape(), logits.Shape(), g.Err())
	// Output:
	// conv2d/kernel (3, 3, 1, 32)
	// conv2d/bias (32)
	// conv2d_1/kernel (3, 3, 32, 64)
	// conv2d_1/bias (64)
	// dense/kernel (1600, 10)
	// dense/bias (10)
	// (64, 5, 5, 64) (64, 10) <nil>
}
