package estimator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/stheno-ml/stheno/internal/wait"
	"github.com/stheno-ml/stheno/saver"
)

const (
	// lookInterval is the time between two looks at a directory where no throttle is
	// given.
	lookInterval = time.Second
	// warnInterval is the least time between two warnings that there is nothing to
	// evaluate.
	warnInterval = 10 * time.Minute
)

// LookStatus is what a look at the directory found.
type LookStatus string

// What a look may find.
const (
	// Evaluated: there was a new checkpoint, and it was evaluated.
	Evaluated LookStatus = "evaluated"
	// MissingCheckpoint: there is no checkpoint yet that can be read.
	MissingCheckpoint LookStatus = "missing checkpoint"
	// NoNewCheckpoint: the newest checkpoint was evaluated before.
	NoNewCheckpoint LookStatus = "no new checkpoint"
)

// ContinuousOption is an argument of [Estimator.ContinuousEval].
type ContinuousOption func(*continuous)

// UntilStep ends it when a checkpoint of that step or a later one was evaluated. The
// exporters are told that this one is final.
func UntilStep(step int64) ContinuousOption {
	return func(c *continuous) { c.until, c.untilGiven = step, true }
}

// Timeout ends it when there was no new checkpoint for d. The default is to wait for ever.
func Timeout(d time.Duration) ContinuousOption {
	return func(c *continuous) { c.timeout, c.timeoutGiven = d, true }
}

// While asks before each look whether to go on. last are the results of the last
// evaluation, nil before the first.
func While(goOn func(last Metrics) bool) ContinuousOption {
	return func(c *continuous) { c.goOn = goOn }
}

// EveryLook evaluates the newest checkpoint at every look, whether or not it is new.
func EveryLook() ContinuousOption { return func(c *continuous) { c.again = true } }

// OnLook is told what each look found, and the evaluation if one was made.
func OnLook(f func(LookStatus, *Evaluation)) ContinuousOption {
	return func(c *continuous) { c.onLook = f }
}

// ContinuousEval evaluates the newest checkpoint in the model directory again and again,
// as another process saves them. It looks every [Throttle], or every second where none is
// given, and first waits for the [StartDelay]. What is kept and exported is as in
// TrainAndEvaluate. The model is built and compiled once.
//
// A checkpoint that is deleted before it can be read is passed over, and so is one that is
// damaged, with an error in the log; then the newest good one that was not evaluated yet
// is taken. Checkpoints that come and go between two looks are not evaluated.
//
// It ends as the options say, when the context ends, whose cause is then the error, or
// with the first error. The evaluations that were made are returned in any case.
func (e *Estimator) ContinuousEval(ctx context.Context, spec EvalSpec, opts ...ContinuousOption) (Evaluations, error) {
	c := &continuous{est: e, spec: spec, best: spec.keeper(), log: e.config.Logger, bad: map[checkpointFile]bool{}}
	for _, opt := range opts {
		if opt != nil {
			opt(c)
		}
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	v := spec.validation()
	ctx, release := e.untilClosed(ctx)
	defer release()
	err := c.run(ctx, v)
	return c.all, errors.Join(err, v.close())
}

// continuous is one call of ContinuousEval.
type continuous struct {
	est          *Estimator
	spec         EvalSpec
	until        int64
	untilGiven   bool
	timeout      time.Duration
	timeoutGiven bool
	goOn         func(Metrics) bool
	again        bool
	onLook       func(LookStatus, *Evaluation)

	best   *bestKeeper // nil to keep none
	log    *slog.Logger
	all    Evaluations
	last   checkpointFile // that was evaluated
	bad    map[checkpointFile]bool
	warned time.Time
}

// checkpointFile tells one version of a file from another of the same name.
type checkpointFile struct {
	path    string
	size    int64
	changed time.Time
}

func (c *continuous) validate() error {
	if err := c.spec.Validate(); err != nil {
		return err
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("estimator: ContinuousEval: %w", fmt.Errorf(format, args...))
	}
	switch {
	case c.est.ModelDir() == "":
		return fail("there is no model directory to look at: use ModelDir")
	case c.spec.atGiven:
		return fail("At: %v: it is for TrainAndEvaluate; here Throttle says when", c.spec.at)
	case c.untilGiven && c.until < 1:
		return fail("UntilStep: %d, want at least 1", c.until)
	case c.timeoutGiven && c.timeout <= 0:
		return fail("Timeout: %v, want more than 0", c.timeout)
	}
	return nil
}

func (c *continuous) run(ctx context.Context, v *validation) error {
	pause := c.spec.throttle
	if pause == 0 {
		pause = lookInterval
		if c.spec.throttleGiven {
			c.log.Warn(fmt.Sprintf("Throttle is 0: the directory is looked at every %v; give a positive Throttle to look less often", pause))
		}
	}
	if err := wait.For(ctx, c.spec.startDelay); err != nil {
		return err
	}
	newest := time.Now() // when there was something new
	var results Metrics
	for c.goOn == nil || c.goOn(results) {
		started := time.Now()
		evaluation, err := c.look(ctx, v)
		if err != nil {
			return err
		}
		if evaluation != nil {
			results, newest = evaluation.Metrics, time.Now()
			if evaluation.Final {
				return nil
			}
		}
		if c.timeoutGiven && time.Since(newest) >= c.timeout {
			c.log.Info(fmt.Sprintf("there was no new checkpoint for %v", c.timeout), "dir", c.est.ModelDir())
			return nil
		}
		if err := wait.For(ctx, pause-time.Since(started)); err != nil {
			return err
		}
	}
	return nil
}

// look evaluates the newest checkpoint that can be read, unless that was done before. The
// evaluation is nil when there was none.
func (c *continuous) look(ctx context.Context, v *validation) (*Evaluation, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	files, err := newestFirst(c.est.ModelDir())
	if err != nil {
		return nil, err
	}
	status := MissingCheckpoint
	for i, file := range files {
		if file == c.last && !c.again {
			status = NoNewCheckpoint
			break // the others are older
		}
		if c.bad[file] || i > 0 && file.changed.Before(c.last.changed) {
			continue
		}
		evaluation, err := c.evaluate(ctx, v, file)
		if err != nil {
			return nil, err
		}
		if evaluation != nil {
			c.report(Evaluated, evaluation)
			return evaluation, nil
		}
	}
	if status == MissingCheckpoint && c.last.path != "" {
		status = NoNewCheckpoint
	}
	c.report(status, nil)
	return nil, nil
}

// newestFirst returns the checkpoints in dir.
func newestFirst(dir string) ([]checkpointFile, error) {
	paths, err := saver.AllPaths(dir)
	if err != nil {
		return nil, err
	}
	var files []checkpointFile
	for _, path := range slices.Backward(paths) {
		if info, err := os.Stat(path); err == nil {
			files = append(files, checkpointFile{path: path, size: info.Size(), changed: info.ModTime()})
		}
	}
	return files, nil
}

// evaluate evaluates one checkpoint. The evaluation is nil when the checkpoint cannot be
// read.
func (c *continuous) evaluate(ctx context.Context, v *validation, file checkpointFile) (*Evaluation, error) {
	if err := v.hold(c.est.EvalDir(c.spec.name)); err != nil {
		return nil, err
	}
	results, err := c.est.EvaluateContext(ctx, c.spec.input, append(slices.Clone(v.opts), CheckpointPath(file.path))...)
	switch {
	case errors.Is(err, saver.ErrCorrupt):
		c.bad[file] = true
		c.log.Error("a checkpoint cannot be evaluated: looking for an older one", "path", file.path, "reason", err)
		return nil, nil
	case err != nil && gone(file.path):
		c.log.Info("a checkpoint was deleted before it could be evaluated", "path", file.path)
		return nil, nil
	case err != nil:
		return nil, err
	}
	c.last = file
	step := int64(results[globalStepMetric])
	evaluation := &Evaluation{Name: c.spec.name, Step: step, Metrics: results, Final: c.untilGiven && step >= c.until}
	c.all = append(c.all, evaluation)
	c.log.Info(fmt.Sprintf("evaluation %q: %v", c.spec.name, results), "step", step)
	if c.best != nil {
		if _, err := c.best.consider(step, results); err != nil {
			return nil, fmt.Errorf("estimator: EvalSpec %q: KeepBest: %w", c.spec.name, err)
		}
	}
	err = c.est.settle(ctx, c.spec, c.best, evaluation, file.path)
	if err != nil && gone(file.path) {
		c.log.Warn("a checkpoint was deleted before it could be kept or exported", "path", file.path, "reason", err)
		err = nil
	}
	return evaluation, err
}

func gone(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// report says what a look found, with a warning now and then where there was nothing.
func (c *continuous) report(status LookStatus, evaluation *Evaluation) {
	switch {
	case status == Evaluated:
		c.warned = time.Time{}
	case c.warned.IsZero() || time.Since(c.warned) >= warnInterval:
		c.warned = time.Now()
		c.log.Warn("there is nothing to evaluate: "+string(status), "dir", c.est.ModelDir())
	}
	if c.onLook != nil {
		c.onLook(status, evaluation)
	}
}
