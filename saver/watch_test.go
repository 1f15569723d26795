package saver

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// watched runs f with a clock of its own.
func watched(t *testing.T, f func(t *testing.T, dir string, s *Saver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		f(t, dir, newSaver(t, dir))
	})
}

// saveLater saves steps 1, 2, ... at these seconds from now.
func saveLater(t *testing.T, s *Saver, seconds ...float64) {
	start := time.Now()
	go func() {
		for i, at := range seconds {
			time.Sleep(time.Duration(at*float64(time.Second)) - time.Since(start))
			ckpt := sample(int64(i + 1))
			if _, err := s.Save(context.Background(), ckpt); err != nil {
				t.Error(err)
			}
		}
	}()
}

func TestCheckpoints(t *testing.T) {
	seen := func(ctx context.Context, dir string, opts ...WatchOption) (steps []int64, at []float64, err error) {
		start := time.Now()
		for path, e := range Checkpoints(ctx, dir, opts...) {
			if err = e; err == nil {
				_, step, _ := parseName(path)
				steps, at = append(steps, step), append(at, time.Since(start).Seconds())
			}
		}
		return steps, at, err
	}
	t.Run("each as it appears", func(t *testing.T) {
		watched(t, func(t *testing.T, dir string, s *Saver) {
			saveLater(t, s, 0.5, 3.5, 3.6, 7.5)
			steps, at, err := seen(t.Context(), dir, Timeout(5*time.Second))
			require.NoError(t, err)
			require.Equal(t, []int64{1, 3, 4}, steps, "the second has a newer one after it when we look")
			require.Equal(t, []float64{1, 4, 8}, at)
		})
	})
	t.Run("there already", func(t *testing.T) {
		watched(t, func(t *testing.T, dir string, s *Saver) {
			save(t, s, 1)
			save(t, s, 2)
			steps, at, err := seen(t.Context(), dir, Timeout(0))
			require.NoError(t, err)
			require.Equal(t, []int64{2}, steps)
			require.Equal(t, []float64{0}, at)
		})
	})
	t.Run("the interval", func(t *testing.T) {
		watched(t, func(t *testing.T, dir string, s *Saver) {
			saveLater(t, s, 0, 2, 4, 6, 11)
			time.Sleep(time.Millisecond)
			steps, at, err := seen(t.Context(), dir, MinInterval(10*time.Second), Timeout(3*time.Second))
			require.NoError(t, err)
			require.Equal(t, []int64{1, 4, 5}, steps)
			require.Equal(t, []float64{0, 10, 20}, at)
		})
	})
	t.Run("the interval counts the caller's time", func(t *testing.T) {
		watched(t, func(t *testing.T, dir string, s *Saver) {
			saveLater(t, s, 0, 2, 11)
			time.Sleep(time.Millisecond)
			start, at := time.Now(), []float64{}
			for _, err := range Checkpoints(t.Context(), dir, MinInterval(10*time.Second), Timeout(3*time.Second)) {
				require.NoError(t, err)
				at = append(at, time.Since(start).Seconds())
				time.Sleep(4 * time.Second)
			}
			require.Equal(t, []float64{0, 10, 20}, at)
		})
	})
	t.Run("an older one is not new", func(t *testing.T) {
		watched(t, func(t *testing.T, dir string, s *Saver) {
			save(t, s, 1)
			var got []string
			for path, err := range Checkpoints(t.Context(), dir, Timeout(3*time.Second)) {
				require.NoError(t, err)
				if got = append(got, filepath.Base(path)); len(got) == 1 {
					save(t, s, 2)
				} else {
					require.NoError(t, os.Remove(path)) // now the first is the newest
				}
			}
			require.Equal(t, []string{"model.ckpt-1.safetensors", "model.ckpt-2.safetensors"}, got)
		})
	})
	t.Run("the caller decides at the timeout", func(t *testing.T) {
		watched(t, func(t *testing.T, dir string, s *Saver) {
			asked := 0
			saveLater(t, s, 9.5)
			steps, at, err := seen(t.Context(), dir, Timeout(4*time.Second), OnTimeout(func() bool { asked++; return asked == 5 }))
			require.NoError(t, err)
			require.Equal(t, []int64{1}, steps)
			require.Equal(t, []float64{10}, at)
			require.Equal(t, 5, asked) // after 4 s, 9 s, the checkpoint, and two more waits
		})
	})
	t.Run("the caller decides after a checkpoint", func(t *testing.T) {
		watched(t, func(t *testing.T, dir string, s *Saver) {
			save(t, s, 1)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			steps, _, err := seen(ctx, dir, OnTimeout(func() bool { return true }))
			require.NoError(t, err)
			require.Equal(t, []int64{1}, steps)
		})
	})
	t.Run("leaving the loop", func(t *testing.T) {
		watched(t, func(t *testing.T, dir string, s *Saver) {
			save(t, s, 1)
			for path, err := range Checkpoints(t.Context(), dir) {
				require.NoError(t, err)
				require.NotEmpty(t, path)
				break
			}
		})
	})
	t.Run("the context ends", func(t *testing.T) {
		watched(t, func(t *testing.T, dir string, s *Saver) {
			cause := errors.New("enough")
			ctx, cancel := context.WithTimeoutCause(t.Context(), 90*time.Second, cause)
			defer cancel()
			save(t, s, 1)
			steps, _, err := seen(ctx, dir)
			require.ErrorIs(t, err, cause)
			require.Equal(t, []int64{1}, steps)
			_, err = WaitForNew(ctx, dir, "")
			require.ErrorIs(t, err, cause)
			ctx, cancel = context.WithTimeoutCause(t.Context(), 90*time.Second, cause)
			defer cancel()
			_, _, err = seen(ctx, dir, MinInterval(time.Hour))
			require.ErrorIs(t, err, cause)
			ctx, cancel = context.WithTimeoutCause(t.Context(), 90*time.Second, cause)
			defer cancel()
			_, _, err = seen(ctx, dir, Timeout(0), OnTimeout(func() bool { return false }))
			require.ErrorIs(t, err, cause)
		})
	})
	t.Run("no directory yet", func(t *testing.T) {
		watched(t, func(t *testing.T, dir string, _ *Saver) {
			steps, _, err := seen(t.Context(), filepath.Join(dir, "later"), Timeout(2*time.Second))
			require.NoError(t, err)
			require.Empty(t, steps)
		})
	})
	t.Run("a directory that cannot be read", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o666))
		_, _, err := seen(t.Context(), file)
		require.ErrorContains(t, err, file)
	})
}

func TestWaitForNew(t *testing.T) {
	watched(t, func(t *testing.T, dir string, s *Saver) {
		start := time.Now()
		path, err := WaitForNew(t.Context(), dir, "", Timeout(5*time.Second))
		require.NoError(t, err)
		require.Empty(t, path)
		require.Equal(t, 5*time.Second, time.Since(start))
		first := save(t, s, 1)
		path, err = WaitForNew(t.Context(), dir, "")
		require.NoError(t, err)
		require.Equal(t, first, path)
		saveLater(t, s, 0, 2)
		path, err = WaitForNew(t.Context(), dir, first)
		require.NoError(t, err)
		require.Equal(t, "model.ckpt-2.safetensors", filepath.Base(path))
	})
}
