package estimator

import "errors"

// ErrNotFitted says that there is no trained model: call Fit first, or give the
// model directory of an earlier fit.
var ErrNotFitted = errors.New("estimator: not fitted: couldn't find a trained model")

// ErrIncompatible says that an input's features or labels differ from those that the
// model was trained on.
var ErrIncompatible = errors.New("estimator: the input is incompatible with what the model was trained on")

// ErrEndless says that an input without end was given where the end is waited for.
var ErrEndless = errors.New("the input is infinite and there is no limit")

// ErrClosed is returned by an estimator that was closed, and by its predictors.
var ErrClosed = errors.New("estimator: closed")
