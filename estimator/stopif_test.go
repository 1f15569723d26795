package estimator_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/summaries"
)

// history is what an evaluator wrote.
type history map[int64]estimator.Metrics

var plateau = history{
	1000: {"loss": .8, "accuracy": .5}, 2000: {"loss": .7, "accuracy": .6}, 3000: {"loss": .4, "accuracy": .7}, 3500: {"loss": .41, "accuracy": .68},
}

// write writes it as several files, in the manner of an evaluator that was restarted.
func (h history) write(t testing.TB, dir string) {
	t.Helper()
	for _, step := range []int64{1000, 2000, 3000, 3500} {
		w, err := summaries.Open(dir)
		require.NoError(t, err)
		require.NoError(t, w.Scalars(h[step], step))
		require.NoError(t, w.Close())
	}
}

// stops reports whether a monitor ends a run that began at a step, and why.
func stops(t testing.TB, m *estimator.StopWhen, first int64, log *bytes.Buffer) (bool, string, error) {
	t.Helper()
	run := &hooks.Run{FirstStep: first, LastStep: -1, Logger: slog.New(slog.NewTextHandler(log, nil))}
	require.NoError(t, m.Begin(run))
	err := m.PostStep(first + 1)
	asked := run.TakeRequests()
	return asked.Stop, asked.Reason, err
}

// What was recorded before a run began does not end it.
func TestStopIfAfterARestart(t *testing.T) {
	est := bowlIn(t, t.TempDir())
	plateau.write(t, est.EvalDir("x"))
	of := estimator.OfEval("x")
	for name, m := range map[string]*estimator.StopWhen{
		"lower": est.StopIfLower("loss", .5, of), "higher": est.StopIfHigher("accuracy", .65, of),
		"no decrease": est.StopIfNoDecrease("loss", 500, of), "no increase": est.StopIfNoIncrease("accuracy", 500, of),
	} {
		for first, want := range map[int64]bool{0: true, 3499: true, 3500: false} {
			stopped, reason, err := stops(t, m, first, new(bytes.Buffer))
			require.NoError(t, err)
			require.Equal(t, want, stopped, "%s, %d", name, first)
			if want {
				require.Contains(t, reason, `of evaluation "x"`)
			}
		}
	}
	stopped, reason, err := stops(t, est.StopIfNoDecrease("loss", 500, of), 0, new(bytes.Buffer))
	require.NoError(t, err)
	require.True(t, stopped)
	require.Equal(t, `"loss" of evaluation "x" has not improved for 500 steps: the best was 0.4 at step 3000`, reason)
	stopped, _, err = stops(t, est.StopIfLower("loss", .5), 0, new(bytes.Buffer))
	require.NoError(t, err, "another evaluation has none")
	require.False(t, stopped)
}

// A torn file is read as far as it goes, and the log says so.
func TestStopIfOfTornFiles(t *testing.T) {
	est := bowlIn(t, t.TempDir())
	dir := est.EvalDir("")
	plateau.write(t, dir)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	path := filepath.Join(dir, files[1].Name()) // step 2000
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	text[len(text)-3] ^= 1
	require.NoError(t, os.WriteFile(path, text, 0o600))
	all, err := estimator.ReadEvalMetrics(dir)
	require.ErrorContains(t, err, path)
	require.Equal(t, []int64{1000, 3000, 3500}, stepsOf(all, ""))
	var log bytes.Buffer
	stopped, _, err := stops(t, est.StopIfLower("loss", .5), 0, &log)
	require.NoError(t, err)
	require.True(t, stopped)
	require.Contains(t, log.String(), "evaluations that cannot be read are left out")
}

// It is asked after the first step and then by the schedule.
func TestStopWhen(t *testing.T) {
	var asked []int64
	m := estimator.NewStopWhen(func(run *hooks.Run) (string, error) {
		step, err := run.Session.Store().Int64("global_step")
		if asked = append(asked, step); step > 10 {
			return "it is late", err
		}
		return "", err
	}, hooks.EverySteps(5))
	res := fit(t, bowlIn(t, t.TempDir()), zeros().Input(), estimator.Monitors(m))
	require.Equal(t, []int64{1, 6, 11}, asked)
	require.EqualValues(t, 11, res.LastStep)
	require.Equal(t, "it is late", res.Detail)
	broken := errors.New("broken")
	_, err := bowlIn(t, t.TempDir()).Fit(zeros().Input(), estimator.Monitors(estimator.NewStopWhen(func(*hooks.Run) (string, error) { return "", broken }, hooks.EverySteps(1))))
	require.ErrorIs(t, err, broken)
}

// An evaluator and a trainer in one directory, as two processes would be.
func TestStopIfHearsOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	trainer, evaluator := bowlIn(t, dir, estimator.SaveCheckpointsSteps(4)), bowlIn(t, dir)
	evaluate := hooks.Funcs{OnSaved: func(step int64, path string) error {
		_, err := evaluator.EvaluateAll(ctx, target(9), path)
		return err
	}}
	res := fit(t, trainer, zeros().Input(), estimator.MaxSteps(100),
		estimator.Monitors(evaluate, trainer.StopIfNoDecrease("loss", 8, estimator.OfEval("test"), estimator.Checking(hooks.EverySteps(1)))))
	require.EqualValues(t, 17, res.LastStep, "the best is step 8, and that of 16 is known at 17")
}
