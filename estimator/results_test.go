package estimator_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/summaries"
)

func TestResultAndMetricsAreReadable(t *testing.T) {
	est := in(t, t.TempDir())
	res := fit(t, est, endless(), estimator.Steps(3))
	require.Regexp(t, `^steps 0 to 3 \(steps\), final loss [0-9.]+, 24 rows, .*s$`, res.String())
	require.Equal(t, est.LatestCheckpoint(), res.Checkpoint)
	res = fit(t, est, endless(), estimator.MaxSteps(3))
	require.Equal(t, "nothing to do: already at step 3", res.String())
	ev, err := est.Evaluate(flowers().Batch(batch))
	require.NoError(t, err)
	require.Regexp(t, `^accuracy = [0-9.]+, global_step = 3, loss = [0-9.]+$`, ev.String())
}

func TestEvaluateWritesToADirectoryOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir)
	fit(t, est, endless(), estimator.Steps(3))
	for name, want := range map[string]string{"": "eval", "validation": "eval_validation"} {
		ev, err := est.Evaluate(flowers().Batch(batch), estimator.Name(name))
		require.NoError(t, err)
		require.Equal(t, filepath.Join(dir, want), est.EvalDir(name))
		for _, tag := range []string{"loss", "accuracy"} {
			steps, values, err := summaries.Scalars(est.EvalDir(name), tag)
			require.NoError(t, err)
			require.Equal(t, []int64{3}, steps)
			require.InDeltaSlice(t, []float64{ev[tag]}, values, 1e-6)
		}
		steps, _, err := summaries.Scalars(est.EvalDir(name), "global_step")
		require.NoError(t, err)
		require.Empty(t, steps)
	}
	// Steps bounds the batches; the rest of the input is not read.
	ev, err := est.Evaluate(flowers().Batch(batch).Repeat(-1), estimator.Steps(4))
	require.NoError(t, err)
	all, err := est.Evaluate(flowers().Batch(batch))
	require.NoError(t, err)
	require.Equal(t, all, ev)
}

// Metrics with several results give one for each element; vectors are summaries, and
// matrices are not.
func TestEvaluateTensors(t *testing.T) {
	dir := t.TempDir()
	est := newEstimator(t, func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		spec, err := classifier(g, features, labels, mode)
		if mode == estimator.Eval {
			spec.Metrics["confusion"] = metrics.ConfusionMatrix(labels.One(), spec.Predictions["class"], 3)
			spec.Metrics["recall"] = metrics.RecallPerClass(labels.One(), spec.Predictions["class"], 3)
		}
		return spec, err
	}, estimator.ModelDir(dir))
	fit(t, est, endless(), estimator.Steps(3))
	for range 2 { // the second time as the first
		ev, err := est.Evaluate(flowers().Batch(batch))
		require.NoError(t, err)
		confusion, recall := ev.Tensor("confusion"), ev.Tensor("recall")
		require.Equal(t, tensor.Shape{3, 3}, confusion.Shape())
		total, right := 0.0, 0.0
		for i, n := range confusion.Float64s() {
			total += n
			if i%4 == 0 {
				right += n
				require.Equal(t, n/10, recall.Float64s()[i/4], "each class has ten rows")
			}
		}
		require.EqualValues(t, rows, total)
		require.Equal(t, ev["accuracy"], right/total)
		require.Regexp(t, `^accuracy = [0-9.]+, confusion = \[\[.*\]\], global_step = 3, loss = [0-9.]+, recall = \[.*\]$`, ev.String())
		_, values, err := summaries.Scalars(est.EvalDir(""), "recall/2")
		require.NoError(t, err)
		require.InDelta(t, ev["recall/2"], values[0], 1e-6)
		_, values, err = summaries.Scalars(est.EvalDir(""), "confusion/2/2")
		require.NoError(t, err)
		require.Empty(t, values)
	}
}

func TestEvaluateACheckpoint(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir, estimator.SaveCheckpointsSteps(2))
	var want []estimator.Metrics
	for range 3 {
		fit(t, est, endless(), estimator.Steps(2))
		ev, err := est.Evaluate(flowers().Batch(7))
		require.NoError(t, err)
		want = append(want, ev)
	}
	elsewhere := newEstimator(t, classifier) // not fitted, without a directory
	for i, ev := range want {
		path := filepath.Join(dir, []string{"model.ckpt-2.safetensors", "model.ckpt-4.safetensors", "model.ckpt-6.safetensors"}[i])
		got, err := est.Evaluate(flowers().Batch(7), estimator.CheckpointPath(path), estimator.Name("old"))
		require.NoError(t, err)
		require.Equal(t, ev, got)
		got, err = elsewhere.Evaluate(flowers().Batch(7), estimator.CheckpointPath(path))
		require.NoError(t, err)
		require.Equal(t, ev, got)
		_, err = elsewhere.PredictBatch(row(0))
		require.ErrorIs(t, err, estimator.ErrNotFitted, "evaluating does not load the checkpoint")
	}
	t.Cleanup(func() { os.RemoveAll(elsewhere.ModelDir()) })
	step, err := est.GlobalStep()
	require.NoError(t, err)
	require.EqualValues(t, 6, step, "the estimator's variables stay")
	// Ops that keep their batch size work here too.
	baked := newEstimator(t, fixed(reshape), estimator.ModelDir(dir))
	ev, err := baked.Evaluate(flowers().Batch(7), estimator.CheckpointPath(filepath.Join(dir, "model.ckpt-4.safetensors")))
	require.NoError(t, err)
	require.InDelta(t, want[1]["loss"], ev["loss"], 1e-6)
}

func TestVariables(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir)
	fit(t, est, endless(), estimator.Steps(3))
	for _, est := range []*estimator.Estimator{est, in(t, dir)} {
		names, err := est.VariableNames()
		require.NoError(t, err)
		require.Equal(t, []string{
			"dense/bias", "dense/bias/Adam", "dense/bias/Adam_1", "dense/kernel", "dense/kernel/Adam", "dense/kernel/Adam_1",
			"dense_1/bias", "dense_1/bias/Adam", "dense_1/bias/Adam_1", "dense_1/kernel", "dense_1/kernel/Adam", "dense_1/kernel/Adam_1",
		}, without(names, "global_step", "beta1_power", "beta2_power"))
		require.Contains(t, names, "global_step")
		v, err := est.VariableValue("dense/kernel")
		require.NoError(t, err)
		require.Equal(t, tensor.Shape{4, 16}, v.Shape())
		kept := v.Float32s()[0]
		v.Float32s()[0] = 77 // the caller's own copy
		again, err := est.VariableValue("dense/kernel")
		require.NoError(t, err)
		require.Equal(t, kept, again.Float32s()[0])
		_, err = est.VariableValue("dense/kernle")
		require.ErrorContains(t, err, `"dense/kernle"`)
		require.ErrorContains(t, err, `"dense/kernel"`, "and says what there is")
		step, err := est.GlobalStep()
		require.NoError(t, err)
		require.EqualValues(t, 3, step)
		require.Equal(t, filepath.Join(dir, "model.ckpt-3.safetensors"), est.LatestCheckpoint())
	}
}

func without(names []string, drop ...string) (rest []string) {
	for _, name := range names {
		if !strings.Contains(" "+strings.Join(drop, " ")+" ", " "+name+" ") {
			rest = append(rest, name)
		}
	}
	return rest
}

func TestTemporaryModelDirectory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Chdir(t.TempDir()) // nothing may be looked for, or written, here
	fit(t, in(t, "."), endless(), estimator.Steps(1))
	before := listing(t, ".")
	var log bytes.Buffer
	est := newEstimator(t, classifier, estimator.Logger(slog.New(slog.NewTextHandler(&log, nil))))
	require.Empty(t, est.ModelDir())
	require.Empty(t, est.EvalDir(""))
	require.Empty(t, est.EvalDir("name"))
	require.Empty(t, est.LatestCheckpoint())
	require.Empty(t, listing(t, os.TempDir()))
	fit(t, est, endless(), estimator.Steps(2))
	require.Contains(t, log.String(), "level=WARN")
	require.Contains(t, log.String(), est.ModelDir())
	require.Equal(t, os.TempDir(), filepath.Dir(est.ModelDir()))
	require.Equal(t, est.ModelDir(), est.Config().ModelDir)
	require.EqualValues(t, 2, stepOf(t, est.ModelDir()))
	res := fit(t, est, endless(), estimator.Steps(2))
	require.EqualValues(t, 4, res.LastStep)
	require.Equal(t, 1, strings.Count(log.String(), "temporary"))
	require.Equal(t, before, listing(t, "."))
}

// TestCycles: nothing grows with the number of calls.
func TestCycles(t *testing.T) {
	const cycles = 30
	est := in(t, t.TempDir(), estimator.KeepCheckpointMax(2))
	cycle := func() {
		fit(t, est, endless(), estimator.Steps(2))
		_, err := est.Evaluate(flowers().Batch(7).Prefetch(1))
		require.NoError(t, err)
		_, err = est.Evaluate(flowers().Batch(7), estimator.CheckpointPath(est.LatestCheckpoint()))
		require.NoError(t, err)
		for range est.Predict(flowers().Batch(3).Prefetch(2)) {
			break
		}
		_, err = est.PredictAll(flowers().Batch(3))
		require.NoError(t, err)
	}
	measure := func() (goroutines, files int, heap uint64) {
		summaries.ClearCache()
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Log("open files are not counted here:", err)
		}
		return runtime.NumGoroutine(), len(entries), m.HeapAlloc
	}
	cycle()
	goroutines, files, heap := measure()
	for range cycles {
		cycle()
	}
	goroutines2, files2, heap2 := measure()
	require.LessOrEqual(t, goroutines2, goroutines)
	require.LessOrEqual(t, files2, files)
	require.Less(t, heap2, heap+1<<20, "the heap grew from %d to %d bytes", heap, heap2)
	require.Equal(t, 1, est.Stats(estimator.Infer).Programs)
	require.Equal(t, 2, est.Stats(estimator.Eval).Programs)
}
