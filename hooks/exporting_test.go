package hooks_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
)

// writeStep exports the global step of the session.
func writeStep(run *hooks.Run, step int64, dir string) error {
	live, err := run.Session.Store().Int64(graph.GlobalStepName)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "model"), fmt.Appendf(nil, "%d %d", step, live), 0o600)
}

func TestExport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "exports")
	m := hooks.NewExport(hooks.Or(hooks.EverySteps(3), hooks.AtEnd()), dir, writeStep, hooks.ExportsToKeep(2))
	_, err := newCounting().train(t.TempDir(), graphactions.Steps(10), graphactions.Monitors(m))
	require.NoError(t, err)
	names, err := readDir(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"00000009", "00000010"}, names, "those of 3 and 6 have expired")
	require.Equal(t, filepath.Join(dir, "00000010"), m.LastExportDir())
	text, err := os.ReadFile(filepath.Join(dir, "00000009", "model"))
	require.NoError(t, err)
	require.Equal(t, "9 9", string(text), "with the variables of the step")
	info, err := os.Stat(filepath.Join(dir, "00000010"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), info.Mode().Perm(), "others may read it")
}

func TestExportOnce(t *testing.T) {
	dir, calls := t.TempDir(), 0
	export := func(run *hooks.Run, step int64, dir string) error { calls++; return nil }
	run := func() *hooks.Export {
		m := hooks.NewExport(hooks.Or(hooks.EverySteps(4), hooks.AtEnd()), dir, export)
		_, err := newCounting().train(t.TempDir(), graphactions.Steps(4), graphactions.Monitors(m))
		require.NoError(t, err)
		return m
	}
	run()
	require.Equal(t, 1, calls, "the last step is not exported again at the end")
	m := run()
	require.Equal(t, 1, calls, "a directory that is there is left as it is")
	require.Equal(t, filepath.Join(dir, "00000004"), m.LastExportDir())
}

// What fails leaves nothing behind, and what is not an export is left alone.
func TestExportFails(t *testing.T) {
	dir, boom := t.TempDir(), errors.New("boom")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "notes"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "7"), nil, 0o600))
	m := hooks.NewExport(hooks.EverySteps(2), dir, func(*hooks.Run, int64, string) error { return boom }, hooks.ExportsToKeep(1))
	_, err := newCounting().train(t.TempDir(), graphactions.Steps(4), graphactions.Monitors(m))
	require.ErrorIs(t, err, boom)
	require.ErrorContains(t, err, "Export: step 2: boom")
	require.Empty(t, m.LastExportDir())
	_, err = newCounting().train(t.TempDir(), graphactions.Steps(4), graphactions.Monitors(hooks.NewExport(hooks.EverySteps(2), dir, writeStep, hooks.ExportsToKeep(1))))
	require.NoError(t, err)
	names, err := readDir(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"00000004", "7", "notes"}, names)
}

// Nothing is exported after a loss that is not finite; the next good step makes up for it.
func TestExportAfterNaN(t *testing.T) {
	var steps []int64
	m := hooks.NewExport(hooks.EverySteps(2), t.TempDir(), func(_ *hooks.Run, step int64, _ string) error { steps = append(steps, step); return nil })
	d := newDriver(t).start(m, -1)
	losses(d, m, 1, math.NaN(), math.NaN(), 1, 1, 1)
	require.Equal(t, []int64{4, 6}, steps)
}
