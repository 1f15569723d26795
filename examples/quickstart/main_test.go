package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/estimatortest"
	"github.com/stheno-ml/stheno/internal/exampletest"
	"github.com/stheno-ml/stheno/internal/tensorboardtest"
)

func TestQuickstart(t *testing.T) {
	p := exampletest.Build(t)
	dir := t.TempDir()
	first := p.MustRun("-dir", dir)
	require.GreaterOrEqual(t, first.Number(t, "accuracy"), 0.93)
	require.Equal(t, 3, strings.Count(first.Stdout, "predicted "))
	require.Contains(t, first.Stdout, "checkpoints are in "+dir)
	require.Contains(t, first.Stdout, "tensorboard --logdir "+dir)
	require.Contains(t, first.Stderr, "step 400/400")
	// Run again: nothing is left to do. With more steps: it resumes.
	again := p.MustRun("-dir", dir)
	require.Contains(t, again.Stdout, "nothing to do: already at step 400")
	require.Equal(t, first.Number(t, "accuracy"), again.Number(t, "accuracy"))
	require.Contains(t, p.MustRun("-dir", dir, "-steps", "500").Stdout, "steps 400 to 500")
	// The resumed run equals one that was never stopped.
	whole := t.TempDir()
	p.MustRun("-dir", whole, "-steps", "500")
	require.Empty(t, exampletest.Differences(exampletest.Bits(t, whole), exampletest.Bits(t, dir)))
}

func TestInterrupt(t *testing.T) { exampletest.Build(t).Interrupt(estimator.ExitInterrupted) }

func TestKill(t *testing.T) { exampletest.Build(t).Kill(8, 50, 3000, 3, 150*time.Millisecond) }

func TestTensorBoard(t *testing.T) {
	dir := t.TempDir()
	exampletest.Build(t).MustRun("-dir", dir)
	board := tensorboardtest.Start(t, dir)
	points := board.Scalars(".", "loss", 4)
	require.EqualValues(t, 1, points[0].Step)
	require.Less(t, points[len(points)-1].Value, points[0].Value)
	require.NotEmpty(t, board.Scalars(".", "global_step/sec", 3))
	require.GreaterOrEqual(t, board.Scalars("eval", "accuracy", 1)[0].Value, 0.93)
	require.ElementsMatch(t, []string{"dense/bias", "dense/kernel", "dense_1/bias", "dense_1/kernel"}, board.HistogramTags(".", 4))
	require.Contains(t, board.GraphNodes("."), "dense/kernel")
	require.Contains(t, board.GraphNodes("."), "global_step")
}

// Python's own library reads the checkpoints.
func TestSafetensors(t *testing.T) {
	python := os.Getenv("STHENO_PYTHON")
	if python == "" {
		t.Skip("STHENO_PYTHON is not set: the test with Python's safetensors is run by make test")
	}
	dir := t.TempDir()
	exampletest.Build(t).MustRun("-dir", dir)
	files, err := filepath.Glob(filepath.Join(dir, "model.ckpt-*.safetensors"))
	require.NoError(t, err)
	require.Len(t, files, 5)
	const script = `
import json, sys
from safetensors import safe_open
shapes = []
for path in sys.argv[1:]:
    with safe_open(path, "np") as f:
        shapes.append({name: list(f.get_tensor(name).shape) for name in f.keys()} | {"step": int(f.get_tensor("global_step"))})
print(json.dumps(shapes))`
	out, err := exec.Command(python, append([]string{"-c", script}, files...)...).Output()
	require.NoError(t, err)
	var all []map[string]any
	require.NoError(t, json.Unmarshal(out, &all))
	require.Len(t, all, 5)
	for i, step := range []float64{0, 100, 200, 300, 400} {
		require.Equal(t, step, all[i]["step"])
		require.Equal(t, []any{4.0, 16.0}, all[i]["dense/kernel"])
		require.Equal(t, []any{16.0, 3.0}, all[i]["dense_1/kernel/Adam_1"])
	}
}

func TestConformance(t *testing.T) {
	estimatortest.Run(t, estimatortest.Subject{
		New:   func(opts ...estimator.Option) (*estimator.Estimator, error) { return estimator.New(model, opts...) },
		Input: func() *datasets.Dataset { return datasets.Iris().Take(30) },
	})
}
