package saver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/internal/atomicfile"
)

// prepared returns a directory with checkpoints of steps 1 and 2, and what is in it.
func prepared(t *testing.T, keep int) string {
	t.Helper()
	dir := t.TempDir()
	s := newSaver(t, dir, KeepMax(keep))
	save(t, s, 1)
	save(t, s, 2)
	return dir
}

func operations(t *testing.T, keep int, step int64) []string {
	t.Helper()
	fsys := &atomicfile.Faults{}
	s := newSaver(t, prepared(t, keep), KeepMax(keep), withFS(fsys))
	before := len(fsys.Operations())
	save(t, s, step)
	return fsys.Operations()[before:]
}

// The promise that matters most: whatever fails, and wherever the process or the power
// stops, the directory has the checkpoint before or the new one, and the next run works.
func TestFaultAtEveryOperation(t *testing.T) {
	for _, keep := range []int{1, 2, 5} {
		for _, step := range []int64{2, 3} {
			ops := operations(t, keep, step)
			for i, op := range ops {
				for fault, name := range map[atomicfile.Fault]string{
					atomicfile.Fail: "fail", atomicfile.Kill: "kill", atomicfile.PowerCut: "power cut", atomicfile.PowerCutNames: "power cut, names lost",
				} {
					t.Run(fmt.Sprintf("keep %d/step %d/%s/%d %s", keep, step, name, i+1, op), func(t *testing.T) {
						faultAt(t, keep, step, fault, i+1, op)
					})
				}
			}
		}
	}
}

func faultAt(t *testing.T, keep int, step int64, fault atomicfile.Fault, at int, op string) {
	dir := prepared(t, keep)
	before := listing(t, dir)
	fsys := &atomicfile.Faults{Fault: fault}
	s := newSaver(t, dir, KeepMax(keep), withFS(fsys))
	fsys.At = len(fsys.Operations()) + at
	path, err := s.Save(ctx, sample(step))
	if strings.HasPrefix(op, "remove") {
		require.NoError(t, err, "an expired file that cannot be deleted is a warning")
	} else {
		require.Error(t, err)
		require.ErrorContains(t, err, fmt.Sprint("step ", step))
		require.Empty(t, path)
	}
	loaded := requireLoads(t, dir, 2, step)

	if fault == atomicfile.Fail {
		if err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
		}
		if err != nil && !strings.HasPrefix(op, "syncdir") {
			require.Equal(t, before, listing(t, dir), "as it was")
			require.EqualValues(t, 2, loaded.Step)
		}
		report, err := Check(dir)
		require.NoError(t, err)
		require.Empty(t, report.Temporary)
		// The same saver goes on.
		save(t, s, step+1)
		requireLoads(t, dir, step+1)
		if keep == 5 {
			state, err := ReadState(dir)
			require.NoError(t, err)
			require.Contains(t, state.Paths, filepath.Join(dir, fileName("model.ckpt", loaded.Step)), "it is not forgotten")
		}
	}

	// So does the next process.
	next := newSaver(t, dir, KeepMax(keep))
	save(t, next, step+2)
	requireLoads(t, dir, step+2)
	report, err := Check(dir)
	require.NoError(t, err, "%s", report)
	require.Empty(t, report.Temporary, "the crashed run's temporary files are gone")
	listed := 0
	for _, f := range report.Files {
		if f.Listed {
			listed++
		}
	}
	require.LessOrEqual(t, listed, keep)
	require.LessOrEqual(t, len(report.Files)-listed, 2, "a crash leaves at most a file that is not listed, %s", report)
}

func requireLoads(t *testing.T, dir string, steps ...int64) *Checkpoint {
	t.Helper()
	ckpt, path, skipped, err := LoadLatest(dir)
	require.NoError(t, err)
	require.Contains(t, steps, ckpt.Step)
	want := sample(ckpt.Step)
	requireEqual(t, &want, ckpt)
	for _, s := range skipped {
		require.ErrorIs(t, s.Err, os.ErrNotExist, "a file that is there is whole")
	}
	latest, err := Latest(dir)
	require.NoError(t, err)
	require.Equal(t, latest, path)
	return ckpt
}

// The order of effects.
func TestOrderOfOperations(t *testing.T) {
	var got []string
	for _, op := range operations(t, 2, 3) {
		what, name, _ := strings.Cut(op, " ")
		if target, ok := atomicfile.TempTarget(name); ok {
			name = "temporary " + target
		}
		if what == "syncdir" {
			name = ""
		}
		got = append(got, strings.TrimSpace(what+" "+name))
	}
	require.Equal(t, []string{
		"create temporary model.ckpt-3.safetensors", "write temporary model.ckpt-3.safetensors", "sync temporary model.ckpt-3.safetensors",
		"close temporary model.ckpt-3.safetensors", "rename model.ckpt-3.safetensors", "syncdir",
		"create temporary checkpoint", "write temporary checkpoint", "sync temporary checkpoint",
		"close temporary checkpoint", "rename checkpoint", "syncdir",
		"remove model.ckpt-1.safetensors",
	}, got)
}

func TestNewReportsAFullDisk(t *testing.T) {
	dir := t.TempDir()
	_, err := New(dir, quiet, withFS(&atomicfile.Faults{At: 1}))
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, dir)
}

// Only temporary files of this saver are removed, and not before its first save: until
// then the directory may be another trainer's.
func TestLeftOvers(t *testing.T) {
	dir := t.TempDir()
	ours := []string{".model.ckpt-7.safetensors.tmp-123", ".checkpoint.tmp-4294967295"}
	others := []string{
		".best-7.safetensors.tmp-123", ".model.ckpt-7.safetensors.tmp-", ".model.ckpt-7.safetensors.tmp-x1", ".notes.tmp-1",
		"model.ckpt-7.safetensors.tmp-123", ".model.ckpt-7.index.tmp-1",
	}
	for _, name := range append(ours, others...) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".checkpoint.tmp-5"), 0o777))
	s := newSaver(t, dir)
	for _, name := range ours {
		require.FileExists(t, filepath.Join(dir, name), "New removes nothing")
	}
	save(t, s, 1)
	for _, name := range ours {
		require.NoFileExists(t, filepath.Join(dir, name))
	}
	for _, name := range others {
		require.FileExists(t, filepath.Join(dir, name))
	}
	require.DirExists(t, filepath.Join(dir, ".checkpoint.tmp-5"))
}
