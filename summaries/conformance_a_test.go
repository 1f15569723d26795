package summaries

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The cases of TensorFlow's graph_actions_test.py that concern the writers.
func TestConformanceA(t *testing.T) {
	t.Run("A1", func(t *testing.T) {
		dir := t.TempDir()
		open := func(name string) *Writer {
			w, err := Open(filepath.Join(dir, name))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, w.Close()) })
			return w
		}
		first, again, other := open("0"), open("0"), open("1")
		require.Same(t, first, again)
		require.NotSame(t, first, other)
		ClearCache()
		fresh := open("0")
		require.NotSame(t, first, fresh)
		require.NoError(t, first.Scalar("a", 1, 1), "clearing closes nothing")
	})
}
