package saver

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/internal/atomicfile"
)

func pin(t testing.TB, dir, name string, steps ...int64) {
	t.Helper()
	var pins []Pin
	for _, step := range steps {
		pins = append(pins, Pin{Step: step, Note: fmt.Sprint("step ", step)})
	}
	require.NoError(t, SetPins(dir, name, pins...))
}

func pinned(t testing.TB, dir, name string) (steps []int64) {
	t.Helper()
	pins, err := Pins(dir, name)
	require.NoError(t, err)
	for _, p := range pins {
		require.Equal(t, fmt.Sprint("step ", p.Step), p.Note)
		require.FileExists(t, p.Path)
		steps = append(steps, p.Step)
	}
	return steps
}

// What is pinned stays through rotation and restarts, and goes with its last pin, unless
// rotation would have kept it anyway.
func TestPins(t *testing.T) {
	for name, c := range map[string]struct {
		opts []Option
		then func(t *testing.T, dir string)
		want []int64
	}{
		"the best stays":                      {[]Option{KeepMax(2)}, func(t *testing.T, dir string) {}, []int64{3, 8, 9}},
		"another best":                        {[]Option{KeepMax(2)}, func(t *testing.T, dir string) { pin(t, dir, "best", 9) }, []int64{8, 9}},
		"two of them":                         {[]Option{KeepMax(2)}, func(t *testing.T, dir string) { pin(t, dir, "best", 3, 9) }, []int64{3, 8, 9}},
		"let go":                              {[]Option{KeepMax(2)}, func(t *testing.T, dir string) { pin(t, dir, "best") }, []int64{8, 9}},
		"another name keeps it":               {[]Option{KeepMax(2)}, func(t *testing.T, dir string) { pin(t, dir, "mine", 3); pin(t, dir, "best", 9) }, []int64{3, 8, 9}},
		"the last name does not":              {[]Option{KeepMax(2)}, func(t *testing.T, dir string) { pin(t, dir, "mine", 3); pin(t, dir, "best"); pin(t, dir, "mine") }, []int64{8, 9}},
		"what is listed is rotation's":        {[]Option{KeepMax(9)}, func(t *testing.T, dir string) { pin(t, dir, "best") }, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"where all are kept none is deleted":  {[]Option{KeepMax(0)}, func(t *testing.T, dir string) { pin(t, dir, "best", 9) }, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"what is kept for good stays":         {[]Option{KeepMax(2), KeepEveryNHours(1e-9)}, func(t *testing.T, dir string) { pin(t, dir, "best") }, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"a damaged file is made anew, safely": {[]Option{KeepMax(2)}, func(t *testing.T, dir string) { tear(t, dir); pin(t, dir, "best", 9) }, []int64{3, 8, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := newSaver(t, dir, c.opts...)
			for step := int64(1); step < 10; step++ {
				save(t, s, step)
				if step == 4 {
					pin(t, dir, "best", 3)
				}
				if step == 6 {
					s = newSaver(t, dir, c.opts...)
				}
			}
			require.Equal(t, []int64{3}, pinned(t, dir, "best"))
			c.then(t, dir)
			require.Equal(t, c.want, steps(t, dir))
			report, err := Check(dir)
			require.NoError(t, err, "%s", report)
			require.Empty(t, report.Temporary)
		})
	}
}

func tear(t testing.TB, dir string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, PinsFile), []byte(`{"format":1,"pins":{"be`), 0o600))
}

// A step that is saved again while it is pinned belongs to rotation again.
func TestPinnedStepIsSavedAgain(t *testing.T) {
	dir := t.TempDir()
	s := newSaver(t, dir, KeepMax(2))
	save(t, s, 1)
	pin(t, dir, "best", 1)
	save(t, s, 2)
	save(t, s, 3)
	save(t, s, 1)
	pin(t, dir, "best")
	require.Equal(t, []int64{1, 3}, steps(t, dir))
	save(t, s, 4)
	save(t, s, 5)
	require.Equal(t, []int64{4, 5}, steps(t, dir))
}

func TestPinsCheck(t *testing.T) {
	dir := t.TempDir()
	path := save(t, newSaver(t, dir), 1)
	save(t, newSaver(t, dir), 2)
	pin(t, dir, "best", 1)
	report, err := Check(dir)
	require.NoError(t, err)
	require.Equal(t, []bool{true, false}, []bool{report.Files[0].Pinned, report.Files[1].Pinned})
	require.Contains(t, report.String(), "model.ckpt-1.safetensors: step 1, good, pinned\n")
	require.NoError(t, os.Remove(path))
	require.Empty(t, pinned(t, dir, "best"))
	_, err = Check(dir)
	require.ErrorContains(t, err, `has a pin "best" of `+path+", which is not there")
	tear(t, dir)
	_, err = Check(dir)
	require.ErrorIs(t, err, ErrCorrupt)
	require.ErrorContains(t, err, PinsFile)
	_, err = Pins(dir, "best")
	require.ErrorIs(t, err, ErrCorrupt)
}

func TestPinsBadInput(t *testing.T) {
	dir := t.TempDir()
	save(t, newSaver(t, dir), 1)
	for name, c := range map[string]struct {
		name string
		pins []Pin
		want string
	}{
		"no name":       {"", []Pin{{Step: 1}}, "expected a name"},
		"no such step":  {"best", []Pin{{Step: 1}, {Step: 7}}, "there is no checkpoint of step 7"},
		"not text":      {"best", []Pin{{Step: 1, Note: "\xff"}}, "the note of step 1"},
		"name not text": {"\xff", nil, "expected a name"},
	} {
		t.Run(name, func(t *testing.T) {
			err := SetPins(dir, c.name, c.pins...)
			require.ErrorContains(t, err, "SetPins")
			require.ErrorContains(t, err, c.want)
			require.NoFileExists(t, filepath.Join(dir, PinsFile))
		})
	}
	require.ErrorIs(t, SetPins(dir, "best", Pin{Step: 7}), fs.ErrNotExist)
	require.NoError(t, SetPins(dir, "best"), "nothing to let go of")
	require.NoFileExists(t, filepath.Join(dir, PinsFile))
	for text, want := range map[string]string{
		`{"format":2}`: "format is 2, expected 1 to 1",
		`{"format":1,"pins":{"a":[{"file":"../model.ckpt-1.safetensors"}]}}`: "expected the name of a checkpoint",
		`{"format":1,"expired":["checkpoint"]}`:                              "expected the name of a checkpoint",
		`[]`:                                                                 "cannot unmarshal",
		``:                                                                   "unexpected end",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, PinsFile), []byte(text), 0o600))
		_, err := Pins(dir, "best")
		require.ErrorIs(t, err, ErrCorrupt, text)
		require.ErrorContains(t, err, want, text)
	}
}

// Rotation that cannot know what is pinned deletes nothing, and says so.
func TestRotationWithDamagedPins(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	s := newSaver(t, dir, KeepMax(1), Logger(slog.New(slog.NewTextHandler(&log, nil))))
	save(t, s, 1)
	tear(t, dir)
	save(t, s, 2)
	require.Equal(t, []int64{1, 2}, steps(t, dir))
	require.Contains(t, log.String(), "it is not known whether it is pinned")
	require.Contains(t, log.String(), PinsFile)
}

// Whatever fails in a change of the pins, no checkpoint is lost that was pinned before and
// after it, or that rotation would have kept.
func TestPinsFaultAtEveryOperation(t *testing.T) {
	build := func(t *testing.T) string {
		dir := t.TempDir()
		s := newSaver(t, dir, KeepMax(1))
		for step := int64(1); step < 5; step++ {
			save(t, s, step)
			pin(t, dir, "best", min(step, 2))
		}
		require.Equal(t, []int64{2, 4}, steps(t, dir))
		return dir
	}
	changes := map[string]func(fsys atomicfile.FS, dir string) error{
		"pin": func(fsys atomicfile.FS, dir string) error {
			return setPins(fsys, dir, "best", []Pin{{Step: 4, Note: "step 4"}})
		},
		"save": func(fsys atomicfile.FS, dir string) error {
			s, err := New(dir, quiet, KeepMax(1), withFS(fsys))
			if err != nil {
				return err
			}
			_, err = s.Save(ctx, sample(5))
			return err
		},
	}
	for name, change := range changes {
		whole := &atomicfile.Faults{}
		require.NoError(t, change(whole, build(t)))
		for i, op := range whole.Operations() {
			for _, fault := range []atomicfile.Fault{atomicfile.Fail, atomicfile.Kill, atomicfile.PowerCut, atomicfile.PowerCutNames} {
				t.Run(fmt.Sprintf("%s/%v/%d %s", name, fault, i+1, op), func(t *testing.T) {
					dir := build(t)
					err := change(&atomicfile.Faults{Fault: fault, At: i + 1}, dir)
					if fault == atomicfile.Fail && err != nil {
						require.ErrorIs(t, err, syscall.ENOSPC)
					}
					best := pinned(t, dir, "best")
					require.Len(t, best, 1)
					require.Contains(t, []int64{2, 4}, best[0])
					ckpt, _, _, err := LoadLatest(dir)
					require.NoError(t, err)
					require.GreaterOrEqual(t, ckpt.Step, int64(4))
					// Whoever comes next tidies up.
					save(t, newSaver(t, dir, KeepMax(1)), 6)
					pin(t, dir, "best", 6)
					report, err := Check(dir)
					require.NoError(t, err, "%s", report)
					require.Empty(t, report.Temporary)
				})
			}
		}
	}
}

// Several processes may pin; here goroutines stand for them.
func TestPinsAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	save(t, newSaver(t, dir), 1)
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			for range 10 {
				if err := SetPins(dir, fmt.Sprint("name ", i), Pin{Step: 1}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	for i := range 4 {
		pins, err := Pins(dir, fmt.Sprint("name ", i))
		require.NoError(t, err)
		require.Len(t, pins, 1)
	}
}
