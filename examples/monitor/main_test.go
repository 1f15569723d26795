package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/estimatortest"
	"github.com/stheno-ml/stheno/internal/exampletest"
)

func TestMonitor(t *testing.T) {
	dir := t.TempDir()
	r := exampletest.Build(t).MustRun("-dir", dir)
	require.GreaterOrEqual(t, r.Number(t, "accuracy"), 0.9)
	text, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	require.Len(t, lines, 6)
	for i, line := range lines {
		var entry struct{ Step, Loss float64 }
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		require.EqualValues(t, 50*(i+1), entry.Step)
		require.Positive(t, entry.Loss)
	}
}

func TestInterrupt(t *testing.T) { exampletest.Build(t).Interrupt(estimator.ExitInterrupted) }

func TestKill(t *testing.T) { exampletest.Build(t).Kill(3, 50, 3000, 3, 150*time.Millisecond) }

func TestConformance(t *testing.T) {
	estimatortest.Run(t, estimatortest.Subject{
		New:   func(opts ...estimator.Option) (*estimator.Estimator, error) { return estimator.New(model, opts...) },
		Input: func() *datasets.Dataset { return datasets.Wine().Standardize().Take(30) },
	})
}
