package hooks_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/session"
)

// at sets the global step in a store.
func at(t *testing.T, s *session.Store, step int64) {
	t.Helper()
	require.NoError(t, s.Restore(map[string]*tensor.Dense{graph.GlobalStepName: tensor.New(tensor.FromScalar(step))}))
}

// A run that is cancelled while it waits ends as a cancelled one, without a step, and
// keeps its batch.
func TestGlobalStepWaiterCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c := newCounting()
		start := time.Now()
		res, err := graphactions.Train(ctx, c.g, t.TempDir(), c.trainOp, c.loss, graphactions.Steps(3), graphactions.Monitors(hooks.NewGlobalStepWaiter(1000)))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, graphactions.ReasonCancelled, res.Reason)
		require.Zero(t, res.Steps())
		require.Equal(t, 10*time.Second, time.Since(start))
	})
}

// A worker waits for the chief, which trains the same variables.
func TestGlobalStepWaiterInTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounting()
		s, err := session.New(c.g)
		require.NoError(t, err)
		defer s.Close()
		go func() {
			time.Sleep(700 * time.Millisecond)
			at(t, s.Store(), 4)
			time.Sleep(time.Second)
			at(t, s.Store(), 5)
		}()
		start := time.Now()
		res, err := c.train(t.TempDir(), graphactions.Chief(false), graphactions.Session(s), graphactions.Steps(3), graphactions.Monitors(hooks.NewGlobalStepWaiter(5)))
		require.NoError(t, err)
		require.Equal(t, 2*time.Second, time.Since(start), "it looks every half second")
		require.EqualValues(t, 6, res.LastStep)
	})
}

func TestStopAtCheckpointStepDamaged(t *testing.T) {
	dir := t.TempDir()
	m := hooks.NewStopAtCheckpointStep(dir, 5)
	require.True(t, m.AllWorkers())
	newDriver(t).start(m, -1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model.ckpt-9.safetensors"), []byte("torn"), 0o600))
	stop, err := m.StepEnd(4, hooks.Outputs{})
	require.NoError(t, err, "nothing is looked at before the last step")
	require.False(t, stop)
	_, err = m.StepEnd(5, hooks.Outputs{})
	require.ErrorIs(t, err, saver.ErrCorrupt)
	require.ErrorContains(t, err, "StopAtCheckpointStep")
}
