// Package estimator fits, evaluates and serves a model that a function builds.
//
//	est, err := estimator.New(modelFn, estimator.ModelDir(dir), estimator.Seed(1))
//	res, err := est.Fit(input, estimator.Steps(2000))
//	ev, err := est.Evaluate(test)
//	for row, err := range est.Predict(rows) { ... }
//
// A [ModelFn] adds the model to a graph, once for each [Mode], and returns a [Spec].
// An [Estimator] is a model function and a model directory: it builds the graphs,
// binds them to one set of variables in memory, and calls package graphactions. The
// training loop is there.
//
// Fitting again continues: Fit(Steps(10)) and then Fit(Steps(15)) end at step 25, in
// one process or in two. Nothing is rebuilt and no checkpoint is read between calls,
// unless another process has written a newer one.
//
// [RunConfig] is how an estimator runs; TF_CONFIG is read (see [ParseTFConfig]). [Params]
// are hyper-parameters for the model function, [WarmStartFrom] starts from another model's
// variables, [AddMetrics] and [ForwardFeatures] extend a model, and [Validate] evaluates
// while fitting.
//
// [Estimator.TrainAndEvaluate] is a fit with named evaluations, each a [NewEvalSpec] with a
// schedule of its own, that keeps the best checkpoints and calls an [Exporter];
// [Estimator.ContinuousEval] evaluates what another process trains.
package estimator
