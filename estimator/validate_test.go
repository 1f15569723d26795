package estimator_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/summaries"
)

// results notes what evaluations gave.
func results(name string, into map[int64]estimator.Metrics) hooks.Monitor {
	return hooks.Funcs{OnEvaluated: func(step int64, evaluation string, m hooks.Metrics) error {
		if evaluation == name {
			into[step] = m
		}
		return nil
	}}
}

// An evaluation at a step gives the very numbers that evaluating the checkpoint of that
// step gives, though nothing was saved there, and training goes on as if it had not been
// made.
func TestValidateSeesTheStep(t *testing.T) {
	with, without := t.TempDir(), t.TempDir()
	got := map[int64]estimator.Metrics{}
	var saved []int64
	est := in(t, with)
	fit(t, est, endless(), estimator.Steps(23), estimator.Validate("test", flowers().Batch(7)), estimator.Monitors(
		hooks.NewValidation("test", hooks.Or(hooks.EverySteps(10), hooks.AtEnd())), results("test", got),
		hooks.Funcs{OnSaved: func(step int64, _ string) error { saved = append(saved, step); return nil }}))
	require.Equal(t, []int64{0, 23}, saved)
	require.Len(t, got, 3)
	other := in(t, without, estimator.SaveCheckpointsSteps(1), estimator.KeepCheckpointMax(0))
	fit(t, other, endless(), estimator.Steps(23))
	for step, m := range got {
		want, err := other.Evaluate(flowers().Batch(7), estimator.CheckpointPath(filepath.Join(without, "model.ckpt-"+itoa(step)+".safetensors")))
		require.NoError(t, err)
		require.EqualValues(t, step, m["global_step"])
		require.Equal(t, want, m)
	}
	a, b := bits(t, with), bits(t, without)
	delete(a, "position")
	delete(b, "position")
	require.Equal(t, b, a)
	steps, losses, err := summaries.Scalars(est.EvalDir("test"), "loss")
	require.NoError(t, err)
	require.Equal(t, []int64{10, 20, 23}, steps)
	require.InDelta(t, got[10]["loss"], losses[0], 1e-6)
}

func itoa(n int64) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// Two evaluations with schedules of their own compile each of their batch sizes once.
func TestValidateCompilesOnce(t *testing.T) {
	var calls counted
	est := newEstimator(t, calls.wrap(classifier), estimator.ModelDir(t.TempDir()))
	a, b := map[int64]estimator.Metrics{}, map[int64]estimator.Metrics{}
	fit(t, est, endless(), estimator.Steps(60),
		estimator.Validate("a", flowers().Batch(15)), estimator.Validate("", endless(), estimator.Steps(1), estimator.Name("")),
		estimator.Monitors(hooks.NewValidation("a", hooks.EverySteps(4)), hooks.NewValidation("", hooks.EverySteps(7)), results("a", a), results("", b)))
	require.Len(t, a, 15)
	require.Len(t, b, 8)
	require.LessOrEqual(t, est.Stats(estimator.Eval).Compiles, 2)
	require.EqualValues(t, 15*2+8, est.Stats(estimator.Eval).Runs)
	require.LessOrEqual(t, calls.eval.Load(), int64(2))
	require.DirExists(t, est.EvalDir("a"))
	require.DirExists(t, est.EvalDir(""))
}

// bowl is a model whose loss is (w-x)², for one x that the rows hold, and which moves w
// by 1 at each step.
func bowl(g *graph.Graph, features, _ graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	w := g.Variable("w", tensor.Float32, nil, nil)
	off := ops.Sub(g, features.One(), w)
	spec := &estimator.Spec{Predictions: graph.Nodes{"off": off}, Loss: ops.Mean(g, ops.Mul(g, off, off))}
	if mode == estimator.Train {
		move := ops.AssignAdd(g, w, g.NamedConstant("1", float32(1)))
		spec.TrainOp = ops.Group(g, "train", move, countSteps(g))
	}
	return spec, nil
}

// The whole of it: the loss falls until step 12 and rises again.
func TestValidateAndStopEarly(t *testing.T) {
	for _, cuts := range [][]int64{{1000}, {3, 1000}, {11, 14, 1000}, {16, 19, 1000}} {
		dir := t.TempDir()
		var early *hooks.EarlyStopping
		var res *estimator.Result
		for _, last := range cuts {
			early = hooks.NewEarlyStopping("loss", hooks.PatienceSteps(10), hooks.OfEvaluation("test"))
			est := newEstimator(t, bowl, estimator.ModelDir(dir))
			res = fit(t, est, numbers(0).Batch(1).Repeat(-1), estimator.MaxSteps(last), estimator.Validate("test", numbers(12).Batch(1)),
				estimator.Monitors(hooks.NewValidation("test", hooks.EverySteps(5)), early))
		}
		require.EqualValues(t, 20, res.LastStep)
		require.Equal(t, graphactions.ReasonStopRequested, res.Reason)
		require.Equal(t, `early stopping: "loss" of evaluation "test" has not improved for 10 steps and 2 evaluations: it is 64 at step 20, the best was 4 at step 10`, res.Detail)
		require.True(t, early.Stopped())
		require.EqualValues(t, 10, early.BestStep())
		require.Equal(t, hooks.Metrics{"loss": 4, "global_step": 10}, early.BestMetrics())
	}
}

// A fit after one that was stopped has the same patience left, none: it ends at its
// first evaluation, unless that is an improvement.
func TestValidateAfterAnEarlyStop(t *testing.T) {
	for _, best := range []float32{12, 25} {
		dir := t.TempDir()
		var last []int64
		for _, target := range []float32{12, best} {
			est := newEstimator(t, bowl, estimator.ModelDir(dir))
			res := fit(t, est, numbers(0).Batch(1).Repeat(-1), estimator.MaxSteps(60), estimator.Validate("test", numbers(target).Batch(1)),
				estimator.Monitors(hooks.NewValidation("test", hooks.EverySteps(5)), hooks.NewEarlyStopping("loss", hooks.PatienceSteps(10))))
			last = append(last, res.LastStep)
		}
		if best == 12 {
			require.Equal(t, []int64{20, 25}, last)
		} else {
			require.Equal(t, []int64{20, 35}, last, "step 25 is the new best")
		}
	}
}

func TestValidateBadInput(t *testing.T) {
	good := flowers().Batch(8)
	for _, row := range []struct {
		name string
		want []string
		opts []estimator.FitOption
	}{
		{"nil input", []string{`Validate("a")`, "input is nil"}, []estimator.FitOption{estimator.Validate("a", nil)}},
		{"bad input", []string{`Validate("a")`, "input"}, []estimator.FitOption{estimator.Validate("a", good.Batch(-1))}},
		{"empty input", []string{`Validate("a")`, datasets.ErrEmpty.Error()}, []estimator.FitOption{estimator.Validate("a", good.Take(0))}},
		{"endless input", []string{`Validate("a")`, estimator.ErrEndless.Error(), "give Steps"}, []estimator.FitOption{estimator.Validate("a", endless())}},
		{"steps", []string{`Validate("a")`, "Steps: 0"}, []estimator.FitOption{estimator.Validate("a", good, estimator.Steps(0))}},
		{"name", []string{"a/b", "without slashes"}, []estimator.FitOption{estimator.Validate("a/b", good)}},
		{"another name", []string{`Validate("a")`, `Name: "b"`}, []estimator.FitOption{estimator.Validate("a", good, nil, estimator.Name("b"))}},
		{"checkpoint", []string{`Validate("a")`, "CheckpointPath", "no meaning"}, []estimator.FitOption{estimator.Validate("a", good, estimator.CheckpointPath("x"))}},
		{"twice", []string{`Validate("a") is given twice`}, []estimator.FitOption{estimator.Validate("a", good), estimator.Validate("a", good)}},
		{"another shape", []string{`Validate("a")`}, []estimator.FitOption{estimator.Validate("a", datasets.FromTensors([][]float32{{1, 2}}, []int64{1}).Batch(1))}},
		{"no labels", []string{`Validate("a")`}, []estimator.FitOption{estimator.Validate("a", datasets.FromTensors([][]float32{{1, 2, 3, 4}}, nil).Batch(1))}},
		{"misspelt", []string{`there is no evaluation "tset"`, `["test" "b"]`, "estimator.Validate"}, []estimator.FitOption{
			estimator.Validate("test", good), estimator.Validate("b", good), estimator.Monitors(hooks.NewValidation("tset", hooks.EverySteps(1000)))}},
		{"not registered", []string{`there is no evaluation "test"`, "estimator.Validate"}, []estimator.FitOption{
			estimator.Monitors(hooks.NewValidation("test", hooks.EverySteps(1000)))}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "model")
			res, err := in(t, dir).Fit(endless(), append(row.opts, estimator.Steps(1))...)
			require.Nil(t, res)
			require.ErrorContains(t, err, "estimator: Fit: ")
			for _, want := range row.want {
				require.ErrorContains(t, err, want)
			}
			require.NoDirExists(t, dir)
		})
	}
}

// A monitor of one's own may ask for a name that nobody registered; that is known only
// when it asks.
func TestValidateAskedForAnotherName(t *testing.T) {
	ask := func() hooks.Monitor {
		var run *hooks.Run
		return hooks.Funcs{
			OnBegin:   func(r *hooks.Run) error { run = r; return nil },
			OnStepEnd: func(int64, hooks.Outputs) (bool, error) { run.RequestEvaluate("tset"); return false, nil },
		}
	}
	_, err := in(t, t.TempDir()).Fit(endless(), estimator.Steps(1), estimator.Monitors(ask()))
	require.ErrorContains(t, err, `"tset"`)
	require.ErrorContains(t, err, "use OnEvaluate")
	_, err = in(t, t.TempDir()).Fit(endless(), estimator.Steps(1), estimator.Monitors(ask()), estimator.Validate("test", flowers().Batch(8)))
	require.ErrorContains(t, err, `there is no evaluation "tset", have ["test"]`)
}

// Cancelling a fit in the middle of an evaluation ends it with a checkpoint.
func TestValidateIsCancelled(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(context.Background())
	input := datasets.Func(flowers().Spec(), func() (datasets.Batch, error) {
		cancel(os.ErrDeadlineExceeded)
		return datasets.Batch{}, context.Canceled
	})
	res, err := in(t, dir).FitContext(ctx, endless(), estimator.Steps(9), estimator.Validate("test", input, estimator.Steps(3)),
		estimator.Monitors(hooks.NewValidation("test", hooks.EverySteps(4))))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Equal(t, graphactions.ReasonCancelled, res.Reason)
	require.EqualValues(t, 4, stepOf(t, dir))
}
