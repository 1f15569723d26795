package saver

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

// What TensorFlow's own tests assert of the saver, its state file and its readers.
func TestConformanceG(t *testing.T) {
	t.Run("G3", func(t *testing.T) {
		dir := t.TempDir()
		first := newSaver(t, dir, KeepMax(2))
		s3, s2 := save(t, first, 3), save(t, first, 2)
		s1 := save(t, newSaver(t, dir, KeepMax(2)), 1)
		require.NoFileExists(t, s3)
		state, err := ReadState(dir)
		require.NoError(t, err)
		require.Equal(t, []string{s2, s1}, state.Paths)
	})
	t.Run("G4", func(t *testing.T) {
		dir := t.TempDir()
		s := newSaver(t, dir, KeepMax(0))
		for step := range int64(8) {
			path := save(t, s, step)
			state, err := ReadState(dir)
			require.NoError(t, err)
			require.Equal(t, []string{path}, state.Paths)
		}
		require.Len(t, steps(t, dir), 8)
	})
	t.Run("G6", func(t *testing.T) {
		// There is no meta graph: the directory has the data and the state.
		dir := t.TempDir()
		save(t, newSaver(t, dir), 1)
		require.Equal(t, []string{"checkpoint", "model.ckpt-1.safetensors"}, listing(t, dir))
	})
	t.Run("G9", func(t *testing.T) {
		dir := t.TempDir()
		path := save(t, newSaver(t, dir), 1)
		ckpt, err := Load(path)
		require.NoError(t, err)
		want := []Variable{{"w", tensor.Float32, tensor.Shape{2, 3}}, {"v3", tensor.Float32, tensor.Shape{1}}}
		require.ErrorContains(t, Compare(want, ckpt).Err(AllowUnused), `"v3"`)
		r, err := Open(path)
		require.NoError(t, err)
		defer r.Close()
		_, err = r.Tensor("v3")
		require.ErrorIs(t, err, ErrNotFound)
		require.ErrorContains(t, err, `"v3"`)
	})
	t.Run("G10", func(t *testing.T) {
		ckpt := sample(1)
		err := Compare([]Variable{{"w", tensor.Float32, tensor.Shape{3, 2}}}, &ckpt).Err(AllowUnused)
		for _, text := range []string{`"w"`, "(2, 3)", "(3, 2)"} {
			require.ErrorContains(t, err, text)
		}
	})
	t.Run("G12", func(t *testing.T) {
		dir := t.TempDir()
		save(t, newSaver(t, dir), 1)
		path, err := Latest(dir)
		require.NoError(t, err)
		r, err := Open(path)
		require.NoError(t, err)
		defer r.Close()
		require.Equal(t, []Variable{
			{"count", tensor.Int, tensor.Shape{1}}, {"global_step", tensor.Int64, tensor.Shape{}},
			{"mask", tensor.Bool, tensor.Shape{3}}, {"w", tensor.Float32, tensor.Shape{2, 3}},
		}, r.Variables())
		plain, err := r.Tensor("w")
		require.NoError(t, err)
		suffixed, err := r.Tensor("w:0")
		require.NoError(t, err)
		require.Equal(t, plain.Data(), suffixed.Data())
		for _, where := range []string{dir, path} {
			variables, err := ListVariables(where)
			require.NoError(t, err)
			require.Equal(t, r.Variables(), variables)
			loaded, err := LoadVariable(where, "w:0")
			require.NoError(t, err)
			require.Equal(t, plain.Data(), loaded.Data())
		}
		require.Equal(t, sample(1).Tensors["w"].Data(), plain.Data())
	})
	t.Run("G14", func(t *testing.T) {
		dir := t.TempDir()
		a, b := filepath.Join(dir, "a-1.safetensors"), filepath.Join(dir, "b-2.safetensors")
		err := WriteState(dir, State{Newest: b, Paths: []string{a, b}, Times: []float64{1}})
		require.ErrorContains(t, err, "all_model_checkpoint_timestamps has 1 entries, all_model_checkpoint_paths 2")
		require.Empty(t, listing(t, dir))
	})
	t.Run("G15", func(t *testing.T) {
		// TensorFlow gives nil when the newest file was deleted. We fall back, see
		// docs/decisions/0005-latest-falls-back.md. Nothing is left only when all are
		// deleted.
		dir, paths := three(t)
		require.NoError(t, os.Remove(paths[2]))
		path, err := Latest(dir)
		require.NoError(t, err)
		require.Equal(t, paths[1], path)
		require.NoError(t, os.Remove(paths[1]))
		require.NoError(t, os.Remove(paths[0]))
		_, err = Latest(dir)
		require.ErrorIs(t, err, ErrNoCheckpoint)
	})
	t.Run("G17", func(t *testing.T) {
		dir := t.TempDir()
		now := &clock{3}
		s := newSaver(t, dir, KeepMax(2), KeepEveryNHours(1.5), now.option())
		var paths []string
		times := []float64{10000, 13610, 17220, 20830, 24440, 28050}
		preserved := []float64{2, 2, 10000, 10000, 17220, 17220}
		for i, at := range times {
			now.now = at
			paths = append(paths, save(t, s, int64(i)))
			state, err := ReadState(dir)
			require.NoError(t, err)
			require.Equal(t, preserved[i], state.LastPreserved)
			require.Equal(t, times[max(0, i-1):i+1], state.Times)
			// A new saver goes on where this one was.
			s = newSaver(t, dir, KeepMax(2), KeepEveryNHours(1.5), now.option())
		}
		// 10000 and 17220 are 5400 s after what was kept before, 13610 and 20830 are not.
		for i, kept := range []bool{true, false, true, false, true, true} {
			require.Equal(t, kept, exists(paths[i]), "%v", times[i])
		}
	})
	t.Run("G19", func(t *testing.T) {
		dir := t.TempDir()
		now := &clock{10000}
		save(t, newSaver(t, dir, now.option()), 1)
		now.now = 5000
		var log bytes.Buffer
		s, err := New(dir, now.option(), Logger(slog.New(slog.NewTextHandler(&log, nil))))
		require.NoError(t, err)
		require.Contains(t, log.String(), "level=WARN")
		require.Contains(t, log.String(), "clock was set back")
		require.Less(t, s.rotation.preserved, 5000.0)
		require.GreaterOrEqual(t, s.rotation.preserved, 4999.0)
		require.Equal(t, 5000.0, s.rotation.list[0].time, "no checkpoint is from the future")
	})
	t.Run("G20", func(t *testing.T) {
		// 0 keeps all, as in G4; a negative number is the error. The interval between
		// saves is the loop's, in package hooks.
		_, err := New(t.TempDir(), KeepMax(-1))
		require.ErrorContains(t, err, "KeepMax(-1)")
	})
	t.Run("G21", func(t *testing.T) {
		count := func(t *testing.T, dir string, opts ...WatchOption) (n int) {
			for path, err := range Checkpoints(t.Context(), dir, opts...) {
				require.NoError(t, err)
				require.NotEmpty(t, path)
				n++
			}
			return n
		}
		watched(t, func(t *testing.T, dir string, s *Saver) {
			require.Zero(t, count(t, dir, Timeout(0)))
			require.Zero(t, count(t, dir, Timeout(0), OnTimeout(func() bool { return true })))
			save(t, s, 1)
			require.Equal(t, 1, count(t, dir, Timeout(0)))
			asked := 0
			require.Equal(t, 1, count(t, dir, Timeout(0), OnTimeout(func() bool { asked++; return asked == 4 })))
			require.Equal(t, 4, asked, "it went on while the answer was no")
		})
	})
}
