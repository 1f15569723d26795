package hooks_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/ops"
)

// At a step whose loss is not finite the updates are not made, and nodes that depend on
// them have no value. The standard monitors leave the error to the loop.
func TestMonitorsAtTheStepOfANaN(t *testing.T) {
	c := newCounting()
	loss := c.g.Placeholder("the_loss", tensor.Float32)
	total := c.g.Variable("total", tensor.Float32, nil, nil)
	updated := c.g.SetName(ops.AssignAdd(c.g, total, loss), "updated")
	c.g.AddSummary("updated", graph.ScalarSummary, updated)
	c.g.AddSummary("updated_histogram", graph.HistogramSummary, updated)
	c.trainOp, c.loss = ops.Group(c.g, "train", c.trainOp, updated), loss
	every := hooks.Or(hooks.EverySteps(1), hooks.EveryEpochs(1))
	capture := hooks.NewCapture(updated, every)
	var missing error
	own := hooks.Funcs{
		OnStepBegin: func(int64) ([]*node, error) { return []*node{updated}, nil },
		OnStepEnd: func(_ int64, out hooks.Outputs) (bool, error) {
			_, missing = out.Scalar(updated)
			return false, nil
		},
	}
	step := 0
	feed := graphactions.FeedFn(func() (graph.Feed, error) {
		step++
		x := float32(step)
		if step == 3 {
			x = float32(math.NaN())
		}
		return graph.Feed{loss: tensor.New(tensor.FromScalar(x))}, nil
	})
	dir := t.TempDir()
	_, err := c.train(dir, graphactions.Steps(5), feed, graphactions.Monitors(
		hooks.NewLoggingTensor(graph.Nodes{"updated": updated}, every), capture, hooks.NewSummarySaver(every), hooks.NewNaN(updated, true), own))
	require.ErrorIs(t, err, graphactions.ErrNaNLoss)
	require.NotContains(t, err.Error(), "monitor", "no monitor adds an error of its own")
	require.Equal(t, []int64{1, 2}, capture.Steps())
	require.Equal(t, 3.0, float(capture.Values()[2]))
	require.ErrorIs(t, missing, hooks.ErrNotComputed)
	require.ErrorContains(t, missing, `node "updated"`)
}

func TestLoggingOfWhatWasNotComputed(t *testing.T) {
	d := newDriver(t)
	m := hooks.NewLoggingTensor(graph.Nodes{"a": d.answer, "b": d.tick}, hooks.EverySteps(1))
	d.start(m, -1)
	nodes, err := m.StepBegin(1)
	require.NoError(t, err)
	_, err = m.StepEnd(1, hooks.NewOutputs(math.NaN(), nodes, []gorgonia.Value{gorgonia.NewF32(42), nil}))
	require.NoError(t, err)
	require.Equal(t, []string{"a = 42, b not computed"}, d.lines.text)
}
