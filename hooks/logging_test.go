package hooks_test

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
)

func TestLoggingTensor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDriver(t)
		m := hooks.NewLoggingTensor(graph.Nodes{"b": d.fed, "a": d.answer}, hooks.EverySteps(3))
		d.start(m, -1)
		for step := int64(11); step <= 15; step++ {
			d.step(m, step)
			time.Sleep(250 * time.Millisecond)
		}
		require.Equal(t, []string{"a = 42, b = 11", "a = 42, b = 14 (0.750 sec)"}, d.lines.text)
		require.Equal(t, []slog.Level{slog.LevelInfo, slog.LevelInfo}, d.lines.levels)
		require.Equal(t, int64(14), d.lines.attrs[1]["step"])
		require.Zero(t, d.ran, "values are computed when they are logged only")
	})
}

// The values of a vector are legible.
func TestLoggingOfVectors(t *testing.T) {
	d := newDriver(t)
	v := d.g.Variable("v", tensor.Float32, tensor.Shape{3}, nil)
	m := hooks.NewLoggingTensor(graph.Nodes{"v": v}, hooks.EverySteps(1))
	d.start(m, -1).step(m, 1)
	require.Equal(t, []string{"v = [0  0  0]"}, d.lines.text)
}

// The nodes are run once more at the end: variables are as the last update left them.
func TestLoggingAtEnd(t *testing.T) {
	for _, row := range []struct {
		schedule hooks.Schedule
		want     []string
	}{
		{hooks.AtEnd(), []string{"counter = 5"}},
		{hooks.Or(hooks.EverySteps(4), hooks.AtEnd()), []string{"counter = 0", "counter = 4 (0.000 sec)", "counter = 5 (0.000 sec)"}},
		{hooks.EverySteps(4), []string{"counter = 0", "counter = 4 (0.000 sec)"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDriver(t)
			m := hooks.NewLoggingTensor(graph.Nodes{"counter": d.counter}, row.schedule)
			d.start(m, -1)
			both := pair{m, hooks.NewCapture(d.tick, hooks.EverySteps(1))}
			require.NoError(t, both.second.Begin(d.run))
			d.steps(both, 1, 5)
			require.NoError(t, m.End(nil))
			require.Equal(t, row.want, d.lines.text)
		})
	}
}

func TestLoggingAtEndOfAFailedRun(t *testing.T) {
	d := newDriver(t)
	m := hooks.NewLoggingTensor(graph.Nodes{"counter": d.counter}, hooks.AtEnd())
	d.start(m, -1).steps(m, 1, 2)
	require.NoError(t, m.End(errors.New("the run failed")))
	require.Empty(t, d.lines.text)
}

// What needs a feed cannot be run at the end: that is said at the beginning.
func TestLoggingAtEndNeedsNoFeed(t *testing.T) {
	d := newDriver(t)
	d.prepare(-1)
	m := hooks.NewLoggingTensor(graph.Nodes{"fed": d.fed}, hooks.Or(hooks.EverySteps(1), hooks.AtEnd()))
	err := m.Begin(d.run)
	require.ErrorContains(t, err, "AtEnd")
	require.ErrorContains(t, err, "fed")
	require.NoError(t, m.End(err))
}

func TestLoggingOfEpochs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDriver(t)
		m := hooks.NewLoggingTensor(graph.Nodes{"fed": d.fed}, hooks.Or(hooks.EveryEpochs(2), hooks.EverySteps(6)))
		d.start(m, -1)
		for epoch := range int64(4) {
			require.NoError(t, m.EpochBegin(epoch))
			d.steps(m, 3*epoch+1, 3*epoch+3)
			require.NoError(t, m.EpochEnd(epoch))
		}
		require.Equal(t, []string{"fed = 1", "fed = 6 (0.000 sec)", "fed = 12 (0.000 sec)"}, d.lines.text)
	})
}

func TestLoggingVariables(t *testing.T) {
	d := newDriver(t)
	d.g.Variable("layer/kernel", tensor.Float32, nil, nil)
	d.g.Variable("layer/bias", tensor.Float32, nil, nil)
	d.g.Variable("layer/average", tensor.Float32, nil, nil, graph.NotTrainable())
	d.g.Variable("other/layer", tensor.Float32, nil, nil)
	for _, row := range []struct{ pattern, want string }{
		{"layer", "layer/bias = 0, layer/kernel = 0"},
		{"layer/k|other", "layer/kernel = 0, other/layer = 0"},
		{"", "counter = 0, layer/bias = 0, layer/kernel = 0, other/layer = 0"},
	} {
		d.lines.text = nil
		m := hooks.NewLoggingVariables(row.pattern, hooks.EverySteps(10))
		for range 2 { // a second run of the same monitor
			d.start(m, -1).step(m, 1)
		}
		require.Equal(t, []string{row.want, row.want}, d.lines.text)
	}
	m := hooks.NewLoggingVariables("kernel", hooks.EverySteps(10))
	require.NoError(t, m.Validate())
	require.ErrorContains(t, m.Begin(d.run), `pattern "kernel" matches none of the 4 trainable variables`)
}

func TestCapture(t *testing.T) {
	d := newDriver(t)
	m := hooks.NewCapture(d.fed, hooks.EverySteps(4))
	require.Empty(t, m.Values())
	d.start(m, -1).steps(m, 1, 10)
	require.Equal(t, []int64{1, 5, 9}, m.Steps())
	for step, v := range m.Values() {
		require.Equal(t, float64(step), float(v))
	}
	m.Values()[77] = nil
	require.Len(t, m.Values(), 3, "the map is the caller's own")
	require.NoError(t, m.Begin(d.run))
	require.Empty(t, m.Steps(), "another run begins anew")
}

// Monitors share the values of a step: what was captured must not change with them.
func TestCaptureCopies(t *testing.T) {
	d := newDriver(t)
	m := hooks.NewCapture(d.fed, hooks.EverySteps(1))
	d.start(m, -1)
	_, err := m.StepBegin(1)
	require.NoError(t, err)
	shared := tensor.New(tensor.WithBacking([]float32{1, 2}))
	_, err = m.StepEnd(1, hooks.NewOutputs(0, []*node{d.fed}, []value{shared}))
	require.NoError(t, err)
	shared.Float32s()[0] = 100
	require.Equal(t, []float32{1, 2}, m.Values()[1].Data())
}

func TestCaptureOfEpochsAndTheEnd(t *testing.T) {
	d := newDriver(t)
	epochs, end := hooks.NewCapture(d.fed, hooks.EveryEpochs(1)), hooks.NewCapture(d.fed, hooks.Or(hooks.AtEnd(), hooks.EverySteps(5)))
	both := pair{epochs, end}
	d.start(both, -1)
	d.steps(both, 1, 3)
	require.NoError(t, both.EpochEnd(0))
	d.steps(both, 4, 7)
	require.NoError(t, both.End(nil))
	require.Equal(t, []int64{3}, epochs.Steps())
	require.Equal(t, []int64{1, 6, 7}, end.Steps())
	require.Equal(t, 7.0, float(end.Values()[7]))
}

// A value that was due when the step began is kept, however long the step took; one
// that was not is not missed.
func TestTimePassesWithinAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDriver(t)
		captured, logged := hooks.NewCapture(d.fed, hooks.EveryDuration(time.Second)), hooks.NewLoggingTensor(graph.Nodes{"fed": d.fed}, hooks.EveryDuration(time.Second))
		slow := hooks.Funcs{OnStepEnd: func(int64, hooks.Outputs) (bool, error) { time.Sleep(600 * time.Millisecond); return false, nil }}
		all := pair{slow, pair{captured, logged}}
		d.start(all, -1).steps(all, 1, 5)
		// Steps begin at 0, 0.6, 1.2, 1.8 and 2.4 s and what they had is kept 0.6 s later:
		// step 3 is not due when it begins, but is when it ends.
		require.Equal(t, []int64{1, 4}, captured.Steps())
		require.Equal(t, []string{"fed = 1", "fed = 4 (1.800 sec)"}, d.lines.text)
	})
}
