package estimator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
)

func TestFitContinues(t *testing.T) {
	t.Run("one process", func(t *testing.T) {
		dir := t.TempDir()
		est := in(t, dir)
		res := fit(t, est, endless(), estimator.Steps(10))
		require.EqualValues(t, 0, res.FirstStep)
		require.EqualValues(t, 10, res.LastStep)
		res = fit(t, est, endless(), estimator.Steps(15))
		require.EqualValues(t, 10, res.FirstStep)
		require.EqualValues(t, 25, res.LastStep)
		require.Equal(t, graphactions.ReasonSteps, res.Reason)
		require.EqualValues(t, 25, stepOf(t, dir))
		require.Equal(t, 2, est.Stats(estimator.Train).Compiles, "one for each batch size")
	})
	t.Run("two processes", func(t *testing.T) {
		dir := t.TempDir()
		fit(t, in(t, dir), endless(), estimator.Steps(10))
		res := fit(t, in(t, dir), endless(), estimator.Steps(15))
		require.EqualValues(t, 10, res.FirstStep)
		require.EqualValues(t, 25, stepOf(t, dir))
	})
}

func TestMaxStepsTwice(t *testing.T) {
	for _, processes := range []int{1, 2} {
		t.Run(fmt.Sprint("processes ", processes), func(t *testing.T) {
			dir := t.TempDir()
			est := in(t, dir)
			res := fit(t, est, endless(), estimator.MaxSteps(10))
			require.Equal(t, graphactions.ReasonMaxSteps, res.Reason)
			require.EqualValues(t, 10, res.Steps())
			if processes == 2 {
				est = in(t, dir)
			}
			before, r := listing(t, dir), &recorder{}
			res = fit(t, est, endless(), estimator.MaxSteps(10), estimator.Monitors(r))
			require.Equal(t, graphactions.ReasonAlreadyAtStep, res.Reason)
			require.EqualValues(t, 10, res.LastStep)
			require.Zero(t, res.Steps())
			require.Zero(t, r.begun+r.ended, "no monitor is called")
			require.Equal(t, before, listing(t, dir), "nothing is written")
			res = fit(t, est, endless(), estimator.MaxSteps(15))
			require.EqualValues(t, 15, res.LastStep)
		})
	}
}

func TestResumeEqualsAnUninterruptedRun(t *testing.T) {
	const steps = 10 // more than two epochs of four batches
	whole := t.TempDir()
	fit(t, in(t, whole), endless(), estimator.MaxSteps(steps))
	want := bits(t, whole)
	require.Contains(t, want, "dense/kernel/Adam")
	require.NotEmpty(t, want["position"])
	for stop := int64(1); stop < steps; stop++ {
		t.Run(fmt.Sprint("one process, stopped after ", stop), func(t *testing.T) {
			dir := t.TempDir()
			est := in(t, dir)
			fit(t, est, endless(), estimator.Steps(stop))
			_, err := est.Evaluate(flowers().Batch(7))
			require.NoError(t, err)
			_, err = est.PredictAll(flowers().Batch(7))
			require.NoError(t, err)
			fit(t, est, endless(), estimator.Steps(steps-stop))
			require.Equal(t, want, bits(t, dir))
		})
		t.Run(fmt.Sprint("two processes, stopped after ", stop), func(t *testing.T) {
			dir := t.TempDir()
			fit(t, in(t, dir), endless(), estimator.MaxSteps(stop))
			second := in(t, dir, estimator.Workers(3))
			_, err := second.Evaluate(flowers().Batch(7)) // the checkpoint is read here, not by Fit
			require.NoError(t, err)
			fit(t, second, endless(), estimator.MaxSteps(steps))
			require.Equal(t, want, bits(t, dir))
		})
	}
	other := t.TempDir()
	fit(t, in(t, other, estimator.Seed(8)), endless(), estimator.MaxSteps(steps))
	require.NotEqual(t, want["dense/kernel"], bits(t, other)["dense/kernel"], "the seed matters, so the test can fail")
}

func TestInputEndsFirst(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir)
	res := fit(t, est, flowers().Batch(batch), estimator.MaxSteps(100))
	require.Equal(t, graphactions.ReasonInputEnd, res.Reason)
	require.EqualValues(t, 4, res.LastStep)
	require.EqualValues(t, rows, res.Rows)
	// The input had ended: the next fit begins it again.
	res = fit(t, est, flowers().Batch(batch))
	require.EqualValues(t, 8, res.LastStep)
	require.EqualValues(t, rows, res.Rows)
}

// An input that ends before its first batch, which nobody could know, makes no steps.
// As in TensorFlow there is a checkpoint all the same, and a warning.
func TestInputWithoutBatches(t *testing.T) {
	var log bytes.Buffer
	dir, calls := t.TempDir(), 0
	est := newEstimator(t, counter, estimator.ModelDir(dir), estimator.Logger(slog.New(slog.NewTextHandler(&log, nil))))
	res := fit(t, est, reading(0, io.EOF, &calls), estimator.Steps(3))
	require.Equal(t, graphactions.ReasonInputEnd, res.Reason)
	require.Zero(t, res.LastStep)
	require.Zero(t, stepOf(t, dir))
	require.Contains(t, log.String(), "training made no steps")
	_, err := est.Evaluate(reading(0, io.EOF, &calls))
	require.ErrorContains(t, err, "no batches")
}

// A fit that failed at its start leaves nothing behind that a later one could meet.
func TestFitAfterAFailedFit(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir)
	wide := datasets.FromTensors([][]float32{{1, 2, 3, 4, 5, 6}}, []int64{0}).Batch(1)
	_, err := est.Fit(wide, estimator.Steps(1), estimator.Monitors(hooks.NewCheckpointSaver(hooks.EverySteps(0))))
	require.ErrorContains(t, err, "monitor 0")
	require.Empty(t, listing(t, dir))
	_, err = est.PredictBatch(row(0))
	require.ErrorIs(t, err, estimator.ErrNotFitted)
	fit(t, est, endless(), estimator.MaxSteps(10))
	fresh := t.TempDir()
	fit(t, in(t, fresh), endless(), estimator.MaxSteps(10))
	require.Equal(t, bits(t, fresh), bits(t, dir))
}

// A directory that was emptied, or that another model has taken over, is noticed.
func TestDirectoryChangesHands(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir)
	fit(t, est, endless(), estimator.MaxSteps(3))
	require.NoError(t, os.RemoveAll(dir))
	_, err := est.Evaluate(flowers().Batch(2))
	require.ErrorIs(t, err, estimator.ErrNotFitted)
	fit(t, est, endless(), estimator.MaxSteps(3))
	fresh := t.TempDir()
	fit(t, in(t, fresh), endless(), estimator.MaxSteps(3))
	require.Equal(t, bits(t, fresh), bits(t, dir))
	// Now with one feature more, by another process.
	require.NoError(t, os.RemoveAll(dir))
	wide := datasets.FromTensors([][]float32{{1, 2, 3, 4, 5}}, []int64{0}).Batch(1)
	fit(t, in(t, dir), wide)
	_, err = est.Evaluate(flowers().Batch(2))
	require.ErrorIs(t, err, estimator.ErrIncompatible)
	got, err := est.PredictAll(wide)
	require.NoError(t, err)
	want, err := in(t, dir).PredictAll(wide)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// The same modelFn in two versions: whatever was called before, a fit refuses the
// checkpoint of the other version, names every difference, and writes nothing.
func TestFitOfAnotherModelIsRefused(t *testing.T) {
	dir := t.TempDir()
	fit(t, in(t, dir), endless(), estimator.MaxSteps(3))
	changed := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		hidden := nn.Dense(g, features.One(), 17, nn.WithName("dense"))
		spec, err := classes(g, nn.Dense(g, hidden, 3, nn.WithName("output")), labels, mode)
		if mode == estimator.Train {
			spec.TrainOp = optim.SGD(0.1).Minimize(g, spec.Loss)
		}
		return spec, err
	}
	before := listing(t, dir)
	for _, first := range []string{"Fit", "GlobalStep", "Evaluate", "PredictBatch"} {
		t.Run("after "+first, func(t *testing.T) {
			est := newEstimator(t, changed, estimator.ModelDir(dir))
			var err error
			switch first {
			case "Fit":
				_, err = est.Fit(endless(), estimator.Steps(1))
				require.Error(t, err)
			case "GlobalStep":
				_, err = est.GlobalStep()
				require.NoError(t, err)
			case "Evaluate":
				_, err = est.Evaluate(flowers().Batch(2))
				require.Error(t, err)
			case "PredictBatch":
				_, err = est.PredictBatch(row(0))
				require.Error(t, err)
			}
			_, err = est.Fit(endless(), estimator.Steps(1))
			for _, want := range []string{"dense/kernel", "(4, 17)", "dense/bias", "output/kernel", "output/bias", "dense_1/kernel", "dense/kernel/Adam"} {
				require.ErrorContains(t, err, want)
			}
			_, err = est.Evaluate(flowers().Batch(2))
			require.ErrorContains(t, err, "output/kernel", "untrained variables are never taken for trained ones")
			require.Equal(t, before, listing(t, dir))
		})
	}
}

// Local variables are never saved, so every fit begins with their initial values, in
// one process as in two.
func TestLocalVariablesStartAnew(t *testing.T) {
	counting := func(g *graph.Graph, features, _ graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		local := g.LocalVariable("calls", tensor.Float32, nil, nn.Zeros())
		two := g.NamedConstant("two", float32(2))
		update := ops.AssignAdd(g, local, two)
		spec := &estimator.Spec{Predictions: features, Loss: update}
		if mode == estimator.Train {
			spec.Loss = ops.Add(g, local, two) // the local variable as it was before, and 2
			spec.TrainOp = ops.Group(g, "train", countSteps(g), update)
		}
		return spec, nil
	}
	est := newEstimator(t, counting, estimator.ModelDir(t.TempDir()))
	input := numbers(1, 1, 1, 1, 1).Batch(1)
	for range 2 {
		require.Equal(t, 10.0, fit(t, est, input).FinalLoss)
		ev, err := est.Evaluate(input)
		require.NoError(t, err)
		require.Equal(t, 6.0, ev["loss"])
	}
	for _, mode := range []estimator.Mode{estimator.Train, estimator.Eval} {
		require.Equal(t, 1, est.Stats(mode).Compiles, "mode %s", mode)
	}
}

// Wherever in a step the context ends: that step is made, nothing of the input is
// lost, and the error is the context's cause.
func TestCancelledFit(t *testing.T) {
	why := errors.New("enough of this")
	whole := t.TempDir()
	fit(t, in(t, whole), endless(), estimator.MaxSteps(9))
	for _, where := range []string{"StepBegin", "StepEnd", "PostStep", "Saved"} {
		t.Run(where, func(t *testing.T) {
			dir := t.TempDir()
			est := in(t, dir, estimator.SaveCheckpointsSteps(2))
			cancelled, cancel := context.WithCancelCause(ctx)
			at := func(w string, step int64) error {
				if w == where && step == 4 {
					cancel(why)
				}
				return nil
			}
			r := &recorder{}
			m := hooks.Funcs{
				OnStepBegin: func(step int64) ([]*gorgonia.Node, error) { return nil, at("StepBegin", step) },
				OnStepEnd:   func(step int64, _ hooks.Outputs) (bool, error) { return false, at("StepEnd", step) },
				OnPostStep:  func(step int64) error { return at("PostStep", step) },
				OnSaved:     func(step int64, _ string) error { return at("Saved", step) },
			}
			res, err := est.FitContext(cancelled, endless(), estimator.MaxSteps(9), estimator.Monitors(m, r))
			require.ErrorIs(t, err, why)
			require.Equal(t, graphactions.ReasonCancelled, res.Reason)
			require.EqualValues(t, 4, res.LastStep)
			require.EqualValues(t, 4, stepOf(t, dir))
			require.Equal(t, 1, r.ended)
			fit(t, est, endless(), estimator.MaxSteps(9))
			require.Equal(t, bits(t, whole), bits(t, dir))
			_, err = est.EvaluateContext(cancelled, flowers().Batch(2))
			require.ErrorIs(t, err, why)
			// Cancelled before it began: nothing happens.
			empty := t.TempDir()
			_, err = in(t, empty).FitContext(cancelled, endless(), estimator.MaxSteps(9))
			require.ErrorIs(t, err, why)
			require.Empty(t, listing(t, empty))
		})
	}
}

// After a loss that is not finite the last good checkpoint is what counts, on disk
// and in memory.
func TestFitAfterNaN(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir, estimator.SaveCheckpointsSteps(4))
	poisoned := func() *datasets.Dataset {
		n := 0
		return flowers().Batch(batch).Repeat(-1).Map(func(b datasets.Batch) (datasets.Batch, error) {
			if n++; n == 8 { // one call describes the input, so this is step 7
				b.Features[datasets.DefaultFeature].Float32s()[0] = float32(math.NaN())
			}
			return b, nil
		})
	}
	_, err := est.Fit(poisoned(), estimator.MaxSteps(9))
	require.ErrorIs(t, err, graphactions.ErrNaNLoss)
	require.ErrorContains(t, err, "step 7")
	require.EqualValues(t, 4, stepOf(t, dir))
	step, err := est.GlobalStep()
	require.NoError(t, err)
	require.EqualValues(t, 4, step, "the variables are those of the checkpoint")
	res := fit(t, est, flowers().Batch(batch).Repeat(-1), estimator.MaxSteps(9))
	require.EqualValues(t, 4, res.FirstStep)
}

func TestCloseDuringAFit(t *testing.T) {
	for _, where := range []string{"StepBegin", "StepEnd"} {
		t.Run(where, func(t *testing.T) {
			dir := t.TempDir()
			est := in(t, dir)
			at := func(w string, step int64) error {
				if w != where || step != 3 {
					return nil
				}
				require.NoError(t, est.Close())
				_, err := est.PredictBatch(row(0))
				require.ErrorIs(t, err, estimator.ErrClosed)
				return nil
			}
			m := hooks.Funcs{
				OnStepBegin: func(step int64) ([]*gorgonia.Node, error) { return nil, at("StepBegin", step) },
				OnStepEnd:   func(step int64, _ hooks.Outputs) (bool, error) { return false, at("StepEnd", step) },
			}
			res, err := est.Fit(endless(), estimator.MaxSteps(9), estimator.Monitors(m))
			require.ErrorIs(t, err, estimator.ErrClosed)
			require.EqualValues(t, 3, res.LastStep, "%v", res)
			require.EqualValues(t, 3, stepOf(t, dir), "with a checkpoint")
			require.NoError(t, est.Close())
			_, err = est.Fit(endless(), estimator.MaxSteps(9))
			require.ErrorIs(t, err, estimator.ErrClosed)
			_, err = est.Evaluate(flowers().Batch(1))
			require.ErrorIs(t, err, estimator.ErrClosed)
			_, err = est.Evaluate(flowers().Batch(1), estimator.CheckpointPath(res.Checkpoint))
			require.ErrorIs(t, err, estimator.ErrClosed)
			_, err = est.GlobalStep()
			require.ErrorIs(t, err, estimator.ErrClosed)
		})
	}
}

// A monitor may evaluate and predict: it sees the variables of its step.
func TestEvaluateInAMonitor(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir)
	seen := map[int64]estimator.Metrics{}
	r := &recorder{onStep: func(step int64) {
		ev, err := est.Evaluate(flowers().Batch(batch))
		require.NoError(t, err)
		require.EqualValues(t, step, ev["global_step"])
		seen[step] = ev
	}}
	fit(t, est, endless(), estimator.MaxSteps(6), estimator.Monitors(r))
	for step := int64(1); step <= 6; step++ {
		alone := in(t, t.TempDir())
		fit(t, alone, endless(), estimator.MaxSteps(step))
		ev, err := alone.Evaluate(flowers().Batch(batch))
		require.NoError(t, err)
		require.Equal(t, ev, seen[step])
	}
}
