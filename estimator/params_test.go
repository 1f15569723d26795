package estimator_test

import (
	"bytes"
	"log/slog"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
)

// deep is a classifier with layers by params.
func deep(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	hidden := features.One()
	for _, units := range g.IntsParam("hidden_units") {
		hidden = nn.Dense(g, hidden, units, nn.WithActivation(nn.ReLU))
	}
	spec, err := classes(g, nn.Dense(g, hidden, 3), labels, mode)
	if mode == estimator.Train {
		spec.TrainOp = optim.SGD(g.FloatParam("learning_rate", 0.5)).Minimize(g, spec.Loss)
	}
	return spec, err
}

func TestParamsReachTheModelFunction(t *testing.T) {
	given := map[string]any{"hidden_units": []int{5, 6}, "learning_rate": 0.25}
	dir := t.TempDir()
	est := newEstimator(t, deep, estimator.ModelDir(dir), estimator.Params(given))
	given["hidden_units"].([]int)[0] = 7
	want := map[string]any{"hidden_units": []int{5, 6}, "learning_rate": 0.25}
	require.Equal(t, want, est.Params())
	est.Params()["hidden_units"].([]int)[0] = 8
	require.Equal(t, want, est.Params())
	fit(t, est, endless(), estimator.Steps(2))
	_, err := est.Evaluate(flowers().Batch(7))
	require.NoError(t, err)
	_, err = est.PredictAll(flowers().Batch(7))
	require.NoError(t, err)
	kernel, err := est.VariableValue("dense_1/kernel")
	require.NoError(t, err)
	require.Equal(t, tensor.Shape{5, 6}, kernel.Shape())

	wider, err := est.Clone(estimator.Params(map[string]any{"hidden_units": []any{9.0}}), estimator.ModelDir(t.TempDir()))
	require.NoError(t, err)
	defer wider.Close()
	require.Equal(t, want, est.Params())
	fit(t, wider, endless(), estimator.Steps(1))
	kernel, err = wider.VariableValue("dense/kernel")
	require.NoError(t, err)
	require.Equal(t, tensor.Shape{4, 9}, kernel.Shape())
	require.Empty(t, in(t, dir).Params())
}

func TestParamsThatAreWrong(t *testing.T) {
	_, err := estimator.New(deep, estimator.Params(map[string]any{"rate": math.NaN()}), estimator.SaveSummarySteps(-1))
	require.ErrorContains(t, err, `Params: param "rate" is NaN`)
	require.ErrorContains(t, err, "SaveSummarySteps", "everything is reported")
	fails := func(fn estimator.ModelFn, params map[string]any, want string) {
		dir := t.TempDir()
		est := newEstimator(t, fn, estimator.ModelDir(dir), estimator.Params(params))
		_, err := est.Fit(endless(), estimator.Steps(1))
		require.ErrorContains(t, err, want)
		require.Empty(t, listing(t, dir))
	}
	fails(deep, map[string]any{"hidden": []int{4}}, `there is no param "hidden_units", have ["hidden"] (at params_test.go`)
	fails(deep, map[string]any{"hidden_units": 4}, `param "hidden_units" is 4 (int), want a list of whole numbers`)
	fails(classifier, map[string]any{"hidden_units": 4, "b": 1}, `it has Params ["b" "hidden_units"] but reads none of them`)
}

func TestParamsThatDiffer(t *testing.T) {
	dir := t.TempDir()
	run := func(params map[string]any) string {
		var log bytes.Buffer
		est := newEstimator(t, deep, estimator.ModelDir(dir), estimator.Params(params), estimator.Logger(slog.New(slog.NewTextHandler(&log, nil))))
		fit(t, est, endless(), estimator.Steps(1))
		first := log.String()
		log.Reset()
		fit(t, est, endless(), estimator.Steps(1))
		require.NotContains(t, log.String(), "param", "once is enough")
		return first
	}
	require.NotContains(t, run(map[string]any{"hidden_units": []int{4}, "learning_rate": 0.25}), "WARN")
	require.NotContains(t, run(map[string]any{"hidden_units": []any{4.0}, "learning_rate": 0.25}), "WARN", "JSON has the same numbers")
	log := run(map[string]any{"hidden_units": []int{4}, "learning_rate": 0.5, "unknown": true})
	require.Regexp(t, `level=WARN msg="the model was trained with another value of a param" param=learning_rate trained=0.25 now=0.5`, log)
	require.NotContains(t, log, "param=hidden_units")
	require.Regexp(t, `level=WARN msg="the model function did not read some of its params" mode=train unread=\[unknown\]`, log)
	require.Regexp(t, `param=unknown trained=true now=<nil>`, run(map[string]any{"hidden_units": []int{4}, "learning_rate": 0.5}))
}
