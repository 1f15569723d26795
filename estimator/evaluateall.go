package estimator

import (
	"context"
	"errors"
	"slices"
)

// EvaluateAll evaluates checkpoints one after another, such as those that
// [saver.AllPaths] finds, without a trainer. The model is built and compiled once. Nothing
// is kept or exported. The evaluations that were made come with an error.
func (e *Estimator) EvaluateAll(ctx context.Context, spec EvalSpec, checkpoints ...string) (Evaluations, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	v := spec.validation()
	var all Evaluations
	for _, path := range checkpoints {
		if err := v.hold(e.EvalDir(spec.name)); err != nil {
			return all, err
		}
		results, err := e.EvaluateContext(ctx, spec.input, append(slices.Clone(v.opts), CheckpointPath(path))...)
		if err != nil {
			return all, errors.Join(err, v.close())
		}
		all = append(all, &Evaluation{Name: spec.name, Step: int64(results[globalStepMetric]), Metrics: results, Checkpoint: path})
	}
	return all, v.close()
}
