package estimator_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
)

// changedSpec is the classifier with another spec in one mode.
func changedSpec(when estimator.Mode, change func(g *graph.Graph, spec *estimator.Spec)) estimator.ModelFn {
	return func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		spec, err := classifier(g, features, labels, mode)
		if mode == when {
			change(g, spec)
		}
		return spec, err
	}
}

// specError builds the model in one mode and returns the error.
func specError(t *testing.T, when estimator.Mode, change func(g *graph.Graph, spec *estimator.Spec)) error {
	t.Helper()
	est := newEstimator(t, changedSpec(when, change), estimator.ModelDir(t.TempDir()))
	_, err := est.Fit(endless(), estimator.Steps(1))
	if when == estimator.Train {
		return err
	}
	require.NoError(t, err)
	if when == estimator.Eval {
		_, err = est.Evaluate(flowers().Batch(batch))
		return err
	}
	_, err = est.PredictBatch(row(0))
	return err
}

func TestConformanceK(t *testing.T) {
	t.Run("K2", func(t *testing.T) {
		noLoss := func(_ *graph.Graph, s *estimator.Spec) { s.Loss = nil }
		require.ErrorContains(t, specError(t, estimator.Train, noLoss), "missing loss")
		require.ErrorContains(t, specError(t, estimator.Train, func(_ *graph.Graph, s *estimator.Spec) { s.TrainOp = nil }), "missing train_op")
		require.ErrorContains(t, specError(t, estimator.Eval, noLoss), "missing loss")
		require.ErrorContains(t, specError(t, estimator.Infer, func(_ *graph.Graph, s *estimator.Spec) { s.Predictions = nil }), "missing predictions")
	})
	t.Run("K3", func(t *testing.T) {
		foreign := graph.New().Placeholder("foreign", tensor.Float32, 1)
		for what, change := range map[string]func(_ *graph.Graph, s *estimator.Spec){
			"loss":                func(_ *graph.Graph, s *estimator.Spec) { s.Loss = foreign },
			"train_op":            func(_ *graph.Graph, s *estimator.Spec) { s.TrainOp = foreign },
			`predictions["p"]`:    func(_ *graph.Graph, s *estimator.Spec) { s.Predictions["p"] = foreign },
			`metrics["m"] node 0`: func(_ *graph.Graph, s *estimator.Spec) { s.Metrics["m"] = metrics.Mean(foreign) },
		} {
			err := specError(t, estimator.Train, change)
			require.ErrorContains(t, err, what+`: node "foreign" must be from the graph`)
		}
	})
	t.Run("K5", func(t *testing.T) {
		// The form is Go's types'. A metric that could never be updated is the error.
		require.ErrorContains(t, specError(t, estimator.Eval, func(_ *graph.Graph, s *estimator.Spec) { s.Metrics["m"] = nil }), `metrics["m"] is nil`)
		require.ErrorContains(t, specError(t, estimator.Eval, func(_ *graph.Graph, s *estimator.Spec) { s.Metrics["m"] = metrics.Mean(nil) }), `metrics["m"]`)
	})
	t.Run("K6", func(t *testing.T) {
		// A spec is a value: a copy is changed, and what a model function returns is checked.
		// The mode is no field of it.
		var first estimator.Spec
		est := newEstimator(t, changedSpec(estimator.Infer, func(g *graph.Graph, s *estimator.Spec) {
			first = *s
			next := first
			next.Predictions = graph.Nodes{"only": first.Predictions["class"]}
			*s = next
		}), estimator.ModelDir(t.TempDir()))
		fit(t, est, endless(), estimator.Steps(1))
		out, err := est.PredictBatch(row(0))
		require.NoError(t, err)
		require.Len(t, out, 1)
		require.Contains(t, out, "only")
		require.Equal(t, []string{"class", "probabilities"}, first.Predictions.Names())
		err = specError(t, estimator.Train, func(_ *graph.Graph, s *estimator.Spec) {
			next := *s
			next.Loss = s.Predictions["probabilities"]
			*s = next
		})
		require.ErrorContains(t, err, "want a scalar")
	})
	t.Run("K7", func(t *testing.T) {
		predict := func(n *gorgonia.Node) estimator.PredictOutput {
			return estimator.PredictOutput{Outputs: graph.Nodes{"out": n}}
		}
		n := graph.New().Placeholder("n", tensor.Float32, 1)
		// None: the predictions. One: under both names. Two: one must be the default.
		all, err := (&estimator.Spec{Predictions: graph.Nodes{"out": n}}).Signatures()
		require.NoError(t, err)
		require.Equal(t, map[string]estimator.ExportOutput{"serving_default": predict(n)}, all)
		outputs := map[string]estimator.ExportOutput{"head": predict(n)}
		all, err = (&estimator.Spec{ExportOutputs: outputs}).Signatures()
		require.NoError(t, err)
		require.Equal(t, map[string]estimator.ExportOutput{"head": predict(n), "serving_default": predict(n)}, all)
		require.Len(t, outputs, 1, "the model function's map stays")
		for name, c := range map[string]struct {
			outputs func(g *graph.Graph, s *estimator.Spec) map[string]estimator.ExportOutput
			want    string // of the error, "" for none
		}{
			"two without a default": {func(_ *graph.Graph, s *estimator.Spec) map[string]estimator.ExportOutput {
				return map[string]estimator.ExportOutput{"a": predict(s.Predictions["class"]), "b": predict(s.Predictions["class"])}
			}, `multiple export_outputs were provided, ["a" "b"], but none of them is "serving_default"`},
			"two with one": {func(_ *graph.Graph, s *estimator.Spec) map[string]estimator.ExportOutput {
				return map[string]estimator.ExportOutput{"a": predict(s.Predictions["class"]), estimator.DefaultServingKey: predict(s.Predictions["class"])}
			}, ""},
			"every kind": {func(_ *graph.Graph, s *estimator.Spec) map[string]estimator.ExportOutput {
				return map[string]estimator.ExportOutput{
					"class":                     estimator.ClassificationOutput{Scores: s.Predictions["probabilities"], Classes: s.Predictions["class"]},
					"scores":                    estimator.ClassificationOutput{Scores: s.Predictions["probabilities"]},
					estimator.DefaultServingKey: estimator.RegressionOutput{Value: s.Predictions["probabilities"]},
				}
			}, ""},
			"nil": {func(*graph.Graph, *estimator.Spec) map[string]estimator.ExportOutput {
				return map[string]estimator.ExportOutput{"a": nil}
			}, `export_outputs["a"] is nil`},
			"no outputs": {func(*graph.Graph, *estimator.Spec) map[string]estimator.ExportOutput {
				return map[string]estimator.ExportOutput{"a": estimator.PredictOutput{}}
			}, `export_outputs["a"]: outputs: there are none`},
			"foreign": {func(*graph.Graph, *estimator.Spec) map[string]estimator.ExportOutput {
				return map[string]estimator.ExportOutput{"a": predict(n)}
			}, `export_outputs["a"]: outputs["out"]: node "n" must be from the graph`},
			"neither scores nor classes": {func(*graph.Graph, *estimator.Spec) map[string]estimator.ExportOutput {
				return map[string]estimator.ExportOutput{"a": estimator.ClassificationOutput{}}
			}, "scores and classes are nil, want at least one"},
			"scores are no floats": {func(_ *graph.Graph, s *estimator.Spec) map[string]estimator.ExportOutput {
				return map[string]estimator.ExportOutput{"a": estimator.ClassificationOutput{Scores: s.Predictions["class"]}}
			}, "has dtype int64, want float32 or float64"},
			"classes are floats": {func(_ *graph.Graph, s *estimator.Spec) map[string]estimator.ExportOutput {
				return map[string]estimator.ExportOutput{"a": estimator.ClassificationOutput{Classes: s.Predictions["probabilities"]}}
			}, "has dtype float32, want whole numbers"},
			"no value": {func(*graph.Graph, *estimator.Spec) map[string]estimator.ExportOutput {
				return map[string]estimator.ExportOutput{"a": estimator.RegressionOutput{}}
			}, "value is nil"},
			"poisoned": {func(g *graph.Graph, s *estimator.Spec) map[string]estimator.ExportOutput {
				return map[string]estimator.ExportOutput{"a": estimator.RegressionOutput{Value: nn.Dense(g, s.Predictions["probabilities"], 0)}}
			}, "Dense"},
		} {
			t.Run(name, func(t *testing.T) {
				set := func(g *graph.Graph, s *estimator.Spec) { s.ExportOutputs = c.outputs(g, s) }
				err := specError(t, estimator.Infer, set)
				if c.want == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, "mode infer: ")
				require.ErrorContains(t, err, c.want)
				if name != "poisoned" {
					require.NoError(t, specError(t, estimator.Eval, set), "other modes do not look at them")
				}
			})
		}
	})
}
