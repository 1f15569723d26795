package hooks_test

import (
	"io"
	"log/slog"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/summaries"
)

// bowl has the loss mean((a-3)^2) + mean((b-1)^2), where a has one element and b two.
type bowl struct {
	g    *graph.Graph
	loss *gorgonia.Node
	a, b *graph.Variable
}

func newBowl() bowl {
	g := graph.New()
	a := g.Variable("a", tensor.Float32, tensor.Shape{1}, nil)
	b := g.Variable("b", tensor.Float32, tensor.Shape{2}, nil)
	to := func(name string, x ...float32) *gorgonia.Node {
		return g.NamedConstant(name, tensor.New(tensor.WithShape(len(x)), tensor.WithBacking(x)))
	}
	loss := ops.Add(g, nn.MeanSquaredError(g, a, to("three", 3)), nn.MeanSquaredError(g, b, to("one", 1, 1)))
	return bowl{g, loss, g.VariableOf(a), g.VariableOf(b)}
}

func (m bowl) train(t *testing.T, trainOp *gorgonia.Node, opts ...graphactions.Option) (dir string, err error) {
	t.Helper()
	require.NoError(t, m.g.Err())
	dir = t.TempDir()
	opts = append([]graphactions.Option{graphactions.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))}, opts...)
	_, err = graphactions.Train(t.Context(), m.g, dir, trainOp, m.loss, opts...)
	return dir, err
}

func curve(t *testing.T, dir, tag string) map[int64]float64 {
	t.Helper()
	steps, values, err := summaries.Scalars(dir, tag)
	require.NoError(t, err)
	got := map[int64]float64{}
	for i, step := range steps {
		got[step] = values[i]
	}
	return got
}

func TestLearningRate(t *testing.T) {
	m := newBowl()
	rate := hooks.NewLearningRate(hooks.EverySteps(2))
	log := &lines{}
	dir, err := m.train(t, optim.Adam(0.5, optim.WithSchedule(optim.ExponentialDecay{DecaySteps: 1, DecayRate: 0.5})).Minimize(m.g, m.loss),
		graphactions.Steps(4), graphactions.Monitors(rate), graphactions.LogEverySteps(0), graphactions.Logger(slog.New(log)))
	require.NoError(t, err)
	require.Equal(t, map[int64]float64{1: 0.5, 3: 0.125}, curve(t, dir, "learning_rate"))
	require.Equal(t, 0.125, rate.LastRate())
	require.Equal(t, []string{"learning_rate = 0.5", "learning_rate = 0.125"}, log.text)
}

func TestLearningRatesOfTwoOptimizers(t *testing.T) {
	m := newBowl()
	fast := optim.SGD(0.5).Minimize(m.g, m.loss, optim.Variables(m.a))
	slow := optim.SGD(0.25, optim.WithSchedule(optim.ScheduleFunc(func(base float64, _ int64) float64 { return base })))
	trainOp := ops.Group(m.g, "both", fast, slow.Minimize(m.g, m.loss, optim.Variables(m.b)))
	rate := hooks.NewLearningRate(hooks.EverySteps(1))
	dir, err := m.train(t, trainOp, graphactions.MaxSteps(1), graphactions.Monitors(rate))
	require.NoError(t, err)
	require.Equal(t, 0.5, rate.LastRate())
	require.Equal(t, 0.5, curve(t, dir, "SGD/learning_rate")[1])
	require.Equal(t, 0.25, curve(t, dir, "SGD_1/learning_rate")[1])
}

func TestGradientStats(t *testing.T) {
	m := newBowl()
	stats := hooks.NewGradientStats(hooks.EverySteps(2), hooks.GradientHistograms())
	dir, err := m.train(t, optim.SGD(0.5, optim.ClipByGlobalNorm(0.1)).Minimize(m.g, m.loss), graphactions.Steps(3), graphactions.Monitors(stats))
	require.NoError(t, err)
	// The gradient of a is 2(a-3), of each element of b it is b-1.
	first := map[string]float64{"gradient_norm/a": 6, "gradient_norm/b": math.Sqrt2, "global_norm/gradient_norm": math.Sqrt(38)}
	for tag, want := range first {
		got := curve(t, dir, tag)
		require.Len(t, got, 2, "at steps 1 and 3")
		require.InDelta(t, want, got[1], 1e-5, "before clipping")
		require.Less(t, got[3], got[1])
	}
	step, global, byVariable := stats.Norms()
	require.EqualValues(t, 3, step)
	require.InDelta(t, math.Hypot(byVariable["a"], byVariable["b"]), global, 1e-9)
	events, err := summaries.ReadDir(dir)
	require.NoError(t, err)
	histograms := map[string]int{}
	for _, e := range events {
		for _, v := range e.Values {
			if v.Plugin == "histograms" {
				histograms[v.Tag]++
			}
		}
	}
	require.Equal(t, map[string]int{"gradients/a": 2, "gradients/b": 2}, histograms)
}

func TestOptimizerMonitorsNeedAnOptimizer(t *testing.T) {
	for _, m := range []hooks.Monitor{hooks.NewLearningRate(hooks.EverySteps(1)), hooks.NewGradientStats(hooks.EverySteps(1))} {
		_, err := newCounting().train(t.TempDir(), graphactions.Steps(1), graphactions.Monitors(m))
		require.ErrorContains(t, err, "the train op has no optimizer of package optim")
	}
	_, _, norms := hooks.NewGradientStats(hooks.EverySteps(1)).Norms()
	require.Nil(t, norms)
}

// The norm of a sparse gradient is that of the whole one: equal rows are added first.
func TestGradientStatsOfATable(t *testing.T) {
	g := graph.New(graph.Training(true))
	ids := g.Placeholder("ids", tensor.Int64, 3)
	ones := g.NamedConstant("ones", tensor.New(tensor.WithShape(3, 2), tensor.WithBacking([]float32{1, 1, 1, 1, 1, 1})))
	loss := nn.MeanSquaredError(g, nn.Embedding(g, ids, 5, 2, nn.WithEmbeddingsInitializer(nn.Zeros())), ones)
	feed := func() (graph.Feed, error) {
		return graph.Feed{ids: tensor.New(tensor.WithShape(3), tensor.WithBacking([]int64{1, 1, 2}))}, nil
	}
	stats := hooks.NewGradientStats(hooks.EverySteps(1), hooks.GradientHistograms())
	_, err := graphactions.Train(t.Context(), g, t.TempDir(), optim.SGD(0.1).Minimize(g, loss), loss,
		graphactions.Steps(1), graphactions.FeedFn(feed), graphactions.Monitors(stats), quiet)
	require.NoError(t, err)
	_, global, _ := stats.Norms()
	// Each element's derivative is 2(0-1)/6; row 1 is looked up twice.
	require.InDelta(t, math.Sqrt(2*4./9+2*1./9), global, 1e-6)
}

// A loss that is not finite gives gradients that are not, and no histogram.
func TestGradientStatsAfterNaN(t *testing.T) {
	m := newBowl()
	stats := hooks.NewGradientStats(hooks.EverySteps(1), hooks.GradientHistograms())
	nan := graphactions.InitOp(ops.Assign(m.g, m.a.Node, m.g.NamedConstant("nan", tensor.New(tensor.WithShape(1), tensor.WithBacking([]float32{float32(math.NaN())})))))
	_, err := m.train(t, optim.SGD(1).Minimize(m.g, m.loss), nan, graphactions.Steps(1), graphactions.Monitors(stats))
	require.ErrorIs(t, err, graphactions.ErrNaNLoss)
	_, global, byVariable := stats.Norms()
	require.True(t, math.IsNaN(global))
	require.True(t, math.IsNaN(byVariable["a"]))
	require.InDelta(t, math.Sqrt2, byVariable["b"], 1e-6)
}

func minusOne() *tensor.Dense {
	return tensor.New(tensor.WithShape(1), tensor.WithBacking([]float32{-1}))
}
