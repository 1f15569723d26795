package hooks_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
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

// The monitors of tf.contrib.learn, driven as there with the steps 0 to 29, of which 29
// is the last.
func TestConformanceB(t *testing.T) {
	whole := func(t *testing.T, m hooks.Monitor) *driver {
		t.Helper()
		d := newDriver(t).start(m, 29)
		d.steps(m, 0, 29)
		require.NoError(t, m.End(nil))
		return d
	}
	t.Run("B1", func(t *testing.T) {
		for _, m := range []hooks.Monitor{hooks.Base{}, hooks.Funcs{}} {
			d := newDriver(t).start(m, 29)
			for epoch := range int64(3) {
				require.NoError(t, m.EpochBegin(epoch))
				d.steps(m, 10*epoch, 10*epoch+9)
				require.NoError(t, m.EpochEnd(epoch))
			}
			require.NoError(t, m.End(nil))
			require.Zero(t, d.ran)
			require.Empty(t, d.votes)
		}
	})
	everyN := func(n, first int64, want ...int64) func(*testing.T) {
		return func(t *testing.T) {
			r := newRecording(n, first)
			whole(t, r)
			r.require(t, want...)
		}
	}
	t.Run("B2", everyN(0, -1, upTo(29)...))
	t.Run("B3", everyN(1, -1, upTo(29)[1:]...))
	t.Run("B5", everyN(8, 2, 0, 1, 2, 10, 18, 26, 29))
	t.Run("B9", func(t *testing.T) {
		r := newRecording(8, 1)
		d := newDriver(t).start(r, 29)
		for _, step := range []int64{8, 16, 19} {
			d.step(r, step)
		}
		require.NoError(t, r.End(nil))
		require.Equal(t, []int64{8, 16}, r.begun)
		require.Equal(t, []int64{8, 16}, r.ended)
		require.Equal(t, []int64{8, 16, 19}, r.posts)
	})
	t.Run("B10", func(t *testing.T) {
		r := newRecording(8, 1)
		d := newDriver(t).start(r, 29)
		for _, step := range []int64{8, 16, 16} {
			d.step(r, step)
		}
		require.NoError(t, r.End(nil))
		require.Equal(t, []int64{8, 16}, r.posts)
	})
	t.Run("B11", func(t *testing.T) {
		d := newDriver(t)
		m := hooks.NewPrintTensor(graph.Nodes{d.answer.Name(): d.answer}, 100, 1)
		d.start(m, 29).steps(m, 0, 29)
		require.Equal(t, []string{"Step 0: foo = 42", "Step 1: foo = 42", "Step 29: foo = 42"}, d.lines.text)
	})
	t.Run("B12", func(t *testing.T) {
		d := newDriver(t)
		d.g.Scope("foo").Variable("x", tensor.Float32, nil, nil)
		m := hooks.NewLoggingTrainable("foo", 100, -1)
		d.start(m, 29).steps(m, 0, 29)
		require.Equal(t, []string{"Step 29: foo/x = 0"}, d.lines.text)
		// With a schedule it is the hook of tf.train.
		d = newDriver(t)
		d.g.Scope("foo").Variable("x", tensor.Float32, nil, nil)
		scheduled := hooks.NewLoggingVariables("foo", hooks.EverySteps(100))
		d.start(scheduled, 29).steps(scheduled, 0, 29)
		require.Equal(t, []string{"foo/x = 0"}, d.lines.text)
	})
	t.Run("B13", func(t *testing.T) {
		// The monitor of tf.contrib.learn is an EveryN: the row's steps.
		d := newDriver(t)
		m := &hooks.EveryN{
			N: 8, First: 1,
			OnStepBegin: func(int64) ([]*gorgonia.Node, error) { return []*gorgonia.Node{d.tick}, nil },
			OnStepEnd: func(step int64, out hooks.Outputs) (bool, error) {
				x, err := out.Scalar(d.tick)
				require.NoError(t, err)
				return false, d.run.Summaries.Scalar("tick", x, step)
			},
		}
		d.start(m, 29).steps(m, 0, 29)
		require.Equal(t, map[int64]float64{0: 1, 1: 2, 9: 3, 17: 4, 25: 5, 29: 6}, d.written("tick"))
		// SummarySaver follows the later hook (I30): the first step whatever its number,
		// every 8 steps from there, and the last only when asked for.
		d = newDriver(t)
		d.g.AddSummary("tick", graph.ScalarSummary, d.tick)
		saver := hooks.NewSummarySaver(hooks.EverySteps(8))
		d.start(saver, 29).steps(saver, 0, 29)
		require.Equal(t, map[int64]float64{0: 1, 8: 2, 16: 3, 24: 4}, d.written("tick"), "the op runs at those steps only")
	})
	// ValidationMonitor is two monitors here: Validation asks for evaluations, EarlyStopping
	// looks at them.
	nothing := graphactions.OnEvaluate(func(context.Context, string) (hooks.Metrics, error) { return hooks.Metrics{}, nil })
	t.Run("B14", func(t *testing.T) {
		_, err := newCounting().train(t.TempDir(), graphactions.Steps(3), graphactions.Monitors(hooks.NewValidation("test", hooks.EverySteps(1))))
		require.ErrorContains(t, err, `evaluation "test"`)
		require.ErrorContains(t, err, "use OnEvaluate", "what takes the place of set_estimator")
	})
	t.Run("B15", func(t *testing.T) {
		// The loop saves the first state, so that there always is a checkpoint; the driver
		// does not.
		validation := hooks.NewValidation("", hooks.EverySteps(1), hooks.AtCheckpoints())
		early := hooks.NewEarlyStopping("loss", hooks.PatienceSteps(1))
		d := whole(t, pair{validation, early})
		require.Empty(t, d.evaluated)
		_, _, ok := validation.Last()
		require.False(t, ok)
		require.EqualValues(t, -1, early.BestStep())
		require.True(t, math.IsNaN(early.BestValue()))
		require.Nil(t, early.BestMetrics())
		require.False(t, early.Stopped())
		require.Empty(t, d.votes)
	})
	t.Run("B16", func(t *testing.T) {
		// Without EarlyStopping nothing looks for "loss", and there is no best.
		m := hooks.NewValidation("", hooks.EverySteps(1))
		res, err := newCounting().train(t.TempDir(), graphactions.Steps(3), nothing, graphactions.Monitors(m))
		require.NoError(t, err)
		require.EqualValues(t, 3, res.LastStep)
		step, results, ok := m.Last()
		require.True(t, ok)
		require.EqualValues(t, 3, step)
		require.Empty(t, results)
	})
	t.Run("B17", func(t *testing.T) {
		early := hooks.NewEarlyStopping("loss", hooks.PatienceSteps(1))
		res, err := newCounting().train(t.TempDir(), graphactions.Steps(3), nothing, graphactions.Monitors(hooks.NewValidation("", hooks.EverySteps(1)), early))
		require.ErrorContains(t, err, "missing from outputs")
		require.ErrorContains(t, err, `"loss"`)
		require.EqualValues(t, 1, res.LastStep, "the first step")
	})
	t.Run("B20", func(t *testing.T) {
		// The estimator serves the evaluations; its input is all that is given.
		est := newCountingEstimator(t)
		input := datasets.FromTensors([]float32{1}, nil)
		early := hooks.NewEarlyStopping("loss", hooks.PatienceSteps(1))
		res, err := est.Fit(input.Batch(1).Repeat(-1), estimator.Steps(9), estimator.Validate("test", input.Batch(1)),
			estimator.Monitors(hooks.NewValidation("test", hooks.EverySteps(1)), early))
		require.NoError(t, err)
		require.EqualValues(t, 2, res.LastStep, "the loss is a constant: step 2 is no improvement")
		require.EqualValues(t, 1, early.BestStep())
		require.Equal(t, 2.0, early.BestValue())
		require.True(t, early.Stopped())
		_, err = est.Fit(input.Batch(1).Repeat(-1), estimator.Steps(9), estimator.Validate("test", input.Batch(1)),
			estimator.Monitors(hooks.NewValidation("test", hooks.EverySteps(1)), hooks.NewEarlyStopping("accuracy", hooks.PatienceSteps(1))))
		require.ErrorContains(t, err, "missing from outputs")
	})
	t.Run("B21", func(t *testing.T) {
		d := newDriver(t)
		d.g.Variable("const", tensor.Float32, nil, filled(42))
		d.prepare(29)
		d.run.TrainOp = d.tick
		dumps := [2]*hooks.GraphDump{}
		for k := range dumps {
			m := hooks.NewGraphDump()
			dumps[k] = m
			require.NoError(t, m.Begin(d.run))
			d.steps(m, 0, 29)
			require.NoError(t, m.End(nil))
			require.Len(t, m.Data(), 30)
			for step, values := range m.Data() {
				got := map[string]float64{}
				for name, v := range values {
					got[name] = float(v)
				}
				// "tick" is the row's add. The row's counter is read after the update; here
				// every read of a step comes before its writes.
				before := float64(step) + 30*float64(k)
				require.Equal(t, map[string]float64{"const": 42, "counter": before, "tick": before + 1}, got)
			}
		}
		for step := range int64(30) {
			matched, different, err := dumps[1].Compare(dumps[0], step, 1e-6)
			require.NoError(t, err)
			require.Equal(t, []string{"const"}, matched)
			require.Len(t, different, 2)
			for name, after := range map[string]float64{"counter": 0, "tick": 1} {
				require.Equal(t, float64(step)+30+after, float(different[name][0]), "this")
				require.Equal(t, float64(step)+after, float(different[name][1]), "the other")
			}
		}
	})
	t.Run("B22", func(t *testing.T) {
		// "tick" is the row's counter after its update.
		d := newDriver(t)
		m := hooks.NewCaptureVariable("tick:0", 8, 2)
		d.start(m, 29).steps(m, 0, 29)
		got := map[int64]float64{}
		for step, v := range m.Values() {
			got[step] = float(v)
		}
		require.Equal(t, map[int64]float64{0: 1, 1: 2, 2: 3, 10: 4, 18: 5, 26: 6, 29: 7}, got)
		// Capture has a schedule: the first step and every 8 from there.
		d = newDriver(t)
		capture := hooks.NewCapture(d.tick, hooks.EverySteps(8))
		d.start(capture, 29).steps(capture, 0, 29)
		got = map[int64]float64{}
		for step, v := range capture.Values() {
			got[step] = float(v)
		}
		require.Equal(t, map[int64]float64{0: 1, 8: 2, 16: 3, 24: 4}, got)
	})
	t.Run("B23", func(t *testing.T) {
		m := hooks.NewStopAtStep(hooks.NumSteps(10), hooks.LastStep(20))
		require.ErrorContains(t, m.Validate(), "NumSteps (10) and LastStep (20)")
	})
	votes := func(m hooks.Monitor, steps ...int64) func(*testing.T) {
		return func(t *testing.T) {
			d := newDriver(t).start(m, -1)
			for _, step := range steps {
				d.step(m, step)
			}
			require.Equal(t, steps[2:], d.votes)
		}
	}
	t.Run("B24", votes(hooks.NewStopAtStep(hooks.LastStep(10)), 5, 9, 10, 11))
	t.Run("B25", votes(hooks.NewStopAtStep(hooks.NumSteps(10)), 5, 13, 14, 15))
	t.Run("B26", func(t *testing.T) {
		// One schedule takes the place of two arguments, so that both is a schedule (the
		// sooner of the two) and none is Never; numbers that mean nothing are errors.
		require.NoError(t, hooks.NewCheckpointSaver(hooks.Or(hooks.EverySteps(10), hooks.EveryDuration(20*time.Second))).Validate())
		require.ErrorContains(t, hooks.NewCheckpointSaver(hooks.EverySteps(0)).Validate(), "EverySteps: 0")
		require.ErrorContains(t, hooks.NewCheckpointSaver(hooks.EveryDuration(0)).Validate(), "EveryDuration: 0s")
		var steps []int64
		_, err := newCounting().train(t.TempDir(), graphactions.Steps(3), graphactions.Monitors(hooks.NewCheckpointSaver(hooks.Never()), saves(&steps)))
		require.NoError(t, err)
		require.Equal(t, []int64{0, 3}, steps, "the first and the last state are saved in any case")
	})
	t.Run("B28", func(t *testing.T) {
		// The first checkpoint is that of step 0, as the later Estimator's; a run of one
		// step leaves 1.
		dir := t.TempDir()
		_, err := newCounting().train(dir, graphactions.Steps(1), graphactions.Monitors(hooks.NewCheckpointSaver(hooks.EveryDuration(2*time.Second))))
		require.NoError(t, err)
		require.EqualValues(t, 1, saved(t, dir))
	})
	t.Run("B29", func(t *testing.T) {
		dir := t.TempDir()
		var steps []int64
		_, err := newCounting().train(dir, graphactions.Steps(2), graphactions.Monitors(hooks.NewCheckpointSaver(hooks.EveryDuration(time.Hour)), saves(&steps)))
		require.NoError(t, err)
		require.Equal(t, []int64{0, 2}, steps)
		require.EqualValues(t, 2, saved(t, dir))
	})
	t.Run("B30", func(t *testing.T) {
		type seen struct{ begins, ends, posts, values []int64 }
		record := func(s *seen, ended *int) hooks.Monitor {
			return hooks.Funcs{
				OnStepBegin: func(step int64) ([]*gorgonia.Node, error) { s.begins = append(s.begins, step); return nil, nil },
				OnStepEnd: func(step int64, out hooks.Outputs) (bool, error) {
					s.ends, s.values = append(s.ends, step), append(s.values, int64(out.Len()))
					return false, nil
				},
				OnPostStep: func(step int64) error { s.posts = append(s.posts, step); return nil },
				OnEnd:      func(error) error { *ended++; return nil },
			}
		}
		c := newCountingBy(5)
		start := graphactions.InitFn(func(s *session.Session) error {
			return s.Store().Restore(map[string]*tensor.Dense{graph.GlobalStepName: tensor.New(tensor.FromScalar(int64(10)))})
		})
		var first, second seen
		var ended int
		dir := t.TempDir()
		res, err := c.train(dir, start, graphactions.MaxSteps(20), graphactions.Monitors(record(&first, &ended), record(&second, &ended)))
		require.NoError(t, err)
		require.EqualValues(t, 20, res.LastStep)
		want := seen{begins: []int64{11, 16}, ends: []int64{11, 16}, posts: []int64{11, 16}, values: []int64{0, 0}}
		require.Equal(t, want, first)
		require.Equal(t, want, second)
		require.Equal(t, 2, ended)
		ckpt, err := saver.Load(res.Checkpoint)
		require.NoError(t, err)
		require.EqualValues(t, 20, ckpt.Step)
	})
	t.Run("B31", func(t *testing.T) {
		c := newCounting()
		another := c.g.SetName(ops.Add(c.g, c.g.NamedConstant("5", float32(5)), c.g.NamedConstant("0", float32(0))), "another_tensor")
		third := c.g.SetName(ops.Add(c.g, another, another), "third_tensor")
		asking := func(n *gorgonia.Node, name string, want float64) hooks.Monitor {
			return hooks.Funcs{
				OnStepBegin: func(int64) ([]*gorgonia.Node, error) { return []*gorgonia.Node{n, n}, nil },
				OnStepEnd: func(_ int64, out hooks.Outputs) (bool, error) {
					require.Equal(t, 2.0, out.Loss, "the loop's own fetch is unchanged")
					require.Equal(t, 2, out.Len(), "what was asked for twice is there once")
					v, err := out.ByName(name)
					require.NoError(t, err)
					require.Equal(t, want, float(v))
					x, err := out.Scalar(n)
					require.NoError(t, err)
					require.Equal(t, want, x)
					return false, nil
				},
			}
		}
		_, err := c.train(t.TempDir(), graphactions.Steps(2), graphactions.Monitors(asking(another, "another_tensor", 5), asking(third, "third_tensor", 10)))
		require.NoError(t, err)
	})
}

// The steps of TestConformanceB by time, where tf.contrib.learn's tests slept.
func TestConformanceBByTime(t *testing.T) {
	t.Run("B28", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := hooks.NewCheckpointSaver(hooks.EveryDuration(2 * time.Second))
			d := newDriver(t).start(m, -1)
			for step := int64(1); step <= 6; step++ {
				time.Sleep(900 * time.Millisecond)
				d.step(m, step)
			}
			require.Equal(t, []int64{3, 6}, d.saves)
		})
	})
}
