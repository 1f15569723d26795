package exporters_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/exporters"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/saver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// line is y = wx + b.
func line(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	y := nn.Dense(g, features.One(), 1)
	spec := &estimator.Spec{Predictions: graph.Nodes{"y": y}}
	if mode == estimator.Infer {
		return spec, nil
	}
	spec.Loss = nn.MeanSquaredError(g, y, labels.One())
	if mode == estimator.Train {
		spec.TrainOp = optim.Adam(0.05).Minimize(g, spec.Loss)
	}
	return spec, nil
}

func points() *datasets.Dataset {
	return datasets.FromTensors([][]float32{{1}, {2}, {3}, {4}}, [][]float32{{3}, {5}, {7}, {9}})
}

func newEstimator(t testing.TB, dir string, opts ...estimator.Option) *estimator.Estimator {
	t.Helper()
	quiet := estimator.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	est, err := estimator.New(line, append([]estimator.Option{quiet, estimator.Seed(1), estimator.ModelDir(dir)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, est.Close()) })
	return est
}

// trained returns an estimator with checkpoints of these steps, and their paths.
func trained(t testing.TB, steps ...int64) (*estimator.Estimator, map[int64]string) {
	t.Helper()
	est := newEstimator(t, t.TempDir(), estimator.KeepCheckpointMax(0))
	paths := map[int64]string{}
	for _, step := range steps {
		res, err := est.Fit(points().Batch(4).Repeat(-1), estimator.MaxSteps(step))
		require.NoError(t, err)
		paths[step] = res.Checkpoint
	}
	return est, paths
}

// candidate is a checkpoint with a loss, offered to the exporter of a name.
func candidate(est *estimator.Estimator, paths map[int64]string, name string, step int64, loss float64) estimator.ExportCandidate {
	return estimator.ExportCandidate{
		Estimator: est, Dir: est.ExportDir(name), Checkpoint: paths[step], Step: step, Metrics: estimator.Metrics{"loss": loss, "global_step": float64(step)},
	}
}

func export(t testing.TB, x estimator.Exporter, c estimator.ExportCandidate) string {
	t.Helper()
	path, err := x.Export(ctx, c)
	require.NoError(t, err)
	if path != "" {
		require.Equal(t, filepath.Join(c.Dir, fmt.Sprint(c.Step)), path)
		info, err := estimator.ReadExport(path)
		require.NoError(t, err)
		require.Equal(t, c.Step, info.Step)
		require.Equal(t, c.Metrics, info.Metrics)
	}
	return path
}

func numbers(t testing.TB, dir string) (all []int64) {
	t.Helper()
	versions, err := exporters.Versions(dir)
	require.NoError(t, err)
	for _, v := range versions {
		all = append(all, v.Number)
	}
	return all
}

// An export predicts what the model predicted, to the bit, has no optimizer's slots, and
// says what it is.
func TestExportPredicts(t *testing.T) {
	est, paths := trained(t, 40)
	want, err := est.PredictAll(points().Batch(4))
	require.NoError(t, err)
	path := export(t, exporters.Final("final"), func() estimator.ExportCandidate {
		c := candidate(est, paths, "final", 40, 0.5)
		c.Final = true
		return c
	}())
	// The directory can be moved.
	moved := filepath.Join(t.TempDir(), "served")
	require.NoError(t, os.Rename(path, moved))
	served := newEstimator(t, moved)
	got, err := served.PredictAll(points().Batch(4))
	require.NoError(t, err)
	require.Equal(t, want, got)
	names, err := served.VariableNames()
	require.NoError(t, err)
	require.Equal(t, []string{"dense/bias", "dense/kernel", "global_step"}, names)
	info, err := estimator.ReadExport(moved)
	require.NoError(t, err)
	require.Equal(t, &estimator.ExportInfo{
		Path: moved, Checkpoint: filepath.Join(moved, "model.ckpt-40.safetensors"), Step: 40,
		Features:    map[string]datasets.TensorSpec{"x": {Dtype: tensor.Float32, Shape: tensor.Shape{1}}},
		Labels:      map[string]datasets.TensorSpec{"y": {Dtype: tensor.Float32, Shape: tensor.Shape{1}}},
		Predictions: map[string]datasets.TensorSpec{"y": {Dtype: tensor.Float32, Shape: tensor.Shape{1}}},
		Metrics:     estimator.Metrics{"loss": 0.5, "global_step": 40},
	}, info)
	_, err = saver.Check(moved)
	require.NoError(t, err)
	// It evaluates too. Training it further would need the slots.
	_, err = served.Evaluate(points().Batch(4))
	require.NoError(t, err)
	_, err = served.Fit(points().Batch(4), estimator.Steps(1))
	require.ErrorIs(t, err, saver.ErrMismatch)
	// What it was trained on is known.
	_, err = served.PredictAll(datasets.FromTensors([][]float32{{1, 2}}, nil).Batch(1))
	require.ErrorIs(t, err, estimator.ErrIncompatible)
}

func TestLatest(t *testing.T) {
	est, paths := trained(t, 1, 2, 9, 10)
	x := exporters.Latest("latest", exporters.Keep(2))
	for _, step := range []int64{1, 2, 9, 10} {
		require.NotEmpty(t, export(t, x, candidate(est, paths, "latest", step, 1)))
	}
	require.Equal(t, []int64{9, 10}, numbers(t, est.ExportDir("latest")), "numbers, not texts")
	// A run that went back: what was just exported is kept too.
	export(t, x, candidate(est, paths, "latest", 1, 1))
	require.Equal(t, []int64{1, 9, 10}, numbers(t, est.ExportDir("latest")))
	all := exporters.Latest("all", exporters.Keep(0))
	for _, step := range []int64{1, 2, 9, 10} {
		export(t, all, candidate(est, paths, "all", step, 1))
	}
	require.Len(t, numbers(t, est.ExportDir("all")), 4)
}

// Neither a restart nor a damaged note makes the best exporter export something worse.
func TestBest(t *testing.T) {
	losses := map[int64]float64{1: 0.5, 2: 0.6, 3: 0.4, 4: math.NaN(), 5: 0.4, 6: 0.45, 7: 0.3}
	note := func(dir string) string { return filepath.Join(dir, "best.json") }
	for name, between := range map[string]func(t *testing.T, dir string){
		"undisturbed":         func(*testing.T, string) {},
		"the note is lost":    func(t *testing.T, dir string) { os.Remove(note(dir)) },
		"the note is damaged": func(t *testing.T, dir string) { require.NoError(t, os.WriteFile(note(dir), []byte("{"), 0o600)) },
		"the exports are taken away": func(t *testing.T, dir string) {
			for _, n := range numbers(t, dir) {
				require.NoError(t, os.RemoveAll(filepath.Join(dir, fmt.Sprint(n))))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			est, paths := trained(t, 1, 2, 3, 4, 5, 6, 7)
			var exported []int64
			for step := int64(1); step <= 7; step++ {
				x := exporters.Best("best", estimator.Least("loss"), exporters.Keep(1)) // each time a new process
				if export(t, x, candidate(est, paths, "best", step, losses[step])) != "" {
					exported = append(exported, step)
				}
				if step >= 3 {
					between(t, est.ExportDir("best"))
				}
			}
			require.Equal(t, []int64{1, 3, 7}, exported)
		})
	}
}

func TestBestBy(t *testing.T) {
	est, paths := trained(t, 1, 2, 3)
	x := exporters.BestBy("best", func(best, current estimator.Metrics) (bool, error) { return current["loss"] > best["loss"]+1, nil })
	require.NotEmpty(t, export(t, x, candidate(est, paths, "best", 1, 1)))
	require.Empty(t, export(t, x, candidate(est, paths, "best", 2, 2)))
	require.NotEmpty(t, export(t, x, candidate(est, paths, "best", 3, 2.5)))
	c := candidate(est, paths, "best", 3, 1)
	c.Metrics = estimator.Metrics{"accuracy": 1}
	_, err := exporters.Best("best", estimator.Least("loss")).Export(ctx, c)
	require.ErrorContains(t, err, `the metric "loss" is missing`)
	require.ErrorContains(t, err, `["accuracy"]`)
}

func TestSteps(t *testing.T) {
	est, paths := trained(t, 5, 10, 12, 15, 30, 35)
	var exported []int64
	for _, step := range []int64{5, 10, 12, 15, 30, 35} {
		x := exporters.Steps("steps", []int64{20, 10, 14, 25})
		if export(t, x, candidate(est, paths, "steps", step, 1)) != "" {
			exported = append(exported, step)
		}
	}
	require.Equal(t, []int64{10, 15, 30}, exported, "30 stands for 20 and 25")
}

// Final exports every time it is told that training has ended: a fit that goes on later
// ends anew.
func TestFinal(t *testing.T) {
	est, paths := trained(t, 1, 2)
	x := exporters.Final("final")
	for _, step := range []int64{1, 2} {
		c := candidate(est, paths, "final", step, 1)
		require.Empty(t, export(t, x, c))
		c.Final = true
		require.NotEmpty(t, export(t, x, c))
	}
	require.Equal(t, []int64{1, 2}, numbers(t, est.ExportDir("final")))
}

// An export appears whole: what Finish adds is in it, and when that fails, or a process
// dies before, there is none.
func TestFinish(t *testing.T) {
	est, paths := trained(t, 1, 2)
	words := func(dir string) error { return os.WriteFile(filepath.Join(dir, "words.txt"), []byte("a\nb\n"), 0o600) }
	x := exporters.Latest("latest", exporters.Finish(words))
	path := export(t, x, candidate(est, paths, "latest", 1, 1))
	require.FileExists(t, filepath.Join(path, "words.txt"))
	broken := errors.New("no words")
	_, err := exporters.Latest("latest", exporters.Finish(func(string) error { return broken })).Export(ctx, candidate(est, paths, "latest", 2, 1))
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, paths[2])
	dir := est.ExportDir("latest")
	require.Equal(t, []int64{1}, numbers(t, dir))
	require.NoDirExists(t, filepath.Join(dir, "temp-2"))
	for _, left := range []string{"temp-7", "temp-old-3"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, left), 0o777))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "temp-mine"), 0o777))
	export(t, x, candidate(est, paths, "latest", 2, 1))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Equal(t, []string{"1", "2", "temp-mine"}, names)
}

// An export of the same step and variables stays as it is; one of another run goes.
func TestExportAgain(t *testing.T) {
	est, paths := trained(t, 3)
	c := candidate(est, paths, "latest", 3, 1)
	x := exporters.Latest("latest")
	path := export(t, x, c)
	before, err := os.Stat(path)
	require.NoError(t, err)
	export(t, x, c)
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after))
	other := newEstimator(t, t.TempDir(), estimator.Seed(2))
	res, err := other.Fit(points().Batch(4).Repeat(-1), estimator.MaxSteps(3))
	require.NoError(t, err)
	c.Estimator, c.Checkpoint = other, res.Checkpoint
	export(t, x, c)
	want, err := other.PredictAll(points().Batch(4))
	require.NoError(t, err)
	got, err := newEstimator(t, path).PredictAll(points().Batch(4))
	require.NoError(t, err)
	require.Equal(t, want, got)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// All of it in one run.
func TestInTrainAndEvaluate(t *testing.T) {
	est := newEstimator(t, t.TempDir(), estimator.SaveCheckpointsSteps(20))
	spec := estimator.NewEvalSpec("test", points().Batch(4), estimator.Exporters(
		exporters.Final("final"), exporters.Latest("latest", exporters.Keep(2)), exporters.Best("best", estimator.Least("loss")), exporters.Steps("steps", []int64{30})))
	res, err := est.TrainAndEvaluate(estimator.NewTrainSpec(points().Batch(4).Repeat(-1), estimator.MaxSteps(90)), spec)
	require.NoError(t, err)
	require.Equal(t, []int64{90}, numbers(t, est.ExportDir("final")))
	require.Equal(t, []int64{80, 90}, numbers(t, est.ExportDir("latest")))
	require.Equal(t, []int64{40}, numbers(t, est.ExportDir("steps")))
	best, at := math.Inf(1), int64(0)
	for _, e := range res.Evaluations {
		if e.Metrics["loss"] < best {
			best, at = e.Metrics["loss"], e.Step
		}
	}
	require.Contains(t, numbers(t, est.ExportDir("best")), at)
	require.Contains(t, res.Exports, filepath.Join(est.ExportDir("final"), "90"))
	require.Equal(t, 1, est.Stats(estimator.Eval).Compiles)
}

func TestBadInput(t *testing.T) {
	for want, x := range map[string]estimator.Exporter{
		"Keep(-1)":                         exporters.Latest("x", exporters.Keep(-1)),
		"Best: the metric's name is empty": exporters.Best("x", estimator.Least("")),
		"BestBy: the function is nil":      exporters.BestBy("x", nil),
		"Steps: there are no steps":        exporters.Steps("x", nil),
		"Steps: 0, want steps of at least": exporters.Steps("x", []int64{5, 0}),
		`exporter 0 has the name ""`:       exporters.Final(""),
		`there is no metric "accuracy"`:    exporters.Best("x", estimator.Greatest("accuracy")),
	} {
		dir := filepath.Join(t.TempDir(), "model")
		_, err := newEstimator(t, dir).TrainAndEvaluate(estimator.NewTrainSpec(points().Batch(4)), estimator.NewEvalSpec("test", points().Batch(4), estimator.Exporters(x), estimator.At(hooks.Never())))
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, `"test"`)
		require.NoDirExists(t, dir)
	}
}

// What is no checkpoint of an estimator, or no export, is named.
func TestBadFiles(t *testing.T) {
	est, paths := trained(t, 1)
	dir := t.TempDir()
	s, err := saver.New(dir)
	require.NoError(t, err)
	foreign, err := s.Save(ctx, saver.Checkpoint{Step: 5, Tensors: map[string]*tensor.Dense{"w": tensor.New(tensor.WithShape(2), tensor.Of(tensor.Float32))}})
	require.NoError(t, err)
	missing := filepath.Join(dir, "model.ckpt-9.safetensors")
	for path, want := range map[string]string{foreign: "does not say what it was trained on", missing: "no such file"} {
		_, err := est.ExportCheckpoint(ctx, path, t.TempDir(), estimator.ExportExtras{})
		require.ErrorContains(t, err, "estimator: exporting "+path)
		require.ErrorContains(t, err, want)
	}
	quiet := estimator.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	wide, err := estimator.New(func(g *graph.Graph, features, _ graph.Nodes, _ estimator.Mode) (*estimator.Spec, error) {
		return &estimator.Spec{Predictions: graph.Nodes{"y": nn.Dense(g, features.One(), 2)}}, nil
	}, quiet)
	require.NoError(t, err)
	_, err = wide.ExportCheckpoint(ctx, paths[1], t.TempDir(), estimator.ExportExtras{})
	require.ErrorIs(t, err, saver.ErrMismatch)
	require.NoError(t, wide.Close())
	_, err = wide.ExportCheckpoint(ctx, paths[1], t.TempDir(), estimator.ExportExtras{})
	require.ErrorIs(t, err, estimator.ErrClosed)
	path := export(t, exporters.Latest("latest"), candidate(est, paths, "latest", 1, 1))
	description := filepath.Join(path, "export.json")
	for text, want := range map[string]string{
		`{`:                                "unexpected end",
		`{"format":2}`:                     "format is 2, expected 1 to 1",
		`{"format":1,"checkpoint":"../x"}`: "expected the name of a file",
		`{"format":1,"checkpoint":"x"}`:    "the signature is missing",
		`{"format":1,"checkpoint":"x","signature":{}}`:                                     "no such file",
		`{"format":1,"checkpoint":"x","signature":{"features":{"x":{"dtype":"float16"}}}}`: `feature "x" has dtype "float16", which is none`,
	} {
		require.NoError(t, os.WriteFile(description, []byte(text), 0o600))
		_, err := estimator.ReadExport(path)
		require.ErrorContains(t, err, path+" is not an export")
		require.ErrorContains(t, err, want)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = est.ExportCheckpoint(cancelled, paths[1], dir, estimator.ExportExtras{})
	require.ErrorIs(t, err, context.Canceled)
	require.NoDirExists(t, filepath.Join(dir, "temp-1"))
}
