package hooks_test

import (
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/session"
)

// listener counts what is called around checkpoints.
type listener struct {
	begin, end    int
	before, after []int64
	stopAfter     int
}

func (l *listener) Begin(*hooks.Run) error      { l.begin++; return nil }
func (l *listener) End(int64) error             { l.end++; return nil }
func (l *listener) BeforeSave(step int64) error { l.before = append(l.before, step); return nil }

func (l *listener) AfterSave(step int64, _ string) (bool, error) {
	l.after = append(l.after, step)
	return len(l.after) == l.stopAfter, nil
}

func (l *listener) require(t *testing.T, steps ...int64) {
	t.Helper()
	require.Equal(t, steps, l.before)
	require.Equal(t, steps, l.after)
	require.Equal(t, [2]int{1, 1}, [2]int{l.begin, l.end})
}

// sleeping feeds nothing and lets time pass before each step, and after the last.
func sleeping(at ...float64) graphactions.Option {
	now := 0.0
	return graphactions.FeedFn(func() (graph.Feed, error) {
		if len(at) == 0 {
			return nil, io.EOF
		}
		time.Sleep(time.Duration((at[0] - now) * float64(time.Second)))
		now, at = at[0], at[1:]
		if len(at) == 0 {
			return nil, io.EOF
		}
		return nil, nil
	})
}

// The hooks of tf.train.
func TestConformanceI(t *testing.T) {
	fake := func(name string, f func(t *testing.T)) { t.Run(name, func(t *testing.T) { synctest.Test(t, f) }) }
	t.Run("I1", func(t *testing.T) {
		// One schedule takes the place of two arguments: see B26.
		require.ErrorContains(t, hooks.EverySteps(0).Validate(), "EverySteps: 0, want at least 1")
		require.ErrorContains(t, hooks.EveryDuration(-1).Validate(), "EveryDuration: -1ns, want more than 0")
		require.NoError(t, hooks.Or(hooks.EverySteps(1), hooks.EveryDuration(1)).Validate())
		require.NoError(t, hooks.Never().Validate())
	})
	fake("I2", func(t *testing.T) {
		timer := hooks.NewTimer(hooks.EveryDuration(time.Second))
		require.True(t, timer.Due(1))
		timer.Trigger(1)
		require.False(t, timer.Due(1))
		require.False(t, timer.Due(2))
		time.Sleep(time.Second)
		require.False(t, timer.Due(1), "the same step")
		require.True(t, timer.Due(2))
	})
	t.Run("I3", func(t *testing.T) {
		timer := hooks.NewTimer(hooks.EverySteps(3))
		require.True(t, timer.Due(1))
		timer.Trigger(1)
		require.False(t, timer.Due(1))
		require.False(t, timer.Due(2))
		require.False(t, timer.Due(3))
		require.True(t, timer.Due(4))
	})
	fake("I4", func(t *testing.T) {
		timer := hooks.NewTimer(hooks.EverySteps(1))
		_, _, ok := timer.Trigger(1)
		require.False(t, ok)
		time.Sleep(time.Second)
		elapsed, steps, ok := timer.Trigger(5)
		require.True(t, ok)
		require.Equal(t, time.Second, elapsed)
		require.EqualValues(t, 4, steps)
		time.Sleep(time.Minute)
		elapsed, steps, ok = timer.Trigger(7)
		require.True(t, ok)
		require.Equal(t, time.Minute, elapsed)
		require.EqualValues(t, 2, steps)
	})
	t.Run("I5", func(t *testing.T) {
		require.ErrorContains(t, hooks.NewStopAtStep(hooks.NumSteps(10), hooks.LastStep(20)).Validate(), "give one")
	})
	t.Run("I7", func(t *testing.T) {
		// The session is at 5, so the first step that is seen is 6 and the last 15.
		m := hooks.NewStopAtStep(hooks.NumSteps(10))
		d := newDriver(t).start(m, -1)
		d.step(m, 6)
		for _, step := range []int64{13, 14, 15, 16} {
			d.step(m, step)
		}
		require.Equal(t, []int64{15, 16}, d.votes)
	})
	fake("I9", func(t *testing.T) {
		for _, atEnd := range []bool{false, true} {
			d := newDriver(t)
			schedule := hooks.EverySteps(10)
			if atEnd {
				schedule = hooks.Or(schedule, hooks.AtEnd())
			}
			m := hooks.NewLoggingTensor(graph.Nodes{"t": d.answer}, schedule)
			d.start(m, -1)
			var at []int
			for i := 1; i <= 31; i++ {
				before := len(d.lines.text)
				d.step(m, int64(1000+i)) // iterations are counted, not global steps
				if len(d.lines.text) > before {
					at = append(at, i)
				}
			}
			require.Equal(t, []int{1, 11, 21, 31}, at)
			require.NoError(t, m.End(nil))
			want := []string{"t = 42", "t = 42 (0.000 sec)", "t = 42 (0.000 sec)", "t = 42 (0.000 sec)"}
			if atEnd {
				want = append(want, "t = 42 (0.000 sec)")
			}
			require.Equal(t, want, d.lines.text)
		}
	})
	fake("I10", func(t *testing.T) {
		d := newDriver(t)
		m := hooks.NewLoggingTensor(graph.Nodes{"t": d.answer}, hooks.EveryDuration(time.Second))
		d.start(m, -1)
		d.step(m, 1)
		require.Equal(t, []string{"t = 42"}, d.lines.text)
		d.step(m, 2)
		require.Len(t, d.lines.text, 1)
		time.Sleep(time.Second)
		d.step(m, 3)
		require.Equal(t, []string{"t = 42", "t = 42 (1.000 sec)"}, d.lines.text)
	})
	t.Run("I13", func(t *testing.T) {
		// There is no saver and no scaffold to give; the loop takes seconds or steps.
		_, err := newCounting().train(t.TempDir(), graphactions.Steps(1), graphactions.SaveModelSecs(10), graphactions.SaveModelSteps(20))
		require.ErrorContains(t, err, "SaveModelSecs and SaveModelSteps cannot be both set")
		require.ErrorContains(t, hooks.NewCheckpointSaver(hooks.EverySteps(-1)).Validate(), "EverySteps: -1")
	})
	t.Run("I14", func(t *testing.T) {
		dir := t.TempDir()
		boom := errors.New("boom")
		fails := hooks.Funcs{OnStepBegin: func(step int64) ([]*node, error) {
			if step > 1 {
				require.EqualValues(t, 1, saved(t, dir), "saved by the first step, not at the end")
				return nil, boom
			}
			return nil, nil
		}}
		_, err := newCounting().train(dir, graphactions.Steps(5), graphactions.Monitors(hooks.NewCheckpointSaver(hooks.EverySteps(1)), fails))
		require.ErrorIs(t, err, boom)
	})
	t.Run("I20", func(t *testing.T) {
		l := &listener{}
		_, err := newCounting().train(t.TempDir(), graphactions.Steps(2), graphactions.Monitors(hooks.NewCheckpointSaver(hooks.EverySteps(1), hooks.Listeners(l))))
		require.NoError(t, err)
		l.require(t, 0, 1, 2) // the first state too; the last is not saved again at the end
	})
	fake("I21", func(t *testing.T) {
		l := &listener{}
		input := sleeping(.5, .5, 3, 3.5, 4, 6.5, 7, 7.5)
		res, err := newCounting().train(t.TempDir(), input, graphactions.Monitors(hooks.NewCheckpointSaver(hooks.EveryDuration(2*time.Second), hooks.Listeners(l))))
		require.NoError(t, err)
		require.EqualValues(t, 7, res.LastStep)
		l.require(t, 0, 3, 6, 7)
	})
	t.Run("I22", func(t *testing.T) {
		l := &listener{stopAfter: 3}
		res, err := newCounting().train(t.TempDir(), graphactions.Steps(10), graphactions.Monitors(hooks.NewCheckpointSaver(hooks.EverySteps(1), hooks.Listeners(l))))
		require.NoError(t, err)
		require.EqualValues(t, 2, res.LastStep, "saved at 0, 1 and 2")
		require.Equal(t, graphactions.ReasonStopRequested, res.Reason)
		require.Equal(t, "checkpoint listener *hooks_test.listener asked for it at step 2", res.Detail)
		l.require(t, 0, 1, 2)
	})
	fake("I25", func(t *testing.T) {
		m := hooks.NewStepCounter(hooks.EveryDuration(100 * time.Millisecond))
		d := newDriver(t).start(m, -1)
		for step := int64(1); step <= 3; step++ {
			d.step(m, step)
			time.Sleep(200 * time.Millisecond)
		}
		require.Equal(t, map[int64]float64{2: 5, 3: 5}, d.written("global_step/sec"))
	})
	t.Run("I27", func(t *testing.T) {
		m := hooks.NewStepCounter(hooks.EverySteps(1))
		d := newDriver(t).start(m, -1)
		for range 5 {
			d.step(m, 7)
		}
		require.Equal(t, []string{"the global step has not been increased"}, d.lines.text, "said once")
		require.Equal(t, slog.LevelWarn, d.lines.levels[0])
		require.Empty(t, d.written("global_step/sec"))
		// In the real loop such a step is an error, not a warning: docs/decisions/0006.
		_, err := newCountingBy(0).train(t.TempDir(), graphactions.Steps(5))
		require.ErrorIs(t, err, graphactions.ErrStepNotIncreased)
	})
	fake("I28", func(t *testing.T) {
		for _, row := range []struct {
			every, perRun int64
			want          map[int64]float64
		}{
			{10, 5, map[int64]float64{15: 5, 25: 5}},
			{5, 5, map[int64]float64{10: 5, 15: 5, 20: 5, 25: 5}},
			{5, 10, map[int64]float64{20: 10, 30: 10, 40: 10, 50: 10}},
		} {
			m := hooks.NewStepCounter(hooks.EverySteps(row.every))
			d := newDriver(t).start(m, -1)
			for i := int64(1); i <= 5; i++ {
				d.step(m, i*row.perRun)
				time.Sleep(time.Second)
			}
			require.Equal(t, row.want, d.written("global_step/sec"))
		}
	})
	t.Run("I29", func(t *testing.T) {
		// The graph knows its summaries, so there is no scaffold and no op to give.
		require.ErrorContains(t, hooks.NewSummarySaver(hooks.EverySteps(0)).Validate(), "SummarySaver: hooks: schedule: EverySteps: 0")
		require.ErrorContains(t, hooks.NewSummarySaver(hooks.EveryDuration(0)).Validate(), "EveryDuration: 0s")
	})
	t.Run("I30", func(t *testing.T) {
		d := newDriver(t)
		d.g.AddSummary("tick", graph.ScalarSummary, d.tick)
		m := hooks.NewSummarySaver(hooks.EverySteps(8))
		d.start(m, -1).steps(m, 1, 30)
		require.NoError(t, m.End(nil))
		require.Equal(t, map[int64]float64{1: 1, 9: 2, 17: 3, 25: 4}, d.written("tick"))
	})
	t.Run("I31", func(t *testing.T) {
		d := newDriver(t)
		d.g.AddSummary("x", graph.ScalarSummary, d.tick)
		d.g.AddSummary("2x", graph.ScalarSummary, ops.Mul(d.g, d.tick, d.g.NamedConstant("2", float32(2))))
		m := hooks.NewSummarySaver(hooks.EverySteps(8))
		d.start(m, -1).steps(m, 1, 10)
		require.NoError(t, m.End(nil))
		require.Equal(t, map[int64]float64{1: 1, 9: 2}, d.written("x"))
		require.Equal(t, map[int64]float64{1: 2, 9: 4}, d.written("2x"))
	})
	fake("I32", func(t *testing.T) {
		d := newDriver(t)
		d.g.AddSummary("tick", graph.ScalarSummary, d.tick)
		m := hooks.NewSummarySaver(hooks.EveryDuration(9 * time.Second))
		d.start(m, -1)
		for step := int64(1); step <= 8; step++ {
			d.step(m, step)
			time.Sleep(3100 * time.Millisecond)
		}
		require.NoError(t, m.End(nil))
		require.Equal(t, map[int64]float64{1: 1, 4: 2, 7: 3}, d.written("tick"))
	})
	fake("I33", func(t *testing.T) {
		c := newCounting()
		s, err := session.New(c.g)
		require.NoError(t, err)
		defer s.Close()
		begin := func(until int64) time.Duration {
			start := time.Now()
			m := hooks.NewGlobalStepWaiter(until)
			require.NoError(t, m.Begin(&hooks.Run{Context: t.Context(), Graph: c.g, Session: s, Logger: slog.New(&lines{})}))
			return time.Since(start)
		}
		require.Zero(t, begin(0), "it does not look")
		time.AfterFunc(900*time.Millisecond, func() { at(t, s.Store(), 1000) })
		require.Equal(t, time.Second, begin(1000), "two sleeps")
		require.Zero(t, begin(1000), "the step is reached")
		require.Zero(t, begin(-1))
	})
	fake("I35", func(t *testing.T) {
		dir := t.TempDir()
		m := hooks.NewStopAtCheckpointStep(dir, 10)
		d := newDriver(t).start(m, -1)
		step := func() (stop bool, slept time.Duration) {
			start := time.Now()
			return d.step(m, 10), time.Since(start)
		}
		files, err := saver.New(dir)
		require.NoError(t, err)
		for saved, sleeps := range []bool{true, true, false} {
			if saved > 0 { // no checkpoint, then 9, then 10
				_, err := files.Save(t.Context(), saver.Checkpoint{Step: int64(saved + 8)})
				require.NoError(t, err)
			}
			stop, slept := step()
			require.Equal(t, !sleeps, stop)
			require.Equal(t, sleeps, slept > 0)
		}
	})
	t.Run("I37", func(t *testing.T) {
		// A step makes w the new global step + 2; the loss is w. Evaluations come after the
		// step, in memory: nothing is saved between the first and the last state.
		est := newEstimator(t, t.TempDir(), func(g *graph.Graph, features, _ graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
			w := g.Variable("w", tensor.Float32, nil, nil)
			spec := &estimator.Spec{Predictions: features, Loss: w}
			if mode == estimator.Train {
				made := g.Variable("made", tensor.Float32, nil, nil)
				next := ops.AssignAdd(g, made, g.NamedConstant("1", float32(1)))
				assigned := ops.Assign(g, w, ops.Add(g, next, g.NamedConstant("2", float32(2))))
				spec.TrainOp = ops.Group(g, "train", assigned, ops.AssignAdd(g, g.GlobalStep(), g.NamedConstant("one", int64(1))))
			}
			return spec, nil
		})
		input := datasets.FromTensors([]float32{1}, nil).Batch(1)
		recorded := map[int64]float64{}
		record := hooks.Funcs{
			// The hook of tf.estimator evaluates before the first step too. Here a monitor
			// asks for evaluations after steps, and calls the estimator for this one.
			OnBegin: func(*hooks.Run) error {
				results, err := est.Evaluate(input)
				recorded[int64(results["global_step"])] = results["loss"]
				return err
			},
			OnEvaluated: func(step int64, _ string, results hooks.Metrics) error {
				require.EqualValues(t, step, results["global_step"])
				recorded[step] = results["loss"]
				return nil
			},
		}
		_, err := est.Fit(input.Repeat(-1), estimator.Steps(10), estimator.Validate("live", input),
			estimator.Monitors(record, hooks.NewValidation("live", hooks.Or(hooks.EverySteps(4), hooks.AtEnd()))))
		require.NoError(t, err)
		require.Equal(t, map[int64]float64{0: 0, 4: 6, 8: 10, 10: 12}, recorded)
	})
}
