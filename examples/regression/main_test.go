package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/internal/exampletest"
)

func TestRegression(t *testing.T) {
	r := exampletest.Build(t).MustRun("-dir", t.TempDir())
	require.Less(t, r.Number(t, "rmse"), 0.8*r.Number(t, "baseline"))
	require.Greater(t, r.Number(t, "r2"), 0.4)
}

func TestInterrupt(t *testing.T) { exampletest.Build(t).Interrupt(estimator.ExitInterrupted) }

func TestKill(t *testing.T) { exampletest.Build(t).Kill(3, 50, 3000, 3, 150*time.Millisecond) }
