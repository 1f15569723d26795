package experiment_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/experiment"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/ops"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// counter is the smallest model that trains: a step adds 1 to the global step.
func counter(g *graph.Graph, features, _ graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	spec := &estimator.Spec{Predictions: features, Loss: g.NamedConstant("two", float32(2))}
	if mode == estimator.Train {
		spec.TrainOp = ops.AssignAdd(g, g.GlobalStep(), g.NamedConstant("one", int64(1)))
	}
	return spec, nil
}

func newEstimator(t testing.TB, dir string, opts ...estimator.Option) *estimator.Estimator {
	t.Helper()
	quiet := estimator.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	est, err := estimator.New(counter, append([]estimator.Option{quiet, estimator.ModelDir(dir)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, est.Close()) })
	return est
}

func numbers(x ...float32) *datasets.Dataset { return datasets.FromTensors(x, nil).Batch(1) }

// watcher counts what happens in fits, and exporting.
type watcher struct {
	hooks.Base
	fits  int
	last  []int64 // the last step of each fit, as it knew it beforehand
	first []int64
	evals int
	stop  bool // end each fit at its first step
}

func (w *watcher) Begin(run *hooks.Run) error {
	w.fits++
	w.first, w.last = append(w.first, run.FirstStep), append(w.last, run.LastStep)
	return nil
}
func (w *watcher) StepEnd(int64, hooks.Outputs) (bool, error) { return w.stop, nil }
func (w *watcher) Evaluated(int64, string, hooks.Metrics) error {
	w.evals++
	return nil
}

type exporter struct {
	name    string
	exports int
	finals  int
}

func (x *exporter) Name() string { return x.name }
func (x *exporter) Export(_ context.Context, c estimator.ExportCandidate) (string, error) {
	x.exports++
	if c.Final {
		x.finals++
	}
	return "path", nil
}

// parts is what an experiment is made of in tests.
type parts struct {
	est   *estimator.Estimator
	watch *watcher
	x     *exporter
	eval  estimator.EvalSpec
}

func newParts(t testing.TB, opts ...estimator.Option) *parts {
	t.Helper()
	p := &parts{est: newEstimator(t, t.TempDir(), opts...), watch: &watcher{}, x: &exporter{name: "x"}}
	p.eval = estimator.NewEvalSpec("", numbers(1, 2), estimator.Exporters(p.x))
	return p
}

// experiment returns an experiment that trains to a step; 0 for no limit.
func (p *parts) experiment(t testing.TB, maxSteps int64, opts ...experiment.Option) *experiment.Experiment {
	t.Helper()
	fit := []estimator.FitOption{estimator.Monitors(p.watch)}
	if maxSteps > 0 {
		fit = append(fit, estimator.MaxSteps(maxSteps))
	}
	e, err := experiment.New(p.est, estimator.NewTrainSpec(numbers(1).Repeat(-1), fit...), p.eval, opts...)
	require.NoError(t, err)
	return e
}

func steps(all estimator.Evaluations) (steps []int64) {
	for _, e := range all {
		steps = append(steps, e.Step)
	}
	return steps
}

func TestContinuousTrainAndEval(t *testing.T) {
	for name, c := range map[string]struct {
		max    int64
		opts   func() []experiment.Option
		stop   bool
		want   []int64
		finals int
		reason graphactions.Reason
	}{
		"a tenth":   {20, nil, false, []int64{2, 4, 6, 8, 10, 12, 14, 16, 18, 20}, 1, graphactions.ReasonSteps},
		"given":     {20, func() []experiment.Option { return []experiment.Option{experiment.StepsPerIteration(8)} }, false, []int64{8, 16, 20}, 1, graphactions.ReasonSteps},
		"few steps": {3, nil, false, []int64{1, 2, 3}, 1, graphactions.ReasonSteps},
		"predicate": {0, func() []experiment.Option {
			return []experiment.Option{experiment.StepsPerIteration(5), experiment.While(func(last estimator.Metrics) bool { return last["global_step"] < 15 })}
		}, false, []int64{5, 10, 15}, 0, graphactions.ReasonSteps},
		"a monitor ends it": {20, nil, true, []int64{1}, 1, graphactions.ReasonStopRequested},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParts(t)
			p.watch.stop = c.stop
			var opts []experiment.Option
			if c.opts != nil {
				opts = c.opts()
			}
			res, err := p.experiment(t, c.max, opts...).ContinuousTrainAndEval(ctx)
			require.NoError(t, err)
			require.Equal(t, c.want, steps(res.Evaluations))
			require.Equal(t, len(c.want), p.x.exports)
			require.Equal(t, c.finals, p.x.finals)
			require.Equal(t, c.reason, res.Train.Reason)
			require.Len(t, res.Exports, len(c.want))
		})
	}
	// The predicate is asked before the first round.
	p := newParts(t)
	res, err := p.experiment(t, 20, experiment.While(func(last estimator.Metrics) bool {
		require.Nil(t, last)
		return false
	})).ContinuousTrainAndEval(ctx)
	require.NoError(t, err)
	require.Zero(t, p.watch.fits)
	require.Empty(t, res.Evaluations)
	// What is trained already is not trained again.
	done := newParts(t)
	_, err = done.est.Fit(numbers(1).Repeat(-1), estimator.MaxSteps(20))
	require.NoError(t, err)
	_, err = done.experiment(t, 20).ContinuousTrainAndEval(ctx)
	require.NoError(t, err)
	require.Zero(t, done.watch.fits)
}

// Evaluations that are made once go to directories of their own, and keep and export
// nothing.
func TestEvaluate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParts(t)
		p.eval = p.eval.With(estimator.StartDelay(time.Minute))
		_, err := p.experiment(t, 3).Evaluate(ctx)
		require.ErrorIs(t, err, estimator.ErrNotFitted)
		_, err = p.experiment(t, 3).Train(ctx)
		require.NoError(t, err)
		start := time.Now()
		res, err := p.experiment(t, 3).Evaluate(ctx)
		require.NoError(t, err)
		require.Equal(t, time.Minute, time.Since(start))
		require.Equal(t, []int64{3}, steps(res.Evaluations))
		require.Equal(t, "one_pass", res.Evaluations[0].Name)
		require.Zero(t, p.x.exports)
		require.DirExists(t, filepath.Join(p.est.ModelDir(), "eval_one_pass"))
		p.eval = p.eval.Named("test")
		res, err = p.experiment(t, 3).Evaluate(ctx)
		require.NoError(t, err)
		require.Equal(t, "test", res.Evaluations[0].Name)
	})
}

func TestContinuousEval(t *testing.T) {
	p := newParts(t)
	_, err := p.experiment(t, 3).Train(ctx)
	require.NoError(t, err)
	res, err := p.experiment(t, 3).ContinuousEval(ctx)
	require.NoError(t, err)
	require.Equal(t, "continuous", res.Evaluations[0].Name)
	require.Equal(t, 1, p.x.finals)
	p.eval = p.eval.With(estimator.Steps(2)) // the training input is endless
	res, err = p.experiment(t, 3).ContinuousEvalOnTrainData(ctx)
	require.NoError(t, err)
	require.Equal(t, "continuous_on_train_data", res.Evaluations[0].Name)
	require.Equal(t, 1, p.x.exports, "nothing more is exported")
}

func TestCancelled(t *testing.T) {
	why := errors.New("enough of this")
	cancelled, cancel := context.WithCancelCause(ctx)
	cancel(why)
	p := newParts(t)
	_, err := p.est.Fit(numbers(1).Repeat(-1), estimator.MaxSteps(1))
	require.NoError(t, err)
	e := p.experiment(t, 3, experiment.Delay(time.Hour))
	for name, call := range map[string]func(context.Context) (*experiment.Result, error){
		"Train": e.Train, "Evaluate": e.Evaluate, "ContinuousEval": e.ContinuousEval, "TrainAndEvaluate": e.TrainAndEvaluate,
		"ContinuousTrainAndEval": e.ContinuousTrainAndEval, "Test": e.Test,
	} {
		_, err := call(cancelled)
		require.ErrorIs(t, err, why, name)
	}
	require.Zero(t, p.x.exports)
}

func TestResetExporters(t *testing.T) {
	p := newParts(t)
	e := p.experiment(t, 3)
	other := &exporter{name: "other"}
	require.Equal(t, []estimator.Exporter{p.x}, e.ResetExporters(other))
	_, err := e.TrainAndEvaluate(ctx)
	require.NoError(t, err)
	require.Zero(t, p.x.exports)
	require.Equal(t, 1, other.exports)
	require.Equal(t, []estimator.Exporter{other}, e.ResetExporters())
	require.Same(t, p.est, e.Estimator())
}

func TestBadInput(t *testing.T) {
	p := newParts(t)
	train, eval := estimator.NewTrainSpec(numbers(1)), p.eval
	for want, make := range map[string]func() (*experiment.Experiment, error){
		"the estimator is nil": func() (*experiment.Experiment, error) { return experiment.New(nil, train, eval) },
		"Delay: -1ns": func() (*experiment.Experiment, error) {
			return experiment.New(p.est, train, eval, experiment.Delay(-1))
		},
		"StepsPerIteration: 0": func() (*experiment.Experiment, error) {
			return experiment.New(p.est, train, eval, experiment.StepsPerIteration(0))
		},
		"the input is nil": func() (*experiment.Experiment, error) {
			return experiment.New(p.est, estimator.NewTrainSpec(nil), eval)
		},
		"Throttle: -1ns": func() (*experiment.Experiment, error) {
			return experiment.New(p.est, train, eval.With(estimator.Throttle(-1)))
		},
	} {
		e, err := make()
		require.Nil(t, e)
		require.ErrorContains(t, err, "experiment: New: ")
		require.ErrorContains(t, err, want)
	}
}
