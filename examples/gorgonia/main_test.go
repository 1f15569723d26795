package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/internal/exampletest"
)

func TestGorgonia(t *testing.T) {
	p := exampletest.Build(t)
	dir := t.TempDir()
	require.GreaterOrEqual(t, p.MustRun("-dir", dir).Number(t, "accuracy"), 0.9)
	require.Contains(t, p.MustRun("-dir", dir).Stdout, "nothing to do: already at step 600")
}

func TestInterrupt(t *testing.T) { exampletest.Build(t).Interrupt(estimator.ExitInterrupted) }

func TestKill(t *testing.T) { exampletest.Build(t).Kill(3, 50, 3000, 3, 150*time.Millisecond) }
