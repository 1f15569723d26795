package saver

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRotation(t *testing.T) {
	type event struct {
		at   float64 // seconds since the saver was made
		step int64
	}
	var twelve []event
	for i := range 12 {
		twelve = append(twelve, event{float64(i) * 3600, int64(i)})
	}
	for name, c := range map[string]struct {
		opts   []Option
		events []event
		listed []int64
		onDisk []int64
	}{
		"default is 5":        {nil, twelve, []int64{7, 8, 9, 10, 11}, []int64{7, 8, 9, 10, 11}},
		"1":                   {[]Option{KeepMax(1)}, twelve, []int64{11}, []int64{11}},
		"more than there are": {[]Option{KeepMax(20)}, twelve[:3], []int64{0, 1, 2}, []int64{0, 1, 2}},
		"0 keeps all":         {[]Option{KeepMax(0)}, twelve, []int64{11}, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		// The reference is a second before the saver was made: 4 is the first that is
		// 4 hours later, then 8.
		"every 4 hours":                       {[]Option{KeepMax(2), KeepEveryNHours(4)}, twelve, []int64{10, 11}, []int64{4, 8, 10, 11}},
		"every hour keeps all but the first":  {[]Option{KeepMax(2), KeepEveryNHours(1)}, twelve[:6], []int64{4, 5}, []int64{1, 2, 3, 4, 5}},
		"0 hours keep none for good":          {[]Option{KeepMax(2), KeepEveryNHours(0)}, twelve, []int64{10, 11}, []int64{10, 11}},
		"a step saved again moves to the end": {[]Option{KeepMax(3)}, []event{{0, 1}, {1, 2}, {2, 3}, {3, 1}, {4, 4}}, []int64{3, 1, 4}, []int64{1, 3, 4}},
		"a step saved again deletes nothing":  {[]Option{KeepMax(2)}, []event{{0, 1}, {1, 2}, {2, 2}, {3, 1}, {4, 1}}, []int64{2, 1}, []int64{1, 2}},
		"the order is that of saving":         {[]Option{KeepMax(2)}, []event{{0, 30}, {1, 20}, {2, 10}}, []int64{20, 10}, []int64{10, 20}},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/restart=%v", name, restart), func(t *testing.T) {
				dir := t.TempDir()
				now := &clock{1e9}
				opts := append([]Option{now.option()}, c.opts...)
				s := newSaver(t, dir, opts...)
				for _, e := range c.events {
					now.now = 1e9 + e.at
					before := steps(t, dir)
					save(t, s, e.step)
					after := steps(t, dir)
					require.GreaterOrEqual(t, len(after), len(before), "one file new, at most one deleted")
					if restart {
						s = newSaver(t, dir, opts...)
					}
				}
				require.Equal(t, c.onDisk, steps(t, dir))
				state, err := ReadState(dir)
				require.NoError(t, err)
				var listed []int64
				for i, p := range state.Paths {
					_, step, _ := parseName(p)
					listed = append(listed, step)
					require.Len(t, state.Times, len(state.Paths))
					require.GreaterOrEqual(t, state.Times[i], 1e9)
				}
				require.Equal(t, c.listed, listed)
				require.Equal(t, state.Paths[len(state.Paths)-1], state.Newest)
			})
		}
	}
}

func steps(t testing.TB, dir string) []int64 {
	t.Helper()
	steps, err := Steps(dir)
	require.NoError(t, err)
	return steps
}

func TestSmallerKeepMaxAfterRestart(t *testing.T) {
	dir := t.TempDir()
	s := newSaver(t, dir, KeepMax(4))
	for step := range int64(4) {
		save(t, s, step)
	}
	s = newSaver(t, dir, KeepMax(2))
	save(t, s, 4)
	require.Equal(t, []int64{1, 2, 3, 4}, steps(t, dir), "one file is deleted for each save, never more")
}

// The rotation knows only files that were listed: what somebody put there stays.
func TestUnlistedFilesStay(t *testing.T) {
	dir := t.TempDir()
	s := newSaver(t, dir, KeepMax(1))
	save(t, s, 5)
	pinned, err := os.ReadFile(filepath.Join(dir, "model.ckpt-5.safetensors"))
	require.NoError(t, err)
	for _, name := range []string{"model.ckpt-1.safetensors", "best-5.safetensors", "model.ckpt-x.safetensors", "notes.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pinned, 0o600))
	}
	s = newSaver(t, dir, KeepMax(1))
	save(t, s, 6)
	save(t, s, 7)
	require.Equal(t, []string{"best-5.safetensors", "checkpoint", "model.ckpt-1.safetensors", "model.ckpt-7.safetensors", "model.ckpt-x.safetensors", "notes.txt"}, listing(t, dir))
}

// What the state file lists is deleted in its turn only when it is this saver's.
func TestTakesOverOnlyItsOwn(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	theirs := save(t, newSaver(t, elsewhere), 1)
	best := save(t, newSaver(t, dir, Basename("best")), 1)
	one, two := save(t, newSaver(t, dir), 1), save(t, newSaver(t, dir), 2)
	require.NoError(t, WriteState(dir, State{Newest: two, Paths: []string{theirs, best, one, one, two}}))
	s := newSaver(t, dir, KeepMax(2))
	for step := int64(3); step < 9; step++ {
		save(t, s, step)
	}
	require.FileExists(t, theirs)
	require.Equal(t, []string{"best-1.safetensors", "checkpoint", "model.ckpt-7.safetensors", "model.ckpt-8.safetensors"}, listing(t, dir))
}

func TestRotationWithoutAStateFile(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"missing": os.Remove,
		"torn":    func(path string) error { return os.Truncate(path, 30) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := newSaver(t, dir, KeepMax(3))
			for _, step := range []int64{8, 9, 10} {
				save(t, s, step)
			}
			require.NoError(t, damage(filepath.Join(dir, StateFile)))
			var log bytes.Buffer
			s, err := New(dir, KeepMax(3), Logger(slog.New(slog.NewTextHandler(&log, nil))))
			require.NoError(t, err)
			require.Equal(t, name == "torn", bytes.Contains(log.Bytes(), []byte("made anew from the files")), log.String())
			save(t, s, 11)
			require.Equal(t, []int64{9, 10, 11}, steps(t, dir))
			state, err := ReadState(dir)
			require.NoError(t, err)
			require.Equal(t, []string{"model.ckpt-9.safetensors", "model.ckpt-10.safetensors", "model.ckpt-11.safetensors"}, base(state.Paths...))
		})
	}
}

func TestRotationForgetsDeletedFiles(t *testing.T) {
	dir := t.TempDir()
	s := newSaver(t, dir, KeepMax(3))
	for step := range int64(3) {
		save(t, s, step)
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "model.ckpt-1.safetensors")))
	save(t, newSaver(t, dir, KeepMax(3)), 3)
	require.Equal(t, []int64{0, 2, 3}, steps(t, dir))
}

func TestExpiredFileThatCannotBeDeleted(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	s, err := New(dir, KeepMax(1), Logger(slog.New(slog.NewTextHandler(&log, nil))))
	require.NoError(t, err)
	first := save(t, s, 1)
	require.NoError(t, os.Remove(first))
	require.NoError(t, os.MkdirAll(filepath.Join(first, "full"), 0o777))
	save(t, s, 2)
	require.Contains(t, log.String(), "could not be deleted")
	require.Contains(t, log.String(), first)
	// One that is gone already is nobody's worry.
	log.Reset()
	require.NoError(t, os.Remove(filepath.Join(dir, "model.ckpt-2.safetensors")))
	save(t, s, 3)
	require.Empty(t, log.String())
}

func TestTimesSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	now := &clock{1e9}
	save(t, newSaver(t, dir, now.option()), 1)
	// Copying a directory changes the files' own times.
	require.NoError(t, os.Chtimes(filepath.Join(dir, "model.ckpt-1.safetensors"), time.Unix(5, 0), time.Unix(5, 0)))
	now.now += 100
	save(t, newSaver(t, dir, now.option()), 2)
	state, err := ReadState(dir)
	require.NoError(t, err)
	require.Equal(t, []float64{1e9, 1e9 + 100}, state.Times)
	require.Equal(t, 1e9-1, state.LastPreserved)
}

func TestTimesOfAStateWithoutTimes(t *testing.T) {
	dir := t.TempDir()
	path := save(t, newSaver(t, dir), 1)
	require.NoError(t, os.Chtimes(path, time.Unix(5, 0), time.Unix(5, 0)))
	require.NoError(t, WriteState(dir, State{Newest: path}))
	now := &clock{1e9}
	save(t, newSaver(t, dir, now.option()), 2)
	state, err := ReadState(dir)
	require.NoError(t, err)
	require.Equal(t, []float64{5, 1e9}, state.Times)
}

// Savers may be shared: saves go one after another.
func TestConcurrentSaves(t *testing.T) {
	dir := t.TempDir()
	s := newSaver(t, dir, KeepMax(3))
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.Save(ctx, sample(int64(i))) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, steps(t, dir), 3)
	_, err := Check(dir)
	require.NoError(t, err)
}
