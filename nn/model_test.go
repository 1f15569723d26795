package nn_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
)

func TestSequential(t *testing.T) {
	g := graph.New(graph.Seed(1), graph.Training(true))
	x := g.Placeholder("x", tensor.Float64, 2, 3, 4)
	y := nn.Sequential(g, x, nn.Units(nn.GRU, 5, nn.ReturnSequences()), nn.Flatten, nn.Units(nn.Dense, 3, nn.WithName("fc")), nn.ReLU, nn.Rate(nn.Dropout, 0.5))
	require.NoError(t, g.Err())
	require.Equal(t, tensor.Shape{2, 3}, y.Shape())
	require.Equal(t, tensor.Shape{15, 3}, g.VariableNamed("fc/kernel").Shape)
	require.Same(t, x, nn.Sequential(g, x))

	n := nn.Sequential(g, x, nn.Flatten, nil)
	require.ErrorContains(t, g.Err(), "nn.Sequential: layer 1 is nil")
	require.True(t, g.Poisoned(n))
	g = graph.New()
	nn.Sequential(g, nil, nn.Flatten)
	require.ErrorContains(t, g.Err(), "nn.Sequential: x is nil")
}

func TestSummary(t *testing.T) {
	g := graph.New(graph.Seed(1), graph.Training(true))
	x := g.Placeholder("x", tensor.Float32, 2, 7, 4)
	h := nn.Bidirectional(g, x, 5, nn.LSTM, nn.ReturnSequences())
	h = nn.MultiHeadAttention(g, h, h, 2, 3, nn.WithName("mha"))
	logits := nn.Dense(g, nn.Flatten(g, h), 3, nn.WithActivation(nn.ReLU))
	g.Variable("moving/mean", tensor.Float32, tensor.Shape{6}, nil, graph.NotTrainable())
	bare := g.Variable("scale", tensor.Float32, tensor.Shape{3}, nil)
	g.LocalVariable("counter/n", tensor.Float32, tensor.Shape{9}, nil)
	loss := ops.Mean(g, ops.Square(g, ops.Mul(g, logits, bare)))
	optim.Adam(0.1).Minimize(g, loss)
	require.NoError(t, g.Err())
	s := nn.Summary(g)
	require.Equal(t, nn.SummaryTable{
		Rows: []nn.SummaryRow{
			{"bidirectional/forward_lstm", tensor.Shape{2, 7, 5}, 200, 200},
			{"bidirectional/backward_lstm", tensor.Shape{2, 7, 5}, 200, 200},
			{"mha/query", tensor.Shape{2, 7, 6}, 66, 66},
			{"mha/key", tensor.Shape{2, 7, 6}, 66, 66},
			{"mha/value", tensor.Shape{2, 7, 6}, 66, 66},
			{"mha/attention_output", tensor.Shape{2, 7, 10}, 70, 70},
			{"dense", tensor.Shape{2, 3}, 213, 213},
			{"moving", nil, 6, 0},
			{"", tensor.Shape{2, 3}, 3, 3},
		},
		Parameters: 890, Trainable: 884,
	}, s)
	require.Equal(t, nn.SummaryTable{}, nn.Summary(graph.New()))
}

func ExampleSummary() {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float32, 32, 20, 8)
	logits := nn.Sequential(g, x, nn.Units(nn.LSTM, 64), nn.Units(nn.Dense, 3, nn.WithName("logits")))
	fmt.Print(nn.Summary(g))
	fmt.Println(logits.Shape())
	// Output:
	// Layer    Output shape   Parameters
	// lstm     (32, 64)       18688
	// logits   (32, 3)        195
	// Parameters: 18883, trainable: 18883
	// (32, 3)
}

func TestRegularizers(t *testing.T) {
	g := graph.New(graph.Seed(1))
	x := g.Placeholder("x", tensor.Float64, 2, 3, 1)
	h := nn.SimpleRNN(g, x, 2, nn.WithKernelInitializer(nn.Constant(-2)), nn.WithRecurrentInitializer(nn.Constant(3)), nn.WithBiasInitializer(nn.Constant(1)),
		nn.WithKernelRegularizer(nn.L1(0.1)), nn.WithRecurrentRegularizer(nn.L2(0.01)), nn.WithBiasRegularizer(nn.L1L2(1, 2)))
	y := nn.Dense(g, h, 1, nn.WithKernelInitializer(nn.Constant(4)), nn.WithKernelRegularizer(nn.L2(1)), nn.WithBiasRegularizer(nn.L2(1)), nn.WithoutBias())
	nn.Regularize(g, nn.L1(1), y)
	loss := ops.Mean(g, y)
	total := nn.TotalLoss(g, loss)
	require.NoError(t, g.Err())
	require.Len(t, g.Collection(graph.RegularizationLosses), 5)
	feed := graph.Feed{x: random(2, 3, 1)}
	kernel := g.VariableNamed("simple_rnn/kernel").Node
	both := append(g.Gradients(total, kernel), g.Gradients(loss, kernel)...)
	out := run(t, g, feed, loss, total, y, both[0], both[1])
	values := out[2].([]float64)
	want := out[0].(float64) + 0.1*4 + 0.01*36 + 2*(1+2) + 32 + math.Abs(values[0]) + math.Abs(values[1])
	require.InDelta(t, want, out[1], 1e-12)
	require.NotEqual(t, out[3], out[4])

	nn.Conv1D(g, x, 2, 1, nn.WithKernelRegularizer(nn.L2(1)), nn.WithBiasRegularizer(nn.L1(1)))
	require.Len(t, g.Collection(graph.RegularizationLosses), 7)

	g = graph.New()
	loss = g.Placeholder("loss", tensor.Float32)
	require.Same(t, loss, nn.TotalLoss(g, loss))
	nn.Regularize(g, nn.L2(-1), g.Variable("w", tensor.Float32, tensor.Shape{2}, nil))
	require.ErrorContains(t, g.Err(), "nn.L1L2: the factors are 0 and -1, want at least 0")
	g = graph.New()
	nn.Regularize(g, nil, g.Variable("w", tensor.Float32, tensor.Shape{2}, nil))
	require.ErrorContains(t, g.Err(), "nn.Regularize: the regularizer or a node is nil")
}

func TestHuber(t *testing.T) {
	g := graph.New()
	p, y := g.Placeholder("p", tensor.Float64, 2, 1), g.Placeholder("y", tensor.Int64, 2)
	w := g.Placeholder("w", tensor.Float64, 2)
	loss, weighted := nn.Huber(g, p, y, 1), nn.Huber(g, p, y, 2, nn.WithWeights(w))
	feed := graph.Feed{p: column(1.5, -3), y: tensor.New(tensor.WithBacking([]int64{1, 1})), w: tensor.New(tensor.WithBacking([]float64{0, 1}))}
	out := run(t, g, feed, loss, weighted)
	require.InDelta(t, (0.125+3.5)/2, out[0], 1e-12)
	require.InDelta(t, 2*(4-1.0), out[1], 1e-12)
	nn.Huber(g, p, y, 0)
	require.ErrorContains(t, g.Err(), "nn.Huber: delta is 0, want above 0")
}

func initial(t *testing.T, dt tensor.Dtype, i graph.Initializer, shape ...int) *tensor.Dense {
	t.Helper()
	g := graph.New(graph.Seed(4))
	v, err := g.VariableOf(g.Variable("w", dt, shape, i)).Initial()
	require.NoError(t, err)
	return v
}

// The rows of a wide matrix, and the columns of a tall one, are orthogonal and of length
// gain.
func TestOrthogonal(t *testing.T) {
	for _, s := range []tensor.Shape{{4, 4}, {3, 7}, {7, 3}, {1, 5}, {2, 3, 4}, {64, 256}} {
		columns := s[len(s)-1]
		rows := s.TotalSize() / columns
		w := initial(t, tensor.Float64, nn.Orthogonal(2), s...).Float64s()
		n, length := min(rows, columns), max(rows, columns)
		at := func(i, k int) float64 {
			if rows < columns {
				return w[i*columns+k]
			}
			return w[k*columns+i]
		}
		for i := range n {
			for j := range n {
				dot := 0.0
				for k := range length {
					dot += at(i, k) * at(j, k)
				}
				require.InDelta(t, map[bool]float64{true: 4}[i == j], dot, 1e-10, "%v: vectors %d and %d", s, i, j)
			}
		}
		single := initial(t, tensor.Float32, nn.Orthogonal(2), s...).Float32s()
		for i := range w {
			require.Equal(t, float32(w[i]), single[i])
		}
	}
	mean := 0.0
	for _, v := range initial(t, tensor.Float64, nn.Orthogonal(1), 50, 50).Float64s() {
		mean += v / 2500
	}
	require.InDelta(t, 0, mean, 0.02, "no direction is preferred")
}

func TestMatrixInitializers(t *testing.T) {
	require.Equal(t, []float32{3, 0, 0, 0, 3, 0}, initial(t, tensor.Float32, nn.Identity(3), 2, 3).Float32s())
	require.Equal(t, initial(t, tensor.Float64, nn.GlorotUniform(), 20, 10).Data(), initial(t, tensor.Float64, nn.VarianceScaling(1, "fan_avg", "uniform"), 20, 10).Data())
	require.Equal(t, initial(t, tensor.Float64, nn.HeNormal(), 20, 10).Data(), initial(t, tensor.Float64, nn.VarianceScaling(2, "fan_in", "truncated_normal"), 20, 10).Data())
	square, far := 0.0, 0.0
	for _, v := range initial(t, tensor.Float64, nn.VarianceScaling(3, "fan_out", "untruncated_normal"), 200, 100).Float64s() {
		square += v * v / 20_000
		far = max(far, math.Abs(v))
	}
	require.InDelta(t, math.Sqrt(0.03), math.Sqrt(square), 0.003)
	require.Greater(t, far, 3*math.Sqrt(0.03), "it is not truncated")
	for want, i := range map[string]graph.Initializer{
		"scale is 0":              nn.VarianceScaling(0, "fan_in", "uniform"),
		`mode is "fan"`:           nn.VarianceScaling(1, "fan", "uniform"),
		`distribution is "gauss"`: nn.VarianceScaling(1, "fan_in", "gauss"),
		"nn.Identity: shape (3)":  nn.Identity(1),
		"nn.Orthogonal: shape":    nn.Orthogonal(1),
	} {
		g := graph.New()
		_, err := g.VariableOf(g.Variable("w", tensor.Float32, tensor.Shape{3}, i)).Initial()
		require.ErrorContains(t, err, want)
	}
	g := graph.New()
	_, err := g.VariableOf(g.Variable("w", tensor.Int64, tensor.Shape{3, 3}, nn.Identity(1))).Initial()
	require.ErrorContains(t, err, "nn.Identity: dtype int64, want float32 or float64")
}
