package estimator_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/summaries"
)

// matrix is a tensor of one column.
func matrix(x ...float32) *tensor.Dense {
	return tensor.New(tensor.WithShape(len(x), 1), tensor.WithBacking(x))
}

func TestConformanceJ(t *testing.T) {
	t.Run("J2", func(t *testing.T) {
		_, err := estimator.New(nil)
		require.ErrorContains(t, err, "model function is nil")
		_, err = estimator.New(counter, estimator.Config(nil))
		require.ErrorContains(t, err, "Config: nil, want a RunConfig")
		_, err = estimator.New(counter, estimator.ModelDir("one"), estimator.Config(configOf(t, "", estimator.ModelDir("other"))))
		require.ErrorContains(t, err, "ModelDir: set both in constructor and RunConfig, but with different values")
		est := newEstimator(t, counter, estimator.ModelDir("one"), estimator.Config(configOf(t, "", estimator.ModelDir("one"))))
		require.Equal(t, "one", est.ModelDir())
		// Go's types see to the forms of the arguments, but not to params that nobody reads.
		_, err = countingIn(t, t.TempDir(), estimator.Params(map[string]any{"units": 4})).Fit(ones(), estimator.Steps(1))
		require.ErrorContains(t, err, `it has Params ["units"] but reads none of them`)
	})
	t.Run("J3", func(t *testing.T) {
		params := map[string]any{"hidden_layers": 4, "units": []int{1}}
		option := estimator.Params(params)
		params["hidden_layers"] = 5
		params["units"].([]int)[0] = 2
		est := newEstimator(t, counter, option)
		require.Equal(t, map[string]any{"hidden_layers": 4, "units": []int{1}}, est.Params())
		est.Params()["hidden_layers"] = 6
		require.Equal(t, 4, est.Params()["hidden_layers"])
	})
	t.Run("J6", func(t *testing.T) {
		var calls counted
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			require.Equal(t, mode == estimator.Train, g.Training())
			require.Equal(t, mode == estimator.Infer, len(labels) == 0)
			require.Equal(t, 4, g.IntParam("hidden_layers"))
			require.EqualValues(t, 7, g.Seed())
			return classifier(g, features, labels, mode)
		}
		est := newEstimator(t, calls.wrap(fn), estimator.ModelDir(t.TempDir()), estimator.Params(map[string]any{"hidden_layers": 4}))
		fit(t, est, endless(), estimator.Steps(2))
		_, err := est.Evaluate(flowers().Batch(4))
		require.NoError(t, err)
		_, err = est.PredictAll(flowers().Batch(4))
		require.NoError(t, err)
		require.EqualValues(t, 1, calls.train.Load())
		require.EqualValues(t, 1, calls.eval.Load())
		require.EqualValues(t, 1, calls.infer.Load())
		require.Equal(t, []estimator.Mode{"train", "eval", "infer"}, []estimator.Mode{estimator.Train, estimator.Eval, estimator.Infer})
	})
	t.Run("J8", func(t *testing.T) {
		dir := t.TempDir()
		est := countingIn(t, dir)
		fit(t, est, ones(), estimator.Steps(5))
		require.EqualValues(t, 5, stepOf(t, dir))
		fit(t, est, ones(), estimator.Steps(5))
		require.EqualValues(t, 10, stepOf(t, dir))
	})
	t.Run("J9", func(t *testing.T) {
		dir := t.TempDir()
		for range 2 {
			fit(t, countingIn(t, dir), ones(), estimator.MaxSteps(5))
			require.EqualValues(t, 5, stepOf(t, dir))
		}
	})
	t.Run("J10", func(t *testing.T) {
		est := countingIn(t, t.TempDir())
		for _, n := range []int64{0, -1} {
			_, err := est.Fit(ones(), estimator.Steps(n))
			require.ErrorContains(t, err, "must specify steps > 0")
			_, err = est.Fit(ones(), estimator.MaxSteps(n))
			require.ErrorContains(t, err, "must specify max_steps > 0")
			_, err = est.Evaluate(ones(), estimator.Steps(n))
			require.ErrorContains(t, err, "must specify steps > 0")
		}
	})
	t.Run("J11", func(t *testing.T) {
		dir := t.TempDir()
		fit(t, countingIn(t, dir, estimator.SaveSummarySteps(1)), ones(), estimator.Steps(1))
		steps, values, err := summaries.Scalars(dir, "loss")
		require.NoError(t, err)
		require.Equal(t, []int64{1}, steps)
		require.Equal(t, []float64{2}, values)
	})
	t.Run("J14", func(t *testing.T) {
		from, dir := t.TempDir(), t.TempDir()
		fit(t, newEstimator(t, scalarX(42), estimator.ModelDir(from)), ones(), estimator.Steps(10))
		est := newEstimator(t, scalarX(36), estimator.ModelDir(dir), estimator.WarmStartFrom(from))
		fit(t, est, ones(), estimator.Steps(5))
		require.Equal(t, []float32{42}, firstOf(t, est, "x"))
		require.EqualValues(t, 5, stepOf(t, dir))
	})
	t.Run("J16", func(t *testing.T) {
		dir, r := t.TempDir(), &recorder{}
		listener := hooks.Funcs{OnSaved: func(step int64, path string) error {
			ckpt, err := saver.Load(path) // it is durable by now
			require.NoError(t, err)
			require.Equal(t, step, ckpt.Step)
			return nil
		}}
		fit(t, countingIn(t, dir, estimator.SaveCheckpointsSteps(10)), ones(), estimator.Steps(26), estimator.Monitors(r, listener))
		require.Equal(t, []int64{0, 10, 20, 26}, r.saves)
	})
	t.Run("J18", func(t *testing.T) {
		_, err := countingIn(t, t.TempDir()).Fit(ones(), estimator.Steps(1), estimator.Monitors(nil))
		require.ErrorContains(t, err, "monitor 0 is nil")
	})
	t.Run("J22", func(t *testing.T) {
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			g.Variable("one", tensor.Float32, nil, nn.Constant(1))
			g.Variable("three", tensor.Float32, nil, nn.Constant(3))
			return counter(g, features, labels, mode)
		}
		est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()))
		_, err := est.VariableNames()
		require.ErrorContains(t, err, "find a trained model")
		_, err = est.VariableValue("one")
		require.ErrorContains(t, err, "find a trained model")
		fit(t, est, ones(), estimator.Steps(1))
		names, err := est.VariableNames()
		require.NoError(t, err)
		require.Equal(t, []string{"global_step", "one", "three"}, names)
		for name, want := range map[string]any{"one": float32(1), "three": float32(3), "global_step": int64(1)} {
			v, err := est.VariableValue(name)
			require.NoError(t, err)
			require.Equal(t, want, v.Data())
		}
	})
	// sum is a model whose loss is the mean over rows of features plus labels; it
	// predicts the features.
	sum := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		spec := &estimator.Spec{Predictions: features}
		if mode != estimator.Infer {
			spec.Loss = ops.Mean(g, ops.Add(g, features.One(), labels.One()))
		}
		if mode == estimator.Train {
			spec.TrainOp = countSteps(g)
		}
		return spec, nil
	}
	t.Run("J23", func(t *testing.T) {
		est := newEstimator(t, sum, estimator.ModelDir(t.TempDir()))
		input := datasets.FromTensors([]float32{1}, []float32{2})
		fit(t, est, input)
		ev, err := est.Evaluate(input)
		require.NoError(t, err)
		require.Equal(t, 3.0, ev["loss"])
	})
	t.Run("J24", func(t *testing.T) {
		est := newEstimator(t, sum, estimator.ModelDir(t.TempDir()))
		input := datasets.FromTensors(matrix(1, 2), matrix(10, 20)).Batch(1)
		require.EqualValues(t, 2, fit(t, est, input).LastStep)
		ev, err := est.Evaluate(input)
		require.NoError(t, err)
		require.Equal(t, 16.5, ev["loss"])
		rows, err := est.PredictAll(input)
		require.NoError(t, err)
		require.Len(t, rows, 2)
		for i, want := range []float32{1, 2} {
			require.Equal(t, []float32{want}, rows[i]["x"].(*tensor.Dense).Data())
		}
	})
	t.Run("J25", func(t *testing.T) {
		est := newEstimator(t, counter, estimator.ModelDir("some_path"))
		require.Equal(t, filepath.Join("some_path", "eval"), est.EvalDir(""))
		require.Equal(t, filepath.Join("some_path", "eval_a_name"), est.EvalDir("a_name"))
	})
	t.Run("J27", func(t *testing.T) {
		from := t.TempDir()
		fit(t, newEstimator(t, scalarX(42), estimator.ModelDir(from)), ones(), estimator.Steps(1))
		est := newEstimator(t, scalarX(36), estimator.ModelDir(t.TempDir()), estimator.WarmStartFrom(from))
		ev, err := est.Evaluate(ones(), estimator.Steps(1))
		require.NoError(t, err)
		require.Equal(t, estimator.Metrics{"loss": 43, "global_step": 0}, ev)
		rows, err := est.PredictAll(numbers(7))
		require.NoError(t, err)
		require.Equal(t, []estimator.Row{{"y": float32(42)}}, rows)
	})
	t.Run("J28", func(t *testing.T) {
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			spec, err := counter(g, features, labels, mode)
			spec.Metrics = map[string]metrics.Metric{
				"metric":  metrics.Mean(spec.Loss),
				"metric2": metrics.Mean(g.NamedConstant("three", float32(3))),
			}
			return spec, err
		}
		est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()))
		fit(t, est, ones(), estimator.Steps(5))
		ev, err := est.Evaluate(ones(), estimator.Steps(1))
		require.NoError(t, err)
		require.Equal(t, estimator.Metrics{"loss": 2, "metric": 2, "metric2": 3, "global_step": 5}, ev)
	})
	t.Run("J31", func(t *testing.T) {
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			if mode != estimator.Eval {
				return counter(g, features, labels, mode)
			}
			local := g.LocalVariable("local", tensor.Float32, nil, nn.Zeros())
			return &estimator.Spec{Loss: ops.AssignAdd(g, local, g.NamedConstant("two", float32(2)))}, nil
		}
		est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()))
		fit(t, est, ones(), estimator.Steps(5))
		for range 2 { // losses 2, 4, 6, 8, 10 each time
			ev, err := est.Evaluate(ones(), estimator.Steps(5))
			require.NoError(t, err)
			require.Equal(t, 6.0, ev["loss"])
		}
	})
	t.Run("J36", func(t *testing.T) {
		// A vector's elements are curves of their own, which TensorBoard shows as such.
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			spec, err := counter(g, features, labels, mode)
			three := g.NamedConstant("three", tensor.New(tensor.WithBacking([]float32{1, 2, 3})))
			spec.Metrics = map[string]metrics.Metric{"foo": metrics.MeanTensor(three)}
			return spec, err
		}
		est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()))
		fit(t, est, ones(), estimator.Steps(2))
		ev, err := est.Evaluate(ones(), estimator.Steps(1))
		require.NoError(t, err)
		for i, tag := range []string{"foo/0", "foo/1", "foo/2"} {
			require.Equal(t, float64(i+1), ev[tag])
			steps, values, err := summaries.Scalars(est.EvalDir(""), tag)
			require.NoError(t, err)
			require.Equal(t, []int64{2}, steps)
			require.Equal(t, []float64{float64(i + 1)}, values)
		}
	})
	t.Run("J38", func(t *testing.T) {
		est := countingIn(t, t.TempDir())
		for path, want := range map[string]string{
			est.LatestCheckpoint(): "couldn't find a trained model", // which is ""
			"no/such/file":         "no/such/file",
		} {
			n := 0
			for _, err := range est.Predict(numbers(1), estimator.CheckpointPath(path)) {
				require.ErrorContains(t, err, want)
				n++
			}
			require.Equal(t, 1, n)
		}
	})
	t.Run("J39", func(t *testing.T) {
		est := fitted(t)
		calls := 0
		seq := est.Predict(reading(1000, nil, &calls)) // two rows a batch
		runs := []int64{est.Stats(estimator.Infer).Runs}
		for _, err := range seq {
			require.NoError(t, err)
			if runs = append(runs, est.Stats(estimator.Infer).Runs); len(runs) == 4 {
				break
			}
		}
		require.Equal(t, []int64{0, 1, 1, 2}, runs)
	})
	t.Run("J40", func(t *testing.T) {
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			spec, err := counter(g, features, labels, mode)
			spec.Predictions = graph.Nodes{"y1": features.One(), "y2": ops.Sub(g, features.One(), g.NamedConstant("ten", float32(10)))}
			return spec, err
		}
		est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()))
		input := datasets.FromTensors(matrix(10, 12), nil).Batch(2)
		fit(t, est, input)
		rows, err := est.PredictAll(input)
		require.NoError(t, err)
		var got [][2][]float32
		for _, r := range rows {
			got = append(got, [2][]float32{r["y1"].(*tensor.Dense).Float32s(), r["y2"].(*tensor.Dense).Float32s()})
		}
		require.Equal(t, [][2][]float32{{{10}, {0}}, {{12}, {2}}}, got)
	})
	t.Run("J41", func(t *testing.T) {
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			spec, err := counter(g, features, labels, mode)
			table := func(name string, shape ...int) *tensor.Dense {
				return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
			}
			spec.Predictions = graph.Nodes{
				"y1": ops.Neg(g, g.NamedConstant("y1", table("y1", 3))), "y2": ops.Neg(g, g.NamedConstant("y2", table("y2", 5, 3))),
			}
			return spec, err
		}
		est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()))
		fit(t, est, numbers(1, 2, 3).Batch(3))
		_, err := est.PredictAll(numbers(1, 2, 3).Batch(3))
		require.ErrorContains(t, err, "batch length of predictions should be same")
		out, err := est.PredictBatch(map[string]*tensor.Dense{"x": tensor.New(tensor.WithBacking([]float32{1, 2, 3}))})
		require.NoError(t, err)
		require.Equal(t, tensor.Shape{3}, out["y1"].Shape())
		require.Equal(t, tensor.Shape{5, 3}, out["y2"].Shape())
	})
	t.Run("J43", func(t *testing.T) {
		// TensorFlow warns and goes on for ever.
		est := countingIn(t, t.TempDir())
		fit(t, est, ones(), estimator.Steps(1))
		_, err := est.PredictAll(ones())
		require.ErrorIs(t, err, estimator.ErrEndless)
	})
	t.Run("J44", func(t *testing.T) {
		fn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			weight := g.Variable("weight", tensor.Float32, nil, nn.Constant(16))
			spec, err := counter(g, features, labels, mode)
			spec.Predictions = graph.Nodes{"y": ops.Mul(g, features.One(), weight)}
			return spec, err
		}
		dir := t.TempDir()
		fit(t, newEstimator(t, fn, estimator.ModelDir(dir)), ones(), estimator.Steps(1))
		rows, err := newEstimator(t, fn, estimator.ModelDir(dir)).PredictAll(numbers(2))
		require.NoError(t, err)
		require.Equal(t, []estimator.Row{{"y": float32(32)}}, rows)
	})
}
