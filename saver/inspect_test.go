package saver

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInspect(t *testing.T) {
	dir, paths := three(t)
	newest := paths[2]
	for _, path := range []string{dir, newest} {
		variables, err := ListVariables(path)
		require.NoError(t, err)
		require.Len(t, variables, 4)
		require.Equal(t, "count", variables[0].Name)
		require.Equal(t, `w float32 (2, 3)`, variables[3].String())
		want, err := Load(newest)
		require.NoError(t, err)
		for _, name := range []string{"w", "w:0"} {
			v, err := LoadVariable(path, name)
			require.NoError(t, err)
			require.Equal(t, want.Tensors["w"].Data(), v.Data())
		}
		_, err = LoadVariable(path, "v")
		require.ErrorIs(t, err, ErrNotFound)
		require.ErrorContains(t, err, `"v"`)
		file, err := Resolve(path)
		require.NoError(t, err)
		require.Equal(t, newest, file)
	}
	empty := t.TempDir()
	_, err := ListVariables(empty)
	require.ErrorIs(t, err, ErrNoCheckpoint)
	require.ErrorContains(t, err, empty)
	_, err = ListVariables("")
	require.ErrorContains(t, err, `the path is ""`)
	_, err = ListVariables(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.Truncate(newest, 100))
	_, err = LoadVariable(dir, "w")
	require.ErrorIs(t, err, ErrCorrupt, "an inspection shows the damage")
}
