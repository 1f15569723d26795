package estimator

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/saver"
)

// modelSettings are the options of an estimator that are no part of its RunConfig.
type modelSettings struct {
	params      map[string]any
	paramsErr   error
	engineering FeatureEngineeringFn
	warmStart   *warmStart
}

func (s *modelSettings) validate() error {
	var errs []error
	if s.paramsErr != nil {
		errs = append(errs, fmt.Errorf("Params: %w", s.paramsErr))
	}
	if s.warmStart != nil {
		errs = append(errs, s.warmStart.validate())
	}
	return errors.Join(errs...)
}

// FeatureEngineeringFn makes other features and labels of those of the input. In Infer
// labels is empty.
type FeatureEngineeringFn func(g *graph.Graph, features, labels graph.Nodes) (graph.Nodes, graph.Nodes, error)

// FeatureEngineering changes features and labels before the model function sees them, in
// every mode, once for each graph.
func FeatureEngineering(fn FeatureEngineeringFn) Option {
	return modelOption("FeatureEngineering", func(s *settings) { s.engineering = fn })
}

// engineered is the model function after feature engineering.
func (e *Estimator) engineered(g *graph.Graph, features, labels graph.Nodes, mode Mode) (*Spec, error) {
	if e.engineering != nil {
		var err error
		if features, labels, err = e.engineering(g, features, labels); err != nil {
			return nil, fmt.Errorf("feature engineering: %w", err)
		}
	}
	return e.modelFn(g, features, labels, mode)
}

// Clone returns another estimator of the same model with other options: another model
// directory, or other Params for a search over them. What the options do not name is as in
// this estimator, its model directory too. Nothing in memory is shared.
func (e *Estimator) Clone(opts ...Option) (*Estimator, error) { return e.derive(e.modelFn, opts) }

func (e *Estimator) derive(modelFn ModelFn, opts []Option) (*Estimator, error) {
	c := e.Config()
	s := &settings{RunConfig: c, given: map[string]bool{}, modelSettings: e.modelSettings}
	s.apply(opts)
	var errs []error
	if slices.Contains(s.others, "Config") || s.tfConfig != nil {
		errs = append(errs, errors.New("Config and TFConfig: they are arguments of New"))
	}
	if err := s.finish("Clone", errors.Join(errs...), s.modelSettings.validate()); err != nil {
		return nil, err
	}
	return newEstimator(modelFn, s), nil
}

// MetricFn makes metrics of a model's nodes. predictions are the spec's, which a model
// function may leave out in Eval.
type MetricFn func(g *graph.Graph, features, labels, predictions graph.Nodes) (map[string]metrics.Metric, error)

// AddMetrics returns an estimator of the same model, options and model directory whose
// evaluations have more metrics. Those of fn replace the model's of the same name. Both
// estimators are the caller's to close.
func AddMetrics(e *Estimator, fn MetricFn) (*Estimator, error) {
	if e == nil || fn == nil {
		return nil, errors.New("estimator: AddMetrics: the estimator or the function is nil")
	}
	return e.extend(func(g *graph.Graph, features, labels graph.Nodes, mode Mode) (*Spec, error) {
		spec, err := e.modelFn(g, features, labels, mode)
		if err != nil || spec == nil || mode != Eval {
			return spec, err
		}
		added, err := fn(g, features, labels, maps.Clone(spec.Predictions))
		if err != nil {
			return nil, fmt.Errorf("AddMetrics: %w", err)
		}
		extended := *spec
		extended.Metrics = maps.Clone(spec.Metrics)
		if extended.Metrics == nil {
			extended.Metrics = map[string]metrics.Metric{}
		}
		maps.Copy(extended.Metrics, added)
		return &extended, nil
	})
}

// ForwardFeatures returns an estimator of the same model, options and model directory that
// has features among its predictions, and its export outputs: a key by which the caller
// finds the row again. Without keys it forwards all features. A key that is no feature, or
// is a prediction already, is an error when the model is built. Both estimators are the
// caller's to close.
func ForwardFeatures(e *Estimator, keys ...string) (*Estimator, error) {
	if e == nil {
		return nil, errors.New("estimator: ForwardFeatures: the estimator is nil")
	}
	return e.extend(forwarding(e.modelFn, slices.Clone(keys)))
}

// forwarding is fn with features among the predictions.
func forwarding(fn ModelFn, keys []string) ModelFn {
	return func(g *graph.Graph, features, labels graph.Nodes, mode Mode) (*Spec, error) {
		spec, err := fn(g, features, labels, mode)
		if err != nil || spec == nil || len(spec.Predictions) == 0 {
			return spec, err
		}
		nodes, err := forwarded(features, spec.Predictions, keys)
		if err != nil {
			return nil, fmt.Errorf("ForwardFeatures: %w", err)
		}
		extended := *spec
		extended.Predictions = merged(spec.Predictions, nodes)
		extended.ExportOutputs = maps.Clone(spec.ExportOutputs)
		for name, output := range spec.ExportOutputs {
			if p, ok := output.(PredictOutput); ok {
				extended.ExportOutputs[name] = PredictOutput{Outputs: merged(p.Outputs, nodes)}
			}
		}
		return &extended, nil
	}
}

func merged(a, b graph.Nodes) graph.Nodes {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// forwarded returns the features of these keys, or all.
func forwarded(features, predictions graph.Nodes, keys []string) (graph.Nodes, error) {
	if len(keys) == 0 {
		keys = features.Names()
	}
	nodes := graph.Nodes{}
	for _, key := range keys {
		switch {
		case features[key] == nil:
			return nil, fmt.Errorf("there is no feature %q, have %q", key, features.Names())
		case predictions[key] != nil:
			return nil, fmt.Errorf("there is a prediction %q already, have %q", key, predictions.Names())
		}
		nodes[key] = features[key]
	}
	return nodes, nil
}

// extend is derive for another model function in the same model directory, which must
// exist for that.
func (e *Estimator) extend(modelFn ModelFn) (*Estimator, error) {
	if _, err := e.makeDir(); err != nil {
		return nil, fmt.Errorf("estimator: %w", err)
	}
	return e.derive(modelFn, nil)
}

// Checkpoints gives the paths of the model directory's checkpoints as they appear, of a
// fit in this process or another, for instance to evaluate each:
//
//	for path, err := range est.Checkpoints(ctx, saver.Timeout(10*time.Minute)) {
//		ev, err := est.Evaluate(test, estimator.CheckpointPath(path))
//
// See saver.Checkpoints, and saver.WaitForNew for use without an iterator. It is
// ErrNotFitted while there is no model directory.
func (e *Estimator) Checkpoints(ctx context.Context, opts ...saver.WatchOption) iter.Seq2[string, error] {
	if dir := e.ModelDir(); dir != "" {
		return saver.Checkpoints(ctx, dir, opts...)
	}
	return func(yield func(string, error) bool) {
		yield("", fmt.Errorf("%w: there is no model directory yet", ErrNotFitted))
	}
}
