package tune

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/saver"
)

// FoldsFile is the file of the results of a cross-validation in its directory.
const FoldsFile = "folds.jsonl"

// CrossValidate fits the model with the parameters, nil for none, once for each fold, in
// the directory dir/fold-<number>, and evaluates it on the fold's Test. One fold is a
// train and test split.
//
// Results are kept in dir. Called again with the same model and the same folds it returns
// them, and makes only what is missing. The first fit that fails is the error, with the
// results of the folds before it.
func CrossValidate(ctx context.Context, dir string, m Model, p Params, folds []datasets.Fold) (scores Scores, err error) {
	if err := check(dir, &m, folds); err != nil {
		return nil, err
	}
	p, err = p.normal()
	if err != nil {
		return nil, err
	}
	lock, err := saver.Lock(dir)
	if err != nil {
		return nil, fmt.Errorf("tune: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return crossValidate(ctx, dir, &m, p, folds, func(Scores) bool { return false })
}

// check reports the first bad argument, before anything is written.
func check(dir string, m *Model, folds []datasets.Fold) error {
	switch {
	case dir == "":
		return errors.New("tune: the directory is \"\", want the name of one")
	case len(folds) == 0:
		return errors.New("tune: there are no folds, want at least one")
	}
	if err := m.validate(); err != nil {
		return err
	}
	for i, f := range folds {
		if f.Train == nil || f.Test == nil {
			return fmt.Errorf("tune: fold %d: Train or Test is nil", i)
		}
		if err := f.Train.Err(); err != nil {
			return fmt.Errorf("tune: fold %d: Train: %w", i, err)
		}
		if err := f.Test.Err(); err != nil {
			return fmt.Errorf("tune: fold %d: Test: %w", i, err)
		}
	}
	return nil
}

// foldsHeader says what the results in a FoldsFile are of.
type foldsHeader struct {
	Format string   `json:"format"`
	Params Params   `json:"params"`
	Steps  int64    `json:"steps"`
	Folds  []string `json:"folds"`
}

// foldRecord is the result of a fold.
type foldRecord struct {
	Fold   int    `json:"fold"`
	Scores Scores `json:"scores"` // one
}

// fitError is the failure of a fit, as opposed to that of keeping its results.
type fitError struct {
	fold int
	err  error
}

func (e *fitError) Error() string { return fmt.Sprintf("tune: fold %d: %v", e.fold, e.err) }
func (e *fitError) Unwrap() error { return e.err }

// crossValidate makes the folds that are missing, until hopeless says of those made so
// far that the rest is not worth it. The caller holds the lock of dir.
func crossValidate(ctx context.Context, dir string, m *Model, p Params, folds []datasets.Fold, hopeless func(Scores) bool) (Scores, error) {
	header := foldsHeader{Format: "stheno folds 1", Params: p, Steps: m.Steps, Folds: describe(folds)}
	scores := Scores{}
	results, err := openJournal(filepath.Join(dir, FoldsFile), header, func(line []byte) error {
		var r foldRecord
		if err := decodeStrictly(line, &r); err != nil {
			return err
		}
		if r.Fold != len(scores) || r.Fold >= len(folds) || len(r.Scores) != 1 {
			return fmt.Errorf("fold %d with %d scores, want fold %d of %d with 1", r.Fold, len(r.Scores), len(scores), len(folds))
		}
		scores = append(scores, r.Scores[0])
		return nil
	})
	if err == nil {
		err = results.begin() // a fit that is killed must not be gone on with by another
	}
	if err != nil {
		return nil, err
	}
	for i := len(scores); i < len(folds); i++ {
		if hopeless(scores) {
			break
		}
		if err := context.Cause(ctx); err != nil {
			return scores, fmt.Errorf("tune: fold %d: %w", i, err)
		}
		ev, err := m.fit(ctx, filepath.Join(dir, "fold-"+strconv.Itoa(i)), p, folds[i])
		if err != nil {
			return scores, &fitError{i, err}
		}
		if err := results.add(foldRecord{Fold: i, Scores: Scores{ev}}); err != nil {
			return scores, err
		}
		scores = append(scores, ev)
	}
	return scores, nil
}

// describe tells folds apart by what their pipelines are made of.
func describe(folds []datasets.Fold) []string {
	texts := make([]string, len(folds))
	for i, f := range folds {
		texts[i] = fmt.Sprintf("train %v, test %v", f.Train, f.Test)
	}
	return texts
}
