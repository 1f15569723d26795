package nn_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/ops/opstest"
	"github.com/stheno-ml/stheno/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func run(t *testing.T, g *graph.Graph, feed graph.Feed, fetches ...*gorgonia.Node) []any {
	t.Helper()
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	values, err := s.Run(context.Background(), fetches, feed)
	require.NoError(t, err)
	data := make([]any, len(values))
	for i, v := range values {
		data[i] = v.Data()
	}
	return data
}

func TestDense(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float64, 2, 3)
	y := nn.Dense(g, x, 2, nn.WithActivation(nn.ReLU), nn.WithKernelInitializer(nn.Ones()), nn.WithBiasInitializer(nn.Constant(-3)))
	z := nn.Dense(g, y, 1, nn.WithName("logits"), nn.WithoutBias())
	deep := nn.Dense(g, g.Placeholder("sequence", tensor.Float32, 2, 5, 3), 4)
	require.NoError(t, g.Err())
	require.Equal(t, tensor.Shape{2, 1}, z.Shape())
	require.Equal(t, tensor.Shape{2, 5, 4}, deep.Shape())
	var names []string
	for _, v := range g.Variables() {
		names = append(names, fmt.Sprint(v.Name, v.Shape))
	}
	require.Equal(t, []string{"dense/kernel(3, 2)", "dense/bias(2)", "logits/kernel(2, 1)", "dense_1/kernel(3, 4)", "dense_1/bias(4)"}, names)
	in := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{1, 1, 0, 1, 2, 3}))
	require.Equal(t, []float64{0, 0, 3, 3}, run(t, g, graph.Feed{x: in}, y)[0])
}

func TestDropoutOnlyInTraining(t *testing.T) {
	ones := tensor.Ones(tensor.Float64, 100)
	for _, training := range []bool{true, false} {
		g := graph.New(graph.Training(training), graph.Seed(1))
		x := g.Placeholder("x", tensor.Float64, 100)
		y := nn.Dropout(g, x, 0.5)
		second := nn.Dropout(g, x, 0.5)
		named := nn.Dropout(g, x, 0.5, nn.WithName("third"))
		out := run(t, g, graph.Feed{x: ones}, y, second, named)
		if training {
			require.NotEqual(t, out[0], out[1], "each layer has its own mask")
			require.NotEqual(t, out[0], out[2])
			require.Contains(t, out[0], 0.0)
			require.Contains(t, out[0], 2.0)
			continue
		}
		require.Same(t, x, y)
		require.Equal(t, ones.Data(), out[0])
	}
}

func TestLosses(t *testing.T) {
	g := graph.New()
	column := g.Placeholder("column", tensor.Float64, 2, 1)
	vector := g.Placeholder("vector", tensor.Float64, 2)
	classes := g.Placeholder("classes", tensor.Int64, 2)
	classColumn := g.Placeholder("class_column", tensor.Int64, 2, 1)
	logits := g.Placeholder("logits", tensor.Float64, 2, 2)
	oneHot := g.Placeholder("one_hot", tensor.Int64, 2, 2)
	weights := g.Placeholder("weights", tensor.Int64, 2)
	feed := graph.Feed{
		column:      tensor.New(tensor.WithShape(2, 1), tensor.WithBacking([]float64{1, 5})),
		vector:      tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{2, 2})),
		classes:     tensor.New(tensor.WithShape(2), tensor.WithBacking([]int64{0, 1})),
		classColumn: tensor.New(tensor.WithShape(2, 1), tensor.WithBacking([]int64{0, 1})),
		logits:      tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float64{0, 0, 0, math.Log(3)})),
		oneHot:      tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]int64{1, 0, 0, 1})),
		weights:     tensor.New(tensor.WithShape(2), tensor.WithBacking([]int64{0, 4})),
	}
	cross := []float64{math.Ln2, math.Log(4.0 / 3)}
	mean := (cross[0] + cross[1]) / 2
	for i, c := range []struct {
		loss *gorgonia.Node
		want float64
	}{
		{nn.MeanSquaredError(g, column, vector), 5}, // (1+9)/2, not the mean of a 2x2 matrix
		{nn.MeanSquaredError(g, vector, column), 5},
		{nn.MeanSquaredError(g, column, classes), 8.5},
		{nn.MeanSquaredError(g, vector, vector), 0},
		{nn.MeanSquaredError(g, column, vector, nn.WithWeights(weights)), 36}, // 4*9 over one weight
		{nn.SparseSoftmaxCrossEntropy(g, logits, classes), mean},
		{nn.SparseSoftmaxCrossEntropy(g, logits, classColumn), mean},
		{nn.SparseSoftmaxCrossEntropy(g, logits, classes, nn.WithWeights(weights)), 4 * cross[1]},
		{nn.SoftmaxCrossEntropy(g, logits, oneHot), mean},
		{nn.SigmoidCrossEntropy(g, vector, classColumn), (math.Log1p(math.Exp(2)) + math.Log1p(math.Exp(-2))) / 2},
	} {
		require.InDelta(t, c.want, run(t, g, feed, c.loss)[0], 1e-12, "loss %d", i)
		require.Zero(t, c.loss.Dims())
	}
}

// Layers and losses are differentiable as a whole.
func TestGradients(t *testing.T) {
	s := tensor.Shape{4, 3}
	for name, build := range map[string]func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node{
		"dense with every activation": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			for _, a := range []nn.Activation{nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Swish, nn.GELU, nn.ELU, nn.SELU, nn.LeakyReLU(0.3), nn.Exponential, nn.ReLU, nn.ReLU6, nn.Softmax, nn.LogSoftmax} {
				x = nn.Dense(g, x, 3, nn.WithActivation(a))
			}
			return x
		},
		"dropout": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node { return nn.Dropout(g, x, 0.4) },
		"mean squared error": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.MeanSquaredError(g, nn.Dense(g, x, 1), g.NamedConstant("y", column(1, 2, 3, 4)))
		},
		"sigmoid cross-entropy": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.SigmoidCrossEntropy(g, nn.Dense(g, x, 1), g.NamedConstant("y", column(0, 1, 1, 0)))
		},
		"flatten": func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
			return nn.Flatten(g, ops.ReshapeRows(g, x, 3, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			opstest.CheckGradient(t, opstest.Case{Shapes: []tensor.Shape{s}, Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return build(g, in[0]) }})
		})
	}
}

func column(x ...float64) *tensor.Dense {
	return tensor.New(tensor.WithShape(len(x), 1), tensor.WithBacking(x))
}

func TestInitializers(t *testing.T) {
	const in, out = 200, 100
	normal := func(variance float64) [2]float64 { return [2]float64{math.Sqrt(variance), 2.28 * math.Sqrt(variance)} }
	uniform := func(limit float64) [2]float64 { return [2]float64{limit / math.Sqrt(3), limit} }
	for name, c := range map[string]struct {
		initializer graph.Initializer
		mean        float64
		want        [2]float64 // standard deviation and the largest distance from the mean
	}{
		"Zeros":           {nn.Zeros(), 0, [2]float64{0, 0}},
		"Ones":            {nn.Ones(), 1, [2]float64{0, 0}},
		"Constant":        {nn.Constant(-2.5), -2.5, [2]float64{0, 0}},
		"RandomNormal":    {nn.RandomNormal(1, 0.5), 1, [2]float64{0.5, 3}},
		"RandomUniform":   {nn.RandomUniform(-1, 3), 1, uniform(2)},
		"TruncatedNormal": {nn.TruncatedNormal(1, 0.5), 1, [2]float64{0.5 * 0.8796, 1}},
		"GlorotUniform":   {nn.GlorotUniform(), 0, uniform(math.Sqrt(6.0 / (in + out)))},
		"GlorotNormal":    {nn.GlorotNormal(), 0, normal(2.0 / (in + out))},
		"HeUniform":       {nn.HeUniform(), 0, uniform(math.Sqrt(6.0 / in))},
		"HeNormal":        {nn.HeNormal(), 0, normal(2.0 / in)},
		"LecunUniform":    {nn.LecunUniform(), 0, uniform(math.Sqrt(3.0 / in))},
		"LecunNormal":     {nn.LecunNormal(), 0, normal(1.0 / in)},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New(graph.Seed(4))
			v, err := g.VariableOf(g.Variable("w", tensor.Float64, tensor.Shape{in, out}, c.initializer)).Initial()
			require.NoError(t, err)
			x := v.Float64s()
			mean, square, far := 0.0, 0.0, 0.0
			for _, e := range x {
				mean += e / float64(len(x))
				far = max(far, math.Abs(e-c.mean))
			}
			for _, e := range x {
				square += (e - mean) * (e - mean) / float64(len(x))
			}
			require.InDelta(t, c.mean, mean, 0.03*c.want[0]+1e-12)
			require.InDelta(t, c.want[0], math.Sqrt(square), 0.03*c.want[0]+1e-12)
			require.LessOrEqual(t, far, c.want[1]+1e-12)
			if c.want[0] > 0 {
				require.Greater(t, far, 0.9*c.want[0])
			}
		})
	}
	t.Run("convolution", func(t *testing.T) {
		g := graph.New()
		v, err := g.VariableOf(g.Variable("w", tensor.Float32, tensor.Shape{3, 3, 8, 4}, nn.HeUniform())).Initial()
		require.NoError(t, err)
		far := 0.0
		for _, e := range v.Float32s() {
			far = max(far, math.Abs(float64(e)))
		}
		require.InDelta(t, math.Sqrt(6.0/72), far, 0.02, "the receptive field counts")
	})
	t.Run("integers", func(t *testing.T) {
		g := graph.New()
		v, err := g.VariableOf(g.Variable("n", tensor.Int64, tensor.Shape{2}, nn.Constant(7))).Initial()
		require.NoError(t, err)
		require.Equal(t, []int64{7, 7}, v.Int64s())
	})
}

func TestBadInput(t *testing.T) {
	for _, c := range []struct {
		name, want string
		build      func(g *graph.Graph, x, integers *gorgonia.Node) *gorgonia.Node
	}{
		{"nil x", "nn.Dense: x is nil", func(g *graph.Graph, _, _ *gorgonia.Node) *gorgonia.Node { return nn.Dense(g, nil, 2) }},
		{"units", "nn.Dense: units is 0", func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node { return nn.Dense(g, x, 0) }},
		{"integers", "nn.Dense: x has dtype int64", func(g *graph.Graph, _, i *gorgonia.Node) *gorgonia.Node {
			return nn.Dense(g, ops.ReshapeRows(g, i, 1), 2)
		}},
		{"rows that are numbers", "nn.Dense: x has shape (4), want [batch, inputs]", func(g *graph.Graph, _, i *gorgonia.Node) *gorgonia.Node {
			return nn.Dense(g, ops.Cast(g, i, tensor.Float32), 2)
		}},
		{"a name twice", `"same/kernel" is already taken`, func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node {
			return nn.Dense(g, nn.Dense(g, x, 3, nn.WithName("same")), 3, nn.WithName("same"))
		}},
		{"rate", "nn.Dropout: rate is 1", func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node { return nn.Dropout(g, x, 1) }},
		{"dropout option", "nn.Dropout: WithoutBias: it has no meaning here", func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node {
			return nn.Dropout(g, x, 0.5, nn.WithoutBias())
		}},
		{"nil labels", "nn.MeanSquaredError: labels is nil", func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node { return nn.MeanSquaredError(g, x, nil) }},
		{"nil logits", "nn.SparseSoftmaxCrossEntropy: the first argument", func(g *graph.Graph, _, i *gorgonia.Node) *gorgonia.Node {
			return nn.SparseSoftmaxCrossEntropy(g, nil, i)
		}},
		{"nil weights", "WithWeights: the node is nil", func(g *graph.Graph, x, i *gorgonia.Node) *gorgonia.Node {
			return nn.SparseSoftmaxCrossEntropy(g, x, i, nn.WithWeights(nil))
		}},
		{"shapes", "SquaredError: shapes (4, 3) and (4) differ", func(g *graph.Graph, x, i *gorgonia.Node) *gorgonia.Node { return nn.MeanSquaredError(g, x, i) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New(graph.Training(true))
			n := c.build(g, g.Placeholder("x", tensor.Float32, 4, 3), g.Placeholder("i", tensor.Int64, 4))
			require.ErrorContains(t, g.Err(), c.want)
			require.True(t, g.Poisoned(n))
		})
	}
	for _, i := range []graph.Initializer{nn.RandomNormal(0, -1), nn.RandomUniform(1, 0), nn.TruncatedNormal(0, math.NaN())} {
		g := graph.New()
		_, err := g.VariableOf(g.Variable("w", tensor.Float32, tensor.Shape{1}, i)).Initial()
		require.ErrorContains(t, err, "want")
	}
}

func ExampleDense() {
	g := graph.New(graph.Seed(1))
	x := g.Placeholder("x", tensor.Float32, 32, 4)
	h := nn.Dense(g, x, 16, nn.WithActivation(nn.ReLU))
	logits := nn.Dense(g, h, 3, nn.WithName("logits"))
	for _, v := range g.Variables() {
		fmt.Println(v.Name, v.Shape)
	}
	fmt.Println(logits.Shape(), g.Err())
	// Output:
	// dense/kernel (4, 16)
	// dense/bias (16)
	// logits/kernel (16, 3)
	// logits/bias (3)
	// (32, 3) <nil>
}
