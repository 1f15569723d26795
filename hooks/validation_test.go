package hooks_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
)

// unused feeds nothing of a batch.
func unused(datasets.Batch) (graph.Feed, error) { return nil, nil }

// serving serves every evaluation and notes at which step it was made.
func serving(at *[]int64) (graphactions.Option, hooks.Monitor) {
	serve := graphactions.OnEvaluate(func(context.Context, string) (hooks.Metrics, error) { return hooks.Metrics{"loss": 1}, nil })
	return serve, hooks.Funcs{OnEvaluated: func(step int64, _ string, _ hooks.Metrics) error { *at = append(*at, step); return nil }}
}

func TestValidationSchedules(t *testing.T) {
	epochs := datasets.FromTensors([]float32{1, 2, 3, 4}, nil).Batch(1).Repeat(-1)
	for _, row := range []struct {
		name     string
		schedule hooks.Schedule
		want     []int64
	}{
		{"every step", hooks.EverySteps(1), []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{"every third", hooks.EverySteps(3), []int64{3, 6, 9}},
		{"beyond the end", hooks.EverySteps(11), nil},
		{"at the end", hooks.AtEnd(), []int64{10}},
		{"and at the end", hooks.Or(hooks.EverySteps(4), hooks.AtEnd()), []int64{4, 8, 10}},
		{"an end that is due", hooks.Or(hooks.EverySteps(5), hooks.AtEnd()), []int64{5, 10}},
		{"epochs of four", hooks.EveryEpochs(1), []int64{4, 8}},
		{"every second epoch", hooks.EveryEpochs(2), []int64{8}},
		{"never", hooks.Never(), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			var at []int64
			serve, note := serving(&at)
			_, err := newCounting().train(t.TempDir(), graphactions.Steps(10), serve, graphactions.Input(epochs, unused),
				graphactions.SaveModelSteps(7), graphactions.Monitors(hooks.NewValidation("test", row.schedule), note))
			require.NoError(t, err)
			require.Equal(t, row.want, at)
		})
	}
}

// A step that is the last of an epoch is evaluated once.
func TestValidationOncePerStep(t *testing.T) {
	var at []int64
	serve, note := serving(&at)
	epochs := datasets.FromTensors([]float32{1, 2, 3}, nil).Batch(1).Repeat(-1)
	_, err := newCounting().train(t.TempDir(), graphactions.Steps(7), serve, graphactions.Input(epochs, unused),
		graphactions.Monitors(hooks.NewValidation("", hooks.Or(hooks.EverySteps(3), hooks.EveryEpochs(1), hooks.AtEnd())), note))
	require.NoError(t, err)
	require.Equal(t, []int64{3, 6, 7}, at)
}

func TestValidationByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := hooks.NewValidation("test", hooks.EveryDuration(2*time.Second))
		d := newDriver(t)
		d.evaluate = func(int64) hooks.Metrics { return nil }
		d.start(m, -1)
		for step := int64(1); step <= 6; step++ {
			time.Sleep(900 * time.Millisecond)
			d.step(m, step)
		}
		require.Equal(t, []int64{3, 6}, d.evaluated)
	})
}

// AtCheckpoints evaluates at steps of the schedule, and only what was saved since.
func TestValidationAtCheckpoints(t *testing.T) {
	for _, row := range []struct {
		name         string
		every, saves int64
		want         []int64
	}{
		{"as often", 2, 2, []int64{2, 4, 6, 8, 10}},
		{"fewer checkpoints", 2, 5, []int64{2, 6, 10}}, // saved at 0, 5 and 10
		{"more checkpoints", 4, 1, []int64{4, 8}},
		{"only the first", 3, 100, []int64{3}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var at []int64
			serve, note := serving(&at)
			_, err := newCounting().train(t.TempDir(), graphactions.Steps(10), serve, graphactions.SaveModelSteps(row.saves),
				graphactions.Monitors(hooks.NewValidation("test", hooks.EverySteps(row.every), hooks.AtCheckpoints(), nil), note))
			require.NoError(t, err)
			require.Equal(t, row.want, at)
		})
	}
}

// The checkpoint that a run was restored from is new if it was not evaluated.
func TestValidationAtCheckpointsResumes(t *testing.T) {
	for _, row := range []struct{ cuts, want []int64 }{
		{[]int64{5, 12}, []int64{3, 6}}, // saved at 0, 5 and 12
		{[]int64{3, 8}, []int64{3}},     // saved at 0, 3 and 8
	} {
		dir := t.TempDir()
		var at []int64
		serve, note := serving(&at)
		for _, last := range row.cuts {
			_, err := newCounting().train(dir, graphactions.MaxSteps(last), serve,
				graphactions.Monitors(hooks.NewValidation("test", hooks.EverySteps(3), hooks.AtCheckpoints()), note))
			require.NoError(t, err)
		}
		require.Equal(t, row.want, at)
	}
}

func TestValidationSaysWhatItPassesOver(t *testing.T) {
	m := hooks.NewValidation("test", hooks.EverySteps(2), hooks.AtCheckpoints())
	d := newDriver(t).start(m, -1)
	d.steps(m, 1, 3)
	require.NoError(t, m.Saved(3, "path"))
	d.evaluate = func(int64) hooks.Metrics { return hooks.Metrics{"loss": 0.25} }
	d.steps(m, 4, 7)
	require.Equal(t, []int64{4}, d.evaluated)
	passed := `evaluation "test" is passed over: no checkpoint was saved since the last one`
	require.Equal(t, []string{`evaluation "test": every 2 steps`, passed, `evaluation "test": loss = 0.25`, passed}, d.lines.text)
}

// A resumed run evaluates at the steps at which an uninterrupted one does.
func TestValidationResumes(t *testing.T) {
	dir := t.TempDir()
	var at []int64
	serve, note := serving(&at)
	for _, last := range []int64{3, 4, 9, 10, 21} {
		_, err := newCounting().train(dir, graphactions.MaxSteps(last), serve, graphactions.Monitors(hooks.NewValidation("test", hooks.EverySteps(5)), note))
		require.NoError(t, err)
	}
	require.Equal(t, []int64{5, 10, 15, 20}, at)
}

// A checkpoint of the very step is written before its evaluation is made. A run that is
// lost in between makes the evaluation at its first step, and keeps to the schedule.
func TestValidationLostBetweenSaveAndEvaluation(t *testing.T) {
	m := hooks.NewValidation("test", hooks.EverySteps(5))
	d := newDriver(t).start(m, -1)
	d.steps(m, 1, 5) // nobody answers
	state, err := m.State()
	require.NoError(t, err)
	fresh := hooks.NewValidation("test", hooks.EverySteps(5))
	require.NoError(t, fresh.SetState(state))
	d = newDriver(t)
	d.evaluate = func(int64) hooks.Metrics { return nil }
	d.start(fresh, -1).steps(fresh, 6, 16)
	require.Equal(t, []int64{6, 10, 15}, d.evaluated)
}

// Nothing is evaluated after a loss that is not finite; the next good step makes up for
// it.
func TestValidationAfterNaN(t *testing.T) {
	m := hooks.NewValidation("test", hooks.EverySteps(3))
	d := newDriver(t)
	d.evaluate = func(int64) hooks.Metrics { return nil }
	d.start(m, -1)
	d.loss = math.NaN()
	d.steps(m, 1, 4)
	require.Empty(t, d.evaluated)
	d.loss = 1
	d.steps(m, 5, 10)
	require.Equal(t, []int64{5, 6, 9}, d.evaluated)
}

func TestValidationWarnsOfAnUnknownEnd(t *testing.T) {
	m := hooks.NewValidation("test", hooks.AtEnd())
	d := newDriver(t).start(m, -1)
	d.steps(m, 1, 3)
	require.NoError(t, m.End(nil))
	require.Empty(t, d.evaluated)
	require.Contains(t, d.lines.text[1], `evaluation "test" was not made at the end`)
}

// Results of other evaluations are not its own, and do not move the schedule.
func TestValidationOfOneName(t *testing.T) {
	m := hooks.NewValidation("test", hooks.EverySteps(2))
	require.Equal(t, "test", m.Evaluation())
	d := newDriver(t)
	results := hooks.Metrics{"loss": 1}
	d.evaluate = func(int64) hooks.Metrics { return results }
	d.start(m, -1).step(m, 1)
	require.NoError(t, m.Evaluated(1, "train", hooks.Metrics{"loss": 7}))
	_, _, ok := m.Last()
	require.False(t, ok)
	require.NoError(t, m.Evaluated(1, "test", hooks.Metrics{"loss": 8})) // somebody else asked
	d.steps(m, 2, 5)
	require.Equal(t, []int64{2, 4}, d.evaluated)
	results["loss"] = 9
	step, got, ok := m.Last()
	require.True(t, ok)
	require.EqualValues(t, 4, step)
	require.Equal(t, hooks.Metrics{"loss": 1}, got)
	require.ErrorContains(t, m.SetState([]byte("{")), `the state of evaluation "test"`)
}
