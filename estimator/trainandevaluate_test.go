package estimator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/saver"
)

// target is an evaluation of bowl: the loss is (step-x)².
func target(x float32) estimator.EvalSpec {
	return estimator.NewEvalSpec("test", numbers(x).Batch(1))
}

func bowlIn(t testing.TB, dir string, opts ...estimator.Option) *estimator.Estimator {
	t.Helper()
	return newEstimator(t, bowl, append([]estimator.Option{estimator.ModelDir(dir)}, opts...)...)
}

func zeros(opts ...estimator.FitOption) estimator.TrainSpec {
	return estimator.NewTrainSpec(numbers(0).Batch(1).Repeat(-1), opts...)
}

func stepsOf(all estimator.Evaluations, name string) (steps []int64) {
	steps, _ = all.Curve(name, "loss")
	return steps
}

// The best checkpoint survives 100 later saves and two restarts.
func checkBestSurvives(t *testing.T) {
	dir := t.TempDir()
	for _, last := range []int64{40, 80, 120} {
		est := bowlIn(t, dir, estimator.SaveCheckpointsSteps(1), estimator.KeepCheckpointMax(2))
		res, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(last)), target(12).With(estimator.KeepBest(estimator.Least("loss"), 1)))
		require.NoError(t, err)
		require.EqualValues(t, last, res.Train.LastStep)
		best, err := est.BestCheckpoint()
		require.NoError(t, err)
		ev, err := est.Evaluate(numbers(12).Batch(1), estimator.CheckpointPath(best))
		require.NoError(t, err)
		require.Equal(t, estimator.Metrics{"loss": 0, "global_step": 12}, ev)
	}
	steps, err := saver.Steps(dir)
	require.NoError(t, err)
	require.Equal(t, []int64{12, 119, 120}, steps)
	_, err = saver.Check(dir)
	require.NoError(t, err)
}

// Two evaluation sets at different schedules, no additional compile.
func TestTwoEvaluationsCompileOnce(t *testing.T) {
	var calls counted
	est := newEstimator(t, calls.wrap(classifier), estimator.ModelDir(t.TempDir()), estimator.SaveCheckpointsSteps(10))
	res, err := est.TrainAndEvaluate(estimator.NewTrainSpec(endless(), estimator.MaxSteps(60)),
		estimator.NewEvalSpec("a", flowers().Batch(15), estimator.At(hooks.EverySteps(4))),
		estimator.NewEvalSpec("b", endless(), estimator.Steps(1)))
	require.NoError(t, err)
	require.Equal(t, []int64{4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60}, stepsOf(res.Evaluations, "a"))
	require.Equal(t, []int64{10, 20, 30, 40, 50, 60}, stepsOf(res.Evaluations, "b"))
	require.LessOrEqual(t, est.Stats(estimator.Eval).Compiles, 2)
	require.LessOrEqual(t, calls.eval.Load(), int64(2))
}

// Models with variables of their own for an evaluation compile once too.
func TestEvaluationsWithLocalVariablesCompileOnce(t *testing.T) {
	counting := func(g *graph.Graph, features, _ graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		local := g.LocalVariable("calls", tensor.Float32, nil, nil)
		spec := &estimator.Spec{Predictions: features, Loss: ops.AssignAdd(g, local, g.NamedConstant("call", float32(1)))}
		if mode == estimator.Train {
			spec.Loss, spec.TrainOp = g.NamedConstant("two", float32(2)), countSteps(g)
		}
		return spec, nil
	}
	est := newEstimator(t, counting, estimator.ModelDir(t.TempDir()), estimator.SaveCheckpointsSteps(10))
	res, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(60)),
		estimator.NewEvalSpec("a", numbers(1, 2, 3).Batch(1), estimator.At(hooks.EverySteps(7))),
		estimator.NewEvalSpec("b", numbers(1, 2).Batch(2)))
	require.NoError(t, err)
	require.Equal(t, []int64{7, 14, 21, 28, 35, 42, 49, 56, 60}, stepsOf(res.Evaluations, "a"))
	require.Equal(t, []int64{10, 20, 30, 40, 50, 60}, stepsOf(res.Evaluations, "b"))
	for _, e := range res.Evaluations {
		want := map[string]float64{"a": 2, "b": 1}[e.Name] // the mean of 1, 2, 3, or of 1 over two rows
		require.Equal(t, want, e.Metrics["loss"], "%s at step %d", e.Name, e.Step)
	}
	require.Equal(t, 2, est.Stats(estimator.Eval).Compiles)
}

// Whatever ends training, each EvalSpec is evaluated at the last step, once.
func TestFinalEvaluation(t *testing.T) {
	finite := estimator.NewTrainSpec(numbers(0, 0, 0, 0, 0, 0, 0).Batch(1))
	stop := hooks.Funcs{OnStepEnd: func(step int64, _ hooks.Outputs) (bool, error) { return step == 5, nil }}
	early := func() hooks.Monitor { return hooks.NewEarlyStopping("loss", hooks.PatienceEvaluations(1)) }
	for name, c := range map[string]struct {
		train estimator.TrainSpec
		at    hooks.Schedule
		want  []int64
	}{
		"max steps":                     {zeros(estimator.MaxSteps(10)), hooks.EverySteps(4), []int64{4, 8, 10}},
		"max steps that are evaluated":  {zeros(estimator.MaxSteps(8)), hooks.EverySteps(4), []int64{4, 8}},
		"steps":                         {zeros(estimator.Steps(10)), hooks.Never(), []int64{10}},
		"end of input":                  {finite, hooks.EverySteps(4), []int64{4, 7}},
		"end of an input, evaluated":    {finite, hooks.EverySteps(7), []int64{7}},
		"end of epoch":                  {finite, hooks.EveryEpochs(1), []int64{7}},
		"a monitor":                     {zeros(estimator.MaxSteps(10), estimator.Monitors(stop)), hooks.EverySteps(4), []int64{4, 5}},
		"early stopping, not improving": {zeros(estimator.MaxSteps(40), estimator.Monitors(early())), hooks.EverySteps(4), []int64{4, 8}},
	} {
		t.Run(name, func(t *testing.T) {
			x := &exporter{name: "x"}
			est := bowlIn(t, t.TempDir())
			res, err := est.TrainAndEvaluate(c.train, target(5).With(estimator.At(c.at), estimator.Exporters(x)))
			require.NoError(t, err)
			require.Equal(t, c.want, stepsOf(res.Evaluations, "test"))
			require.Len(t, res.Evaluations, len(c.want), "each step once")
			last := res.Evaluations[len(c.want)-1]
			require.True(t, last.Final)
			require.Equal(t, last.Metrics, res.Final["test"])
			require.Equal(t, res.Train.LastStep, last.Step)
			require.Equal(t, 1, x.finals, "the exporter is told once that it is final")
			require.Equal(t, res.Train.Checkpoint, x.calls[len(x.calls)-1].Checkpoint)
		})
	}
}

// A model that was trained to MaxSteps before is evaluated, and nothing is written to its
// directory but that.
func TestFinalEvaluationOfATrainedModel(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		x := &exporter{name: "x"}
		res, err := bowlIn(t, dir).TrainAndEvaluate(zeros(estimator.MaxSteps(10)), target(5).With(estimator.Exporters(x)))
		require.NoError(t, err)
		require.Equal(t, []graphactions.Reason{graphactions.ReasonMaxSteps, graphactions.ReasonAlreadyAtStep}[i], res.Train.Reason)
		require.Equal(t, map[string]estimator.Metrics{"test": {"loss": 25, "global_step": 10}}, res.Final)
		require.Equal(t, 1, x.finals)
		require.EqualValues(t, 10, stepOf(t, dir))
	}
}

// exporter notes what it is offered.
type exporter struct {
	name   string
	calls  []estimator.ExportCandidate
	finals int
	export func(estimator.ExportCandidate) (string, error)
}

func (x *exporter) Name() string { return x.name }

func (x *exporter) Export(_ context.Context, c estimator.ExportCandidate) (string, error) {
	x.calls = append(x.calls, c)
	if c.Final {
		x.finals++
	}
	if x.export == nil {
		return "", nil
	}
	return x.export(c)
}

func (x *exporter) steps() (steps []int64) {
	for _, c := range x.calls {
		steps = append(steps, c.Step)
	}
	return steps
}

// Exporters get the checkpoint of the very step that was evaluated, which is saved for them.
func TestExportersGetTheCheckpoint(t *testing.T) {
	dir := t.TempDir()
	x := &exporter{name: "x", export: func(c estimator.ExportCandidate) (string, error) {
		ckpt, err := saver.Load(c.Checkpoint)
		if err == nil && (ckpt.Step != c.Step || float64(c.Step) != c.Metrics["global_step"] || c.Evaluation != "test") {
			err = fmt.Errorf("%v of step %d", c, ckpt.Step)
		}
		return fmt.Sprint(c.Step), err
	}}
	est := bowlIn(t, dir)
	res, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(10)), target(5).With(estimator.At(hooks.EverySteps(4)), estimator.Exporters(x)))
	require.NoError(t, err)
	require.Equal(t, []int64{4, 8, 10}, x.steps())
	require.Equal(t, []string{"4", "8", "10"}, res.Exports)
	require.Equal(t, filepath.Join(dir, "export", "x"), x.calls[0].Dir)
	steps, err := saver.Steps(dir)
	require.NoError(t, err)
	require.Equal(t, []int64{0, 4, 8, 10}, steps)
}

// A run that ends between a checkpoint and what follows it, here by an exporter that
// fails, does that first when it goes on, and ends as an undisturbed run does.
func TestNothingIsLostBetweenSaveAndExport(t *testing.T) {
	run := func(dir string, x *exporter) error {
		_, err := bowlIn(t, dir, estimator.SaveCheckpointsSteps(5)).TrainAndEvaluate(zeros(estimator.MaxSteps(20)),
			target(11).With(estimator.Exporters(x), estimator.KeepBest(estimator.Least("loss"), 2)))
		return err
	}
	whole := t.TempDir()
	require.NoError(t, run(whole, &exporter{name: "x"}))
	dir := t.TempDir()
	broken := errors.New("disk full")
	for _, c := range []struct {
		at    int64
		calls []int64 // what was left undone first
	}{{5, []int64{5}}, {10, []int64{5, 10}}, {20, []int64{10, 15, 20}}} {
		at := c.at
		failing := &exporter{name: "x", export: func(c estimator.ExportCandidate) (string, error) {
			if c.Step == at {
				return "", broken
			}
			return "", nil
		}}
		err := run(dir, failing)
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, fmt.Sprintf(`EvalSpec "test": exporter "x" at step %d`, at))
		require.EqualValues(t, at, stepOf(t, dir))
		require.Equal(t, c.calls, failing.steps())
	}
	x := &exporter{name: "x"}
	require.NoError(t, run(dir, x))
	require.Equal(t, []int64{20}, x.steps())
	require.Equal(t, 1, x.finals)
	require.Equal(t, metadata(t, whole), metadata(t, dir))
	for _, d := range []string{whole, dir} {
		pins, err := saver.Pins(d, estimator.BestCheckpoints)
		require.NoError(t, err)
		require.EqualValues(t, 10, pins[0].Step)
		require.EqualValues(t, 15, pins[1].Step)
	}
}

func metadata(t testing.TB, dir string) map[string]string {
	t.Helper()
	ckpt, _, _, err := saver.LoadLatest(dir)
	require.NoError(t, err)
	return ckpt.Metadata
}

// A monitor of one's own may ask for an evaluation after the checkpoint of the step: what
// follows has that checkpoint.
func TestEvaluationAskedForByAMonitor(t *testing.T) {
	var run *hooks.Run
	ask := hooks.Funcs{
		OnBegin: func(r *hooks.Run) error { run = r; return nil },
		OnSaved: func(step int64, _ string) error {
			if step == 5 {
				run.RequestEvaluate("test")
			}
			return nil
		},
	}
	x := &exporter{name: "x"}
	est := bowlIn(t, t.TempDir(), estimator.SaveCheckpointsSteps(5))
	res, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(12), estimator.Monitors(ask)), target(5).With(estimator.At(hooks.Never()), estimator.Exporters(x)))
	require.NoError(t, err)
	require.Equal(t, []int64{5, 12}, x.steps())
	require.Contains(t, x.calls[0].Checkpoint, "model.ckpt-5.")
	require.Contains(t, res.String(), "steps 0 to 12 (max_steps)")
	require.Contains(t, res.String(), "step  test/loss\n   5          0\n  12         49")
}

// An EvalSpec by itself, which is not for use beside a fit.
func TestEvaluateSpec(t *testing.T) {
	est := bowlIn(t, t.TempDir())
	x := &exporter{name: "x"}
	spec := target(5).With(estimator.Exporters(x), estimator.KeepBest(estimator.Least("loss"), 1))
	during := hooks.Funcs{OnStepEnd: func(int64, hooks.Outputs) (bool, error) {
		_, err := est.EvaluateSpec(ctx, spec, false)
		require.ErrorContains(t, err, `EvaluateSpec "test": a fit is running`)
		return false, nil
	}}
	fit(t, est, zeros().Input(), estimator.MaxSteps(3), estimator.Monitors(during))
	e, err := est.EvaluateSpec(ctx, spec, false)
	require.NoError(t, err)
	require.Equal(t, &estimator.Evaluation{Name: "test", Step: 3, Metrics: estimator.Metrics{"loss": 4, "global_step": 3}, Checkpoint: est.LatestCheckpoint()}, e)
	require.Len(t, x.calls, 1)
	best, err := est.BestCheckpoint()
	require.NoError(t, err)
	require.Equal(t, est.LatestCheckpoint(), best)
	_, err = est.EvaluateSpec(ctx, spec.With(estimator.KeepBest(estimator.Least("auc"), 1)), false)
	require.ErrorContains(t, err, `EvalSpec "test": KeepBest: the metric "auc" is missing`)
}

func TestExporterPanics(t *testing.T) {
	x := &exporter{name: "x", export: func(estimator.ExportCandidate) (string, error) { panic("oh") }}
	res, err := bowlIn(t, t.TempDir()).TrainAndEvaluate(zeros(estimator.MaxSteps(3)), target(5).With(estimator.Exporters(x)))
	require.ErrorContains(t, err, `exporter "x" at step 3`)
	require.ErrorContains(t, err, "panicked: oh")
	var p *graphactions.PanicError
	require.ErrorAs(t, err, &p)
	require.Len(t, res.Evaluations, 1, "what was done before comes with the error")
}

// A cancelled run evaluates nothing at its end.
func TestCancelledTrainAndEvaluate(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := hooks.Funcs{OnPostStep: func(step int64) error {
		if step == 6 {
			cancel(os.ErrDeadlineExceeded)
		}
		return nil
	}}
	x := &exporter{name: "x"}
	res, err := bowlIn(t, t.TempDir()).TrainAndEvaluateContext(ctx, zeros(estimator.MaxSteps(10), estimator.Monitors(stop)),
		target(5).With(estimator.At(hooks.EverySteps(4)), estimator.Exporters(x)))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.EqualValues(t, 6, res.Train.LastStep)
	require.Equal(t, []int64{4}, stepsOf(res.Evaluations, "test"))
	require.Empty(t, res.Final)
	require.Zero(t, x.finals)
}

// Checkpoints that come too early or too soon after an evaluation are passed over, which
// the log says; the end is evaluated in any case.
func TestThrottleAndStartDelay(t *testing.T) {
	for name, c := range map[string]struct {
		opts   []estimator.EvalSpecOption
		want   []int64
		logged []string
	}{
		"every checkpoint": {nil, []int64{5, 10, 15, 20, 22}, nil},
		"throttle": {[]estimator.EvalSpecOption{estimator.Throttle(8 * time.Second)}, []int64{5, 15, 22},
			[]string{`evaluation \"test\" of the checkpoint is passed over: the last one began less than 8s ago" step=10`, "step=20"}},
		"start delay": {[]estimator.EvalSpecOption{estimator.StartDelay(11 * time.Second)}, []int64{15, 20, 22},
			[]string{`passed over: training began less than 11s ago" step=5`, "step=10"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				slow := hooks.Funcs{OnStepEnd: func(int64, hooks.Outputs) (bool, error) { time.Sleep(time.Second); return false, nil }}
				est := bowlIn(t, t.TempDir(), estimator.SaveCheckpointsSteps(5), estimator.Logger(slog.New(slog.NewTextHandler(&log, nil))))
				res, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(22), estimator.Monitors(slow)), target(5).With(c.opts...))
				require.NoError(t, err)
				require.Equal(t, c.want, stepsOf(res.Evaluations, "test"))
				for _, want := range c.logged {
					require.Contains(t, log.String(), want)
				}
				require.Equal(t, len(c.logged), strings.Count(log.String(), "passed over"))
				require.Contains(t, log.String(), `evaluation \"test\": at each checkpoint`)
			})
		})
	}
}

// All evaluations of a fit go to one event file.
func TestOneEventFileForEachEvaluation(t *testing.T) {
	est := bowlIn(t, t.TempDir())
	_, err := est.TrainAndEvaluate(zeros(estimator.MaxSteps(9)), target(5).With(estimator.At(hooks.EverySteps(2))), estimator.NewEvalSpec("", numbers(1).Batch(1)))
	require.NoError(t, err)
	for name, want := range map[string][]int64{"test": {2, 4, 6, 8, 9}, "": {9}} {
		files, err := os.ReadDir(est.EvalDir(name))
		require.NoError(t, err)
		require.Len(t, files, 1)
		all, err := estimator.ReadEvalMetrics(est.EvalDir(name))
		require.NoError(t, err)
		require.Equal(t, want, stepsOf(all, ""))
	}
}

func TestEvaluationsTable(t *testing.T) {
	all := estimator.Evaluations{
		{Name: "test", Step: 10, Metrics: estimator.Metrics{"loss": 0.5, "accuracy": 0.25, "global_step": 10}},
		{Name: "", Step: 20, Metrics: estimator.Metrics{"loss": 3, "global_step": 20}},
		{Name: "test", Step: 20, Metrics: estimator.Metrics{"loss": 1.0 / 3, "accuracy": 1, "global_step": 20, "confusion/1/0": 7}, Exports: []string{"a", "b"}},
		{Name: "test", Step: 9, Metrics: estimator.Metrics{"loss": 2}, Exports: []string{"b", "c"}},
	}
	require.Equal(t, ""+
		"step  loss  test/accuracy  test/loss\n"+
		"   9                               2\n"+
		"  10                 0.25        0.5\n"+
		"  20     3              1   0.333333\n", all.String())
	require.Contains(t, all.HTML(), "<th>test/accuracy</th>")
	require.Contains(t, all.HTML(), "<td>0.333333</td>")
	steps, values := all.Curve("test", "loss")
	require.Equal(t, []int64{9, 10, 20}, steps)
	require.Equal(t, []float64{2, 0.5, 1.0 / 3}, values)
	require.Equal(t, []string{"a", "b", "c"}, all.Exports())
	require.Same(t, all[3], all.Last("test"))
	require.Nil(t, all.Last("other"))
}

func TestTrainAndEvaluateBadInput(t *testing.T) {
	ok, spec := zeros(estimator.MaxSteps(3)), target(1)
	one := func(opts ...estimator.EvalSpecOption) []estimator.EvalSpec {
		return []estimator.EvalSpec{spec.With(opts...)}
	}
	for name, c := range map[string]struct {
		train estimator.TrainSpec
		evals []estimator.EvalSpec
		want  []string
	}{
		"no training input":   {estimator.NewTrainSpec(nil), one(), []string{"TrainSpec", "input is nil"}},
		"no max steps":        {zeros(estimator.MaxSteps(0)), one(), []string{"MaxSteps: 0", "must specify max_steps > 0"}},
		"negative max steps":  {zeros(estimator.MaxSteps(-1)), one(), []string{"MaxSteps: -1"}},
		"nil monitor":         {zeros(estimator.Monitors(nil)), one(), []string{"monitor 0 is nil"}},
		"no evaluation":       {ok, nil, []string{"there is no EvalSpec", "use Fit"}},
		"two of a name":       {ok, []estimator.EvalSpec{spec, spec}, []string{`two EvalSpecs have the name "test"`}},
		"bad name":            {ok, []estimator.EvalSpec{spec.Named("a/b")}, []string{`EvalSpec "a/b"`, "without slashes"}},
		"no input":            {ok, []estimator.EvalSpec{estimator.NewEvalSpec("test", nil)}, []string{`EvalSpec "test"`, "input is nil"}},
		"endless":             {ok, []estimator.EvalSpec{estimator.NewEvalSpec("test", ok.Input())}, []string{`EvalSpec "test"`, estimator.ErrEndless.Error(), "give Steps"}},
		"steps":               {ok, one(estimator.Steps(0)), []string{`EvalSpec "test"`, "Steps: 0", "must specify steps > 0"}},
		"throttle":            {ok, one(estimator.Throttle(-1)), []string{"Throttle: -1ns", "at least 0"}},
		"start delay":         {ok, one(estimator.StartDelay(-time.Second)), []string{"StartDelay: -1s", "at least 0"}},
		"schedule":            {ok, one(estimator.At(hooks.EverySteps(0))), []string{"At", "EverySteps: 0"}},
		"schedule, throttled": {ok, one(estimator.At(hooks.EverySteps(1)), estimator.Throttle(0)), []string{"At has a schedule of its own"}},
		"nil exporter":        {ok, one(estimator.Exporters(nil)), []string{"exporter 0 is nil"}},
		"exporter's name":     {ok, one(estimator.Exporters(&exporter{})), []string{`exporter 0 has the name ""`}},
		"exporter's path":     {ok, one(estimator.Exporters(&exporter{name: ".."})), []string{`".."`, "the name of a directory"}},
		"equal exporters":     {ok, one(estimator.Exporters(&exporter{name: "x"}, &exporter{name: "x"})), []string{`two exporters have the name "x"`}},
		"equal exporters of two": {ok, []estimator.EvalSpec{spec.With(estimator.Exporters(&exporter{name: "x"})), spec.Named("b").With(estimator.Exporters(&exporter{name: "x"}))},
			[]string{`two exporters have the name "x"`}},
		"best of nothing":   {ok, one(estimator.KeepBest(estimator.Least(""), 1)), []string{"KeepBest", "name is empty"}},
		"no best":           {ok, one(estimator.KeepBest(estimator.Least("loss"), 0)), []string{"KeepBest", "0, want at least 1"}},
		"best without name": {ok, one(estimator.KeepBestAs(" ", estimator.Least("loss"), 1)), []string{"KeepBest", `the name is " "`}},
		"two best": {ok, []estimator.EvalSpec{spec.With(estimator.KeepBest(estimator.Least("loss"), 1)), spec.Named("b").With(estimator.KeepBest(estimator.Least("loss"), 1))},
			[]string{`"test" and "b" both keep checkpoints under the name "best"`, "KeepBestAs"}},
		"best of another metric": {ok, one(estimator.KeepBest(estimator.Greatest("accuracy"), 1)), []string{`there is no metric "accuracy"`, `["global_step" "loss"]`}},
		"another model":          {ok, []estimator.EvalSpec{estimator.NewEvalSpec("test", flowers().Batch(2))}, []string{`"test"`, "incompatible"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "model")
			res, err := bowlIn(t, dir).TrainAndEvaluate(c.train, c.evals...)
			require.Nil(t, res)
			require.ErrorContains(t, err, "estimator: ")
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.NoDirExists(t, dir)
		})
	}
	_, err := bowlIn(t, t.TempDir()).EvaluateSpec(ctx, spec, true)
	require.ErrorIs(t, err, estimator.ErrNotFitted)
	_, err = bowlIn(t, t.TempDir()).EvaluateSpec(ctx, spec.With(estimator.Throttle(-1)), true)
	require.ErrorContains(t, err, "Throttle")
}
