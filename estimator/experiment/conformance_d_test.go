package experiment_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/experiment"
	"github.com/stheno-ml/stheno/hooks"
)

// task is a task of a cluster of 1 chief, 14 workers and a ps.
func task(taskType string, index int) estimator.Option {
	var workers []string
	for i := range 14 {
		workers = append(workers, fmt.Sprintf(`"worker%d:1"`, i))
	}
	return estimator.TFConfig(fmt.Sprintf(`{"cluster": {"chief": ["chief:1"], "ps": ["ps:1"], "worker": [%s]}, "task": {"type": %q, "index": %d}}`,
		strings.Join(workers, ","), taskType, index))
}

// slept returns how long a call waited.
func slept(t *testing.T, call func(context.Context) (*experiment.Result, error)) time.Duration {
	t.Helper()
	start := time.Now()
	_, err := call(ctx)
	require.NoError(t, err)
	return time.Since(start)
}

// D4, D5 and D24 are different: see the table of differences.
func TestConformanceD(t *testing.T) {
	t.Run("D1", func(t *testing.T) {
		p := newParts(t)
		res, err := p.experiment(t, 7, experiment.Delay(0)).Train(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, p.watch.fits)
		require.Equal(t, []int64{7}, p.watch.last)
		require.Zero(t, p.watch.evals)
		require.Empty(t, res.Evaluations)
	})
	t.Run("D2", func(t *testing.T) {
		for _, d := range []time.Duration{0, time.Second, 3 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				require.Equal(t, d, slept(t, newParts(t).experiment(t, 1, experiment.Delay(d)).Train))
			})
		}
	})
	t.Run("D3", func(t *testing.T) {
		for index, want := range map[int]time.Duration{0: 0, 1: 5 * time.Second, 3: 15 * time.Second, 13: time.Minute} {
			synctest.Test(t, func(t *testing.T) {
				p := newParts(t, task("worker", index))
				start := time.Now()
				_, err := p.experiment(t, 1).Train(ctx)
				require.ErrorContains(t, err, "there is no cluster package yet", "it waits, and then it is alone")
				require.Equal(t, want, time.Since(start))
			})
		}
	})
	t.Run("D6", func(t *testing.T) {
		_, err := estimator.New(counter, estimator.TFConfig(`{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"index": 0}}`))
		require.ErrorContains(t, err, "the task's type must be set")
	})
	t.Run("D8", func(t *testing.T) {
		// The input of the sixth evaluation fails: that ends it.
		synctest.Test(t, func(t *testing.T) {
			p := newParts(t)
			_, err := p.experiment(t, 3).Train(ctx)
			require.NoError(t, err)
			stop, calls := errors.New("stop"), 0
			input := datasets.Func(numbers(1).Spec(), func() (datasets.Batch, error) {
				if calls++; calls == 6 {
					return datasets.Batch{}, stop
				}
				return datasets.Batch{Features: map[string]*tensor.Dense{datasets.DefaultFeature: tensor.New(tensor.WithShape(1), tensor.WithBacking([]float32{1}))}}, nil
			})
			p.eval = estimator.NewEvalSpec("", input, estimator.Steps(1))
			_, err = p.experiment(t, 0, experiment.EvaluateAgain()).ContinuousEval(ctx)
			require.ErrorIs(t, err, stop)
			require.Equal(t, 6, calls)
		})
	})
	t.Run("D9", func(t *testing.T) {
		p := newParts(t)
		e := p.experiment(t, 100, experiment.EvaluateAgain())
		_, err := e.Train(ctx)
		require.NoError(t, err)
		res, err := e.ContinuousEval(ctx)
		require.NoError(t, err)
		require.Equal(t, []int64{100}, steps(res.Evaluations))
	})
	t.Run("D11", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := newParts(t)
			_, err := p.experiment(t, 3).Train(ctx)
			require.NoError(t, err)
			count := -1
			res, err := p.experiment(t, 0, experiment.EvaluateAgain(), experiment.While(func(estimator.Metrics) bool { count++; return count < 3 })).ContinuousEval(ctx)
			require.NoError(t, err)
			require.Len(t, res.Evaluations, 3)
		})
	})
	t.Run("D13", func(t *testing.T) {
		for _, schedule := range []string{"local_run", "train_and_evaluate"} {
			p := newParts(t)
			build := func(string) (*experiment.Experiment, error) { return p.experiment(t, 5), nil }
			res, err := experiment.Run(ctx, build, p.est.ModelDir(), experiment.WithSchedule(schedule))
			require.NoError(t, err)
			require.Equal(t, 1, p.watch.fits)
			require.Equal(t, []int64{5}, steps(res.Evaluations))
			require.Equal(t, 1, p.x.exports)
			require.Equal(t, []string{"path"}, res.Exports)
			// The one monitor that is added has asked for that evaluation.
			require.Equal(t, 1, p.watch.evals)
		}
	})
	t.Run("D14", func(t *testing.T) {
		p := newParts(t, estimator.SaveCheckpointsSteps(2))
		p.eval = p.eval.With(estimator.At(hooks.Never()))
		res, err := p.experiment(t, 7).TrainAndEvaluate(ctx)
		require.NoError(t, err)
		require.Equal(t, []int64{7}, steps(res.Evaluations))
	})
	t.Run("D15", func(t *testing.T) {
		// There is no min_eval_frequency: a local directory is evaluated at each
		// checkpoint, or by the schedule that is given.
		for _, c := range []struct {
			opts []estimator.EvalSpecOption
			want []int64
		}{
			{nil, []int64{2, 4, 6, 7}},
			{[]estimator.EvalSpecOption{estimator.At(hooks.EverySteps(3))}, []int64{3, 6, 7}},
			{[]estimator.EvalSpecOption{estimator.At(hooks.Never())}, []int64{7}},
		} {
			p := newParts(t, estimator.SaveCheckpointsSteps(2))
			p.eval = p.eval.With(c.opts...)
			res, err := p.experiment(t, 7).TrainAndEvaluate(ctx)
			require.NoError(t, err)
			require.Equal(t, c.want, steps(res.Evaluations))
		}
	})
	t.Run("D17", func(t *testing.T) {
		for _, c := range []struct {
			max, want int64
			opts      []experiment.Option
		}{
			{1e14, 1e13, nil}, {1e14, 1234, []experiment.Option{experiment.StepsPerIteration(1234)}}, {0, 1000, nil},
		} {
			p := newParts(t)
			p.watch.stop = true
			_, err := p.experiment(t, c.max, c.opts...).ContinuousTrainAndEval(ctx)
			require.NoError(t, err)
			require.Equal(t, []int64{c.want}, p.watch.last)
		}
	})
	t.Run("D21", func(t *testing.T) {
		p := newParts(t)
		mine := make([]hooks.Monitor, 1, 8)
		mine[0] = p.watch
		e, err := experiment.New(p.est, estimator.NewTrainSpec(numbers(1, 2), estimator.Monitors(mine...)), p.eval)
		require.NoError(t, err)
		other := &watcher{}
		e.ExtendTrainHooks(other)
		_, err = e.Train(ctx)
		require.NoError(t, err)
		require.Equal(t, []int{1, 1}, []int{p.watch.fits, other.fits})
		require.Equal(t, append([]hooks.Monitor{p.watch}, make([]hooks.Monitor, 7)...), mine[:8])
	})
	t.Run("D22", func(t *testing.T) {
		p := newParts(t)
		res, err := p.experiment(t, 1000).Test(ctx)
		require.NoError(t, err)
		require.Equal(t, []int64{1}, p.watch.last)
		require.Equal(t, []int64{1}, steps(res.Evaluations))
		require.Equal(t, 1, p.x.exports)
	})
	t.Run("D25", func(t *testing.T) {
		for _, c := range []struct {
			name string
			task estimator.Option
			want string
		}{
			{"worker", task("worker", 1), "train"},
			{"chief", task("chief", 0), "train"},
			{"master", estimator.TFConfig(`{"cluster": {"master": ["a:1"], "worker": ["b:1"]}, "task": {"type": "master", "index": 0}}`), "train_and_evaluate"},
			{"ps", task("ps", 0), "run_std_server"},
			{"evaluator", task("evaluator", 0), "continuous_eval"},
			{"none", estimator.TFConfig(""), "train_and_evaluate"},
			{"cluster of one", estimator.TFConfig(`{"cluster": {"chief": ["a:1"]}, "task": {"type": "chief", "index": 0}}`), "train_and_evaluate"},
		} {
			p := newParts(t, c.task)
			got, err := experiment.DefaultSchedule(p.est.Config().Cluster)
			require.NoError(t, err)
			require.Equal(t, c.want, got, c.name)
			// Run takes it.
			cancelled, cancel := context.WithCancel(ctx)
			cancel()
			build := func(dir string) (*experiment.Experiment, error) {
				require.Equal(t, p.est.ModelDir(), dir)
				return p.experiment(t, 2), nil
			}
			if c.want == "run_std_server" {
				_, err = experiment.Run(ctx, build, p.est.ModelDir())
				require.ErrorContains(t, err, "run_std_server: there is no cluster package yet")
				continue
			}
			_, err = experiment.Run(cancelled, build, p.est.ModelDir())
			require.Error(t, err)
			switch c.name {
			case "master":
				require.ErrorContains(t, err, "estimator: Fit: TF_CONFIG says")
			default:
				require.ErrorIs(t, err, context.Canceled)
			}
		}
	})
	t.Run("D26", func(t *testing.T) {
		p := newParts(t)
		build := func(task estimator.Option) func(string) (*experiment.Experiment, error) {
			return func(dir string) (*experiment.Experiment, error) {
				est, err := estimator.New(counter, estimator.ModelDir(dir), task)
				if err != nil {
					return nil, err
				}
				return experiment.New(est, estimator.NewTrainSpec(numbers(1), estimator.Monitors(p.watch)), p.eval)
			}
		}
		broken := errors.New("broken")
		good := build(estimator.TFConfig(""))
		dancer := estimator.TFConfig(`{"cluster": {"chief": ["a:1"], "dancer": ["b:1"]}, "task": {"type": "dancer", "index": 0}}`)
		nobody := estimator.TFConfig(`{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"index": 0}}`)
		for _, c := range []struct {
			dir   string
			build func(string) (*experiment.Experiment, error)
			opts  []experiment.RunOption
			want  string
		}{
			{"", good, nil, `the directory is ""`},
			{"dir", nil, nil, "the function that builds the experiment is nil"},
			{"dir", func(string) (*experiment.Experiment, error) { return nil, nil }, nil, "returned nil"},
			{"dir", func(string) (*experiment.Experiment, error) { return nil, broken }, nil, "building the experiment: broken"},
			{"dir", good, []experiment.RunOption{experiment.WithSchedule("dance")}, `there is no schedule "dance", have ["continuous_eval" "continuous_eval_on_train_data"`},
			{"dir", good, []experiment.RunOption{experiment.WithSchedule("")}, `there is no schedule ""`},
			{"dir", build(dancer), nil, `no default schedule for the task type "dancer"`},
			{"dir", build(nobody), nil, "the task's type must be set"},
		} {
			_, err := experiment.Run(ctx, c.build, c.dir, c.opts...)
			require.ErrorContains(t, err, "experiment: Run: ")
			require.ErrorContains(t, err, c.want)
			require.Zero(t, p.watch.fits)
		}
	})
}
