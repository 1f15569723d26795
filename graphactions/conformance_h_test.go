package graphactions_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/session"
)

// TestConformanceH are TensorFlow's cases of sessions, coordinator and supervisor. Train is
// all three in one: it owns the session, every goroutine and every file. Where its rule
// is another one, docs/differences-from-tensorflow.md has a row.
func TestConformanceH(t *testing.T) {
	t.Run("H3", func(t *testing.T) {
		// After a request to stop no step is run, and after the end there is no session.
		r := &recorder{}
		ask := hooks.Funcs{OnStepEnd: func(step int64, _ hooks.Outputs) (bool, error) {
			r.run.RequestStop("now")
			return false, nil
		}}
		c := newCounter()
		_, err := c.train(t, t.TempDir(), graphactions.Steps(5), graphactions.Monitors(r, ask))
		require.NoError(t, err)
		require.Equal(t, []int64{1}, r.steps)
		_, err = r.run.Session.Run(ctx, gorgonia.Nodes{c.loss}, nil)
		require.ErrorIs(t, err, session.ErrClosed)
	})
	t.Run("H4", func(t *testing.T) {
		runs := 0
		feed := func() (graph.Feed, error) {
			if runs++; runs == 2 {
				return nil, fmt.Errorf("pre-empted: %w", graphactions.ErrAborted)
			}
			return nil, nil
		}
		dir := t.TempDir()
		res, err := newCounter().train(t, dir, graphactions.FeedFn(feed), graphactions.SaveModelSteps(1), graphactions.Steps(3), graphactions.Restarts(1))
		require.NoError(t, err)
		require.EqualValues(t, 3, res.LastStep)
		require.EqualValues(t, 3, stepOf(t, dir))
	})
	t.Run("H7", func(t *testing.T) {
		// TensorFlow's sessions do not call end here, its train does, and so do we.
		other := errors.New("other")
		r := &recorder{fail: map[string]func() error{"PostStep": func() error { return other }}}
		c := newCounter()
		_, err := c.train(t, t.TempDir(), graphactions.Steps(5), graphactions.Monitors(r))
		require.ErrorIs(t, err, other)
		require.Equal(t, 1, r.end)
		require.ErrorIs(t, r.ended, other)
		require.ErrorIs(t, r.run.Session.Compile(gorgonia.Nodes{c.loss}, nil), session.ErrClosed)
	})
	t.Run("H8", func(t *testing.T) {
		// Closing twice is harmless, as usual in Go.
		s, err := session.New(newCounter().g)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		require.NoError(t, s.Close())
	})
	t.Run("H10", func(t *testing.T) {
		// A stop that is asked for before a step lets the step be made: its batch was
		// taken, and a batch that was taken is trained on.
		r := &recorder{}
		r.fail = map[string]func() error{"StepBegin": func() error { r.run.RequestStop("enough"); return nil }}
		res, err := newCounter().train(t, t.TempDir(), graphactions.Steps(5), graphactions.Monitors(r))
		require.NoError(t, err)
		require.Equal(t, graphactions.ReasonStopRequested, res.Reason)
		require.EqualValues(t, 1, res.LastStep)
	})
	t.Run("H11", func(t *testing.T) {
		var order []string
		note := func(name string) hooks.Monitor {
			return hooks.Funcs{
				OnBegin: func(run *hooks.Run) error {
					order = append(order, "begin "+name)
					_, err := run.Session.Store().Int64(graph.GlobalStepName) // the session is there
					return err
				},
				OnStepBegin: func(int64) ([]*gorgonia.Node, error) { order = append(order, "step "+name); return nil, nil },
			}
		}
		_, err := newCounter().train(t, t.TempDir(), graphactions.Steps(1), graphactions.Monitors(note("a"), note("b"), note("c")))
		require.NoError(t, err)
		require.Equal(t, []string{"begin a", "begin b", "begin c", "step a", "step b", "step c"}, order)
	})
	t.Run("H14", func(t *testing.T) {
		// There is no other process to wait for. What waits, waits for its context.
		expired, cancel := context.WithTimeout(ctx, 0)
		defer cancel()
		c := newCounter()
		_, err := graphactions.Train(expired, c.g, t.TempDir(), c.trainOp, c.loss, quiet, graphactions.Steps(1))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	t.Run("H16", func(t *testing.T) {
		first, second := errors.New("first"), errors.New("second")
		r := &recorder{fail: map[string]func() error{"StepEnd": func() error { return first }, "End": func() error { return second }}}
		_, err := newCounter().train(t, t.TempDir(), graphactions.Steps(5), graphactions.Monitors(r))
		require.ErrorIs(t, err, first)
		require.Regexp(t, "(?s)^.*first.*second", err.Error())
	})
	t.Run("H17", func(t *testing.T) {
		// No goroutine is left: Train waits for those of the input and of the saver.
		running := goleak.IgnoreCurrent()
		c := newClassifier(t)
		c.input = c.input.Prefetch(4)
		c.train(t, t.TempDir(), graphactions.Steps(5), graphactions.SaveModelSteps(2), graphactions.SaveInBackground(true))
		require.NoError(t, goleak.Find(running))
	})
	t.Run("H19", func(t *testing.T) {
		// A worker starts no services.
		dir, r := t.TempDir(), &recorder{everywhere: true}
		_, err := newCounter().train(t, dir, graphactions.Chief(false), graphactions.Steps(2), graphactions.SaveModelSteps(1), graphactions.Monitors(r))
		require.NoError(t, err)
		require.Nil(t, r.run.Summaries)
		requireEmpty(t, dir)
	})
	t.Run("H20", func(t *testing.T) {
		// A run without a directory could not be resumed: it is an error, not a warning.
		_, err := newCounter().train(t, "", graphactions.Steps(1))
		require.ErrorIs(t, err, graphactions.ErrArgument)
	})
}

// A directory that is restored goes on with its rotation, and with its summaries.
func TestRotationGoesOn(t *testing.T) {
	dir := t.TempDir()
	for i := range 4 {
		_, err := newCounter().train(t, dir, graphactions.Steps(1), graphactions.KeepCheckpointMax(2))
		require.NoError(t, err, "run %d", i)
	}
	state, err := saver.ReadState(dir)
	require.NoError(t, err)
	require.Len(t, state.Paths, 2)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 2+1+1+4, "checkpoints, state file, lock, event files")
}

// The end of the input is no surprise: it is said, not warned about.
func TestEndOfInputIsSaid(t *testing.T) {
	var log bytes.Buffer
	c := newClassifier(t)
	c.input = datasets.FromTensors(classifierTensors()).Batch(5)
	c.train(t, t.TempDir(), graphactions.Logger(slog.New(slog.NewTextHandler(&log, nil))))
	require.Contains(t, log.String(), `level=INFO msg="the input ended" step=6`)
	require.NotContains(t, log.String(), "WARN")
}
