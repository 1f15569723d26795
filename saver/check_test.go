package saver

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	dir, paths := three(t)
	report, err := Check(dir)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	require.Len(t, report.Files, 3)
	for i, f := range report.Files {
		require.Equal(t, FileCheck{Path: paths[i], Step: []int64{1, 9, 10}[i], Listed: true, Checksums: true}, f)
	}
	require.Equal(t, paths[2], report.State.Newest)

	golden, err := os.ReadFile(filepath.Join("testdata", "golden.safetensors"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "python-4.safetensors"), golden, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".checkpoint.tmp-1"), nil, 0o600))
	report, err = Check(dir)
	require.NoError(t, err, "neither does harm")
	require.Equal(t, dir+`: 4 checkpoints, 1 temporary files, 0 problems
  model.ckpt-1.safetensors: step 1, good
  python-4.safetensors: step 4, readable, it has no checksums, not listed
  model.ckpt-9.safetensors: step 9, good
  model.ckpt-10.safetensors: step 10, good
  .checkpoint.tmp-1: temporary
`, report.String())
}

func TestCheckFindsProblems(t *testing.T) {
	dir, paths := three(t)
	flip(t, paths[0])
	require.NoError(t, os.Rename(paths[1], filepath.Join(dir, "model.ckpt-8.safetensors")))
	report, err := Check(dir)
	require.Len(t, report.Problems, 3)
	for _, text := range []string{paths[0], "which is not there", paths[1], "it holds step 9, its name says 8"} {
		require.ErrorContains(t, err, text)
		require.Contains(t, report.String(), text)
	}
	require.Contains(t, report.String(), "model.ckpt-1.safetensors: step 1, BAD")

	dir, paths = three(t)
	require.NoError(t, os.Remove(filepath.Join(dir, StateFile)))
	_, err = Check(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
	writeText(t, dir, "torn")
	_, err = Check(dir)
	require.ErrorIs(t, err, ErrCorrupt)
	require.NoError(t, os.Truncate(paths[2], 3))
	report, err = Check(dir)
	require.Len(t, report.Problems, 2)
	require.ErrorContains(t, err, paths[2])

	for _, dir := range []string{t.TempDir(), filepath.Join(dir, "none")} {
		report, err = Check(dir)
		require.ErrorIs(t, err, ErrNoCheckpoint)
		require.Len(t, report.Problems, 1)
	}
	_, err = Check(paths[0])
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrNoCheckpoint)
}
