package tune

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
)

// Model says how to fit once.
type Model struct {
	// New returns the estimator of one fit. It must keep its checkpoints in dir
	// (estimator.ModelDir), which no other fit uses. Whoever called New closes it.
	New func(dir string, p Params) (*estimator.Estimator, error)
	// Steps is the global step to which a fit trains, at least 1. A fit that was killed
	// goes on to that step.
	Steps int64
	// Input makes the input of a fit and of its evaluation from the rows of a fold. Train
	// must not end before Steps; Test must end. nil for batches of 32 rows, those of
	// Train shuffled and repeated for ever; rows that are batches already stay as they are.
	Input func(ctx context.Context, rows datasets.Fold, p Params) (datasets.Fold, error)
	// FitOptions returns further options of a fit, such as monitors, which must be new
	// ones each time. nil for none. An early stop may come some steps later where a kill
	// fell between it and the end of the evaluation.
	FitOptions func(p Params, input datasets.Fold) []estimator.FitOption
}

const (
	defaultBatch   = 32
	defaultShuffle = 10_000 // where the number of rows is not known
)

// validate reports what is missing.
func (m *Model) validate() error {
	switch {
	case m.New == nil:
		return errors.New("tune: Model: New is nil, want a function that returns an estimator")
	case m.Steps < 1:
		return fmt.Errorf("tune: Model: Steps is %d, want at least 1", m.Steps)
	}
	return nil
}

// fit trains on the fold's Train, or goes on with that, and evaluates on its Test.
func (m *Model) fit(ctx context.Context, dir string, p Params, rows datasets.Fold) (results estimator.Metrics, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a function of the Model panicked: %v\n%s", r, debug.Stack())
		}
	}()
	input, err := m.input(ctx, p, rows)
	if err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	est, err := m.New(dir, p)
	switch {
	case err != nil:
		return nil, err
	case est == nil:
		return nil, errors.New("the function New returned nil")
	}
	defer func() { err = errors.Join(err, est.Close()) }()
	if got := est.ModelDir(); got != dir {
		return nil, fmt.Errorf("the estimator's model directory is %q, want %q: New must pass it to estimator.ModelDir", got, dir)
	}
	options := []estimator.FitOption{estimator.MaxSteps(m.Steps)}
	if m.FitOptions != nil {
		options = append(options, m.FitOptions(p, input)...)
	}
	if _, err := est.FitContext(ctx, input.Train, options...); err != nil {
		return nil, err
	}
	return est.EvaluateContext(ctx, input.Test)
}

func (m *Model) input(ctx context.Context, p Params, rows datasets.Fold) (input datasets.Fold, err error) {
	if m.Input == nil {
		input = datasets.Fold{Train: shuffled(rows.Train), Test: batches(rows.Test)}
	} else if input, err = m.Input(ctx, rows, p); err != nil {
		return input, err
	}
	if input.Train == nil || input.Test == nil {
		return input, errors.New("the function Input returned a Train or a Test that is nil")
	}
	if n, known := input.Train.Cardinality().N(); known && n < m.Steps && input.Train.Err() == nil {
		// Resuming a fit whose input had ended would go through it again.
		return input, fmt.Errorf("the training input has %d batches, want at least Steps, %d: Repeat(-1)", n, m.Steps)
	}
	return input, nil
}

func shuffled(rows *datasets.Dataset) *datasets.Dataset {
	if rows.BatchSize() > 0 {
		return rows
	}
	buffer := defaultShuffle
	if n, known := rows.Rows().N(); known {
		buffer = max(int(n), 1)
	}
	return batches(rows.Shuffle(buffer)).Repeat(-1)
}

func batches(rows *datasets.Dataset) *datasets.Dataset {
	if rows.BatchSize() > 0 {
		return rows
	}
	return rows.Batch(defaultBatch)
}
