package estimator_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
)

// valley is an endless input for bowl, and target an evaluation set: the loss is
// (step-x)².
func target(x float32) estimator.EvalSpec {
	return estimator.NewEvalSpec("test", numbers(x).Batch(1))
}

func bowlIn(t testing.TB, dir string, opts ...estimator.Option) *estimator.Estimator {
	t.Helper()
	return newEstimator(t, bowl, append([]estimator.Option{estimator.ModelDir(dir)}, opts...)...)
}

func zeros(opts ...estimator.FitOption) estimator.TrainSpec {
	return estimator.NewTrainSpec(numbers(0).Batch(1).Repeat(-1), opts...)
}

func stepsOf(all estimator.Evaluations, name string) (steps []int64) {
	steps, _ = all.Curve(name, "loss")
	return steps
}

// The best checkpoint survives 100 later saves and two restarts.
func TestBestSurvives(t *testing.T) {
	dir := t.TempDir()
	for _, last := range []int64{40, 80, 120} {
		est := bowlIn(t, dir, estimator.SaveCheckpointsSteps(1), estimator.KeepCheckpointMax(2))
		res, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(last)), target(12).With(estimator.KeepBest(estimator.Least("loss"), 1)))
		require.NoError(t, err)
		require.EqualValues(t, last, res.Train.LastStep)
		best, err := est.BestCheckpoint()
		require.NoError(t, err)
		ev, err := est.Evaluate(numbers(12).Batch(1), estimator.CheckpointPath(best))
		require.NoError(t, err)
		require.Equal(t, estimator.Metrics{"loss": 0, "global_step": 12}, ev)
	}
	steps, err := saver.Steps(dir)
	require.NoError(t, err)
	require.Equal(t, []int64{12, 119, 120}, steps)
	_, err = saver.Check(dir)
	require.NoError(t, err)
}

// Two evaluation sets at different schedules, no additional compile.
func TestTwoEvaluationsCompileOnce(t *testing.T) {
	var calls counted
	est := newEstimator(t, calls.wrap(classifier), estimator.ModelDir(t.TempDir()), estimator.SaveCheckpointsSteps(10))
	res, err := est.TrainAndEvaluate(estimator.NewTrainSpec(endless(), estimator.MaxSteps(60)),
		estimator.NewEvalSpec("a", flowers().Batch(15), estimator.At(hooks.EverySteps(4))),
		estimator.NewEvalSpec("b", endless(), estimator.Steps(1)))
	require.NoError(t, err)
	require.Equal(t, []int64{4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60}, stepsOf(res.Evaluations, "a"))
	require.Equal(t, []int64{10, 20, 30, 40, 50, 60}, stepsOf(res.Evaluations, "b"))
	require.LessOrEqual(t, est.Stats(estimator.Eval).Compiles, 2)
	require.LessOrEqual(t, calls.eval.Load(), int64(2))
}
