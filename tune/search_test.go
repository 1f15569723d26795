package tune_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/tune"
)

func search(t *testing.T, dir string, m tune.Model, folds []datasets.Fold, s tune.Sampler, opts ...tune.Option) *tune.Result {
	t.Helper()
	res, err := tune.Search(ctx, dir, m, folds, s, append([]tune.Option{quiet}, opts...)...)
	require.NoError(t, err)
	return res
}

// The mean of 0 to 3 is 1.5, so that 1 and 2 are equally good guesses.
func TestGridSearch(t *testing.T) {
	dir := t.TempDir()
	grid := tune.Grid(tune.Space{"guess": tune.Choice(0, 1, 2, 4.5)})
	res := search(t, dir, guesser(), halves(), grid)
	require.Equal(t, `trial  guess   loss  std  state
0          0    3.5  1.5   done
1*         1    1.5  0.5   done
2          2    1.5  0.5   done
3        4.5  10.25    3   done`, res.String())
	best, ok := res.Best()
	require.True(t, ok)
	require.Equal(t, guess(int64(1)), best.Params)
	require.Equal(t, tune.Scores{{"loss": 1, "x": 1, "global_step": 2}, {"loss": 2, "x": 2, "global_step": 2}}, best.Scores)
	require.Equal(t, 1.5, res.Value(best))
	require.Contains(t, res.HTML(), "<td>1*</td><td>1</td><td>1.5</td>")
	lines, err := csv.NewReader(strings.NewReader(res.CSV())).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"trial", "state", "guess", "global_step", "global_step_std", "loss", "loss_std", "x", "x_std", "error"}, lines[0])
	require.Equal(t, []string{"3", "done", "4.5", "2", "0", "10.25", "3", "1.5", "0.5", ""}, lines[4])
	for n := range 4 { // each trial and each fold has a model directory of its own
		for fold := range 2 {
			ckpt, _, _, err := saver.LoadLatest(filepath.Join(dir, fmt.Sprint("trial-", n), fmt.Sprint("fold-", fold)))
			require.NoError(t, err)
			require.EqualValues(t, 2, ckpt.Step)
		}
	}
	best, _ = search(t, t.TempDir(), guesser(), halves(), grid, tune.Maximize("loss")).Best()
	require.Equal(t, 3, best.Number)
	require.Len(t, search(t, t.TempDir(), guesser(), halves(), grid, tune.Trials(2)).Trials, 2)
	require.Len(t, search(t, t.TempDir(), guesser(), halves(), grid, tune.Trials(9)).Trials, 4)
}

func TestRandomSearchIsTheSameEveryTime(t *testing.T) {
	space := tune.Space{"rate": tune.LogUniform(1e-3, 1e-1), "units": tune.Choice(4, 8)}
	run := func(seed uint64) *tune.Result {
		return search(t, t.TempDir(), classifier(), irisFolds(t, 2), tune.Random(space, seed), tune.Trials(3), tune.Maximize("accuracy"))
	}
	a := run(1)
	require.Equal(t, a, run(1))
	require.NotEqual(t, a.Trials[0].Params, run(2).Trials[0].Params)
}

// Called again it makes what is missing, in whatever order the lines are; the number of
// trials may change.
func TestSearchGoesOn(t *testing.T) {
	dir, fits := t.TempDir(), 0
	random := tune.Random(tune.Space{"guess": tune.Uniform(0, 3)}, 1)
	m := counted(guesser(), &fits)
	first := search(t, dir, m, halves(), random, tune.Trials(3))
	require.Equal(t, 6, fits)
	require.Equal(t, first, search(t, dir, m, halves(), random, tune.Trials(3)))
	require.Equal(t, first, search(t, dir, m, halves(), random, tune.Trials(2)))
	require.Equal(t, 6, fits, "nothing was missing")
	more := search(t, dir, m, halves(), random, tune.Trials(5))
	require.Equal(t, 10, fits)
	require.Equal(t, search(t, t.TempDir(), guesser(), halves(), random, tune.Trials(5)), more)

	// Trial 1 is lost, and what its folds had come to.
	path := filepath.Join(dir, tune.TrialsFile)
	lines := strings.SplitAfter(contents(t, path), "\n")
	require.Contains(t, lines[2], `"trial":1`)
	require.NoError(t, os.WriteFile(path, []byte(lines[0]+lines[5]+lines[4]+lines[3]+strings.TrimSpace(lines[1])), 0o600))
	leftover, other := filepath.Join(dir, "."+tune.TrialsFile+".tmp-123"), filepath.Join(dir, ".notes.tmp-123")
	require.NoError(t, errors.Join(os.WriteFile(leftover, nil, 0o600), os.WriteFile(other, nil, 0o600)))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "trial-1")))
	require.Equal(t, more, search(t, dir, m, halves(), random, tune.Trials(5)))
	require.Equal(t, 12, fits)
	require.Equal(t, more, search(t, dir, m, halves(), random, tune.Trials(5)))
	require.NoFileExists(t, leftover, "a kill left it")
	require.FileExists(t, other)
}

// A trial that fails is recorded with its error, is not made again, and ends nothing.
func TestFailedTrials(t *testing.T) {
	dir, fits := t.TempDir(), 0
	m := guesser()
	inner := m.New
	m.New = func(dir string, p tune.Params) (*estimator.Estimator, error) {
		switch {
		case p["guess"] == int64(1):
			return nil, errors.New("not one,\nnever")
		case p["guess"] == int64(2):
			panic("not two")
		}
		return inner(dir, p)
	}
	grid := tune.Grid(tune.Space{"guess": tune.Choice(1, 2, 3)})
	var log bytes.Buffer
	res := search(t, dir, counted(m, &fits), halves(), grid, tune.Logger(slog.New(slog.NewTextHandler(&log, nil))))
	require.Equal(t, []tune.State{tune.Failed, tune.Failed, tune.Done}, []tune.State{res.Trials[0].State, res.Trials[1].State, res.Trials[2].State})
	require.Equal(t, "tune: fold 0: not one,\nnever", res.Trials[0].Error)
	require.Contains(t, res.Trials[1].Error, "panicked: not two")
	require.Contains(t, res.String(), "failed: tune: fold 0: not one,\n", "one line of the error")
	require.True(t, math.IsNaN(res.Value(res.Trials[0])))
	require.Contains(t, res.CSV(), "0,failed,1,,,,,,,\"tune: fold 0: not one,\nnever\"\n")
	require.Contains(t, log.String(), "level=WARN msg=\"trial 0 of 3: guess=1: failed\"")
	require.Contains(t, log.String(), "level=INFO msg=\"trial 2 of 3: guess=3: done, loss = 3.5; the best is trial 2 with 3.5\"")
	best, ok := res.Best()
	require.True(t, ok)
	require.Equal(t, 2, best.Number)
	require.Equal(t, 4, fits)
	require.Equal(t, res, search(t, dir, counted(m, &fits), halves(), grid))
	require.Equal(t, 4, fits)

	// To repeat it, the line is removed.
	path := filepath.Join(dir, tune.TrialsFile)
	lines := strings.SplitAfter(contents(t, path), "\n")
	require.NoError(t, os.WriteFile(path, []byte(lines[0]+lines[2]+lines[3]), 0o600))
	again := search(t, dir, counted(guesser(), &fits), halves(), grid)
	require.Equal(t, tune.Done, again.Trials[0].State)
	require.Equal(t, 6, fits)
}

func TestAllTrialsFail(t *testing.T) {
	m := guesser()
	m.New = func(string, tune.Params) (*estimator.Estimator, error) { return nil, errors.New("no") }
	res, err := tune.Search(ctx, t.TempDir(), m, halves(), tune.Grid(tune.Space{"guess": tune.Choice(1, 2)}), quiet)
	require.ErrorContains(t, err, "all 2 trials failed, the first with: tune: fold 0: no")
	require.Len(t, res.Trials, 2)
	_, ok := res.Best()
	require.False(t, ok)
}

// A NaN is never the best, though it comes first.
func TestNaNIsNotTheBest(t *testing.T) {
	m := guesser()
	folds := []datasets.Fold{{Train: numbers(1), Test: numbers(float32(math.NaN()))}}
	res, err := tune.Search(ctx, t.TempDir(), m, folds, tune.Grid(tune.Space{"guess": tune.Choice(1, 2)}), quiet, tune.Minimize("x"))
	require.NoError(t, err)
	require.Equal(t, tune.Done, res.Trials[0].State)
	require.True(t, math.IsNaN(res.Value(res.Trials[0])))
	_, ok := res.Best()
	require.False(t, ok)
}

// A misspelt metric is found at the first trial, which need not be made again.
func TestMetricThatIsNotThere(t *testing.T) {
	dir, fits := t.TempDir(), 0
	m := counted(guesser(), &fits)
	grid := tune.Grid(tune.Space{"guess": tune.Choice(1, 2)})
	_, err := tune.Search(ctx, dir, m, halves(), grid, quiet, tune.Maximize("los"))
	require.ErrorContains(t, err, `no metric "los", have ["global_step" "loss" "x"]`)
	require.Equal(t, 2, fits)
	res := search(t, dir, m, halves(), grid, tune.Maximize("loss"))
	require.Len(t, res.Trials, 2)
	require.Equal(t, 4, fits)
}

// monitored has a monitor that is told the number of the fit and the step.
func monitored(m tune.Model, at func(fit int, step int64)) tune.Model {
	fit := -1
	m.FitOptions = func(tune.Params, datasets.Fold) []estimator.FitOption {
		fit++
		return []estimator.FitOption{estimator.Monitors(hooks.Funcs{OnPostStep: func(step int64) error {
			at(fit, step)
			return nil
		}})}
	}
	return m
}

func TestCancelledSearch(t *testing.T) {
	why := errors.New("enough")
	random := tune.Random(tune.Space{"rate": tune.LogUniform(1e-3, 1e-1)}, 1)
	want := search(t, t.TempDir(), classifier(), irisFolds(t, 2), random, tune.Trials(3))
	dir := t.TempDir()
	cancelled, cancel := context.WithCancelCause(ctx)
	m := monitored(classifier(), func(fit int, step int64) {
		if fit == 3 && step == 7 {
			cancel(why)
		}
	})
	res, err := tune.Search(cancelled, dir, m, irisFolds(t, 2), random, tune.Trials(3), quiet)
	require.ErrorIs(t, err, why)
	require.Equal(t, want.Trials[:1], res.Trials, "the trial that was cancelled has not failed")
	res, err = tune.Search(cancelled, dir, m, irisFolds(t, 2), random, tune.Trials(3), quiet)
	require.ErrorIs(t, err, why)
	require.Len(t, res.Trials, 1, "nothing is begun when it is too late already")
	require.Equal(t, want, search(t, dir, classifier(), irisFolds(t, 2), random, tune.Trials(3)))
}

// An estimator that handles signals itself ends the search, not a trial.
func TestSignalEndsASearch(t *testing.T) {
	m := classifier()
	m.Steps = 1_000_000_000 // until the signal has arrived
	fits := 0
	m.FitOptions = func(tune.Params, datasets.Fold) []estimator.FitOption {
		fits++
		return []estimator.FitOption{estimator.HandleSignals(), estimator.Monitors(hooks.Funcs{OnPostStep: func(step int64) error {
			if step != 5 {
				return nil
			}
			return syscall.Kill(os.Getpid(), syscall.SIGTERM)
		}})}
	}
	res, err := tune.Search(ctx, t.TempDir(), m, irisFolds(t, 2), tune.Grid(tune.Space{"units": tune.Choice(4, 5)}), quiet)
	var signal *estimator.SignalError
	require.ErrorAs(t, err, &signal)
	require.Equal(t, estimator.ExitInterrupted, estimator.ExitCode(err))
	require.Empty(t, res.Trials)
	require.Equal(t, 1, fits)
}

// Two folds test x: the guess g has the losses mean((x-g)²) on each. With six trials done
// and the seventh worse than their median after the first fold, its second is not made.
func TestPruneMedian(t *testing.T) {
	grid := tune.Grid(tune.Space{"guess": tune.Choice(3, 4, 5, 6, 7, 8, 0, 1)})
	folds := []datasets.Fold{{Train: numbers(0), Test: numbers(0)}, {Train: numbers(0), Test: numbers(1)}}
	fits := 0
	dir := t.TempDir()
	res := search(t, dir, counted(guesser(), &fits), folds, grid, tune.PruneMedian())
	states := func(r *tune.Result) string {
		var b strings.Builder
		for _, trial := range r.Trials {
			b.WriteString(string(trial.State[0]))
		}
		return b.String()
	}
	// After 5 trials with the losses 9, 16, 25, 36 and 49 the median is 25: 8 is given up,
	// with 64, and 0 and 1 are not.
	require.Equal(t, "dddddpdd", states(res))
	require.Equal(t, 15, fits)
	require.Len(t, res.Trials[5].Scores, 1)
	require.Contains(t, res.String(), "5          8    64    0  pruned")
	require.Equal(t, res, search(t, dir, counted(guesser(), &fits), folds, grid, tune.PruneMedian()))
	require.Equal(t, 15, fits)

	// To maximize, the same trials are given up in reverse.
	res = search(t, t.TempDir(), guesser(), folds, grid, tune.PruneMedian(), tune.Maximize("loss"))
	require.Equal(t, "ddddddpp", states(res))
	require.Equal(t, "dddddddd", states(search(t, t.TempDir(), guesser(), folds, grid)))
	best, _ := res.Best()
	require.Equal(t, 5, best.Number)
}

func TestSearchBadInput(t *testing.T) {
	grid := tune.Grid(tune.Space{"guess": tune.Choice(1)})
	random := tune.Random(tune.Space{"guess": tune.Uniform(0, 1)}, 1)
	for name, c := range map[string]struct {
		sampler tune.Sampler
		opts    []tune.Option
		want    []string
	}{
		"nil sampler":   {nil, nil, []string{"sampler is nil"}},
		"bad space":     {tune.Random(nil, 1), nil, []string{"no parameters"}},
		"endless":       {random, nil, []string{"random({guess: uniform(0, 1)}, seed 1) never ends", "give Trials"}},
		"no trials":     {random, []tune.Option{tune.Trials(0)}, []string{"Trials: 0", "at least 1"}},
		"no metric":     {grid, []tune.Option{nil, tune.Minimize("")}, []string{"metric"}},
		"nil logger":    {grid, []tune.Option{tune.Logger(nil)}, []string{"Logger"}},
		"empty sampler": {empty{}, nil, []string{"empty has no trials"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "search")
			_, err := tune.Search(ctx, dir, guesser(), halves(), c.sampler, append([]tune.Option{quiet}, c.opts...)...)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.NoDirExists(t, dir)
		})
	}
	_, err := tune.Search(ctx, "", guesser(), halves(), grid, quiet)
	require.ErrorContains(t, err, "directory")
}

// empty is a sampler without trials.
type empty struct{}

func (empty) Err() error                                  { return nil }
func (empty) Len() int                                    { return 0 }
func (empty) Next(int, *tune.Result) (tune.Params, error) { return nil, nil }
func (empty) String() string                              { return "empty" }

// climbing proposes the best guess so far and a half more, and fails at trial 5.
type climbing struct{ empty }

func (climbing) Len() int { return -1 }
func (climbing) Next(n int, before *tune.Result) (tune.Params, error) {
	if len(before.Trials) != n {
		return nil, fmt.Errorf("trial %d has %d before it", n, len(before.Trials))
	}
	best, ok := before.Best()
	switch {
	case n == 5:
		return nil, errors.New("no idea")
	case !ok:
		return tune.Params{"guess": 0.0}, nil
	}
	return tune.Params{"guess": best.Params["guess"].(float64) + 0.5}, nil
}

// A sampler sees the trials before its own, those of an earlier call too.
func TestSamplerSeesTheTrialsBefore(t *testing.T) {
	dir := t.TempDir()
	search(t, dir, guesser(), halves(), climbing{}, tune.Trials(2))
	res := search(t, dir, guesser(), halves(), climbing{}, tune.Trials(5))
	var guesses []any
	for _, trial := range res.Trials {
		guesses = append(guesses, trial.Params["guess"])
	}
	require.Equal(t, []any{0.0, 0.5, 1.0, 1.5, 2.0}, guesses)
	res, err := tune.Search(ctx, dir, guesser(), halves(), climbing{}, tune.Trials(6), quiet)
	require.ErrorContains(t, err, "trial 5: empty: no idea")
	require.Len(t, res.Trials, 5)
}

func TestDirectoryOfAnotherSearch(t *testing.T) {
	dir := t.TempDir()
	random := tune.Random(tune.Space{"guess": tune.Uniform(0, 1)}, 1)
	search(t, dir, guesser(), halves(), random, tune.Trials(1))
	for want, c := range map[string]struct {
		sampler tune.Sampler
		opts    []tune.Option
	}{
		"sampler was":                           {tune.Random(tune.Space{"guess": tune.Uniform(0, 1)}, 2), nil},
		`metric was "loss" and is now "x"`:      {random, []tune.Option{tune.Minimize("x")}},
		"maximize was false and is now true":    {random, []tune.Option{tune.Maximize("loss")}},
		"prune was false and is now true":       {random, []tune.Option{tune.PruneMedian()}},
		"has results of something else: folds ": {nil, nil},
	} {
		folds := halves()
		if c.sampler == nil {
			c.sampler, folds = random, folds[:1]
		}
		_, err := tune.Search(ctx, dir, guesser(), folds, c.sampler, append(c.opts, quiet, tune.Trials(1))...)
		require.ErrorContains(t, err, want)
	}
	path := filepath.Join(dir, tune.TrialsFile)
	lines := strings.SplitAfter(contents(t, path), "\n")
	for name, c := range map[string]struct{ line, want string }{
		"twice":          {lines[1], "line 3: trial 0, want another number"},
		"negative":       {`{"trial":-1,"state":"failed","params":{},"scores":null}`, "trial -1"},
		"unknown state":  {`{"trial":1,"state":"dun","params":{},"scores":[{"loss":1},{"loss":1}]}`, `trial 1 is "dun"`},
		"scores missing": {`{"trial":1,"state":"done","params":{},"scores":[{"loss":1}]}`, "scores of 1 folds of 2"},
		"torn":           {`{"trial":1,"sta`, "line 3"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, []byte(lines[0]+lines[1]+strings.TrimSpace(c.line)+"\n"), 0o600))
			_, err := tune.Search(ctx, dir, guesser(), halves(), random, tune.Trials(2), quiet)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestSearchInUse(t *testing.T) {
	dir := t.TempDir()
	grid := tune.Grid(tune.Space{"guess": tune.Choice(1)})
	m := monitored(guesser(), func(int, int64) {
		_, err := tune.Search(ctx, dir, guesser(), halves(), grid, quiet)
		require.ErrorIs(t, err, saver.ErrLocked)
	})
	search(t, dir, m, halves(), grid)
}
