package hooks_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
)

func TestStopAtStepInTheLoop(t *testing.T) {
	for _, row := range []struct {
		option      hooks.StopOption
		first, last int64
	}{
		{hooks.NumSteps(3), 3, 6}, {hooks.LastStep(4), 4, 8}, {hooks.NumSteps(1), 1, 2},
	} {
		dir, m := t.TempDir(), hooks.NewStopAtStep(row.option)
		res, err := newCounting().train(dir, graphactions.Steps(100), graphactions.Monitors(m))
		require.NoError(t, err)
		require.Equal(t, row.first, res.LastStep)
		require.Equal(t, graphactions.ReasonStopRequested, res.Reason)
		if row.last != 8 {
			// The same monitor in another run counts from the first step of that run.
			res, err = newCounting().train(dir, graphactions.Steps(100), graphactions.Monitors(m))
			require.NoError(t, err)
			require.Equal(t, row.last, res.LastStep)
		}
	}
}

// A run that starts past the last step makes one step, as in TensorFlow.
func TestStopAtStepAlreadyPassed(t *testing.T) {
	m := hooks.NewStopAtStep(hooks.LastStep(10))
	d := newDriver(t).start(m, -1)
	require.True(t, d.step(m, 21))
}

func TestStopAtStepEverywhere(t *testing.T) {
	require.True(t, hooks.NewStopAtStep(hooks.NumSteps(1)).AllWorkers())
	m := hooks.NewStopAtStep(nil, hooks.NumSteps(2), nil)
	require.NoError(t, m.Validate(), "a nil option is none")
}

func TestNaN(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		d := newDriver(t)
		fails, stops := hooks.NewNaN(nil, true), hooks.NewNaN(nil, false)
		d.start(fails, -1)
		require.NoError(t, stops.Begin(d.run))
		require.False(t, d.step(fails, 1))
		require.False(t, d.step(stops, 1))
		d.loss = bad
		stop, err := fails.StepEnd(2, hooks.Outputs{Loss: bad})
		require.False(t, stop)
		var nonFinite *hooks.NonFiniteError
		require.ErrorAs(t, err, &nonFinite)
		require.Equal(t, "loss", nonFinite.Node)
		require.EqualValues(t, 2, nonFinite.Step)
		stop, err = stops.StepEnd(2, hooks.Outputs{Loss: bad})
		require.NoError(t, err)
		require.True(t, stop)
		require.Equal(t, nonFinite.Error(), d.run.TakeRequests().Reason)
		require.Equal(t, []string{nonFinite.Error()}, d.lines.text)
	}
}

func TestNaNOfANode(t *testing.T) {
	d := newDriver(t)
	m := hooks.NewNaN(d.fed, true)
	d.start(m, -1).step(m, 1)
	require.Equal(t, 1, d.ran)
	values, err := d.session.Run(t.Context(), []*node{d.fed}, graph.Feed{d.fed: tensor.New(tensor.FromScalar(float32(math.Inf(1))))})
	require.NoError(t, err)
	_, err = m.StepEnd(7, hooks.NewOutputs(1, []*node{d.fed}, values))
	require.EqualError(t, err, `hooks: NaN: node "fed" is +Inf at step 7`)
	_, err = m.StepEnd(8, hooks.NewOutputs(1, nil, nil))
	require.ErrorContains(t, err, `node "fed" is not among the outputs`)
}
