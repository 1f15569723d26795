package estimator_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
)

// flags returns, for each call of an exporter, whether it was told that it is the final one.
func (x *exporter) flags() (flags []bool) {
	for _, c := range x.calls {
		flags = append(flags, c.Final)
	}
	return flags
}

// L4, L6 and L9 are different: see the table of differences.
func TestConformanceL(t *testing.T) {
	t.Run("L5", func(t *testing.T) {
		t.Setenv("TF_CONFIG", "")
		res, err := bowlIn(t, t.TempDir()).TrainAndEvaluate(zeros(estimator.MaxSteps(3)), target(1))
		require.NoError(t, err)
		require.EqualValues(t, 3, res.Train.LastStep)
	})
	t.Run("L8", func(t *testing.T) {
		x := &exporter{name: "x"}
		est := bowlIn(t, t.TempDir(), estimator.SaveCheckpointsSteps(10))
		res, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(12)), target(1).With(estimator.Throttle(0), estimator.Exporters(x)))
		require.NoError(t, err)
		require.Equal(t, []int64{10, 12}, stepsOf(res.Evaluations, "test"))
		require.Equal(t, []bool{false, true}, x.flags())
	})
	t.Run("L10", func(t *testing.T) {
		// A monitor is the listener.
		var run *hooks.Run
		listener := hooks.Funcs{
			OnBegin:     func(r *hooks.Run) error { run = r; return nil },
			OnEvaluated: func(int64, string, hooks.Metrics) error { run.RequestStop("enough"); return nil },
		}
		est := bowlIn(t, t.TempDir(), estimator.SaveCheckpointsSteps(100))
		res, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(3000), estimator.Monitors(listener)), target(1).With(estimator.Throttle(0)))
		require.NoError(t, err)
		require.Len(t, res.Evaluations, 1)
		require.Equal(t, 100.0, res.Final["test"]["global_step"])
	})
	t.Run("L11", func(t *testing.T) {
		x := &exporter{name: "x", export: func(estimator.ExportCandidate) (string, error) { return "path", nil }}
		res, err := bowlIn(t, t.TempDir()).TrainAndEvaluate(zeros(estimator.MaxSteps(12)), target(1).With(estimator.Exporters(x)))
		require.NoError(t, err)
		require.Equal(t, 12.0, res.Final["test"]["global_step"])
		require.Equal(t, []string{"path"}, res.Exports)
	})
	t.Run("L14", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			x := &exporter{name: "x"}
			second := hooks.Funcs{OnStepEnd: func(int64, hooks.Outputs) (bool, error) { time.Sleep(time.Second); return false, nil }}
			est := bowlIn(t, t.TempDir(), estimator.SaveCheckpointsSteps(125))
			res, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(300), estimator.Monitors(second)), target(1).With(estimator.Throttle(126*time.Second), estimator.Exporters(x)))
			require.NoError(t, err)
			require.Equal(t, []int64{125, 300}, stepsOf(res.Evaluations, "test"))
			require.Equal(t, []bool{false, true}, x.flags())
		})
	})
	t.Run("L15", func(t *testing.T) {
		f := &filled{t: t, from: t.TempDir(), dir: t.TempDir()}
		fit(t, bowlIn(t, f.from, estimator.SaveCheckpointsSteps(100)), numbers(0).Batch(1).Repeat(-1), estimator.MaxSteps(200))
		var err error
		f.s, err = saver.New(f.dir)
		require.NoError(t, err)
		synctest.Test(t, func(t *testing.T) {
			var found []string
			var log bytes.Buffer
			est := bowlIn(t, f.dir, estimator.Logger(slog.New(slog.NewTextHandler(&log, nil))))
			all, err := est.ContinuousEval(ctx, target(1).With(estimator.Throttle(time.Minute)), estimator.UntilStep(200),
				script(&found, nil, func() { f.save(100) }, nil, func() { f.save(200) }))
			require.NoError(t, err)
			require.Equal(t, []string{"missing checkpoint", "missing checkpoint", "step 100", "no new checkpoint", "step 200"}, found)
			require.Equal(t, []int64{100, 200}, stepsOf(all, "test"))
			require.Equal(t, 2, strings.Count(log.String(), "level=WARN"), log.String())
		})
	})
	t.Run("L18", func(t *testing.T) {
		f := fill(t, 1)
		f.save(1)
		for _, explicit := range []bool{true, false} {
			var log bytes.Buffer
			spec := target(1)
			if explicit {
				spec = spec.With(estimator.Throttle(0))
			}
			_, err := bowlIn(t, f.dir, estimator.Logger(slog.New(slog.NewTextHandler(&log, nil)))).ContinuousEval(ctx, spec, estimator.UntilStep(1))
			require.NoError(t, err)
			require.Equal(t, explicit, strings.Contains(log.String(), "give a positive Throttle"))
		}
	})
	t.Run("L20", func(t *testing.T) {
		f := fill(t, 1)
		f.save(1)
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err := bowlIn(t, f.dir).ContinuousEval(ctx, target(1).With(estimator.StartDelay(123*time.Second)), estimator.UntilStep(1))
			require.NoError(t, err)
			require.Equal(t, 123*time.Second, time.Since(start))
		})
	})
}
