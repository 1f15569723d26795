package estimator_test

import (
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
)

// Seven predictions after a fit: one program, no file. The checkpoints cannot be read
// meanwhile, so whoever tried would fail.
func TestPredictionsReadNothing(t *testing.T) {
	var calls counted
	dir := t.TempDir()
	est := newEstimator(t, calls.wrap(classifier), estimator.ModelDir(dir))
	fit(t, est, endless(), estimator.MaxSteps(5))
	hide(t, dir)
	for i := range 7 {
		_, err := est.PredictBatch(row(i))
		require.NoError(t, err)
	}
	require.Equal(t, 1, est.Stats(estimator.Infer).Compiles)
	require.EqualValues(t, 7, est.Stats(estimator.Infer).Runs)
	require.EqualValues(t, 1, calls.train.Load())
	require.EqualValues(t, 1, calls.infer.Load())
	require.Zero(t, calls.eval.Load())
	// The test can fail: another estimator has to read, and cannot.
	_, err := in(t, dir).PredictBatch(row(0))
	require.Error(t, err)
}

func TestOneCompileForEachModeAndShape(t *testing.T) {
	const predictions = 1000
	use := func(t *testing.T, est *estimator.Estimator, calls *counted) {
		for range 2 {
			_, err := est.Evaluate(flowers().Batch(15))
			require.NoError(t, err)
		}
		for i := range predictions {
			_, err := est.PredictBatch(row(i % rows))
			require.NoError(t, err)
		}
		require.Equal(t, 1, est.Stats(estimator.Eval).Compiles)
		require.Equal(t, 1, est.Stats(estimator.Infer).Compiles)
		require.EqualValues(t, 1, calls.eval.Load())
		require.EqualValues(t, 1, calls.infer.Load())
	}
	dir := t.TempDir()
	t.Run("after a fit", func(t *testing.T) {
		var calls counted
		est := newEstimator(t, calls.wrap(classifier), estimator.ModelDir(dir))
		fit(t, est, flowers().Batch(15).Repeat(-1), estimator.MaxSteps(5))
		put := hide(t, dir)
		use(t, est, &calls)
		fit(t, est, flowers().Batch(15).Repeat(-1), estimator.Steps(1))
		require.Equal(t, 1, est.Stats(estimator.Train).Compiles)
		require.EqualValues(t, 1, calls.train.Load())
		put()
	})
	t.Run("another process", func(t *testing.T) {
		var calls counted
		est := newEstimator(t, calls.wrap(classifier), estimator.ModelDir(dir))
		_, err := est.Predictor()
		require.NoError(t, err)
		hide(t, dir) // it was read once; that must do
		use(t, est, &calls)
		fit(t, est, flowers().Batch(15).Repeat(-1), estimator.Steps(1))
		require.Zero(t, est.Stats(estimator.Train).Rebuilds)
		require.EqualValues(t, 1, calls.train.Load())
	})
}

// What another process saves is noticed by every call, by a Predictor soon after.
func TestNewerCheckpointIsNoticed(t *testing.T) {
	dir := t.TempDir()
	est, other := in(t, dir), in(t, dir)
	fit(t, est, endless(), estimator.MaxSteps(2))
	predictor, err := est.Predictor()
	require.NoError(t, err)
	for name, call := range map[string]func(t *testing.T, est *estimator.Estimator) any{
		"Evaluate": func(t *testing.T, est *estimator.Estimator) any {
			ev, err := est.Evaluate(flowers().Batch(batch))
			require.NoError(t, err)
			return ev
		},
		"Predict": func(t *testing.T, est *estimator.Estimator) any {
			rows, err := est.PredictAll(flowers().Batch(batch))
			require.NoError(t, err)
			return rows
		},
		"Predictor": func(t *testing.T, e *estimator.Estimator) any {
			if e == est {
				out, err := predictor.PredictBatch(ctx, row(1))
				require.NoError(t, err)
				return out
			}
			out, err := e.PredictBatch(row(1))
			require.NoError(t, err)
			return out
		},
		"VariableValue": func(t *testing.T, est *estimator.Estimator) any {
			v, err := est.VariableValue("dense/kernel")
			require.NoError(t, err)
			return v
		},
		"GlobalStep": func(t *testing.T, est *estimator.Estimator) any {
			step, err := est.GlobalStep()
			require.NoError(t, err)
			return step
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := call(t, est)
			fit(t, other, endless(), estimator.Steps(3))
			want := call(t, other)
			require.NotEqual(t, before, want)
			if name == "Predictor" { // it looks now and then
				require.Eventually(t, func() bool { return reflect.DeepEqual(want, call(t, est)) }, time.Minute, time.Millisecond)
			}
			require.Equal(t, want, call(t, est))
		})
	}
	t.Run("Fit", func(t *testing.T) {
		fit(t, other, endless(), estimator.Steps(3))
		step, err := other.GlobalStep()
		require.NoError(t, err)
		res := fit(t, est, endless(), estimator.Steps(2))
		require.Equal(t, step, res.FirstStep)
		whole := t.TempDir()
		fit(t, in(t, whole), endless(), estimator.MaxSteps(res.LastStep))
		require.Equal(t, bits(t, whole), bits(t, dir))
	})
}

// A newest checkpoint that is damaged does not stop anybody: the one before is used.
func TestDamagedNewestCheckpoint(t *testing.T) {
	dir := t.TempDir()
	fit(t, in(t, dir), endless(), estimator.MaxSteps(4))
	res := fit(t, in(t, dir), endless(), estimator.MaxSteps(6))
	require.NoError(t, os.Truncate(res.Checkpoint, 100))
	est := in(t, dir)
	ev, err := est.Evaluate(flowers().Batch(batch))
	require.NoError(t, err)
	require.EqualValues(t, 4, ev["global_step"])
	require.EqualValues(t, 4, fit(t, est, endless(), estimator.MaxSteps(6)).FirstStep)
	whole := t.TempDir()
	fit(t, in(t, whole), endless(), estimator.MaxSteps(6))
	require.Equal(t, bits(t, whole), bits(t, dir))
}
