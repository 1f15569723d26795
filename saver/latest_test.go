package saver

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func three(t testing.TB) (dir string, paths []string) {
	t.Helper()
	dir = t.TempDir()
	s := newSaver(t, dir)
	for _, step := range []int64{1, 9, 10} {
		paths = append(paths, save(t, s, step))
	}
	return dir, paths
}

func flip(t testing.TB, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[len(b)-3] ^= 4
	require.NoError(t, os.WriteFile(path, b, 0o600))
}

// The corruption table of docs/format/checkpoint.md.
func TestFallsBack(t *testing.T) {
	for name, c := range map[string]struct {
		damage  func(t *testing.T, dir string, paths []string)
		latest  int64
		loaded  int64
		skipped []string
	}{
		"nothing": {func(*testing.T, string, []string) {}, 10, 10, nil},
		"newest flipped": {func(t *testing.T, _ string, p []string) { flip(t, p[2]) },
			10, 9, []string{"model.ckpt-10.safetensors"}},
		"newest torn": {func(t *testing.T, _ string, p []string) { require.NoError(t, os.Truncate(p[2], 100)) },
			10, 9, []string{"model.ckpt-10.safetensors"}},
		"newest empty": {func(t *testing.T, _ string, p []string) { require.NoError(t, os.Truncate(p[2], 0)) },
			10, 9, []string{"model.ckpt-10.safetensors"}},
		"newest missing": {func(t *testing.T, _ string, p []string) { require.NoError(t, os.Remove(p[2])) },
			9, 9, []string{"model.ckpt-10.safetensors"}},
		"two bad": {func(t *testing.T, _ string, p []string) { flip(t, p[2]); flip(t, p[1]) },
			10, 1, []string{"model.ckpt-10.safetensors", "model.ckpt-9.safetensors"}},
		"state missing": {func(t *testing.T, dir string, _ []string) {
			require.NoError(t, os.Remove(filepath.Join(dir, StateFile)))
		},
			10, 10, nil},
		"state torn": {func(t *testing.T, dir string, _ []string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, StateFile), 30))
		}, 10, 10, []string{"checkpoint"}},
		"state empty": {func(t *testing.T, dir string, _ []string) { writeText(t, dir, "") },
			10, 10, []string{"checkpoint"}},
		"state is a directory": {func(t *testing.T, dir string, _ []string) {
			require.NoError(t, os.Remove(filepath.Join(dir, StateFile)))
			require.NoError(t, os.Mkdir(filepath.Join(dir, StateFile), 0o777))
		}, 10, 10, []string{"checkpoint"}},
		"state and newest": {func(t *testing.T, dir string, p []string) { writeText(t, dir, "x"); flip(t, p[2]) },
			10, 9, []string{"checkpoint", "model.ckpt-10.safetensors"}},
		"state names files that are not there": {func(t *testing.T, dir string, _ []string) { writeText(t, dir, `model_checkpoint_path: "gone-99"`) },
			10, 10, []string{"gone-99"}},
		"state points back": {func(t *testing.T, dir string, p []string) { require.NoError(t, WriteState(dir, State{Newest: p[0]})) },
			1, 1, nil},
		"stopped between file and state": {func(t *testing.T, dir string, p []string) {
			require.NoError(t, WriteState(dir, State{Newest: p[1], Paths: p[:2]}))
		}, 9, 9, nil},
		"stopped between file and state, then the listed one goes bad": {func(t *testing.T, dir string, p []string) {
			require.NoError(t, WriteState(dir, State{Newest: p[1], Paths: p[:2]}))
			flip(t, p[1])
		}, 9, 10, []string{"model.ckpt-9.safetensors"}},
		"a directory with the name of a newer one": {func(t *testing.T, dir string, p []string) {
			require.NoError(t, os.Remove(filepath.Join(dir, StateFile)))
			require.NoError(t, os.Mkdir(filepath.Join(dir, "model.ckpt-99.safetensors"), 0o777))
		}, 10, 10, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir, paths := three(t)
			c.damage(t, dir, paths)
			latest, err := Latest(dir)
			require.NoError(t, err)
			_, step, _ := parseName(latest)
			require.Equal(t, c.latest, step, "Latest")
			ckpt, path, skipped, err := LoadLatest(dir)
			require.NoError(t, err)
			want := sample(c.loaded)
			requireEqual(t, &want, ckpt)
			require.Equal(t, filepath.Join(dir, fileName("model.ckpt", c.loaded)), path)
			var names []string
			for _, s := range skipped {
				require.Error(t, s.Err)
				require.ErrorContains(t, s.Err, s.Path)
				names = append(names, filepath.Base(s.Path))
			}
			require.Equal(t, c.skipped, names)
		})
	}
}

func TestNoGoodCheckpoint(t *testing.T) {
	dir, paths := three(t)
	flip(t, paths[0])
	require.NoError(t, os.Truncate(paths[1], 5))
	require.NoError(t, os.Remove(paths[2]))
	_, _, skipped, err := LoadLatest(dir)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrNoCheckpoint, "a run must not start anew over it")
	require.ErrorIs(t, err, ErrCorrupt)
	for _, p := range paths {
		require.ErrorContains(t, err, p)
	}
	require.ErrorContains(t, err, "there is no such file")
	require.ErrorContains(t, err, "it has 5 bytes")
	require.ErrorContains(t, err, "checksum")
	require.Len(t, skipped, 3)
}

func TestNoCheckpoint(t *testing.T) {
	empty := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(empty, "notes-1.txt"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(empty, "model-00001-of-00002.safetensors"), nil, 0o600))
	for _, dir := range []string{empty, filepath.Join(empty, "none")} {
		_, err := Latest(dir)
		require.ErrorIs(t, err, ErrNoCheckpoint)
		require.ErrorContains(t, err, dir)
		_, _, _, err = LoadLatest(dir)
		require.ErrorIs(t, err, ErrNoCheckpoint)
		require.ErrorContains(t, err, dir)
		paths, err := AllPaths(dir)
		require.NoError(t, err)
		require.Empty(t, paths)
	}
	require.NoDirExists(t, filepath.Join(empty, "none"), "nothing is created")
	_, err := Latest(filepath.Join(empty, "notes-1.txt"))
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrNoCheckpoint, "not a directory")
}

// The files are gone but the state file says that there were some: no silent new start.
func TestAllFilesGone(t *testing.T) {
	dir, paths := three(t)
	for _, p := range paths {
		require.NoError(t, os.Remove(p))
	}
	_, err := Latest(dir)
	require.ErrorIs(t, err, ErrNoCheckpoint)
	_, _, _, err = LoadLatest(dir)
	require.NotErrorIs(t, err, ErrNoCheckpoint)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, paths[2])
}

func TestAllPathsAndSteps(t *testing.T) {
	dir, paths := three(t)
	got, err := AllPaths(dir)
	require.NoError(t, err)
	require.Equal(t, paths, got)
	require.Equal(t, []int64{1, 9, 10}, steps(t, dir))
	require.NoError(t, WriteState(dir, State{Newest: paths[1], Paths: paths[1:2]}))
	got, err = AllPaths(dir)
	require.NoError(t, err)
	require.Equal(t, []string{paths[0], paths[2], paths[1]}, got, "the last is the newest")
	require.Equal(t, []int64{1, 9, 10}, steps(t, dir))
}

func TestNames(t *testing.T) {
	for name, want := range map[string]int64{
		"model.ckpt-5.safetensors": 5, "a/b/x-y-0.safetensors": 0, "m-9223372036854775807.safetensors": 1<<63 - 1,
		"m-9223372036854775808.safetensors": -1, "m--5.safetensors": 5, "m-05.safetensors": -1, "m-+5.safetensors": -1,
		"-5.safetensors": -1, "m-.safetensors": -1, "m5.safetensors": -1, "m-5.index": -1, ".m-5.safetensors": -1,
		".m-5.safetensors.tmp-1": -1, "checkpoint": -1, "": -1,
	} {
		_, step, ok := parseName(name)
		if !ok {
			step = -1
		}
		require.Equal(t, want, step, "%q", name)
	}
}
