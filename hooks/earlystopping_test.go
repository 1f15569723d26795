package hooks_test

import (
	"context"
	"log/slog"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
)

// feedValues gives early stopping these values of "loss" at steps 10, 20, ... and
// returns the step at which it asked to stop, 0 for never.
func feedValues(t *testing.T, m *hooks.EarlyStopping, values ...float64) (d *driver, stoppedAt int64) {
	t.Helper()
	d = newDriver(t).start(m, -1)
	for i, x := range values {
		step := 10 * int64(i+1)
		require.NoError(t, m.Evaluated(step, "test", hooks.Metrics{"loss": x, "extra": float64(step)}))
		if asked := d.run.TakeRequests(); asked.Stop {
			require.True(t, m.Stopped())
			d.reason = asked.Reason
			return d, step
		}
		require.False(t, m.Stopped())
	}
	return d, 0
}

var nan = math.NaN()

func TestEarlyStopping(t *testing.T) {
	type option = hooks.EarlyStoppingOption
	steps, evals := hooks.PatienceSteps, hooks.PatienceEvaluations
	for _, row := range []struct {
		name     string
		opts     []option
		values   []float64
		stop     int64
		bestStep int64
		best     float64
	}{
		{"improves for ever", []option{steps(10)}, []float64{5, 4, 3, 2}, 0, 40, 2},
		{"rounds are steps", []option{steps(20)}, []float64{5, 4, 4.5, 4.5, 3}, 40, 20, 4},
		{"one step more", []option{steps(21)}, []float64{5, 4, 4.5, 4.5, 4.1, 3}, 50, 20, 4},
		{"fewer steps than between evaluations", []option{steps(1)}, []float64{5, 4, 6}, 30, 20, 4},
		{"equal is no improvement", []option{steps(20)}, []float64{5, 5, 5, 4}, 30, 10, 5},
		{"saved by the last one", []option{steps(20)}, []float64{5, 6, 4.99, 5, 5}, 50, 30, 4.99},
		{"maximize", []option{steps(20), hooks.Maximize()}, []float64{0.5, 0.9, 0.8, 0.9}, 40, 20, 0.9},
		{"minimize is the default", []option{steps(10)}, []float64{0.5, 0.9}, 20, 10, 0.5},
		{"the last direction counts", []option{steps(10), hooks.Maximize(), hooks.Minimize()}, []float64{0.5, 0.9}, 20, 10, 0.5},
		{"evaluations", []option{evals(2)}, []float64{5, 4, 4, 3, 4, 4}, 60, 40, 3},
		{"one evaluation", []option{evals(1)}, []float64{5, 4, 4}, 30, 20, 4},
		{"MinDelta", []option{evals(2), hooks.MinDelta(0.5)}, []float64{5, 4.6, 4.5, 1}, 30, 10, 5},
		{"MinDelta is passed", []option{evals(2), hooks.MinDelta(0.5)}, []float64{5, 4.6, 4.25, 4, 4}, 50, 30, 4.25},
		{"Baseline is not reached", []option{evals(2), hooks.Baseline(1)}, []float64{5, 4, 0.5}, 20, 20, 4},
		{"Baseline is reached", []option{evals(2), hooks.Baseline(4)}, []float64{5, 3, 3.5, 3.5}, 40, 20, 3},
		{"Baseline by steps", []option{steps(20), hooks.Baseline(1)}, []float64{5, 4, 3, 0}, 30, 30, 3},
		{"NaN is no improvement", []option{evals(2)}, []float64{3, nan, nan}, 30, 10, 3},
		{"a number after NaN", []option{evals(3)}, []float64{nan, nan, 7, 6, 6}, 0, 40, 6},
		{"never a number", []option{steps(20)}, []float64{nan, nan, nan}, 30, -1, nan},
		{"infinity", []option{evals(1)}, []float64{math.Inf(1), 5, math.Inf(-1), math.Inf(-1)}, 40, 30, math.Inf(-1)},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := hooks.NewEarlyStopping("loss", append(row.opts, nil)...)
			_, stop := feedValues(t, m, row.values...)
			require.Equal(t, row.stop, stop)
			require.Equal(t, row.bestStep, m.BestStep())
			if math.IsNaN(row.best) {
				require.True(t, math.IsNaN(m.BestValue()))
				require.Nil(t, m.BestMetrics())
				return
			}
			require.Equal(t, row.best, m.BestValue())
			require.Equal(t, hooks.Metrics{"loss": row.best, "extra": float64(row.bestStep)}, m.BestMetrics())
		})
	}
}

func TestEarlyStoppingReason(t *testing.T) {
	for _, row := range []struct {
		opts   hooks.EarlyStoppingOption
		values []float64
		want   string
	}{
		{nil, []float64{5, 4, 4.5, 4.25}, `early stopping: "loss" of evaluation "test" has not improved for 20 steps and 2 evaluations: it is 4.25 at step 40, the best was 4 at step 20`},
		{nil, []float64{nan, nan, nan}, `early stopping: "loss" of evaluation "test" has not improved for 20 steps and 3 evaluations: it is NaN at step 30, and was never a number`},
		{hooks.Baseline(1), []float64{5, 4, 3}, `early stopping: "loss" of evaluation "test" has not improved for 20 steps and 3 evaluations: it is 3 at step 30, the best was 3 at step 30, which is not better than the baseline 1`},
	} {
		d, _ := feedValues(t, hooks.NewEarlyStopping("loss", hooks.PatienceSteps(20), row.opts), row.values...)
		require.Equal(t, row.want, d.reason)
	}
}

func TestEarlyStoppingMissingMetric(t *testing.T) {
	m := hooks.NewEarlyStopping("acc", hooks.PatienceSteps(1))
	newDriver(t).start(m, -1)
	err := m.Evaluated(7, "test", hooks.Metrics{"loss": 1, "accuracy": 0.5})
	require.EqualError(t, err, `hooks: EarlyStopping: metric "acc" is missing from outputs of evaluation "test": there are ["accuracy" "loss"]`)
}

// One evaluation is followed: the one chosen, or the first; the others are only
// mentioned, once.
func TestEarlyStoppingFollowsOne(t *testing.T) {
	for _, row := range []struct {
		opts  []hooks.EarlyStoppingOption
		best  float64
		lines int
	}{
		{nil, 1, 2}, {[]hooks.EarlyStoppingOption{hooks.OfEvaluation("b")}, 20, 1}, {[]hooks.EarlyStoppingOption{hooks.OfEvaluation("")}, nan, 1},
	} {
		m := hooks.NewEarlyStopping("loss", append(row.opts, hooks.PatienceEvaluations(1))...)
		d := newDriver(t).start(m, -1)
		for i, e := range []struct {
			name string
			loss float64
		}{{"a", 2}, {"b", 30}, {"a", 1}, {"b", 20}} {
			results := hooks.Metrics{"loss": e.loss}
			require.NoError(t, m.Evaluated(int64(i+1), e.name, results))
			results["loss"] = -1
		}
		require.Len(t, d.lines.text, row.lines)
		if math.IsNaN(row.best) {
			require.EqualValues(t, -1, m.BestStep())
			continue
		}
		require.Equal(t, hooks.Metrics{"loss": row.best}, m.BestMetrics())
		m.BestMetrics()["loss"] = -1
		require.Equal(t, hooks.Metrics{"loss": row.best}, m.BestMetrics())
	}
}

// An evaluation that is made twice at one step counts once.
func TestEarlyStoppingSameStep(t *testing.T) {
	m := hooks.NewEarlyStopping("loss", hooks.PatienceEvaluations(1))
	d := newDriver(t).start(m, -1)
	for range 3 {
		require.NoError(t, m.Evaluated(5, "test", hooks.Metrics{"loss": 1}))
	}
	require.False(t, d.run.TakeRequests().Stop)
}

func TestEarlyStoppingWithoutEvaluations(t *testing.T) {
	m := hooks.NewEarlyStopping("loss", hooks.PatienceEvaluations(1))
	d := newDriver(t).start(m, -1)
	d.steps(m, 1, 3)
	require.NoError(t, m.End(nil))
	require.Equal(t, []slog.Level{slog.LevelInfo, slog.LevelWarn}, d.lines.levels)
	require.Contains(t, d.lines.text[1], "no evaluation was made")
}

// A run cut into pieces sees, at every cut, what an uninterrupted one has seen, and
// stops at the same step for the same reason.
func TestEarlyStoppingResumes(t *testing.T) {
	losses := map[int64]float64{5: 4.1, 10: 1.0 / 3, 15: nan, 20: 0.5, 25: 0.4, 30: 0.1}
	type seen struct {
		Step     int64
		Best     float64
		BestStep int64
		Metrics  hooks.Metrics
		State    string
	}
	for name, patience := range map[string]hooks.EarlyStoppingOption{
		"steps": hooks.PatienceSteps(15), "evaluations": hooks.PatienceEvaluations(3),
	} {
		run := func(t *testing.T, cuts ...int64) (s seen, reason string) {
			dir := t.TempDir()
			for _, last := range cuts {
				m := hooks.NewEarlyStopping("loss", patience)
				var step int64
				note := hooks.Funcs{OnStepEnd: func(s int64, _ hooks.Outputs) (bool, error) { step = s; return false, nil }}
				serve := graphactions.OnEvaluate(func(context.Context, string) (hooks.Metrics, error) {
					return hooks.Metrics{"loss": losses[step], "odd": math.Inf(-1), "tenth": 0.1 * float64(step)}, nil
				})
				res, err := newCounting().train(dir, graphactions.MaxSteps(last), serve, graphactions.Monitors(note, hooks.NewValidation("test", hooks.EverySteps(5)), m))
				require.NoError(t, err)
				state, err := m.State()
				require.NoError(t, err)
				s = seen{res.LastStep, m.BestValue(), m.BestStep(), m.BestMetrics(), string(state)}
				reason = res.Detail
			}
			return s, reason
		}
		t.Run(name, func(t *testing.T) {
			want, reason := run(t, 100)
			require.Equal(t, int64(25), want.Step)
			require.Equal(t, int64(10), want.BestStep)
			require.Equal(t, 1.0/3, want.Best)
			require.Equal(t, hooks.Metrics{"loss": 1.0 / 3, "odd": math.Inf(-1), "tenth": 1}, want.Metrics)
			for _, cuts := range [][]int64{{3, 100}, {10, 100}, {7, 12, 15, 16, 24, 100}} {
				got, why := run(t, cuts...)
				require.Equal(t, want, got, "cut at %v", cuts)
				require.Equal(t, reason, why)
			}
		})
	}
}

// A monitor that is used again for a fresh run has seen nothing; what was seen of
// another metric, direction or evaluation has another key.
func TestEarlyStoppingBeginsAnew(t *testing.T) {
	m := hooks.NewEarlyStopping("loss", hooks.PatienceSteps(10))
	feedValues(t, m, 3, 4)
	require.True(t, m.Stopped())
	newDriver(t).start(m, -1)
	require.False(t, m.Stopped())
	require.EqualValues(t, -1, m.BestStep())
	keys := map[string]bool{}
	for _, m := range []*hooks.EarlyStopping{
		m, hooks.NewEarlyStopping("acc"), hooks.NewEarlyStopping("loss", hooks.Maximize()), hooks.NewEarlyStopping("loss", hooks.OfEvaluation("a")),
	} {
		keys[m.Name()] = true
	}
	require.Len(t, keys, 4)
}

func TestEarlyStoppingBadState(t *testing.T) {
	m := hooks.NewEarlyStopping("loss", hooks.PatienceSteps(10))
	for state, want := range map[string]string{
		"{":                               `the state of "loss"`,
		`{"best":"x"}`:                    "best",
		`{"best":"1","metrics":{"a":""}}`: `metric "a"`,
	} {
		require.ErrorContains(t, m.SetState([]byte(state)), want)
	}
}
