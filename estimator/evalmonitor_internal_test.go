package estimator

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
)

type noted struct{ steps []int64 }

func (x *noted) Name() string { return "x" }
func (x *noted) Export(_ context.Context, c ExportCandidate) (string, error) {
	x.steps = append(x.steps, c.Step)
	return "", nil
}

// With checkpoints in the background Saved comes when the next checkpoint is due, after
// the evaluation of that one's step. Nothing that waited is lost, and what is pinned is not
// let go before there is something better on the disk.
func TestEvaluationsThatWaitForCheckpointsInTheBackground(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	est, err := New(func(*graph.Graph, graph.Nodes, graph.Nodes, Mode) (*Spec, error) { panic("there is nothing to build") }, ModelDir(dir), Logger(log))
	require.NoError(t, err)
	defer est.Close()
	s, err := saver.New(dir, saver.KeepMax(1))
	require.NoError(t, err)
	x := &noted{}
	var all Evaluations
	m := est.newEvalMonitor(t.Context(), NewEvalSpec("", datasets.FromTensors([]float32{1}, nil).Batch(1), KeepBest(Least("loss"), 1), Exporters(x)), &all)
	run := &hooks.Run{OutputDir: dir, LastStep: -1, Logger: log}
	require.NoError(t, m.Begin(run))
	paths := map[int64]string{}
	save := func(step int64) {
		require.True(t, run.TakeRequests().Save)
		paths[step], err = s.Save(t.Context(), saver.Checkpoint{Step: step, Tensors: map[string]*tensor.Dense{"w": tensor.New(tensor.FromScalar(float32(step)))}})
		require.NoError(t, err)
	}
	pinned := func(want ...int64) {
		t.Helper()
		pins, err := saver.Pins(dir, BestCheckpoints)
		require.NoError(t, err)
		var steps []int64
		for _, p := range pins {
			steps = append(steps, p.Step)
		}
		require.Equal(t, want, steps)
	}
	loss := map[int64]float64{5: 3, 10: 2, 15: 4, 20: 1}
	for step := int64(5); step <= 20; step += 5 {
		require.NoError(t, m.PostStep(step))
		require.NoError(t, m.Evaluated(step, "", Metrics{"loss": loss[step]}))
		if before := step - 5; before > 0 {
			require.NoError(t, m.Saved(before, paths[before]))
		}
		state, err := m.State()
		require.NoError(t, err)
		require.Contains(t, string(state), `"waiting"`)
		save(step)
		if step > 10 {
			pinned(10)
		}
	}
	require.NoError(t, m.Saved(20, paths[20]))
	pinned(20)
	require.Equal(t, []int64{5, 10, 15, 20}, x.steps)
	require.Len(t, all, 4)
}
