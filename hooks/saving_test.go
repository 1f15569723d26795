package hooks_test

import (
	"log/slog"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/summaries"
)

func TestCheckpointSaverCountsFromTheFirstStep(t *testing.T) {
	m := hooks.NewCheckpointSaver(hooks.EverySteps(10))
	d := newDriver(t)
	d.prepare(-1)
	d.run.FirstStep = 7 // restored from there, or saved by the loop
	require.NoError(t, m.Begin(d.run))
	d.steps(m, 8, 20)
	require.Equal(t, []int64{17}, d.saves)
	require.NoError(t, m.Saved(22, "somebody else asked"))
	d.saves = nil
	d.steps(m, 23, 45)
	require.Equal(t, []int64{32, 42}, d.saves)
}

func TestCheckpointSaverByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := hooks.NewCheckpointSaver(hooks.EveryDuration(10 * time.Second))
		d := newDriver(t).start(m, -1)
		for step := int64(1); step <= 10; step++ {
			time.Sleep(4 * time.Second)
			d.step(m, step)
		}
		require.Equal(t, []int64{3, 6, 9}, d.saves, "at 12, 24 and 36 s")
	})
}

// A loss that is not finite is not saved; the next good step is, late.
func TestCheckpointSaverWaitsForHealth(t *testing.T) {
	m := hooks.NewCheckpointSaver(hooks.Or(hooks.EverySteps(3), hooks.EveryEpochs(1)))
	d := newDriver(t).start(m, -1)
	require.NoError(t, m.EpochEnd(0))
	require.False(t, d.run.TakeRequests().Save, "no step was made")
	d.steps(m, 1, 2)
	d.loss = math.NaN()
	d.steps(m, 3, 4)
	require.NoError(t, m.EpochEnd(0))
	require.False(t, d.run.TakeRequests().Save)
	d.loss = 1
	d.steps(m, 5, 6)
	require.NoError(t, m.EpochEnd(1))
	require.True(t, d.run.TakeRequests().Save)
	require.Equal(t, []int64{5}, d.saves)
}

// The loss is written unless the graph has a summary of that name.
func TestSummarySaverWritesTheLoss(t *testing.T) {
	d := newDriver(t)
	m := hooks.NewSummarySaver(hooks.EverySteps(2))
	d.start(m, -1)
	d.loss = 0.25
	d.steps(m, 1, 4)
	require.Equal(t, map[int64]float64{1: 0.25, 3: 0.25}, d.written("loss"))
	own := newDriver(t)
	own.g.AddSummary("loss", graph.ScalarSummary, own.answer)
	m = hooks.NewSummarySaver(hooks.EverySteps(2))
	own.start(m, -1).steps(m, 1, 2)
	require.Equal(t, map[int64]float64{1: 42}, own.written("loss"))
}

func TestSummarySaverKinds(t *testing.T) {
	d := newDriver(t)
	v := d.g.Variable("v", tensor.Float32, tensor.Shape{5}, nil)
	d.g.AddSummary("v", graph.HistogramSummary, v)
	d.g.AddSummary("one", graph.HistogramSummary, d.answer)
	d.g.AddSummary("fed", graph.ScalarSummary, d.fed)
	m := hooks.NewSummarySaver(hooks.EverySteps(5))
	d.start(m, -1).steps(m, 1, 6)
	require.NoError(t, m.End(nil))
	require.Equal(t, map[int64]float64{1: 1, 6: 6}, d.written("fed"))
	counts := map[string][]float64{}
	events, err := summaries.ReadDir(d.dir)
	require.NoError(t, err)
	for _, e := range events {
		for _, v := range e.Values {
			if v.Histogram != nil {
				counts[v.Tag] = append(counts[v.Tag], v.Histogram.Num)
			}
		}
	}
	require.Equal(t, map[string][]float64{"v": {5, 5}, "one": {1, 1}}, counts)
}

// At the end what was written is in the file.
func TestSummarySaverFlushes(t *testing.T) {
	d := newDriver(t)
	m := hooks.NewSummarySaver(hooks.EverySteps(1))
	d.start(m, -1).steps(m, 1, 3)
	require.NoError(t, m.End(nil))
	steps, _, err := summaries.Scalars(d.dir, "loss")
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2, 3}, steps)
}

// A histogram cannot have NaN: that is said once, and is no reason to end a run that is
// to go on after a loss that is not finite.
func TestSummarySaverWithNaN(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		d := newDriver(t)
		v := d.g.Variable("v", tensor.Float32, tensor.Shape{2}, graph.InitializerFunc(func(t *tensor.Dense, _ graph.Random) error {
			t.Float32s()[1] = bad
			return nil
		}))
		d.g.AddSummary("v", graph.HistogramSummary, v)
		m := hooks.NewSummarySaver(hooks.EverySteps(1))
		d.start(m, -1)
		d.loss = float64(bad)
		d.steps(m, 1, 3)
		require.Len(t, d.written("loss"), 3)
		require.Equal(t, []slog.Level{slog.LevelWarn}, d.lines.levels)
		require.Equal(t, "v", d.lines.attrs[0]["summary"])
	}
}

func TestSummarySaverOfEpochsAndTheEnd(t *testing.T) {
	for _, row := range []struct {
		schedule hooks.Schedule
		want     map[int64]float64
	}{
		{hooks.EveryEpochs(2), map[int64]float64{6: 6}},
		{hooks.AtEnd(), map[int64]float64{10: 10}},
		{hooks.Or(hooks.EverySteps(3), hooks.AtEnd()), map[int64]float64{1: 1, 4: 4, 7: 7, 10: 10}},
		{hooks.Or(hooks.EverySteps(5), hooks.EveryEpochs(2)), map[int64]float64{1: 1, 6: 6}},
		{hooks.Never(), map[int64]float64{}},
	} {
		d := newDriver(t)
		d.g.AddSummary("fed", graph.ScalarSummary, d.fed)
		m := hooks.NewSummarySaver(row.schedule)
		d.start(m, -1)
		for step := int64(1); step <= 10; step++ {
			d.step(m, step)
			if step%3 == 0 {
				require.NoError(t, m.EpochEnd(step/3-1))
			}
		}
		require.NoError(t, m.End(nil))
		require.Equal(t, row.want, d.written("fed"), row.schedule)
	}
}

func TestNoSummariesWithoutAWriter(t *testing.T) {
	d := newDriver(t)
	d.g.AddSummary("fed", graph.ScalarSummary, d.fed)
	d.prepare(-1)
	d.run.Summaries = nil
	m := hooks.NewSummarySaver(hooks.Or(hooks.EverySteps(1), hooks.EveryEpochs(1), hooks.AtEnd()))
	require.NoError(t, m.Begin(d.run))
	d.steps(m, 1, 2)
	require.Zero(t, d.ran)
	require.NoError(t, m.EpochEnd(0))
	require.NoError(t, m.End(nil))
}

func TestStepCounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := hooks.NewStepCounter(hooks.EverySteps(10))
		d := newDriver(t).start(m, -1)
		for step := int64(1); step <= 30; step++ {
			d.step(m, step)
			time.Sleep(50 * time.Millisecond)
		}
		require.NoError(t, m.End(nil))
		require.Equal(t, map[int64]float64{11: 20, 21: 20}, d.written("global_step/sec"))
		require.Equal(t, 20.0, m.StepsPerSecond())
	})
}

// The tag has the name of the variable that counts.
func TestStepCounterName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDriver(t)
		own := d.g.Scope("bar").Variable("foo", tensor.Int64, nil, nil, graph.NotTrainable())
		d.prepare(-1)
		d.run.GlobalStep = own
		m := hooks.NewStepCounter(hooks.EverySteps(1))
		require.NoError(t, m.Begin(d.run))
		d.step(m, 30)
		time.Sleep(time.Second)
		d.step(m, 31)
		require.Equal(t, map[int64]float64{31: 1}, d.written("bar/foo/sec"))
	})
}

// Where no time passed there is no rate, not an infinite one.
func TestStepCounterWithoutTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := hooks.NewStepCounter(hooks.EverySteps(1))
		newDriver(t).start(m, -1).steps(m, 1, 5)
		require.Zero(t, m.StepsPerSecond())
	})
}

func TestStepCounterOfEpochsAndTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := hooks.NewStepCounter(hooks.Or(hooks.EveryEpochs(1), hooks.AtEnd()))
		d := newDriver(t).start(m, -1)
		require.NoError(t, m.End(nil), "no step was made")
		for step := int64(1); step <= 10; step++ {
			time.Sleep(time.Second)
			d.step(m, step)
			if step%4 == 0 {
				require.NoError(t, m.EpochEnd(step/4-1))
			}
		}
		require.NoError(t, m.End(nil))
		require.Equal(t, map[int64]float64{8: 1, 10: 1}, d.written("global_step/sec"))
	})
}

func TestStepCounterOnAWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDriver(t)
		d.prepare(-1)
		d.run.Summaries = nil
		m := hooks.NewStepCounter(hooks.EverySteps(1))
		require.NoError(t, m.Begin(d.run))
		d.step(m, 1)
		time.Sleep(time.Second)
		d.step(m, 3)
		require.Equal(t, 2.0, m.StepsPerSecond())
	})
}
