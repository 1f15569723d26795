package experiment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stheno-ml/stheno/estimator"
)

// schedules are the methods that [Run] can call, by the names that they have in
// tf.contrib.learn.
var schedules = map[string]func(*Experiment, context.Context) (*Result, error){
	"train":                         (*Experiment).Train,
	"evaluate":                      (*Experiment).Evaluate,
	"continuous_eval":               (*Experiment).ContinuousEval,
	"continuous_eval_on_train_data": (*Experiment).ContinuousEvalOnTrainData,
	"train_and_evaluate":            (*Experiment).TrainAndEvaluate,
	"continuous_train_and_eval":     (*Experiment).ContinuousTrainAndEval,
	"local_run":                     (*Experiment).TrainAndEvaluate,
	"run_std_server":                (*Experiment).RunStdServer,
	"test":                          (*Experiment).Test,
}

// Schedules returns the names of the schedules in ascending order.
func Schedules() []string { return slices.Sorted(maps.Keys(schedules)) }

// RunStdServer would serve variables to other processes. There is no cluster package yet:
// it returns an error that says so.
func (e *Experiment) RunStdServer(context.Context) (*Result, error) {
	return nil, errors.New("experiment: run_std_server: there is no cluster package yet: every process trains alone")
}

// RunOption is an argument of [Run].
type RunOption func(*runner)

type runner struct {
	schedule string
	given    bool
}

// WithSchedule names the schedule, one of [Schedules]. The default belongs to the type of
// the process's task: see [DefaultSchedule].
func WithSchedule(name string) RunOption {
	return func(r *runner) { r.schedule, r.given = name, true }
}

// Run builds the experiment for a model directory and calls a schedule.
func Run(ctx context.Context, build func(dir string) (*Experiment, error), dir string, opts ...RunOption) (*Result, error) {
	r := new(runner)
	for _, opt := range opts {
		if opt != nil {
			opt(r)
		}
	}
	switch {
	case strings.TrimSpace(dir) == "":
		return nil, fmt.Errorf("experiment: Run: the directory is %q, want a model directory", dir)
	case build == nil:
		return nil, errors.New("experiment: Run: the function that builds the experiment is nil")
	case r.given && schedules[r.schedule] == nil:
		return nil, fmt.Errorf("experiment: Run: there is no schedule %q, have %q", r.schedule, Schedules())
	}
	e, err := build(dir)
	if err != nil {
		return nil, fmt.Errorf("experiment: Run: building the experiment: %w", err)
	}
	if e == nil {
		return nil, errors.New("experiment: Run: the function that builds the experiment returned nil")
	}
	if !r.given {
		if r.schedule, err = DefaultSchedule(e.est.Config().Cluster); err != nil {
			return nil, fmt.Errorf("experiment: Run: %w", err)
		}
	}
	return schedules[r.schedule](e, ctx)
}

// DefaultSchedule returns the schedule of a task of a cluster, as TF_CONFIG describes it:
// train for a worker and a chief, train_and_evaluate for a master and a process that is
// alone, continuous_eval for an evaluator, run_std_server for a ps.
func DefaultSchedule(c estimator.Cluster) (string, error) {
	switch {
	case c.TaskType == estimator.TaskEvaluator:
		return "continuous_eval", nil
	case c.Master == "":
		return "train_and_evaluate", nil
	}
	switch c.TaskType {
	case estimator.TaskWorker, estimator.TaskChief:
		return "train", nil
	case estimator.TaskMaster:
		return "train_and_evaluate", nil
	case estimator.TaskPS:
		return "run_std_server", nil
	}
	return "", fmt.Errorf("no default schedule for the task type %q: use WithSchedule", c.TaskType)
}
