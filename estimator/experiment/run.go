package experiment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Task says which of several processes this is.
type Task struct {
	// Type is "chief", "master", "worker", "ps" or "evaluator"; "" for a process that is
	// alone.
	Type string
	// Index is its number among those of its type.
	Index int
	// Cluster says that there are other processes.
	Cluster bool
}

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
// the experiment's task: train for a worker and a chief, train_and_evaluate for a master
// and a process that is alone, continuous_eval for an evaluator, run_std_server for a ps.
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
		if r.schedule, err = e.task.schedule(); err != nil {
			return nil, fmt.Errorf("experiment: Run: %w", err)
		}
	}
	return schedules[r.schedule](e, ctx)
}

// schedule returns the default schedule of a task.
func (t Task) schedule() (string, error) {
	if !t.Cluster {
		return "train_and_evaluate", nil
	}
	switch t.Type {
	case "worker", "chief":
		return "train", nil
	case "master":
		return "train_and_evaluate", nil
	case "evaluator":
		return "continuous_eval", nil
	case "ps":
		return "run_std_server", nil
	case "":
		return "", errors.New("there is a cluster and the task has no type: must specify a schedule")
	}
	return "", fmt.Errorf("no default schedule for the task type %q: must specify a schedule", t.Type)
}
