package estimator

import (
	"context"
	"errors"
	"time"

	"gorgonia.org/tensor"
)

// refreshInterval is how long a Predictor may go without a look at the model directory:
// that system call costs as much as a small network.
const refreshInterval = 10 * time.Millisecond

// Predictor predicts for concurrent callers. It uses the estimator's variables as they
// are at each call; a checkpoint that another process or another estimator saves is in
// use 10 ms later. ([Estimator.PredictBatch] looks for one at every call.)
type Predictor struct{ estimator *Estimator }

// Predictor returns a predictor, or ErrNotFitted. It is valid until the estimator is
// closed.
func (e *Estimator) Predictor() (*Predictor, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.ready(); err != nil {
		return nil, err
	}
	return &Predictor{estimator: e}, nil
}

// PredictBatch predicts one batch: features [batch, ...] by name in, predictions
// [batch, ...] by name out.
func (p *Predictor) PredictBatch(ctx context.Context, features map[string]*tensor.Dense) (map[string]*tensor.Dense, error) {
	return p.estimator.predictBatch(ctx, nil, features, refreshInterval)
}

// PredictInto is PredictBatch for services that must not wait for the garbage collector:
// features [batch, ...] by name in, predictions [batch, ...] put into a map by name, which
// must not be nil, and into the memory of the tensors that it finds there from an earlier
// call with as many rows. In the steady state it allocates nothing. Goroutines that predict at the same time need a map each. After an
// error the predictions are not defined.
func (p *Predictor) PredictInto(ctx context.Context, predictions, features map[string]*tensor.Dense) error {
	if predictions == nil {
		return errors.New("estimator: PredictInto: predictions is nil, want a map")
	}
	_, err := p.estimator.predictBatch(ctx, predictions, features, refreshInterval)
	return err
}

// Predict predicts one batch and returns it row by row.
func (p *Predictor) Predict(ctx context.Context, features map[string]*tensor.Dense) ([]Row, error) {
	outputs, err := p.estimator.predictBatch(ctx, nil, features, refreshInterval)
	if err != nil {
		return nil, err
	}
	for _, t := range features {
		return splitRows(outputs, t.Shape()[0])
	}
	return nil, nil
}
