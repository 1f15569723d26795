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

func TestFashion(t *testing.T) {
	r := exampletest.Build(t).MustRun("-dir", t.TempDir())
	require.GreaterOrEqual(t, r.Number(t, "accuracy"), 0.7)
}

// The same model on the embedded files, given as a folder.
func TestOwnFiles(t *testing.T) {
	p := exampletest.Build(t)
	r := p.Run("-dir", t.TempDir(), "-data", "nowhere")
	require.Equal(t, 1, r.Code)
	require.Contains(t, r.Stderr, "nowhere")
}

func TestInterrupt(t *testing.T) { exampletest.Build(t).Interrupt(estimator.ExitInterrupted) }

// Dropout, shuffles and short last batches too are the same after a kill.
func TestKill(t *testing.T) { exampletest.Build(t).Kill(5, 50, 400, 2, 400*time.Millisecond) }

func TestConformance(t *testing.T) {
	estimatortest.Run(t, estimatortest.Subject{
		New: func(opts ...estimator.Option) (*estimator.Estimator, error) { return estimator.New(model, opts...) },
		Input: func() *datasets.Dataset {
			train, _ := datasets.MiniFashionMNIST()
			return train.Take(30)
		},
	})
}
