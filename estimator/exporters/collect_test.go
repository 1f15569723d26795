package exporters_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator/exporters"
)

// picked returns the numbers of the versions that a policy picks.
func picked(policy exporters.Policy, of ...int64) []int64 {
	var all []exporters.Version
	for _, n := range of {
		all = append(all, exporters.Version{Path: fmt.Sprint("base/", n), Number: n})
	}
	numbers := []int64{}
	for _, v := range policy(all) {
		numbers = append(numbers, v.Number)
	}
	return numbers
}

func TestPolicies(t *testing.T) {
	ten := []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	for name, c := range map[string]struct {
		policy   exporters.Policy
		of, want []int64
	}{
		"largest":             {exporters.Largest(2), []int64{8, 9, 10}, []int64{9, 10}},
		"more than there are": {exporters.Largest(5), []int64{0, 3}, []int64{0, 3}},
		"none":                {exporters.Largest(0), []int64{0, 3}, []int64{}},
		"less than none":      {exporters.Largest(-1), []int64{0, 3}, []int64{}},
		"one of three":        {exporters.OneOfEvery(3), ten, []int64{3, 6, 9}},
		"gaps":                {exporters.OneOfEvery(3), []int64{0, 1, 4, 9}, []int64{1, 4, 9}},
		"0 is in the first":   {exporters.OneOfEvery(3), []int64{0, 4}, []int64{0, 4}},
		"0 and 1":             {exporters.OneOfEvery(1), []int64{0, 1, 2}, []int64{1, 2}},
		"multiples of 2":      {exporters.Multiples(2), []int64{4, 5, 6, 9}, []int64{4, 6}},
		"multiples of 0":      {exporters.Multiples(0), []int64{4}, []int64{}},
		"union":               {exporters.Union(exporters.Largest(3), exporters.Multiples(3)), ten, []int64{0, 3, 6, 7, 8, 9}},
		"not":                 {exporters.Not(exporters.Multiples(2)), []int64{4, 5, 6, 9}, []int64{5, 9}},
		"of nothing":          {exporters.Union(exporters.Largest(1), exporters.OneOfEvery(2)), nil, []int64{}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, picked(c.policy, c.of...)) })
	}
}

func TestVersionsAndCollect(t *testing.T) {
	dir := t.TempDir()
	none, err := exporters.Versions(filepath.Join(dir, "missing"))
	require.NoError(t, err)
	require.Empty(t, none)
	for _, name := range []string{"10", "9", "0", "ignore", "007", "-1", "temp-3", "5x"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name, "inside"), 0o777))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "8"), nil, 0o600))
	require.Equal(t, []int64{0, 9, 10}, numbers(t, dir))
	require.NoError(t, exporters.Collect(dir, exporters.Largest(1)))
	require.Equal(t, []int64{10}, numbers(t, dir))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 7, "nothing else is removed")
	require.Error(t, exporters.Collect(filepath.Join(dir, "8"), exporters.Largest(1)))
}
