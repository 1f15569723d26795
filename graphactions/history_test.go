package graphactions_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
)

// The curves of a run in three parts are those of a run in one, evaluations among them.
func TestHistoryIsInTheCheckpoint(t *testing.T) {
	train := func(dir string, last int64) *hooks.History {
		c := newClassifier(t)
		h := hooks.NewHistory(hooks.HistoryPoints(10), hooks.HistoryNodes(graph.Nodes{"again": c.loss}))
		evaluated := 0.0
		evaluate := graphactions.OnEvaluate(func(context.Context, string) (hooks.Metrics, error) {
			evaluated++
			return hooks.Metrics{"n": evaluated}, nil
		})
		c.train(t, dir, graphactions.MaxSteps(last), evaluate, graphactions.Monitors(hooks.NewValidation("test", hooks.EverySteps(4)), h))
		return h
	}
	csv := func(h *hooks.History) string {
		var b bytes.Buffer
		require.NoError(t, h.CSV(&b))
		return b.String()
	}
	whole := train(t.TempDir(), 30)
	dir := t.TempDir()
	train(dir, 9)
	train(dir, 10)
	parts := train(dir, 30)
	require.Len(t, whole.Curves(), 3)
	for i, c := range parts.Curves() {
		require.Equal(t, whole.Curves()[i].Steps, c.Steps)
		if c.Name != "n" {
			require.Equal(t, whole.Curves()[i].Values, c.Values)
		}
	}
	require.Contains(t, csv(parts), "step,loss,again,test/n\n1,")
	require.Equal(t, []int64{4, 8, 12, 16, 20, 24, 28}, parts.Curves()[2].Steps)
}
