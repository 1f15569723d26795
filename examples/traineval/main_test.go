package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/internal/exampletest"
	"github.com/stheno-ml/stheno/saver"
)

func TestTrainEval(t *testing.T) {
	p := exampletest.Build(t)
	dir := t.TempDir()
	first := p.MustRun("-dir", dir, "-steps", "200")
	require.GreaterOrEqual(t, first.Number(t, "accuracy"), 0.65)
	require.Equal(t, 3, strings.Count(first.Stdout, "predicted class "))
	whole := p.MustRun("-dir", dir)
	require.GreaterOrEqual(t, whole.Number(t, "accuracy"), first.Number(t, "accuracy"), "a best model is never forgotten")
	require.Contains(t, whole.Stdout, "steps 200 to 400")
	// The table has the evaluations of both runs: of the test pictures at each
	// checkpoint, of the others every 20 steps.
	require.Regexp(t, `(?m)^ *step +test/accuracy +test/loss +train/accuracy +train/loss$`, whole.Stdout)
	rows := regexp.MustCompile(`(?m)^ +\d+0 .*0\.\d+ *$`).FindAllString(whole.Stdout, -1)
	require.Len(t, rows, 24, whole.Stdout)
	// The best checkpoint is there whatever the rotation, and its export is of that step.
	steps, err := saver.Steps(dir)
	require.NoError(t, err)
	best := int64(whole.Number(t, "best_step"))
	require.Contains(t, steps, best)
	require.LessOrEqual(t, len(steps), 3)
	exports, err := filepath.Glob(filepath.Join(dir, "export", "best", "*0"))
	require.NoError(t, err)
	require.Len(t, exports, 1)
	info, err := estimator.ReadExport(exports[0])
	require.NoError(t, err)
	require.Equal(t, best, info.Step)
	require.InDelta(t, whole.Number(t, "accuracy"), info.Metrics["accuracy"], 5e-4)
	curves := filepath.Join(dir, "curves.svg")
	drawn, err := os.ReadFile(curves)
	require.NoError(t, err)
	for _, want := range []string{"<svg", "</svg>", "loss", "accuracy", "test", "train"} {
		require.Contains(t, string(drawn), want)
	}
	again := p.MustRun("-dir", dir)
	same, err := os.ReadFile(curves)
	require.NoError(t, err)
	require.Equal(t, string(drawn), string(same), "the curves are in the checkpoint")
	require.Contains(t, again.Stdout, "nothing to do: already at step 400")
	require.Equal(t, whole.Number(t, "accuracy"), again.Number(t, "accuracy"))
}

func TestInterrupt(t *testing.T) { exampletest.Build(t).Interrupt(estimator.ExitInterrupted) }

// What is known of the best is in the checkpoint, and is the same after a kill.
func TestKill(t *testing.T) { exampletest.Build(t).Kill(5, 50, 150, 5, 400*time.Millisecond) }
