package exporters_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/exporters"
	"github.com/stheno-ml/stheno/summaries"
)

// The other half of section M is in package estimator.
func TestConformanceM(t *testing.T) {
	t.Run("M2", func(t *testing.T) {
		est, paths := trained(t, 1, 2, 3)
		x := exporters.Best("best", estimator.Least("loss"))
		require.NotEmpty(t, export(t, x, candidate(est, paths, "best", 1, .5)))
		require.Empty(t, export(t, x, candidate(est, paths, "best", 2, .6)))
		require.NotEmpty(t, export(t, x, candidate(est, paths, "best", 3, .4)))
	})
	t.Run("M4", func(t *testing.T) {
		// What event files say does not count, only what was exported.
		est, paths := trained(t, 1, 2)
		w, err := summaries.Open(est.EvalDir(""))
		require.NoError(t, err)
		require.NoError(t, w.Scalars(nil, 1))
		require.NoError(t, w.Scalar("loss", 60, 2))
		require.NoError(t, w.Close())
		x := exporters.Best("best", estimator.Least("loss"))
		require.NotEmpty(t, export(t, x, candidate(est, paths, "best", 1, 100)))
		require.NotEmpty(t, export(t, x, candidate(est, paths, "best", 2, 10)))
	})
	t.Run("M5", func(t *testing.T) {
		est, paths := trained(t, 1, 2, 3, 4)
		for name, exporter := range map[string]func(string, ...exporters.Option) estimator.Exporter{
			"best": func(name string, opts ...exporters.Option) estimator.Exporter {
				return exporters.Best(name, estimator.Least("loss"), opts...)
			},
			"latest": func(name string, opts ...exporters.Option) estimator.Exporter { return exporters.Latest(name, opts...) },
		} {
			for step := int64(1); step <= 3; step++ {
				export(t, exporter(name, exporters.Keep(0)), candidate(est, paths, name, step, 1/float64(step)))
			}
			require.Equal(t, []int64{1, 2, 3}, numbers(t, est.ExportDir(name)))
			export(t, exporter(name, exporters.Keep(2)), candidate(est, paths, name, 4, .1))
			require.Equal(t, []int64{3, 4}, numbers(t, est.ExportDir(name)))
		}
	})
	t.Run("M6", func(t *testing.T) {
		est, paths := trained(t, 1)
		x := exporters.Final("final")
		c := candidate(est, paths, "final", 1, 1)
		require.Empty(t, export(t, x, c))
		require.NoDirExists(t, c.Dir)
		c.Final = true
		require.NotEmpty(t, export(t, x, c))
	})
	t.Run("M17", func(t *testing.T) {
		require.Equal(t, []int64{9, 10}, picked(exporters.Largest(2), 8, 9, 10))
		require.Equal(t, []int64{0, 3}, picked(exporters.Largest(2), 0, 3))
	})
	t.Run("M18", func(t *testing.T) {
		require.Equal(t, []int64{4, 6}, picked(exporters.Multiples(2), 4, 5, 6, 9))
		require.Equal(t, []int64{6, 9}, picked(exporters.Multiples(3), 4, 5, 6, 9))
	})
	t.Run("M20", func(t *testing.T) {
		union := exporters.Union(exporters.Largest(3), exporters.Multiples(3))
		require.Equal(t, []int64{0, 3, 6, 7, 8, 9}, picked(union, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9))
		require.Equal(t, []int64{5, 9}, picked(exporters.Not(exporters.Multiples(2)), 4, 5, 6, 9))
	})
	t.Run("M21", func(t *testing.T) {
		dir := t.TempDir()
		for _, name := range []string{"2", "0", "1", "ignore"} {
			require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o777))
		}
		versions, err := exporters.Versions(dir)
		require.NoError(t, err)
		require.Equal(t, []exporters.Version{{Path: filepath.Join(dir, "0"), Number: 0}, {Path: filepath.Join(dir, "1"), Number: 1}, {Path: filepath.Join(dir, "2"), Number: 2}}, versions)
	})
}
