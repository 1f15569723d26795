package datasets

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/stheno-ml/stheno/internal/philox"
)

// Fold is rows to train on and rows to test on.
type Fold struct{ Train, Test *Dataset }

// Folds divides rows in memory for cross-validation: each row is in the Test of one of
// the n folds, and in the Train of the others. The order of the seed decides which row
// goes where. Sizes of tests differ by at most 1 row; where there is one label, of class
// numbers (int64, one a row), so do their numbers of rows of each class.
//
// n must be at least 2 and at most the number of rows. Folds, as [Dataset.Split], comes
// before everything but Map. To have rows in folds of your own, make each Fold of two
// data sets.
func (d *Dataset) Folds(n int, seed uint64) ([]Fold, error) {
	rows, class, err := d.rowsInMemory()
	switch {
	case d.err != nil:
		return nil, d.err
	case err != nil:
		return nil, fmt.Errorf("datasets: Folds: %w", err)
	case n < 2 || n > len(rows):
		return nil, fmt.Errorf("datasets: Folds: the number of folds is %d, want 2 to %d, the number of rows", n, len(rows))
	}
	shuffleRows(rows, philox.New(seed, "datasets/Folds", 0))
	// Dealing out the rows class by class gives every fold its share of each.
	dealt := slices.Clone(rows)
	if class != nil {
		slices.SortStableFunc(dealt, func(a, b int) int { return cmp.Compare(class[a], class[b]) })
	}
	foldOf := make(map[int]int, len(rows))
	for i, r := range dealt {
		foldOf[r] = i % n
	}
	folds := make([]Fold, n)
	for k := range folds {
		var train, test []int
		for _, r := range rows {
			if foldOf[r] == k {
				test = append(test, r)
			} else {
				train = append(train, r)
			}
		}
		call := fmt.Sprintf("Folds(%d, seed %d)[%d]", n, seed, k)
		folds[k] = Fold{Train: d.part(call+".Train", train), Test: d.part(call+".Test", test)}
	}
	return folds, nil
}
