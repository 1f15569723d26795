package graphactions_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
)

// flaky is a classifier whose input is lost after so many batches of each attempt.
func flaky(t *testing.T, batches int) *classifier {
	c := newClassifier(t)
	given := 0
	c.input = datasets.FromTensors(classifierTensors()).Shuffle(classifierRows).Batch(classifierBatch).Map(func(b datasets.Batch) (datasets.Batch, error) {
		if given++; given > batches {
			given = 0
			return b, fmt.Errorf("the connection is gone: %w", graphactions.ErrAborted)
		}
		return b, nil
	}).Repeat(-1)
	return c
}

func TestRestarts(t *testing.T) {
	whole, dir := t.TempDir(), t.TempDir()
	flaky(t, 1000).train(t, whole, graphactions.Steps(10))
	r := &recorder{}
	res := flaky(t, 4).train(t, dir, graphactions.Steps(10), graphactions.Restarts(1), graphactions.Monitors(r))
	require.Equal(t, graphactions.ReasonSteps, res.Reason)
	require.EqualValues(t, 0, res.FirstStep)
	require.EqualValues(t, 10, res.LastStep)
	require.EqualValues(t, 10, len(r.steps), "no step is made twice: the last state was saved")
	require.Greater(t, r.begin, 1)
	require.Equal(t, r.begin, r.end)
	want := flaky(t, 1000).train(t, t.TempDir(), graphactions.Steps(10))
	require.Equal(t, want.Rows, res.Rows)
	require.Equal(t, want.FinalLoss, res.FinalLoss)
	require.Equal(t, bits(t, whole), bits(t, dir))
}

func TestRestartsAreCounted(t *testing.T) {
	for _, restarts := range []int{0, 1, 3} {
		r := &recorder{from: 3, fail: map[string]func() error{"StepBegin": func() error { return fmt.Errorf("no luck: %w", graphactions.ErrAborted) }}}
		res, err := newCounter().train(t, t.TempDir(), graphactions.Steps(10), graphactions.Restarts(restarts), graphactions.Monitors(r))
		require.ErrorIs(t, err, graphactions.ErrAborted)
		require.ErrorContains(t, err, "no luck")
		require.Equal(t, graphactions.ReasonError, res.Reason)
		require.EqualValues(t, 2, res.LastStep)
		require.Equal(t, 1+restarts, r.begin, "without a step in between")
	}
}

func TestNoRestartAfterOtherErrors(t *testing.T) {
	r := &recorder{fail: map[string]func() error{"StepEnd": func() error { return errors.New("broken") }}}
	_, err := newCounter().train(t, t.TempDir(), graphactions.Steps(10), graphactions.Restarts(5), graphactions.Monitors(r))
	require.ErrorContains(t, err, "broken")
	require.Equal(t, 1, r.begin)
	// A cancelled run ends, whatever failed.
	cancelled, cancel := context.WithCancel(ctx)
	r = &recorder{fail: map[string]func() error{"StepEnd": func() error { cancel(); return graphactions.ErrAborted }}}
	c := newCounter()
	_, err = graphactions.Train(cancelled, c.g, t.TempDir(), c.trainOp, c.loss, quiet, graphactions.Steps(10), graphactions.Restarts(5), graphactions.Monitors(r))
	require.ErrorIs(t, err, graphactions.ErrAborted)
	require.Equal(t, 1, r.begin)
}

// An attempt that failed at its last step leaves nothing to do.
func TestRestartAtTheLastStep(t *testing.T) {
	failed := false
	m := hooks.Funcs{OnPostStep: func(step int64) error {
		if step == 3 && !failed {
			failed = true
			return graphactions.ErrAborted
		}
		return nil
	}}
	for _, limit := range []graphactions.Option{graphactions.Steps(3), graphactions.MaxSteps(3)} {
		failed = false
		res, err := newCounter().train(t, t.TempDir(), limit, graphactions.Restarts(1), graphactions.Monitors(m))
		require.NoError(t, err)
		require.True(t, failed)
		require.EqualValues(t, 3, res.LastStep)
		require.NotEqual(t, graphactions.ReasonAlreadyAtStep, res.Reason)
		require.EqualValues(t, 3, res.Steps())
	}
}
