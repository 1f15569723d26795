package summaries

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func openAt(t *testing.T, dir string) *Writer {
	t.Helper()
	w, err := Open(dir)
	require.NoError(t, err)
	return w
}

func TestOpenCounts(t *testing.T) {
	dir := t.TempDir()
	a, b := openAt(t, dir), openAt(t, dir)
	require.Same(t, a, b)
	require.NoError(t, a.Scalar("x", 1, 1))
	require.NoError(t, a.Close())
	require.NoError(t, b.Scalar("x", 2, 2), "another holds it")
	require.NoError(t, b.Close())
	require.ErrorIs(t, b.Scalar("x", 3, 3), fs.ErrClosed)
	require.NoError(t, b.Close(), "one Close too many")

	c := openAt(t, dir)
	require.NotSame(t, a, c)
	require.Greater(t, c.Path(), a.Path(), "a new file")
	require.NoError(t, a.Close(), "of a writer that is closed does not close the new one")
	require.NoError(t, c.Scalar("x", 3, 3))
	require.NoError(t, c.Close())
	steps, values, err := Scalars(dir, "x")
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2, 3}, steps)
	require.Equal(t, []float64{1, 2, 3}, values)
	require.Empty(t, cache.byDir)
}

// One directory is one writer, whichever way it is written.
func TestOpenKnowsTheDirectory(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "dir")
	w := openAt(t, dir)
	link := filepath.Join(parent, "link")
	require.NoError(t, os.Symlink(dir, link))
	t.Chdir(dir)
	for _, same := range []string{dir + "/", filepath.Join(dir, "..", "dir"), dir + "/./", ".", link} {
		again := openAt(t, same)
		require.Same(t, w, again, same)
		require.NoError(t, again.Close())
	}
	require.NoError(t, w.Close())
}

func TestNewWriterIsNotCached(t *testing.T) {
	dir := t.TempDir()
	a, err := NewWriter(dir)
	require.NoError(t, err)
	b := openAt(t, dir)
	require.NotSame(t, a, b)
	require.NoError(t, a.Close())
	c := openAt(t, dir)
	require.Same(t, b, c)
	require.NoError(t, b.Close())
	require.NoError(t, c.Close())
}

func TestClearCacheKeepsCounts(t *testing.T) {
	dir := t.TempDir()
	a := openAt(t, dir)
	require.Same(t, a, openAt(t, dir))
	ClearCache()
	b := openAt(t, dir)
	require.NoError(t, a.Close())
	require.NoError(t, a.Scalar("x", 1, 1), "its second holder")
	require.NoError(t, a.Close())
	require.ErrorIs(t, a.Flush(), fs.ErrClosed)
	require.Same(t, b, openAt(t, dir), "the old one's Close does not forget the new one")
	require.NoError(t, b.Close())
	require.NoError(t, b.Close())
}

func TestOpenConcurrently(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			for range 20 {
				w, err := Open(dir)
				if err != nil {
					t.Error(err)
					return
				}
				if err := w.Scalar("x", 1, int64(i)); err != nil {
					t.Error(err)
				}
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	require.Empty(t, cache.byDir)
	steps, _, err := Scalars(dir, "x")
	require.NoError(t, err)
	require.Len(t, steps, 16*20)
}
