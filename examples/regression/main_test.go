package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/estimatortest"
	"github.com/stheno-ml/stheno/internal/exampletest"
)

func TestRegression(t *testing.T) {
	r := exampletest.Build(t).MustRun("-dir", t.TempDir())
	require.Less(t, r.Number(t, "rmse"), 0.8*r.Number(t, "baseline"))
	require.Greater(t, r.Number(t, "r2"), 0.4)
}

func TestInterrupt(t *testing.T) { exampletest.Build(t).Interrupt(estimator.ExitInterrupted) }

func TestKill(t *testing.T) { exampletest.Build(t).Kill(3, 50, 3000, 3, 150*time.Millisecond) }

func TestConformance(t *testing.T) {
	estimatortest.Run(t, estimatortest.Subject{
		New:   func(opts ...estimator.Option) (*estimator.Estimator, error) { return estimator.New(model, opts...) },
		Input: func() *datasets.Dataset { return datasets.Diabetes().Standardize().Take(30) },
	})
}
