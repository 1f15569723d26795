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

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
)

// filled is a directory that another process fills: checkpoints of the bowl appear in it
// as the test says.
type filled struct {
	t    testing.TB
	dir  string
	from string
	s    *saver.Saver
}

// fill trains a bowl for so many steps and returns an empty directory for its checkpoints.
func fill(t testing.TB, steps int64, opts ...saver.Option) *filled {
	t.Helper()
	from := t.TempDir()
	fit(t, bowlIn(t, from, estimator.SaveCheckpointsSteps(1), estimator.KeepCheckpointMax(0)), numbers(0).Batch(1).Repeat(-1), estimator.MaxSteps(steps))
	dir := t.TempDir()
	s, err := saver.New(dir, opts...)
	require.NoError(t, err)
	return &filled{t: t, dir: dir, from: from, s: s}
}

// save makes the checkpoint of a step appear.
func (f *filled) save(step int64) string {
	f.t.Helper()
	ckpt, err := saver.Load(filepath.Join(f.from, fmt.Sprintf("model.ckpt-%d.safetensors", step)))
	require.NoError(f.t, err)
	path, err := f.s.Save(ctx, *ckpt)
	require.NoError(f.t, err)
	return path
}

// tear damages the checkpoint of a step.
func (f *filled) tear(path string) {
	f.t.Helper()
	require.NoError(f.t, os.Truncate(path, 100))
}

// script lets something happen after each look: it returns an option that notes what was
// found and calls the next of the functions.
func script(found *[]string, after ...func()) estimator.ContinuousOption {
	return estimator.OnLook(func(status estimator.LookStatus, e *estimator.Evaluation) {
		text := string(status)
		if e != nil {
			text = fmt.Sprint("step ", e.Step)
		}
		*found = append(*found, text)
		if n := len(*found) - 1; n < len(after) && after[n] != nil {
			after[n]()
		}
	})
}

// The newest checkpoint of each look is evaluated, with one model, until the last step.
func TestContinuousEval(t *testing.T) {
	f := fill(t, 20)
	synctest.Test(t, func(t *testing.T) {
		var calls counted
		var found []string
		x := &exporter{name: "x"}
		est := newEstimator(t, calls.wrap(bowl), estimator.ModelDir(f.dir))
		start := time.Now()
		all, err := est.ContinuousEval(ctx, target(5).With(estimator.Throttle(time.Minute), estimator.StartDelay(10*time.Second), estimator.Exporters(x)), estimator.UntilStep(20),
			script(&found, func() { f.save(2) }, func() { f.save(3); f.save(7) }, nil, func() { f.save(12) }, func() { f.save(20) }))
		require.NoError(t, err)
		require.Equal(t, []string{"missing checkpoint", "step 2", "step 7", "no new checkpoint", "step 12", "step 20"}, found)
		require.Equal(t, []int64{2, 7, 12, 20}, stepsOf(all, "test"))
		require.Equal(t, 10*time.Second+5*time.Minute, time.Since(start))
		require.Equal(t, []int64{2, 7, 12, 20}, x.steps())
		require.Equal(t, 1, x.finals)
		require.EqualValues(t, 1, calls.eval.Load())
		require.Zero(t, calls.train.Load())
		for _, e := range all {
			require.Equal(t, estimator.Metrics{"loss": float64((5 - e.Step) * (5 - e.Step)), "global_step": float64(e.Step)}, e.Metrics)
			require.Equal(t, filepath.Join(f.dir, fmt.Sprintf("model.ckpt-%d.safetensors", e.Step)), e.Checkpoint)
		}
		written, err := estimator.ReadEvalMetrics(est.EvalDir("test"))
		require.NoError(t, err)
		require.Equal(t, []int64{2, 7, 12, 20}, stepsOf(written, ""))
	})
}

// A torn newest checkpoint is passed over for the newest good one that is newer than what
// was evaluated, and is looked at again when it has changed.
func TestContinuousEvalOfTornCheckpoints(t *testing.T) {
	f := fill(t, 9, saver.KeepMax(10))
	synctest.Test(t, func(t *testing.T) {
		var found []string
		var log bytes.Buffer
		est := bowlIn(t, f.dir, estimator.Logger(slog.New(slog.NewTextHandler(&log, nil))))
		_, err := est.ContinuousEval(ctx, target(5), estimator.UntilStep(9), script(&found,
			func() { f.tear(f.save(1)) },
			func() { f.save(2); f.save(3); f.tear(f.save(4)) },
			nil,
			func() { f.save(4) },
			func() { f.tear(f.save(5)) },
			func() { require.NoError(t, os.Remove(filepath.Join(f.dir, "model.ckpt-4.safetensors"))) },
			func() { f.save(9) },
		))
		require.NoError(t, err)
		require.Equal(t, []string{
			"missing checkpoint", "missing checkpoint", "step 3", "no new checkpoint", "step 4", "no new checkpoint", "no new checkpoint", "step 9",
		}, found)
		require.Equal(t, 3, strings.Count(log.String(), "a checkpoint cannot be evaluated"), "once for each torn file")
	})
}

// A checkpoint that is deleted between the look and the reading, or before it was
// exported, is passed over.
func TestContinuousEvalOfVanishingCheckpoints(t *testing.T) {
	f := fill(t, 9)
	synctest.Test(t, func(t *testing.T) {
		var found []string
		x := &exporter{name: "x", export: func(c estimator.ExportCandidate) (string, error) {
			if c.Step == 3 {
				require.NoError(t, os.Remove(c.Checkpoint))
			}
			_, err := saver.Load(c.Checkpoint)
			return fmt.Sprint(c.Step), err
		}}
		all, err := bowlIn(t, f.dir).ContinuousEval(ctx, target(5).With(estimator.Exporters(x), estimator.KeepBest(estimator.Least("loss"), 1)), estimator.UntilStep(9), script(&found,
			func() { require.NoError(t, os.Remove(f.save(1))) }, func() { f.save(2) }, func() { f.save(3) }, func() { f.save(9) }))
		require.NoError(t, err)
		require.Equal(t, []string{"missing checkpoint", "missing checkpoint", "step 2", "step 3", "step 9"}, found)
		require.Equal(t, []string{"2", "9"}, all.Exports())
	})
}

// What the evaluator keeps outlives the rotation of the trainer, and its own restarts.
func TestContinuousEvalKeepsTheBest(t *testing.T) {
	f := fill(t, 40, saver.KeepMax(2))
	for start := int64(1); start <= 31; start += 10 {
		synctest.Test(t, func(t *testing.T) {
			var after []func()
			for step := start; step < start+10; step++ {
				after = append(after, func() { f.save(step) })
			}
			var found []string
			est := bowlIn(t, f.dir)
			_, err := est.ContinuousEval(ctx, target(12).With(estimator.KeepBest(estimator.Least("loss"), 2)), estimator.UntilStep(start+9), script(&found, after...))
			require.NoError(t, err)
		})
	}
	steps, err := saver.Steps(f.dir)
	require.NoError(t, err)
	require.Equal(t, []int64{11, 12, 39, 40}, steps, "of 11 and 13 the earlier one is the better")
	best, err := bowlIn(t, f.dir).BestCheckpoint()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(f.dir, "model.ckpt-12.safetensors"), best)
}

// Where a trainer goes back, the earlier of equal checkpoints is the better one, and a step
// that is saved anew is evaluated anew.
func TestContinuousEvalOfATrainerThatGoesBack(t *testing.T) {
	f := fill(t, 14, saver.KeepMax(1))
	synctest.Test(t, func(t *testing.T) {
		var found []string
		later := time.Now().Add(time.Hour)
		again := func() { require.NoError(t, os.Chtimes(f.save(11), later, later)) }
		_, err := bowlIn(t, f.dir).ContinuousEval(ctx, target(12).With(estimator.KeepBest(estimator.Least("loss"), 1)), estimator.UntilStep(14), script(&found,
			func() { f.save(13) }, func() { f.save(11) }, again, func() { f.save(14) }))
		require.NoError(t, err)
		require.Equal(t, []string{"missing checkpoint", "step 13", "step 11", "step 11", "step 14"}, found)
	})
	steps, err := saver.Steps(f.dir)
	require.NoError(t, err)
	require.Equal(t, []int64{11, 14}, steps)
}

func TestContinuousEvalEnds(t *testing.T) {
	f := fill(t, 3)
	f.save(3)
	why := errors.New("enough of this")
	for name, c := range map[string]struct {
		opts  func(est *estimator.Estimator, cancel func()) []estimator.ContinuousOption
		want  error
		after time.Duration
		made  int
	}{
		"timeout": {func(*estimator.Estimator, func()) []estimator.ContinuousOption {
			return []estimator.ContinuousOption{estimator.Timeout(time.Minute)}
		}, nil, time.Minute, 1},
		"predicate": {func(*estimator.Estimator, func()) []estimator.ContinuousOption {
			looks := 0
			return []estimator.ContinuousOption{estimator.While(func(last estimator.Metrics) bool {
				looks++
				require.Equal(t, looks == 1, last == nil)
				return looks < 4
			})}
		}, nil, 30 * time.Second, 1},
		"predicate at once": {func(*estimator.Estimator, func()) []estimator.ContinuousOption {
			return []estimator.ContinuousOption{estimator.While(func(estimator.Metrics) bool { return false })}
		}, nil, 0, 0},
		"every look": {func(*estimator.Estimator, func()) []estimator.ContinuousOption {
			looks := 0
			return []estimator.ContinuousOption{estimator.EveryLook(), estimator.While(func(estimator.Metrics) bool { looks++; return looks <= 3 })}
		}, nil, 30 * time.Second, 3},
		"cancelled while waiting": {func(_ *estimator.Estimator, cancel func()) []estimator.ContinuousOption {
			time.AfterFunc(15*time.Second, cancel)
			return nil
		}, why, 15 * time.Second, 1},
		"cancelled before": {func(_ *estimator.Estimator, cancel func()) []estimator.ContinuousOption {
			cancel()
			return nil
		}, why, 0, 0},
		"closed": {func(est *estimator.Estimator, _ func()) []estimator.ContinuousOption {
			time.AfterFunc(15*time.Second, func() { est.Close() })
			return nil
		}, estimator.ErrClosed, 15 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(context.Background())
				defer cancel(nil)
				est := bowlIn(t, f.dir)
				start := time.Now()
				all, err := est.ContinuousEval(ctx, target(5).With(estimator.Throttle(10*time.Second)), c.opts(est, func() { cancel(why) })...)
				require.ErrorIs(t, err, c.want)
				require.Len(t, all, c.made)
				require.Equal(t, c.after, time.Since(start))
			})
		})
	}
}

// An error of the evaluation itself ends it, with what was made before.
func TestContinuousEvalFails(t *testing.T) {
	f := fill(t, 3)
	f.save(3)
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("no more rows")
		left := 2
		input := datasets.Func(numbers(1).Spec(), func() (datasets.Batch, error) {
			if left--; left < 0 {
				return datasets.Batch{}, broken
			}
			return datasets.Batch{Features: map[string]*tensor.Dense{datasets.DefaultFeature: tensor.New(tensor.WithShape(1), tensor.WithBacking([]float32{1}))}}, nil
		})
		all, err := bowlIn(t, f.dir).ContinuousEval(ctx, estimator.NewEvalSpec("", input, estimator.Steps(1)), estimator.EveryLook())
		require.ErrorIs(t, err, broken)
		require.Len(t, all, 2)
	})
}

func TestContinuousEvalBadInput(t *testing.T) {
	none, err := estimator.New(bowl)
	require.NoError(t, err)
	est := bowlIn(t, t.TempDir())
	for want, call := range map[string]func() (estimator.Evaluations, error){
		"there is no model directory": func() (estimator.Evaluations, error) { return none.ContinuousEval(ctx, target(1)) },
		"UntilStep: 0": func() (estimator.Evaluations, error) {
			return est.ContinuousEval(ctx, target(1), estimator.UntilStep(0))
		},
		"Timeout: 0s": func() (estimator.Evaluations, error) { return est.ContinuousEval(ctx, target(1), estimator.Timeout(0)) },
		"At: every 3 steps": func() (estimator.Evaluations, error) {
			return est.ContinuousEval(ctx, target(1).With(estimator.At(hooks.EverySteps(3))))
		},
		`EvalSpec "test": Throttle: -`: func() (estimator.Evaluations, error) {
			return est.ContinuousEval(ctx, target(1).With(estimator.Throttle(-1)))
		},
	} {
		all, err := call()
		require.ErrorContains(t, err, want)
		require.Empty(t, all)
	}
}

func TestEvaluateAll(t *testing.T) {
	f := fill(t, 4)
	var calls counted
	est := newEstimator(t, calls.wrap(bowl), estimator.ModelDir(f.dir))
	paths, err := saver.AllPaths(f.from)
	require.NoError(t, err)
	all, err := est.EvaluateAll(ctx, target(2), paths...)
	require.NoError(t, err)
	steps, losses := all.Curve("test", "loss")
	require.Equal(t, []int64{0, 1, 2, 3, 4}, steps)
	require.Equal(t, []float64{4, 1, 0, 1, 4}, losses)
	require.EqualValues(t, 1, calls.eval.Load())
	files, err := os.ReadDir(est.EvalDir("test"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	all, err = est.EvaluateAll(ctx, target(2), paths[1], "nowhere", paths[2])
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Len(t, all, 1)
}
