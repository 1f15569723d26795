package estimator_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
)

// Checkpoints that are written in the background are the same, and so is what follows
// them: evaluations, exports, the best that are kept, and fits and predictions afterwards.
func TestSaveCheckpointsInBackground(t *testing.T) {
	require.False(t, newEstimator(t, bowl).Config().SaveCheckpointsInBackground)
	type outcome struct {
		exports     []int64
		evaluations string
		checkpoints []int64
		newest      map[string]any
		metadata    map[string]string
	}
	type setup struct {
		background bool
		every      int64 // with 100 steps the only checkpoints between are those for exports
	}
	got := map[setup]outcome{}
	for _, s := range []setup{{false, 3}, {true, 3}, {false, 100}, {true, 100}} {
		background := s.background
		dir, x := t.TempDir(), &exporter{name: "x"}
		est := bowlIn(t, dir, estimator.SaveCheckpointsInBackground(background), estimator.SaveCheckpointsSteps(s.every), estimator.KeepCheckpointMax(2))
		require.Equal(t, background, est.Config().SaveCheckpointsInBackground)
		res, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(20)),
			target(11).With(estimator.At(hooks.EverySteps(4)), estimator.Exporters(x), estimator.KeepBest(estimator.Least("loss"), 2)))
		require.NoError(t, err)
		_, err = est.Fit(numbers(0).Batch(1).Repeat(-1), estimator.Steps(4))
		require.NoError(t, err)
		ev, err := est.Evaluate(numbers(11).Batch(1))
		require.NoError(t, err)
		require.Equal(t, 24.0, ev["global_step"])
		steps, err := saver.Steps(dir)
		require.NoError(t, err)
		got[s] = outcome{x.steps(), res.Evaluations.String(), steps, bits(t, dir), metadata(t, dir)}
	}
	for _, every := range []int64{3, 100} {
		require.Equal(t, got[setup{false, every}], got[setup{true, every}])
		require.Len(t, got[setup{true, every}].exports, 5)
	}
}
