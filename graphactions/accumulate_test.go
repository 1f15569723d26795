package graphactions_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
)

// accumulator is linear regression on 12 rows.
func accumulator(batch int, o optim.Optimizer) *classifier {
	g := graph.New(graph.Seed(3), graph.Training(true))
	x := g.Placeholder("x", tensor.Float64, batch, 2)
	y := g.Placeholder("y", tensor.Float64, batch)
	loss := nn.MeanSquaredError(g, nn.Dense(g, x, 1), y)
	var features [][]float64
	var labels []float64
	for i := range 12 {
		features = append(features, []float64{float64(i), float64(i * i % 7)})
		labels = append(labels, float64(3*i-2))
	}
	return &classifier{
		g: g, features: graph.Nodes{datasets.DefaultFeature: x}, labels: graph.Nodes{datasets.DefaultLabel: y},
		loss: loss, trainOp: o.Minimize(g, loss), input: datasets.FromTensors(features, labels).Batch(batch).Repeat(-1),
	}
}

// Three micro-batches of two rows make the step of one batch of six, and the global step
// counts updates.
func TestAccumulate(t *testing.T) {
	whole, parts := t.TempDir(), t.TempDir()
	a := accumulator(6, optim.SGD(0.01)).train(t, whole, graphactions.Steps(5))
	r := &recorder{}
	b := accumulator(2, optim.SGD(0.01, optim.Accumulate(3))).train(t, parts, graphactions.Steps(5), graphactions.Monitors(r))
	require.EqualValues(t, 5, b.LastStep)
	require.Equal(t, []int64{1, 2, 3, 4, 5}, r.steps, "monitors see updates")
	require.EqualValues(t, 30, b.Rows)
	require.InDelta(t, a.FinalLoss, b.FinalLoss, 1e-9, "the loss is the mean over the micro-batches")
	require.InDeltaSlice(t, weights(t, whole), weights(t, parts), 1e-12)
}

func weights(t *testing.T, dir string) []float64 {
	t.Helper()
	ckpt := newest(t, dir)
	return ckpt.Tensors["dense/kernel"].Float64s()
}

// A run that accumulates resumes with the same bits, wherever it stopped.
func TestAccumulateResumes(t *testing.T) {
	build := func() *classifier { return accumulator(2, optim.Adam(0.01, optim.Accumulate(4))) }
	whole := t.TempDir()
	build().train(t, whole, graphactions.MaxSteps(6))
	for stop := int64(1); stop < 6; stop++ {
		t.Run(fmt.Sprint(stop), func(t *testing.T) {
			dir := t.TempDir()
			build().train(t, dir, graphactions.MaxSteps(stop))
			build().train(t, dir, graphactions.MaxSteps(6))
			require.Equal(t, bits(t, whole), bits(t, dir))
		})
	}
}

// An input that ends within an update ends the run; the update is not made.
func TestInputEndsWithinAnUpdate(t *testing.T) {
	c, dir := accumulator(2, optim.SGD(0.01, optim.Accumulate(4))), t.TempDir()
	c.input = datasets.FromTensors([][]float64{{1, 2}, {3, 4}, {5, 6}, {7, 8}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 6}}, make([]float64, 10)).Batch(2)
	res := c.train(t, dir)
	require.Equal(t, graphactions.ReasonInputEnd, res.Reason)
	require.EqualValues(t, 1, res.LastStep, "five batches make one update of four")
	sum := newest(t, dir).Tensors["dense/kernel/Accumulator"]
	require.NotEqual(t, make([]float64, 2), sum.Float64s(), "the fifth batch is in the checkpoint")
	require.True(t, dense.SameShape(sum.Shape(), tensor.Shape{2, 1}))
}
