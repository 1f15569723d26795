package estimator_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/hooks"
)

// The other half of section M is in package exporters.
func TestConformanceM(t *testing.T) {
	est := bowlIn(t, t.TempDir())
	plateau.write(t, est.EvalDir(""))
	require3 := func(t *testing.T, monitors ...*estimator.StopWhen) {
		t.Helper()
		for i, m := range monitors {
			stopped, _, err := stops(t, m, 0, new(bytes.Buffer))
			require.NoError(t, err)
			require.Equal(t, []bool{false, false, true}[i], stopped, i)
		}
	}
	t.Run("M7", func(t *testing.T) {
		all, err := estimator.ReadEvalMetrics(est.EvalDir(""))
		require.NoError(t, err)
		steps, losses := all.Curve("", "loss")
		require.Equal(t, []int64{1000, 2000, 3000, 3500}, steps)
		require.InDeltaSlice(t, []float64{.8, .7, .4, .41}, losses, 1e-7)
		_, accuracies := all.Curve("", "accuracy")
		require.InDeltaSlice(t, []float64{.5, .6, .7, .68}, accuracies, 1e-7)
		none, err := estimator.ReadEvalMetrics(est.EvalDir("none"))
		require.NoError(t, err)
		require.Empty(t, none)
	})
	t.Run("M11", func(t *testing.T) {
		require3(t, est.StopIfLower("loss", .3), est.StopIfLower("loss", .5, estimator.MinSteps(4000)), est.StopIfLower("loss", .5))
	})
	t.Run("M12", func(t *testing.T) {
		require3(t, est.StopIfNoIncrease("accuracy", 1500), est.StopIfNoIncrease("accuracy", 500, estimator.MinSteps(4000)), est.StopIfNoIncrease("accuracy", 500))
	})
	t.Run("M13", func(t *testing.T) {
		require3(t, est.StopIfNoDecrease("loss", 1500), est.StopIfNoDecrease("loss", 500, estimator.MinSteps(4000)), est.StopIfNoDecrease("loss", 500))
	})
	t.Run("M15", func(t *testing.T) {
		// An estimator of another type, and both steps and seconds, do not compile.
		never := func(*hooks.Run) (string, error) { return "", nil }
		for want, m := range map[string]*estimator.StopWhen{
			"the function is nil":                        estimator.NewStopWhen(nil, hooks.EverySteps(1)),
			"EverySteps: 0":                              estimator.NewStopWhen(never, hooks.EverySteps(0)),
			"EveryDuration: 0s":                          est.StopIfLower("loss", 1, estimator.Checking(hooks.EveryDuration(0))),
			"0 steps without improvement, want at least": est.StopIfNoDecrease("loss", 0),
			"the metric's name is empty":                 est.StopIfHigher("", 1),
		} {
			require.ErrorContains(t, m.Validate(), want)
			_, err := bowlIn(t, t.TempDir()).Fit(zeros().Input(), estimator.Steps(1), estimator.Monitors(m))
			require.ErrorContains(t, err, want)
		}
		_, _, err := stops(t, est.StopIfLower("auc", 1), 0, new(bytes.Buffer))
		require.ErrorContains(t, err, `metric "auc" is missing from evaluation "" of step 1000: there are ["accuracy" "loss"]`)
	})
}
