package tune_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/internal/exampletest"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/tune"
)

// With the guess 1 the first fold has the squares 1 and 1, the second 0 and 4.
func TestCrossValidate(t *testing.T) {
	dir, fits := t.TempDir(), 0
	scores, err := tune.CrossValidate(ctx, dir, counted(guesser(), &fits), guess(1), halves())
	require.NoError(t, err)
	require.Equal(t, tune.Scores{
		{"loss": 1, "x": 1, "global_step": 2},
		{"loss": 2, "x": 2, "global_step": 2},
	}, scores)
	require.Equal(t, estimator.Metrics{"loss": 1.5, "x": 1.5, "global_step": 2}, scores.Mean())
	require.Equal(t, estimator.Metrics{"loss": 0.5, "x": 0.5, "global_step": 0}, scores.Std(), "divided by 2, not by 1")
	require.Equal(t, `fold  global_step  loss    x
0               2     1    1
1               2     2    2
mean            2   1.5  1.5
std             0   0.5  0.5`, scores.String())
	require.Contains(t, scores.HTML(), "<tr><td>mean</td><td>2</td><td>1.5</td><td>1.5</td></tr>")
	require.Equal(t, 2, fits)

	again, err := tune.CrossValidate(ctx, dir, counted(guesser(), &fits), guess(int64(1)), halves())
	require.NoError(t, err)
	require.Equal(t, scores, again)
	require.Equal(t, 2, fits, "the results were there")
}

func TestScoresOfNothing(t *testing.T) {
	require.Empty(t, tune.Scores(nil).Mean())
	require.Equal(t, "fold\nmean\nstd", tune.Scores(nil).String())
}

// Wherever it is cancelled: called again it makes what is missing, and comes to the same
// scores and the same variables.
func TestCrossValidateGoesOnWhereItEnded(t *testing.T) {
	whole := t.TempDir()
	folds := irisFolds(t, 3)
	want, err := tune.CrossValidate(ctx, whole, classifier(), nil, folds)
	require.NoError(t, err)
	why := errors.New("enough")
	for name, at := range map[string]struct {
		fold int
		step int64
		made int
	}{"in the first fit": {0, 7, 0}, "in the last fit": {2, 7, 2}, "at the end of a fit": {1, 12, 1}} {
		t.Run(name, func(t *testing.T) {
			dir, fits := t.TempDir(), 0
			cancelled, cancel := context.WithCancelCause(ctx)
			m := counted(classifier(), &fits)
			m.FitOptions = func(tune.Params, datasets.Fold) []estimator.FitOption {
				return []estimator.FitOption{estimator.Monitors(hooks.Funcs{OnPostStep: func(step int64) error {
					if fits == at.fold+1 && step == at.step {
						cancel(why)
					}
					return nil
				}})}
			}
			scores, err := tune.CrossValidate(cancelled, dir, m, nil, folds)
			require.ErrorIs(t, err, why)
			require.Len(t, scores, at.made)
			fits = 0
			scores, err = tune.CrossValidate(ctx, dir, counted(classifier(), &fits), nil, folds)
			require.NoError(t, err)
			require.Equal(t, want, scores)
			require.Equal(t, 3-at.made, fits)
			for _, fold := range []string{"fold-0", "fold-1", "fold-2"} {
				require.Empty(t, exampletest.Differences(exampletest.Bits(t, filepath.Join(whole, fold)), exampletest.Bits(t, filepath.Join(dir, fold))))
			}
			require.Equal(t, contents(t, whole, tune.FoldsFile), contents(t, dir, tune.FoldsFile))
		})
	}
}

// The input is made of the fold's rows by the Model, here scaled by the training rows.
func TestCrossValidateInput(t *testing.T) {
	m := guesser()
	m.Input = func(ctx context.Context, rows datasets.Fold, p tune.Params) (datasets.Fold, error) {
		require.Equal(t, guess(int64(0)), p)
		scaler, err := datasets.FitScaler(ctx, rows.Train)
		if err != nil {
			return datasets.Fold{}, err
		}
		return datasets.Fold{Train: rows.Train.Map(scaler.Apply).Batch(1).Repeat(-1), Test: rows.Test.Map(scaler.Apply).Batch(2)}, nil
	}
	scores, err := tune.CrossValidate(ctx, t.TempDir(), m, guess(0), halves())
	require.NoError(t, err)
	require.Equal(t, []float64{-1, 1}, []float64{scores[0]["x"], scores[1]["x"]}, "0, 2 by the mean of 1, 3, and the reverse")

	// Rows that are batches already stay as they are.
	asked := 0
	counting := func(b datasets.Batch) (datasets.Batch, error) {
		asked++
		require.Equal(t, 2, b.Rows())
		return b, nil
	}
	rows := numbers(0, 1, 2, 3)
	folds := []datasets.Fold{{Train: rows.Batch(2).MapSpec(rows.Spec(), counting), Test: rows.Batch(2).MapSpec(rows.Spec(), counting)}}
	_, err = tune.CrossValidate(ctx, t.TempDir(), guesser(), guess(0), folds)
	require.NoError(t, err)
	require.Equal(t, 4, asked, "two batches each")
}

// A fit that fails ends it; what was made before stays.
func TestCrossValidateFails(t *testing.T) {
	dir := t.TempDir()
	folds := halves()
	folds[1].Train = numbers(1, float32(math.NaN()))
	scores, err := tune.CrossValidate(ctx, dir, guesser(), guess(0), folds)
	require.ErrorContains(t, err, "tune: fold 1: ")
	require.ErrorContains(t, err, "NaN")
	require.Len(t, scores, 1)
}

func TestCrossValidateBadInput(t *testing.T) {
	good := guesser()
	changed := func(change func(m *tune.Model)) tune.Model {
		m := guesser()
		change(&m)
		return m
	}
	type input = func(context.Context, datasets.Fold, tune.Params) (datasets.Fold, error)
	gives := func(f func(rows datasets.Fold) datasets.Fold) input {
		return func(_ context.Context, rows datasets.Fold, _ tune.Params) (datasets.Fold, error) { return f(rows), nil }
	}
	other := t.TempDir()
	for name, c := range map[string]struct {
		dir    string
		model  tune.Model
		params tune.Params
		folds  []datasets.Fold
		want   []string
		late   bool // found at the first fit
	}{
		"no directory":      {"", good, nil, halves(), []string{"directory"}, false},
		"no folds":          {"d", good, nil, nil, []string{"no folds"}, false},
		"a nil part":        {"d", good, nil, []datasets.Fold{{Train: numbers(1)}}, []string{"fold 0", "nil"}, false},
		"a bad part":        {"d", good, nil, []datasets.Fold{{Train: numbers(1), Test: numbers(1).Take(-1)}}, []string{"fold 0: Test", "-1"}, false},
		"no New":            {"d", changed(func(m *tune.Model) { m.New = nil }), nil, halves(), []string{"New is nil"}, false},
		"no steps":          {"d", changed(func(m *tune.Model) { m.Steps = 0 }), nil, halves(), []string{"Steps is 0", "at least 1"}, false},
		"a bad parameter":   {"d", good, tune.Params{"guess": []int{1}}, halves(), []string{`"guess"`, "[]int"}, false},
		"a NaN parameter":   {"d", good, guess(math.NaN()), halves(), []string{`"guess"`, "NaN"}, false},
		"unknown parameter": {"d", good, tune.Params{"gues": 1}, halves(), []string{"fold 0", `"gues"`}, true},
		"a nil estimator": {"d", changed(func(m *tune.Model) {
			m.New = func(string, tune.Params) (*estimator.Estimator, error) { return nil, nil }
		}), nil, halves(), []string{"New returned nil"}, true},
		"another model directory": {"d", changed(func(m *tune.Model) {
			inner := m.New
			m.New = func(_ string, p tune.Params) (*estimator.Estimator, error) { return inner(other, p) }
		}), nil, halves(), []string{"model directory", other, "fold-0"}, true},
		"a panic": {"d", changed(func(m *tune.Model) {
			m.New = func(string, tune.Params) (*estimator.Estimator, error) { panic("oh") }
		}), nil, halves(), []string{"panicked: oh", "crossvalidate_test.go"}, true},
		"a nil input": {"d", changed(func(m *tune.Model) {
			m.Input = gives(func(datasets.Fold) datasets.Fold { return datasets.Fold{} })
		}), nil, halves(), []string{"input", "nil"}, true},
		"an input that ends": {"d", changed(func(m *tune.Model) {
			m.Input = gives(func(rows datasets.Fold) datasets.Fold {
				return datasets.Fold{Train: rows.Train.Batch(2), Test: rows.Test.Batch(2)}
			})
		}), nil, halves(), []string{"1 batches", "at least Steps, 2", "Repeat"}, true},
		"batches that end": {"d", good, nil, []datasets.Fold{{Train: numbers(1).Batch(1), Test: numbers(1)}}, []string{"1 batches", "at least Steps, 2"}, true},
		"a test without end": {"d", changed(func(m *tune.Model) {
			m.Input = gives(func(rows datasets.Fold) datasets.Fold {
				return datasets.Fold{Train: rows.Train.Batch(2).Repeat(-1), Test: rows.Test.Batch(2).Repeat(-1)}
			})
		}), nil, halves(), []string{"infinite"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if c.dir != "" {
				c.dir = filepath.Join(root, c.dir)
			}
			_, err := tune.CrossValidate(ctx, c.dir, c.model, c.params, c.folds)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			if !c.late {
				require.NoDirExists(t, c.dir)
			}
		})
	}
}

// The results of something else are not taken for those that are asked for.
func TestDirectoryOfAnotherCrossValidation(t *testing.T) {
	dir := t.TempDir()
	_, err := tune.CrossValidate(ctx, dir, guesser(), guess(1), halves())
	require.NoError(t, err)
	longer := guesser()
	longer.Steps = 3
	for name, c := range map[string]struct {
		model  tune.Model
		params tune.Params
		folds  []datasets.Fold
		want   string
	}{
		"parameters": {guesser(), guess(2), halves(), `params was {"guess":1} and is now {"guess":2}`},
		"kind":       {guesser(), guess(1.0), halves(), `params was {"guess":1} and is now {"guess":1.0}`},
		"steps":      {longer, guess(1), halves(), "steps was 2 and is now 3"},
		"folds":      {guesser(), guess(1), halves()[:1], "folds was"},
	} {
		t.Run(name, func(t *testing.T) {
			before := contents(t, dir, tune.FoldsFile)
			_, err := tune.CrossValidate(ctx, dir, c.model, c.params, c.folds)
			require.ErrorContains(t, err, tune.FoldsFile)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "another directory")
			require.Equal(t, before, contents(t, dir, tune.FoldsFile))
		})
	}
}

func TestDamagedResults(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"not JSON":       {"{\"fold\":0,\"sc", "line 2: unexpected EOF"},
		"another fold":   {`{"fold":1,"scores":[{"loss":1}]}`, "line 2: fold 1 with 1 scores, want fold 0 of 2"},
		"no score":       {`{"fold":0,"scores":[]}`, "fold 0 with 0 scores"},
		"unknown key":    {`{"fold":0,"scores":[{"loss":1}],"more":1}`, `unknown field "more"`},
		"not a number":   {`{"fold":0,"scores":[{"loss":"x"}]}`, "x is not a number"},
		"more behind it": {`{"fold":0,"scores":[{"loss":1}]} {}`, "more than one value"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := tune.CrossValidate(ctx, dir, guesser(), guess(1), halves())
			require.NoError(t, err)
			head := contents(t, dir, tune.FoldsFile)
			head, _, _ = strings.Cut(head, "\n")
			require.NoError(t, os.WriteFile(filepath.Join(dir, tune.FoldsFile), []byte(head+"\n"+c.text+"\n"), 0o600))
			_, err = tune.CrossValidate(ctx, dir, guesser(), guess(1), halves())
			require.ErrorContains(t, err, filepath.Join(dir, tune.FoldsFile))
			require.ErrorContains(t, err, c.want)
		})
	}
}

// Numbers that JSON lacks are kept.
func TestNaNIsKept(t *testing.T) {
	dir := t.TempDir()
	m := guesser()
	m.Steps = 1
	folds := []datasets.Fold{{Train: numbers(1), Test: numbers(1, float32(math.Inf(1)))}}
	scores, err := tune.CrossValidate(ctx, dir, m, guess(1), folds)
	require.NoError(t, err)
	require.True(t, math.IsInf(scores[0]["x"], 1))
	again, err := tune.CrossValidate(ctx, dir, m, guess(1), folds)
	require.NoError(t, err)
	require.Equal(t, scores, again)
}

func TestResultsThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, tune.FoldsFile), 0o700))
	_, err := tune.CrossValidate(ctx, dir, guesser(), guess(1), halves())
	require.ErrorContains(t, err, tune.FoldsFile)
}

func TestDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	m := guesser()
	m.FitOptions = func(tune.Params, datasets.Fold) []estimator.FitOption {
		_, err := tune.CrossValidate(ctx, dir, guesser(), guess(1), halves())
		require.ErrorIs(t, err, saver.ErrLocked)
		return nil
	}
	_, err := tune.CrossValidate(ctx, dir, m, guess(1), halves())
	require.NoError(t, err)
}
