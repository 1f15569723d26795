package estimator_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/saver"
)

// Checkpoints given by path are evaluated by one model with a store of its own: the
// model function is called once for all of them, and the variables in memory stay.
func TestCheckpointsShareAModel(t *testing.T) {
	var calls counted
	dir := t.TempDir()
	est := newEstimator(t, calls.wrap(bowl), estimator.ModelDir(dir), estimator.SaveCheckpointsSteps(1), estimator.KeepCheckpointMax(0))
	input := numbers(3).Batch(1)
	fit(t, est, numbers(0).Batch(1).Repeat(-1), estimator.MaxSteps(5))
	paths, err := saver.AllPaths(dir)
	require.NoError(t, err)
	require.Len(t, paths, 6)
	for i, path := range paths {
		ev, err := est.Evaluate(input, estimator.CheckpointPath(path))
		require.NoError(t, err)
		require.Equal(t, estimator.Metrics{"loss": float64((3 - i) * (3 - i)), "global_step": float64(i)}, ev)
	}
	require.EqualValues(t, 1, calls.eval.Load())
	ev, err := est.Evaluate(input)
	require.NoError(t, err)
	require.Equal(t, estimator.Metrics{"loss": 4, "global_step": 5}, ev)
	require.EqualValues(t, 5, fit(t, est, numbers(0).Batch(1), estimator.Steps(1)).FirstStep)
}
