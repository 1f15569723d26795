package estimator

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stheno-ml/stheno/graphactions"
)

// TrainEvalResult says how [Estimator.TrainAndEvaluate] went.
type TrainEvalResult struct {
	// Train says how the training went.
	Train *Result
	// Final has the results for the variables at the end by the names of the EvalSpecs.
	Final map[string]Metrics
	// Evaluations are all that were made in this call, in order.
	Evaluations Evaluations
	// Exports are the paths of everything that was exported in this call, each once.
	Exports []string
}

// String returns a line for the training and a table of the evaluations.
func (r *TrainEvalResult) String() string {
	return strings.TrimSpace(fmt.Sprintf("%v\n%v", r.Train, r.Evaluations))
}

// TrainAndEvaluate trains by the TrainSpec and makes the evaluation of each EvalSpec by
// its own schedule, with the variables of exactly that step, in memory; nothing is
// compiled twice. Its monitors, early stopping for one, hear of every evaluation.
//
// Every EvalSpec is evaluated once more when training has ended, with Final set for its
// exporters, unless its last step was evaluated. That holds for a model that was trained
// to MaxSteps before, too: then Train's reason is ReasonAlreadyAtStep.
//
// It continues as Fit does. What [KeepBest] and the exporters know survives a restart. An
// error comes with what was done before it.
func (e *Estimator) TrainAndEvaluate(train TrainSpec, evals ...EvalSpec) (*TrainEvalResult, error) {
	return e.TrainAndEvaluateContext(context.Background(), train, evals...)
}

// TrainAndEvaluateContext is TrainAndEvaluate with a context. Cancelling it ends training
// at the next step with a checkpoint, and without the evaluations of the end.
func (e *Estimator) TrainAndEvaluateContext(ctx context.Context, train TrainSpec, evals ...EvalSpec) (*TrainEvalResult, error) {
	if err := checkSpecs(train, evals); err != nil {
		return nil, err
	}
	out := &TrainEvalResult{Final: map[string]Metrics{}}
	opts := slices.Clone(train.opts)
	var monitors []*evalMonitor
	for _, spec := range evals {
		m := e.newEvalMonitor(ctx, spec, &out.Evaluations)
		monitors = append(monitors, m)
		opts = append(opts, fitOption(func(c *fitConfig) { c.validations = append(c.validations, spec.validation()) }), Monitors(m.monitors()...))
	}
	var err error
	out.Train, err = e.FitContext(ctx, train.input, opts...)
	for _, m := range monitors {
		if err == nil {
			err = m.conclude(out.Train)
		}
		if last := out.Evaluations.Last(m.spec.name); last != nil && out.Train != nil && last.Step == out.Train.LastStep {
			out.Final[m.spec.name] = maps.Clone(last.Metrics)
		}
	}
	out.Exports = out.Evaluations.Exports()
	if out.Train == nil {
		return nil, err
	}
	return out, err
}

// conclude makes the evaluation of the end, if the last step was not evaluated, and tells
// the exporters that training has ended.
func (m *evalMonitor) conclude(res *graphactions.Result) error {
	last := m.all.Last(m.spec.name)
	if m.evaluated == res.LastStep {
		if last.Final {
			return nil
		}
		// It was not known then that it was the last step.
		last.Final = true
		return m.settle(last, res.Checkpoint)
	}
	evaluation, err := m.est.evaluateSpec(m.ctx, m.spec, m.best, res.Checkpoint, true)
	if evaluation != nil {
		*m.all = append(*m.all, evaluation)
	}
	return err
}

// EvaluateSpec makes the evaluation of an EvalSpec once, now, with the variables in
// memory or the newest checkpoint, and has that kept and exported as TrainAndEvaluate
// does. final tells the exporters that training has ended.
func (e *Estimator) EvaluateSpec(ctx context.Context, spec EvalSpec, final bool) (*Evaluation, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	e.mu.Lock()
	fitting := e.fitting
	e.mu.Unlock()
	if fitting {
		return nil, fmt.Errorf("estimator: EvaluateSpec %q: a fit is running, and its variables are not those of the newest checkpoint: use TrainAndEvaluate", spec.name)
	}
	return e.evaluateSpec(ctx, spec, spec.keeper(), "", final)
}

// evaluateSpec evaluates the variables in memory. checkpoint is where they are saved, ""
// for the newest checkpoint.
func (e *Estimator) evaluateSpec(ctx context.Context, spec EvalSpec, best *bestKeeper, checkpoint string, final bool) (*Evaluation, error) {
	v := spec.validation()
	results, err := e.EvaluateContext(ctx, v.input, v.opts...)
	if err != nil {
		return nil, err
	}
	if checkpoint == "" {
		checkpoint = e.LatestCheckpoint()
	}
	evaluation := &Evaluation{Name: spec.name, Step: int64(results[globalStepMetric]), Metrics: results, Final: final}
	e.config.Logger.Info(fmt.Sprintf("evaluation %q: %v", spec.name, results), "step", evaluation.Step)
	if best != nil {
		if _, err := best.consider(evaluation.Step, results); err != nil {
			return evaluation, fmt.Errorf("estimator: EvalSpec %q: KeepBest: %w", spec.name, err)
		}
	}
	return evaluation, e.settle(ctx, spec, best, evaluation, checkpoint)
}

// settle has a checkpoint that was evaluated kept and exported. Checkpoints of the steps
// pending were evaluated too and are not durable yet.
func (e *Estimator) settle(ctx context.Context, spec EvalSpec, best *bestKeeper, evaluation *Evaluation, checkpoint string, pending ...int64) error {
	evaluation.Checkpoint = checkpoint
	if best != nil {
		if err := best.pin(e.ModelDir(), pending...); err != nil {
			return fmt.Errorf("estimator: EvalSpec %q: KeepBest: %w", spec.name, err)
		}
	}
	paths, err := e.export(ctx, spec.exporters, ExportCandidate{
		Checkpoint: checkpoint, Step: evaluation.Step, Evaluation: spec.name, Metrics: maps.Clone(evaluation.Metrics), Final: evaluation.Final,
	})
	evaluation.Exports = append(evaluation.Exports, paths...)
	if err != nil {
		return fmt.Errorf("estimator: EvalSpec %q: %w", spec.name, err)
	}
	return nil
}
