// Package tune chooses among models: it cross-validates an estimator, and searches for
// the parameters with which it does best.
//
//	folds, err := datasets.Wine().Folds(5, 1)
//	model := tune.Model{New: newEstimator, Steps: 200}
//	scores, err := tune.CrossValidate(ctx, dir, model, nil, folds)
//	fmt.Println(scores) // a line for each fold, the mean and the standard deviation
//
//	space := tune.Space{"learning_rate": tune.LogUniform(1e-4, 1e-1), "units": tune.Choice(8, 16, 32)}
//	res, err := tune.Search(ctx, dir, model, folds, tune.Random(space, 1), tune.Trials(20), tune.Maximize("accuracy"))
//	fmt.Println(res) // a line for each trial
//	best, ok := res.Best()
//
// A [Model] says how to fit once; its New makes an ordinary estimator of [Params]. The
// fits are made one after another, each in a model directory of its own below dir. What
// is finished is kept there too, in a file of JSON lines: the same call, made again after
// a kill, goes on where the first one ended, in the middle of a fit if need be, and comes
// to the same results.
//
// [Search] runs the trials that a [Sampler] proposes: [Grid] or [Random], or one of
// goptuna's from the module tune/goptuna. A trial that fails is recorded as such, and the
// search goes on.
package tune
