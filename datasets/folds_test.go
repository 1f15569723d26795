package datasets_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
)

func folds(t *testing.T, d *datasets.Dataset, n int, seed uint64) []datasets.Fold {
	t.Helper()
	all, err := d.Folds(n, seed)
	require.NoError(t, err)
	require.Len(t, all, n)
	return all
}

// Every row is tested once and trained on everywhere else, and no test is larger than
// another by more than a row.
func TestFolds(t *testing.T) {
	half, _ := count(100).Split(0.5)
	for name, d := range map[string]*datasets.Dataset{"rows": count(23), "maps": count(23).Map(double), "a part": half} {
		for _, n := range []int{2, 5, 23} {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				want := flat(batches(t, d))
				slices.Sort(want)
				var tested []int64
				for _, f := range folds(t, d, n, 1) {
					test, train := flat(batches(t, f.Test)), flat(batches(t, f.Train))
					require.InDelta(t, float64(len(want))/float64(n), len(test), 1)
					both := append(slices.Clone(test), train...)
					slices.Sort(both)
					require.Equal(t, want, both)
					tested = append(tested, test...)
				}
				slices.Sort(tested)
				require.Equal(t, want, tested)
			})
		}
	}
}

func TestFoldsKeepTheClassesProportions(t *testing.T) {
	for _, f := range folds(t, datasets.Wine().Dataset, 5, 3) { // 59, 71 and 48
		classes := map[int64]int{}
		for _, c := range flat(batches(t, f.Test)) {
			classes[c]++
		}
		require.InDelta(t, 59.0/5, classes[0], 1)
		require.InDelta(t, 71.0/5, classes[1], 1)
		require.InDelta(t, 48.0/5, classes[2], 1)
		require.False(t, slices.IsSorted(flat(batches(t, f.Train))), "the classes of the training rows are mixed")
	}
}

func TestFoldsDependOnTheSeedAlone(t *testing.T) {
	test := func(seed uint64) []int64 { return flat(batches(t, folds(t, count(50), 5, seed)[0].Test)) }
	require.Equal(t, test(1), test(1))
	require.NotEqual(t, test(1), test(2))
}

// A position of one fold means nothing in another.
func TestPositionsOfFoldsAreToldApart(t *testing.T) {
	parts := folds(t, count(20), 4, 1)
	others := folds(t, count(20), 4, 2)
	it := open(t, parts[0].Train)
	_, err := it.Next(ctx)
	require.NoError(t, err)
	at, err := it.Position()
	require.NoError(t, err)
	require.NoError(t, open(t, parts[0].Train).Restore(at))
	for _, d := range []*datasets.Dataset{parts[1].Train, others[0].Train, parts[0].Test} {
		require.ErrorIs(t, open(t, d).Restore(at), datasets.ErrPosition)
	}
}

func TestFoldsOfBadInput(t *testing.T) {
	schema := datasets.NewSchema(datasets.Features("x"), datasets.Class("y"))
	for name, c := range map[string]struct {
		ds   *datasets.Dataset
		n    int
		want []string
	}{
		"one fold":       {count(4), 1, []string{"Folds", "is 1", "want 2 to 4"}},
		"more than rows": {count(4), 5, []string{"Folds", "is 5", "want 2 to 4"}},
		"batches":        {count(4).Batch(2), 2, []string{"Folds", "after Batch"}},
		"a file":         {datasets.CSV(write(t, "rows.csv", "x,y\n1,2\n2,2\n"), schema), 2, []string{"Folds", "Load first"}},
		"an error":       {count(4).Batch(0), 2, []string{"Batch", "is 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.ds.Folds(c.n, 1)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}
