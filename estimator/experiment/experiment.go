// Package experiment runs an estimator by the name of a schedule: the Experiment and the
// learn_runner of tf.contrib.learn.
//
//	build := func(dir string) (*experiment.Experiment, error) {
//		est, err := estimator.New(modelFn, estimator.ModelDir(dir))
//		if err != nil {
//			return nil, err
//		}
//		return experiment.New(est, estimator.NewTrainSpec(train, estimator.MaxSteps(2000)), estimator.NewEvalSpec("", test))
//	}
//	res, err := experiment.Run(ctx, build, dir, experiment.WithSchedule("continuous_eval"))
//
// An [Experiment] is an estimator with what to train and what to evaluate. [Run] builds one
// and calls the schedule that was named, or the one that belongs to the kind of task that
// the process is.
package experiment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/internal/wait"
)

// defaultIteration is the number of steps between two evaluations of ContinuousTrainAndEval
// where it is not known how many there are in all.
const defaultIteration = 1000

// Experiment is an estimator with what to train and what to evaluate. Make one with [New].
// Its methods are called one at a time.
type Experiment struct {
	est   *estimator.Estimator
	train estimator.TrainSpec
	eval  estimator.EvalSpec

	delay        time.Duration
	delayGiven   bool
	perIteration int64
	stepsGiven   bool
	goOn         func(last estimator.Metrics) bool
	again        bool
}

// Option is an argument of [New].
type Option func(*Experiment)

// Delay is how long Train waits before it begins. The default is five seconds for each
// task of a lower number in the cluster of the estimator's RunConfig, at most a minute, so
// that workers do not begin all at once.
func Delay(d time.Duration) Option {
	return func(e *Experiment) { e.delay, e.delayGiven = d, true }
}

// StepsPerIteration is the number of steps between two evaluations of
// ContinuousTrainAndEval. The default is a tenth of the train spec's MaxSteps, or 1000
// where it has none.
func StepsPerIteration(n int64) Option {
	return func(e *Experiment) { e.perIteration, e.stepsGiven = n, true }
}

// While is asked by ContinuousEval and ContinuousTrainAndEval before each round whether to
// go on. last are the results of the round before, nil at first.
func While(goOn func(last estimator.Metrics) bool) Option {
	return func(e *Experiment) { e.goOn = goOn }
}

// EvaluateAgain makes ContinuousEval evaluate the newest checkpoint at each look, whether
// or not it is new.
func EvaluateAgain() Option { return func(e *Experiment) { e.again = true } }

// New returns an experiment. The error names the argument that is wrong.
func New(est *estimator.Estimator, train estimator.TrainSpec, eval estimator.EvalSpec, opts ...Option) (*Experiment, error) {
	e := &Experiment{est: est, train: train, eval: eval}
	for _, opt := range opts {
		if opt != nil {
			opt(e)
		}
	}
	switch {
	case est == nil:
		return nil, errors.New("experiment: New: the estimator is nil")
	case e.delay < 0:
		return nil, fmt.Errorf("experiment: New: Delay: %v, want at least 0", e.delay)
	case e.stepsGiven && e.perIteration < 1:
		return nil, fmt.Errorf("experiment: New: StepsPerIteration: %d, want at least 1", e.perIteration)
	}
	for _, spec := range []interface{ Validate() error }{train, eval} {
		if err := spec.Validate(); err != nil {
			return nil, fmt.Errorf("experiment: New: %w", err)
		}
	}
	return e, nil
}

// Result is what a schedule did.
type Result struct {
	// Train says how the (last) training went, nil where nothing was trained.
	Train *estimator.Result
	// Evaluations are those that were made, in order.
	Evaluations estimator.Evaluations
	// Exports are the paths of what was exported.
	Exports []string
}

// Estimator returns the estimator.
func (e *Experiment) Estimator() *estimator.Estimator { return e.est }

// ExtendTrainHooks adds monitors to the training. The slice is not kept or changed.
func (e *Experiment) ExtendTrainHooks(monitors ...hooks.Monitor) {
	e.train = e.train.With(estimator.Monitors(monitors...))
}

// ResetExporters replaces the exporters and returns those before.
func (e *Experiment) ResetExporters(exporters ...estimator.Exporter) (before []estimator.Exporter) {
	before = e.eval.Exporters()
	e.eval = e.eval.WithExporters(exporters...)
	return before
}

// Train waits for the [Delay] and fits.
func (e *Experiment) Train(ctx context.Context) (*Result, error) {
	delay := e.delay
	if !e.delayGiven {
		delay = min(time.Duration(e.est.Config().Cluster.TaskIndex)*5*time.Second, time.Minute)
	}
	if err := wait.For(ctx, delay); err != nil {
		return nil, err
	}
	res, err := e.est.FitContext(ctx, e.train.Input(), e.train.Options()...)
	return &Result{Train: res}, err
}

// Evaluate waits for the StartDelay of the eval spec and evaluates once. Nothing is kept
// or exported. An evaluation without a name is called "one_pass".
func (e *Experiment) Evaluate(ctx context.Context) (*Result, error) {
	if err := wait.For(ctx, e.eval.Delay()); err != nil {
		return nil, err
	}
	return e.once(ctx, e.named("one_pass").ResultsOnly(), false)
}

// once makes one evaluation.
func (e *Experiment) once(ctx context.Context, spec estimator.EvalSpec, final bool) (*Result, error) {
	evaluation, err := e.est.EvaluateSpec(ctx, spec, final)
	if evaluation == nil {
		return nil, err
	}
	all := estimator.Evaluations{evaluation}
	return &Result{Evaluations: all, Exports: all.Exports()}, err
}

// named returns the eval spec, with a name where it has none.
func (e *Experiment) named(name string) estimator.EvalSpec {
	if e.eval.Name() != "" {
		return e.eval
	}
	return e.eval.Named(name)
}

// ContinuousEval evaluates checkpoints as another process saves them, until one of the
// train spec's MaxSteps was evaluated: see estimator.ContinuousEval. An evaluation without
// a name is called "continuous".
func (e *Experiment) ContinuousEval(ctx context.Context) (*Result, error) {
	return e.continuous(ctx, e.named("continuous"))
}

// ContinuousEvalOnTrainData is ContinuousEval of the training input, called
// "continuous_on_train_data". Nothing is kept or exported.
func (e *Experiment) ContinuousEvalOnTrainData(ctx context.Context) (*Result, error) {
	return e.continuous(ctx, e.eval.On(e.train.Input()).Named("continuous_on_train_data").ResultsOnly())
}

func (e *Experiment) continuous(ctx context.Context, spec estimator.EvalSpec) (*Result, error) {
	var opts []estimator.ContinuousOption
	if last := e.train.MaxSteps(); last > 0 {
		opts = append(opts, estimator.UntilStep(last))
	}
	if e.goOn != nil {
		opts = append(opts, estimator.While(e.goOn))
	}
	if e.again {
		opts = append(opts, estimator.EveryLook())
	}
	all, err := e.est.ContinuousEval(ctx, spec, opts...)
	return &Result{Evaluations: all, Exports: all.Exports()}, err
}

// TrainAndEvaluate trains, evaluates by the schedule of the eval spec and at the end, and
// exports.
func (e *Experiment) TrainAndEvaluate(ctx context.Context) (*Result, error) {
	res, err := e.est.TrainAndEvaluateContext(ctx, e.train, e.eval)
	if res == nil {
		return nil, err
	}
	return &Result{Train: res.Train, Evaluations: res.Evaluations, Exports: res.Exports}, err
}

// ContinuousTrainAndEval trains [StepsPerIteration] steps and evaluates and exports, in
// turn, until the train spec's MaxSteps, the end of the input or a monitor ends the
// training, or [While] says so.
func (e *Experiment) ContinuousTrainAndEval(ctx context.Context) (*Result, error) {
	last := e.train.MaxSteps()
	per := e.perIteration
	switch {
	case e.stepsGiven:
	case last > 0:
		per = max(1, last/10)
	default:
		per = defaultIteration
	}
	out := new(Result)
	var results estimator.Metrics
	for e.goOn == nil || e.goOn(results) {
		step, err := e.est.GlobalStep()
		if err != nil && !errors.Is(err, estimator.ErrNotFitted) {
			return out, err
		}
		n := per
		if last > 0 {
			if n = min(n, last-step); n <= 0 {
				break
			}
		}
		if out.Train, err = e.est.FitContext(ctx, e.train.Input(), e.train.With(estimator.Steps(n)).Options()...); err != nil {
			return out, err
		}
		final := out.Train.Reason != graphactions.ReasonSteps || last > 0 && out.Train.LastStep >= last
		round, err := e.once(ctx, e.eval, final)
		if round != nil {
			out.Evaluations, out.Exports = append(out.Evaluations, round.Evaluations...), append(out.Exports, round.Exports...)
		}
		if err != nil || final {
			return out, err
		}
		results = out.Evaluations.Last(e.eval.Name()).Metrics
	}
	return out, nil
}

// Test makes one step of training and an evaluation of one batch, and exports: to see
// whether everything fits together.
func (e *Experiment) Test(ctx context.Context) (*Result, error) {
	res, err := e.est.FitContext(ctx, e.train.Input(), e.train.With(estimator.Steps(1)).Options()...)
	if err != nil {
		return &Result{Train: res}, err
	}
	out, err := e.once(ctx, e.eval.With(estimator.Steps(1)), true)
	if out != nil {
		out.Train = res
	}
	return out, err
}
