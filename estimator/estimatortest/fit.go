package estimatortest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/saver"
)

func checkNotFitted(k *kit) error {
	dir := k.dir()
	est, err := k.new(dir)
	if err != nil {
		return err
	}
	for name, err := range k.uses(est) {
		if !errors.Is(err, estimator.ErrNotFitted) {
			return fmt.Errorf("the error of %s is %v", name, err)
		}
	}
	written, err := files(dir)
	if err == nil && len(written) > 0 {
		err = fmt.Errorf("they wrote %q", written)
	}
	return err
}

// uses calls everything that needs variables and yields the errors.
func (k *kit) uses(est *estimator.Estimator) func(yield func(string, error) bool) {
	return func(yield func(string, error) bool) {
		input := k.subject.Input().Batch(batchSize)
		for _, use := range []struct {
			name string
			call func() error
		}{
			{"Evaluate", func() error { _, err := est.Evaluate(input); return err }},
			{"PredictAll", func() error { _, err := est.PredictAll(input); return err }},
			{"Predict", func() error {
				for _, err := range est.Predict(input) {
					if err != nil {
						return err
					}
				}
				return nil
			}},
			{"Predictor", func() error { _, err := est.Predictor(); return err }},
			{"GlobalStep", func() error { _, err := est.GlobalStep(); return err }},
			{"VariableNames", func() error { _, err := est.VariableNames(); return err }},
		} {
			if !yield(use.name, use.call()) {
				return
			}
		}
	}
}

func checkFitContinues(k *kit) error {
	twice, err := k.fitted(2)
	if err != nil {
		return err
	}
	if err := k.fit(twice, estimator.Steps(3)); err != nil {
		return err
	}
	once, err := k.fitted(5)
	if err != nil {
		return err
	}
	return same(once, twice)
}

func checkResume(k *kit) error {
	dir := k.dir()
	for _, max := range []int64{2, 5} { // in the middle of an epoch
		est, err := k.new(dir)
		if err != nil {
			return err
		}
		if err := k.fit(est, estimator.MaxSteps(max)); err != nil {
			return err
		}
		if err := est.Close(); err != nil {
			return fmt.Errorf("calling Close: %w", err)
		}
	}
	resumed, err := k.new(dir)
	if err != nil {
		return err
	}
	once, err := k.fitted(5)
	if err != nil {
		return err
	}
	return same(once, resumed)
}

func checkSameSeed(k *kit) error {
	a, err := k.fitted(3)
	if err != nil {
		return err
	}
	b, err := k.fitted(3)
	if err != nil {
		return err
	}
	return same(a, b)
}

func checkWorkers(k *kit) error {
	a, err := k.fitted(3, estimator.Workers(1))
	if err != nil {
		return err
	}
	b, err := k.fitted(3, estimator.Workers(8))
	if err != nil {
		return err
	}
	return same(a, b)
}

func checkMaxSteps(k *kit) error {
	est, err := k.fitted(3)
	if err != nil {
		return err
	}
	checkpoint := est.LatestCheckpoint()
	return unchanged(est, func() error {
		res, err := est.Fit(k.training(), estimator.MaxSteps(3))
		switch {
		case err != nil:
			return fmt.Errorf("calling Fit: %w", err)
		case res.FirstStep != 3 || res.LastStep != 3:
			return fmt.Errorf("the result says steps %d to %d, want 3 to 3", res.FirstStep, res.LastStep)
		case est.LatestCheckpoint() != checkpoint:
			return fmt.Errorf("the newest checkpoint is %s, it was %s", est.LatestCheckpoint(), checkpoint)
		}
		return nil
	})
}

func checkCancelled(k *kit) error {
	est, err := k.new(k.dir())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	stopper := &hooks.Funcs{OnStepEnd: func(step int64, _ hooks.Outputs) (bool, error) {
		if step == 2 {
			cancel()
		}
		return false, nil
	}}
	if _, err := est.FitContext(ctx, k.training(), estimator.Monitors(stopper)); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("the error is %v", err)
	}
	if err := k.fit(est, estimator.MaxSteps(5)); err != nil {
		return fmt.Errorf("afterwards: %w", err)
	}
	once, err := k.fitted(5)
	if err != nil {
		return err
	}
	return same(once, est)
}

func checkCheckpoint(k *kit) error {
	est, err := k.fitted(3)
	if err != nil {
		return err
	}
	v, err := variablesOf(est)
	if err != nil {
		return err
	}
	path := est.LatestCheckpoint()
	ckpt, err := saver.Load(path)
	if err != nil {
		return err
	}
	for _, name := range v.names {
		t := ckpt.Tensors[name]
		if t == nil {
			return fmt.Errorf("%s has no variable %q", path, name)
		}
		if !slices.Equal(dense.Bytes(t), v.bits[name]) {
			return fmt.Errorf("%s has another value of variable %q", path, name)
		}
	}
	return nil
}

func checkClosed(k *kit) error {
	est, err := k.fitted(1)
	if err != nil {
		return err
	}
	for range 2 {
		if err := est.Close(); err != nil {
			return fmt.Errorf("calling Close: %w", err)
		}
	}
	if _, err := est.Fit(k.training(), estimator.Steps(1)); !errors.Is(err, estimator.ErrClosed) {
		return fmt.Errorf("the error of Fit is %v", err)
	}
	for name, err := range k.uses(est) {
		if !errors.Is(err, estimator.ErrClosed) {
			return fmt.Errorf("the error of %s is %v", name, err)
		}
	}
	return nil
}

func checkGoroutines(k *kit) error {
	before := runtime.NumGoroutine()
	est, err := k.fitted(2)
	if err != nil {
		return err
	}
	if _, err := est.PredictAll(k.subject.Input().Batch(batchSize)); err != nil {
		return fmt.Errorf("calling PredictAll: %w", err)
	}
	if err := est.Close(); err != nil {
		return fmt.Errorf("calling Close: %w", err)
	}
	// Goroutines that were told to end need a moment.
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("there were %d goroutines before and are %d after it", before, runtime.NumGoroutine())
}
