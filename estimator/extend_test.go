package estimator_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/saver"
)

func TestAddMetrics(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir, estimator.SaveCheckpointsSteps(3))
	fit(t, est, endless(), estimator.Steps(4))
	plain, err := est.Evaluate(flowers().Batch(batch))
	require.NoError(t, err)
	more, err := estimator.AddMetrics(est, func(g *graph.Graph, features, labels, predictions graph.Nodes) (map[string]metrics.Metric, error) {
		require.Equal(t, []string{"x"}, features.Names())
		require.Len(t, labels, 1)
		require.Equal(t, []string{"class", "probabilities"}, predictions.Names())
		return map[string]metrics.Metric{
			"confidence": metrics.Mean(ops.Mean(g, predictions["probabilities"])),
			"accuracy":   metrics.Mean(ops.Mean(g, ops.Mul(g, features.One(), g.NamedConstant("zero", float32(0))))),
		}, nil
	})
	require.NoError(t, err)
	defer more.Close()
	require.Equal(t, est.Config(), more.Config())
	ev, err := more.Evaluate(flowers().Batch(batch))
	require.NoError(t, err)
	require.InDelta(t, 1.0/3, ev["confidence"], 1e-6)
	require.Equal(t, 0.0, ev["accuracy"], "it replaces the model's")
	require.Equal(t, plain["loss"], ev["loss"])
	again, err := est.Evaluate(flowers().Batch(batch))
	require.NoError(t, err)
	require.Equal(t, plain, again, "the first estimator is as it was")
	beside, err := estimator.AddMetrics(est, func(_ *graph.Graph, _, labels, _ graph.Nodes) (map[string]metrics.Metric, error) {
		return map[string]metrics.Metric{"confidence": metrics.Mean(labels.One())}, nil
	})
	require.NoError(t, err)
	defer beside.Close()
	ev, err = beside.Evaluate(flowers().Batch(batch))
	require.NoError(t, err)
	require.Equal(t, plain["accuracy"], ev["accuracy"])
	// It trains and predicts like the other, in the same directory.
	fit(t, more, endless(), estimator.Steps(1))
	require.EqualValues(t, 5, stepOf(t, dir))
	a, err := est.PredictBatch(row(3))
	require.NoError(t, err)
	b, err := more.PredictBatch(row(3))
	require.NoError(t, err)
	require.Equal(t, a["probabilities"].Data(), b["probabilities"].Data())

	wrong := errors.New("no such metric")
	failing, err := estimator.AddMetrics(est, func(*graph.Graph, graph.Nodes, graph.Nodes, graph.Nodes) (map[string]metrics.Metric, error) {
		return nil, wrong
	})
	require.NoError(t, err)
	defer failing.Close()
	_, err = failing.Evaluate(flowers().Batch(batch))
	require.ErrorIs(t, err, wrong)
	require.ErrorContains(t, err, "AddMetrics")
	reserved, err := estimator.AddMetrics(est, func(_ *graph.Graph, _, labels, _ graph.Nodes) (map[string]metrics.Metric, error) {
		return map[string]metrics.Metric{"loss": metrics.Mean(labels.One())}, nil
	})
	require.NoError(t, err)
	defer reserved.Close()
	_, err = reserved.Evaluate(flowers().Batch(batch))
	require.ErrorContains(t, err, `"loss" is reserved`)
	_, err = estimator.AddMetrics(nil, nil)
	require.ErrorContains(t, err, "nil")
	_, err = estimator.AddMetrics(est, nil)
	require.ErrorContains(t, err, "nil")
}

func TestForwardFeatures(t *testing.T) {
	// Two features, of which the model uses one.
	spec := datasets.Spec{Features: map[string]datasets.TensorSpec{"x": {Dtype: tensor.Float32}, "id": {Dtype: tensor.Int64}}}
	input := func() *datasets.Dataset {
		done := false
		return datasets.Func(spec, func() (datasets.Batch, error) {
			if done {
				return datasets.Batch{}, os.ErrDeadlineExceeded
			}
			done = true
			return datasets.Batch{Features: map[string]*tensor.Dense{
				"x": tensor.New(tensor.WithBacking([]float32{1, 2})), "id": tensor.New(tensor.WithBacking([]int64{70, 80})),
			}}, nil
		}).Take(1)
	}
	fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		s, err := counter(g, features, labels, mode)
		s.Predictions = graph.Nodes{"y": ops.Add(g, features["x"], g.NamedConstant("half", float32(0.5)))}
		s.ExportOutputs = map[string]estimator.ExportOutput{
			"serving_default": estimator.PredictOutput{Outputs: graph.Nodes{"y": s.Predictions["y"]}},
			"value":           estimator.RegressionOutput{Value: s.Predictions["y"]},
		}
		return s, err
	}
	est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()))
	fit(t, est, input())
	predict := func(keys ...string) ([]estimator.Row, error) {
		forward, err := estimator.ForwardFeatures(est, keys...)
		require.NoError(t, err)
		defer forward.Close()
		return forward.PredictAll(input())
	}
	rows, err := predict("id")
	require.NoError(t, err)
	require.Equal(t, []estimator.Row{{"y": float32(1.5), "id": int64(70)}, {"y": float32(2.5), "id": int64(80)}}, rows)
	rows, err = predict()
	require.NoError(t, err)
	require.Equal(t, estimator.Row{"y": float32(2.5), "id": int64(80), "x": float32(2)}, rows[1])
	rows, err = est.PredictAll(input())
	require.NoError(t, err)
	require.Equal(t, estimator.Row{"y": float32(1.5)}, rows[0], "the first estimator is as it was")
	_, err = predict("id", "name")
	require.ErrorContains(t, err, `ForwardFeatures: there is no feature "name", have ["id" "x"]`)

	g := graph.New()
	x, id := g.Placeholder("x", tensor.Float32, 2), g.Placeholder("id", tensor.Int64, 2)
	s, err := estimator.Forwarding(fn, nil)(g, graph.Nodes{"x": x, "id": id}, nil, estimator.Infer)
	require.NoError(t, err)
	all := graph.Nodes{"x": x, "id": id, "y": s.Predictions["y"]}
	require.Equal(t, map[string]estimator.ExportOutput{
		"serving_default": estimator.PredictOutput{Outputs: all}, "value": estimator.RegressionOutput{Value: all["y"]},
	}, s.ExportOutputs)
	inner, err := estimator.ForwardFeatures(est, "id")
	require.NoError(t, err)
	defer inner.Close()
	_, err = estimator.ForwardFeatures(nil)
	require.ErrorContains(t, err, "nil")
	twice, err := estimator.ForwardFeatures(inner, "id")
	require.NoError(t, err)
	defer twice.Close()
	_, err = twice.PredictAll(input())
	require.ErrorContains(t, err, `ForwardFeatures: there is a prediction "id" already, have ["id" "y"]`)
}

func TestClone(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir, estimator.SaveCheckpointsSteps(3), estimator.TFConfig(`{"cluster": `+oneTask+`, "task": {"type": "chief", "index": 0}}`))
	same, err := est.Clone()
	require.NoError(t, err)
	defer same.Close()
	require.Equal(t, est.Config(), same.Config())
	other, err := est.Clone(estimator.ModelDir(filepath.Join(dir, "other")), estimator.Seed(8), estimator.SaveCheckpointsSecs(9))
	require.NoError(t, err)
	defer other.Close()
	require.EqualValues(t, 8, other.Config().Seed)
	require.Equal(t, 9.0, other.Config().SaveCheckpointsSecs)
	require.Zero(t, other.Config().SaveCheckpointsSteps)
	require.EqualValues(t, 7, est.Config().Seed)
	fit(t, other, endless(), estimator.Steps(1))
	_, err = est.GlobalStep()
	require.ErrorIs(t, err, estimator.ErrNotFitted)
	for _, opt := range []estimator.Option{estimator.Config(configOf(t, "")), estimator.TFConfig(""), estimator.Workers(-1), estimator.WarmStartFrom("")} {
		_, err = est.Clone(opt)
		require.ErrorContains(t, err, "estimator: Clone: ")
	}
}

// What extends an estimator without a model directory shares the temporary one.
func TestExtendWithoutADirectory(t *testing.T) {
	est := newEstimator(t, counter)
	more, err := estimator.ForwardFeatures(newEstimator(t, scalarX(1)))
	require.NoError(t, err)
	defer more.Close()
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(more.ModelDir())) })
	require.DirExists(t, more.ModelDir())
	added, err := estimator.AddMetrics(est, func(*graph.Graph, graph.Nodes, graph.Nodes, graph.Nodes) (map[string]metrics.Metric, error) {
		return nil, nil
	})
	require.NoError(t, err)
	defer added.Close()
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(est.ModelDir())) })
	require.Equal(t, est.ModelDir(), added.ModelDir())
	fit(t, est, ones(), estimator.Steps(2))
	ev, err := added.Evaluate(ones(), estimator.Steps(1))
	require.NoError(t, err)
	require.Equal(t, estimator.Metrics{"loss": 2, "global_step": 2}, ev)
}

func TestCheckpointsOfAnEstimator(t *testing.T) {
	est := countingIn(t, t.TempDir(), estimator.SaveCheckpointsSteps(2))
	fit(t, est, ones(), estimator.Steps(5))
	n := 0
	for path, err := range est.Checkpoints(ctx, saver.Timeout(0)) {
		require.NoError(t, err)
		require.Equal(t, est.LatestCheckpoint(), path)
		ev, err := est.Evaluate(ones(), estimator.Steps(1), estimator.CheckpointPath(path))
		require.NoError(t, err)
		require.Equal(t, 5.0, ev["global_step"])
		n++
	}
	require.Equal(t, 1, n)
	for _, err := range newEstimator(t, counter).Checkpoints(ctx, saver.Timeout(time.Hour)) {
		require.ErrorIs(t, err, estimator.ErrNotFitted)
	}
}

func TestPredictOptions(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir, estimator.SaveCheckpointsSteps(2))
	fit(t, est, endless(), estimator.Steps(2))
	early, err := est.PredictAll(flowers().Batch(batch))
	require.NoError(t, err)
	fit(t, est, endless(), estimator.Steps(2))
	late, err := est.PredictAll(flowers().Batch(batch))
	require.NoError(t, err)
	path := filepath.Join(dir, "model.ckpt-2.safetensors")
	for _, est := range []*estimator.Estimator{est, newEstimator(t, classifier)} {
		got, err := est.PredictAll(flowers().Batch(batch), estimator.CheckpointPath(path))
		require.NoError(t, err)
		require.Equal(t, early, got)
	}
	got, err := est.PredictAll(flowers().Batch(batch))
	require.NoError(t, err)
	require.Equal(t, late, got)
	require.NotEqual(t, early, late)

	runs := 0
	for r, err := range est.Predict(flowers().Batch(batch), nil, estimator.PredictKeys("class")) {
		require.NoError(t, err)
		require.Equal(t, estimator.Row{"class": late[runs]["class"]}, r)
		runs++
	}
	require.Equal(t, rows, runs)
	for want, opt := range map[string]estimator.PredictOption{
		`PredictKeys: there is no prediction "clas", have ["class" "probabilities"]`: estimator.PredictKeys("class", "clas"),
		`PredictKeys: there are none, want at least one of`:                          estimator.PredictKeys(),
		"CheckpointPath: ": estimator.CheckpointPath(dir),
	} {
		_, err = est.PredictAll(flowers(), opt)
		require.ErrorContains(t, err, "estimator: Predict: ")
		require.ErrorContains(t, err, want)
	}
	_, err = est.PredictAll(datasets.FromTensors([][]float32{{1, 2, 3}}, nil), estimator.CheckpointPath(path))
	require.ErrorIs(t, err, estimator.ErrIncompatible)
	unlabelled, err := est.PredictAll(datasets.FromTensors([][]float32{row(0)["x"].Float32s()}, nil), estimator.CheckpointPath(path))
	require.NoError(t, err)
	require.Equal(t, early[:1], unlabelled)
	var last error
	for _, last = range est.Predict(flowers().Batch(batch), estimator.CheckpointPath(path)) {
		require.NoError(t, est.Close())
	}
	require.ErrorIs(t, last, estimator.ErrClosed)
}
