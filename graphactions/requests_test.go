package graphactions_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/summaries"
)

// evaluations notes "<name> at <step>" of every evaluation.
func evaluations(order *[]string, run **hooks.Run) []graphactions.Option {
	return []graphactions.Option{
		graphactions.OnEvaluate(func(context.Context, string) (hooks.Metrics, error) { return nil, nil }),
		graphactions.Monitors(hooks.Funcs{
			OnBegin: func(r *hooks.Run) error { *run = r; return nil },
			OnStepEnd: func(step int64, _ hooks.Outputs) (bool, error) {
				*order = append(*order, fmt.Sprint("step ", step))
				return false, nil
			},
			OnSaved: func(step int64, _ string) error { *order = append(*order, fmt.Sprint("saved ", step)); return nil },
			OnEvaluated: func(step int64, name string, _ hooks.Metrics) error {
				*order = append(*order, fmt.Sprint(name, " at ", step))
				return nil
			},
		}),
	}
}

// What is asked for in Begin is done before the first step.
func TestRequestsOfBegin(t *testing.T) {
	var order []string
	var run *hooks.Run
	ask := hooks.Funcs{OnBegin: func(r *hooks.Run) error {
		r.RequestEvaluate("before")
		r.RequestSave()
		return nil
	}}
	dir := t.TempDir()
	opts := append(evaluations(&order, &run), graphactions.Steps(2), graphactions.Monitors(ask))
	_, err := newCounter().train(t, dir, opts...)
	require.NoError(t, err)
	require.Equal(t, []string{"saved 0", "before at 0", "step 1", "step 2", "saved 2"}, order)
	order = nil
	_, err = newCounter().train(t, dir, opts...)
	require.NoError(t, err)
	require.Equal(t, []string{"before at 2", "step 3", "step 4", "saved 4"}, order, "a step that was restored is saved already")
	stop := hooks.Funcs{OnBegin: func(r *hooks.Run) error {
		r.RequestStop("there is no time")
		return nil
	}}
	order = nil
	res, err := newCounter().train(t, dir, append(opts, graphactions.Monitors(stop))...)
	require.NoError(t, err)
	require.Equal(t, []string{"before at 4"}, order)
	require.Equal(t, graphactions.ReasonStopRequested, res.Reason)
	require.Equal(t, "there is no time", res.Detail)
	require.Zero(t, res.Steps())
}

// The last checkpoint's Saved may ask for evaluations.
func TestRequestsOfTheLastSaved(t *testing.T) {
	var order []string
	var run *hooks.Run
	ask := hooks.Funcs{OnSaved: func(step int64, _ string) error {
		run.RequestEvaluate("after")
		run.RequestStop("too late to matter at the end")
		return nil
	}}
	c := newClassifier(t)
	c.input = datasets.FromTensors(classifierTensors()).Batch(classifierBatch) // one epoch of four steps
	res, err := c.try(ctx, t.TempDir(), append(evaluations(&order, &run), graphactions.Monitors(hooks.Funcs{}, ask), graphactions.Restarts(0))...)
	require.NoError(t, err)
	require.Equal(t, graphactions.ReasonStopRequested, res.Reason, "that of the first state counts")
	require.Equal(t, []string{"saved 0", "after at 0"}, order)
	order = nil
	ask.OnSaved = func(step int64, _ string) error {
		if step > 0 {
			run.RequestEvaluate("after")
			run.RequestStop("too late")
		}
		return nil
	}
	res, err = c.try(ctx, t.TempDir(), append(evaluations(&order, &run), graphactions.Monitors(ask))...)
	require.NoError(t, err)
	require.Equal(t, []string{"step 1", "step 2", "step 3", "step 4", "saved 4", "after at 4"}, order[1:])
	require.Equal(t, graphactions.ReasonInputEnd, res.Reason)
	// Not after an error.
	order = nil
	fails := hooks.Funcs{OnPostStep: func(int64) error { return errors.New("broken") }}
	_, err = c.try(ctx, t.TempDir(), append(evaluations(&order, &run), graphactions.Monitors(ask, fails))...)
	require.EqualError(t, err, "monitor hooks.Funcs#2: PostStep: broken")
	require.Equal(t, []string{"saved 0", "step 1", "saved 1"}, order)
}

// Where the end of the last epoch is known only from the end of the input, what EpochEnd
// asks for comes before the last checkpoint.
func TestRequestsOfTheLastEpochEnd(t *testing.T) {
	var order []string
	var run *hooks.Run
	c := newClassifier(t)
	all := func(datasets.Batch) (bool, error) { return true, nil }
	c.input = datasets.FromTensors(classifierTensors()).Filter(all).Batch(classifierBatch) // of unknown length
	atEnd := hooks.Funcs{OnEpochEnd: func(int64) error { run.RequestEvaluate("epoch"); return nil }}
	_, err := c.try(ctx, t.TempDir(), append(evaluations(&order, &run), graphactions.Monitors(atEnd))...)
	require.NoError(t, err)
	require.Equal(t, []string{"step 4", "epoch at 4", "saved 4"}, order[len(order)-3:])
}

func TestLogLines(t *testing.T) {
	var log bytes.Buffer
	logger := graphactions.Logger(slog.New(slog.NewTextHandler(&log, nil)))
	c := newClassifier(t)
	c.input = datasets.FromTensors(classifierTensors()).Batch(5)
	c.train(t, t.TempDir(), graphactions.LogEverySteps(4), logger)
	require.Regexp(t, `(?s)training step 4, loss = [0-9.]+ \([0-9.e-]+ sec/batch\).*training step 6, loss = `, log.String(), "the last step is logged, whatever ends the run")
	require.NotContains(t, log.String(), "training step 5,")
	log.Reset()
	c.input = datasets.FromTensors(classifierTensors()).Batch(5)
	c.train(t, t.TempDir(), graphactions.LogEverySteps(0), logger)
	require.NotContains(t, log.String(), "training step")
	// Evaluate logs what it was asked for, and how the input ended.
	g, in0, _, out := inference()
	for max, want := range map[int64]string{0: `level=INFO msg="the input of the evaluation ended" batches=5`, 9: "level=WARN"} {
		log.Reset()
		calls := 0
		opts := []graphactions.Option{graphactions.FeedFn(func() (graph.Feed, error) {
			if calls++; calls > 5 {
				return nil, io.EOF
			}
			return graph.Feed{in0: number(float32(calls))}, nil
		}), graphactions.LogEverySteps(2), logger}
		if max > 0 {
			opts = append(opts, graphactions.MaxSteps(max))
		}
		_, _, err := graphactions.Evaluate(ctx, g, t.TempDir(), "", graph.Nodes{"a": out}, opts...)
		require.NoError(t, err)
		require.Contains(t, log.String(), `msg="results after batch 2: a = 7 (`)
		require.Contains(t, log.String(), `msg="results after batch 4: a = 9 (`)
		require.NotContains(t, log.String(), "batch 5:")
		require.Contains(t, log.String(), want)
	}
}

func TestSaveSummariesSecs(t *testing.T) {
	dir := t.TempDir()
	newClassifier(t).train(t, dir, graphactions.Steps(20), graphactions.SaveSummariesSecs(3600))
	steps, _, err := summaries.Scalars(dir, "loss")
	require.NoError(t, err)
	require.Equal(t, []int64{1}, steps)
	newClassifier(t).train(t, dir, graphactions.Steps(20), graphactions.SaveSummariesSecs(1e-9))
	steps, _, err = summaries.Scalars(dir, "loss")
	require.NoError(t, err)
	require.Len(t, steps, 21)
}

// The parts of a run's time add up to nearly all of it.
func TestTimesOfARun(t *testing.T) {
	evaluate := graphactions.OnEvaluate(func(context.Context, string) (hooks.Metrics, error) { return nil, nil })
	ask := &recorder{}
	ask.fail = map[string]func() error{"PostStep": func() error { ask.run.RequestEvaluate("x"); return nil }}
	res := newClassifier(t).train(t, t.TempDir(), graphactions.Steps(100), graphactions.SaveModelSteps(50), graphactions.Monitors(ask), evaluate)
	times := res.Times
	require.Positive(t, times.Input)
	require.Positive(t, times.Step)
	require.Positive(t, times.Hooks)
	require.Positive(t, times.Saving)
	require.Positive(t, times.Evaluation)
	require.EqualValues(t, 100, times.Steps)
	require.LessOrEqual(t, times.Wall, res.Duration)
	require.InDelta(t, 0, times.Other().Seconds(), 1e-3, "nothing is left over")
	require.Contains(t, res.Table(), "  saving")
}
