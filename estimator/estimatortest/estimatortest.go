// Package estimatortest is a conformance kit for estimators, in the manner of
// scikit-learn's check_estimator: it checks what every estimator promises on a model
// function and an input of yours.
//
//	func TestConformance(t *testing.T) {
//		estimatortest.Run(t, estimatortest.Subject{
//			New:   func(opts ...estimator.Option) (*estimator.Estimator, error) { return estimator.New(myModel, opts...) },
//			Input: func() *datasets.Dataset { return datasets.Iris().Take(30) },
//		})
//	}
//
// A rule that is broken is stated in words, with the finding.
package estimatortest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
)

// Subject is what the kit checks.
type Subject struct {
	// New returns a new estimator each time it is called. It must hand the options, which
	// set the model directory, the seed and the logger, on to estimator.New, after its own.
	New func(opts ...estimator.Option) (*estimator.Estimator, error)
	// Input returns the rows to fit, evaluate and predict: features and labels, not
	// batched, not repeated, in one order, at least 7 of them. A few dozen are enough.
	Input func() *datasets.Dataset
	// Tolerance is how much predictions and metrics may depend on the batch size, relative
	// to their size: another shape may add up in another order. The default, for 0, is 1e-4.
	Tolerance float64
}

// rule is one case of the kit.
type rule struct {
	name, text string
	check      func(k *kit) error
}

var rules = []rule{
	{"Subject", "New must return a new estimator each time and Input at least 7 rows, not batched", checkSubject},
	{"NotFitted", "before the first fit everything that needs variables must be ErrNotFitted, and write nothing", checkNotFitted},
	{"FitContinues", "fitting 2 steps and then 3 must give the variables of fitting 5, bit for bit", checkFitContinues},
	{"Resume", "a new estimator in the directory of a closed one must go on where that ended, bit for bit", checkResume},
	{"SameSeed", "the same seed must give the same variables, bit for bit", checkSameSeed},
	{"Workers", "the number of workers must not change a bit", checkWorkers},
	{"MaxSteps", "fitting to a step that is reached already must change nothing and say so", checkMaxSteps},
	{"Cancelled", "a cancelled fit must return the context's error and leave an estimator that can go on", checkCancelled},
	{"Checkpoint", "the newest checkpoint must hold every variable as the estimator has it", checkCheckpoint},
	{"EvaluateIsPure", "evaluating must change no variable, no step, and give the same metrics again", checkEvaluateIsPure},
	{"EvaluateBatchSize", "metrics must not depend on the batch size of the input", checkEvaluateBatchSize},
	{"PredictIsPure", "predicting must change no variable, no step, and give the same predictions again", checkPredictIsPure},
	{"PredictOrder", "row i of the predictions must be that of row i of the input, whatever the batch size", checkPredictOrder},
	{"ConcurrentPredictions", "predictions by several goroutines must be those of one", checkConcurrent},
	{"BadInput", "an input that does not fit must be an error before anything is written, and spoil nothing", checkBadInput},
	{"Closed", "after Close everything must be ErrClosed, and closing again must be harmless", checkClosed},
	{"Goroutines", "no goroutine may be left after Close", checkGoroutines},
}

// Run checks the subject against every rule, each as a subtest.
func Run(t *testing.T, s Subject) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			if err := r.apply(s); err != nil {
				t.Errorf("the rule: %s.\nthe finding: %v", r.text, err)
			}
		})
	}
}

// Check checks every rule and returns all violations as one error, nil when there are
// none.
func Check(s Subject) error {
	var errs []error
	for _, r := range rules {
		if err := r.apply(s); err != nil {
			errs = append(errs, fmt.Errorf("%s: the rule: %s. the finding: %w", r.name, r.text, err))
		}
	}
	return errors.Join(errs...)
}

func (r rule) apply(s Subject) (err error) {
	root, err := os.MkdirTemp("", "estimatortest-")
	if err != nil {
		return err
	}
	k := &kit{subject: s, root: root, tolerance: s.Tolerance}
	if k.tolerance == 0 {
		k.tolerance = 1e-4
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		err = errors.Join(err, k.close(), os.RemoveAll(root))
	}()
	return r.check(k)
}

// kit is what one rule works with.
type kit struct {
	subject   Subject
	root      string
	tolerance float64
	dirs      int
	open      []*estimator.Estimator
}

const batchSize = 4

var background = context.Background()

// dir returns the path of a directory that does not exist yet.
func (k *kit) dir() string {
	k.dirs++
	return filepath.Join(k.root, fmt.Sprint("model-", k.dirs))
}

// new returns an estimator of the subject in a directory. It is closed after the rule.
func (k *kit) new(dir string, opts ...estimator.Option) (*estimator.Estimator, error) {
	quiet := estimator.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	est, err := k.subject.New(append([]estimator.Option{estimator.ModelDir(dir), estimator.Seed(7), quiet}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("calling New: %w", err)
	}
	if est == nil {
		return nil, errors.New("the function New returned nil")
	}
	k.open = append(k.open, est)
	return est, nil
}

// fitted returns an estimator that made n steps in a directory of its own.
func (k *kit) fitted(n int64, opts ...estimator.Option) (*estimator.Estimator, error) {
	est, err := k.new(k.dir(), opts...)
	if err == nil {
		err = k.fit(est, estimator.Steps(n))
	}
	return est, err
}

func (k *kit) fit(est *estimator.Estimator, opts ...estimator.FitOption) error {
	if _, err := est.Fit(k.training(), opts...); err != nil {
		return fmt.Errorf("calling Fit: %w", err)
	}
	return nil
}

// training is the input, shuffled, in batches, for ever.
func (k *kit) training() *datasets.Dataset {
	return k.subject.Input().Shuffle(64).Batch(batchSize).Repeat(-1)
}

func (k *kit) close() (err error) {
	for _, est := range k.open {
		err = errors.Join(err, est.Close())
	}
	return err
}

func checkSubject(k *kit) error {
	a, err := k.new(k.dir())
	if err != nil {
		return err
	}
	b, err := k.new(k.dir())
	if err != nil {
		return err
	}
	if a == b {
		return errors.New("the function New returned the same estimator twice")
	}
	if dir := a.ModelDir(); filepath.Dir(dir) != k.root {
		return fmt.Errorf("the model directory is %s: New must hand its options on to estimator.New, after its own", dir)
	}
	input := k.subject.Input()
	if input == nil || input.Err() != nil {
		return fmt.Errorf("the input is %v", input)
	}
	if input.BatchSize() > 0 {
		return fmt.Errorf("the input comes in batches of %d", input.BatchSize())
	}
	if n, ok := input.Rows().N(); !ok || n < 7 {
		return fmt.Errorf("the input has %v rows", input.Rows())
	}
	return nil
}
