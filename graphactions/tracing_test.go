package graphactions_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
)

// tracer notes the spans of some steps.
type tracer struct {
	hooks.Base
	from, to   int64
	panicsAt   string
	spans      []hooks.Span
	askedAbout []int64
}

func (r *tracer) Tracing(step int64) bool {
	if r.panicsAt == "Tracing" && step == r.from {
		panic("boom")
	}
	r.askedAbout = append(r.askedAbout, step)
	return step >= r.from && step <= r.to
}

func (r *tracer) Span(s hooks.Span) {
	if r.panicsAt == "Span" {
		panic("boom")
	}
	r.spans = append(r.spans, s)
}

// Each tracer gets the spans of the steps that it wants, and spans do not overlap.
func TestTracing(t *testing.T) {
	early, late := &tracer{from: 1, to: 2}, &tracer{from: 2, to: 99}
	evaluate := graphactions.OnEvaluate(func(context.Context, string) (hooks.Metrics, error) { return nil, nil })
	_, err := newCounter().train(t, t.TempDir(), graphactions.Steps(3), graphactions.SaveModelSteps(2), evaluate,
		graphactions.Monitors(early, late, hooks.NewValidation("test", hooks.EverySteps(2))))
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2, 3}, early.askedAbout)
	count := func(spans []hooks.Span) map[string]int {
		n := map[string]int{}
		var end time.Time
		for _, s := range spans {
			require.False(t, s.Start.Before(end), "%v overlaps with the one before", s)
			end = s.Start.Add(s.Duration)
			if s.Phase != hooks.PhaseHooks {
				n[fmt.Sprint(s.Step, " ", s.Phase, " ", s.Name)]++
			}
		}
		return n
	}
	require.Equal(t, map[string]int{"1 input batch": 1, "1 step run": 1, "2 input batch": 1, "2 step run": 1, "2 evaluation test": 1, "2 saving checkpoint": 1}, count(early.spans))
	require.Equal(t, map[string]int{"2 input batch": 1, "2 step run": 1, "2 evaluation test": 1, "2 saving checkpoint": 1, "3 input batch": 1, "3 step run": 1, "3 saving checkpoint": 1}, count(late.spans),
		"the final checkpoint too")
	methods := map[string]bool{}
	for _, s := range late.spans {
		methods[s.Name] = true
	}
	require.Contains(t, methods, "hooks.Validation/test StepEnd")
	require.Contains(t, methods, "*graphactions_test.tracer#1 Saved")
	require.Contains(t, methods, "*graphactions_test.tracer State")
}

// A tracer that panics ends the run with an error that names it.
func TestTracersPanic(t *testing.T) {
	for method, last := range map[string]int64{"Tracing": 1, "Span": 2} {
		res, err := newCounter().train(t, t.TempDir(), graphactions.Steps(9), graphactions.Monitors(&tracer{from: 2, to: 9, panicsAt: method}))
		var panicked *graphactions.PanicError
		require.ErrorAs(t, err, &panicked)
		require.Equal(t, "monitor *graphactions_test.tracer: "+method, panicked.Where)
		require.Equal(t, last, res.LastStep)
	}
	// In the last step there is no other that could report it.
	_, err := newCounter().train(t, t.TempDir(), graphactions.Steps(3), graphactions.Monitors(&tracer{from: 3, to: 9, panicsAt: "Span"}))
	require.ErrorContains(t, err, "tracer: Span panicked: boom")
}

// Monitors feed every run of a step, and find what they feed in the report of a loss that
// is not finite.
func TestFeedersAndAccumulation(t *testing.T) {
	g := graph.New(graph.Training(true))
	x := g.Placeholder("x", tensor.Float32)
	w := g.Variable("w", tensor.Float32, nil, value(1))
	loss := nn.MeanSquaredError(g, w, x)
	calls := 0
	feed := func() (graph.Feed, error) {
		calls++
		return graph.Feed{x: number(float32(calls))}, nil
	}
	trainOp := optim.SGD(0.01, optim.Accumulate(3)).Minimize(g, loss)
	_, err := graphactions.Train(ctx, g, t.TempDir(), trainOp, loss, graphactions.Steps(2), graphactions.Monitors(hooks.NewFeedFn(feed)), quiet)
	require.NoError(t, err)
	require.Equal(t, 6, calls)
	wrong := func() (graph.Feed, error) { return graph.Feed{x: tensor.New(tensor.Of(tensor.Float64))}, nil }
	_, err = graphactions.Train(ctx, g, t.TempDir(), trainOp, loss, graphactions.Steps(2), graphactions.Monitors(hooks.NewFeedFn(wrong)), quiet)
	require.ErrorContains(t, err, `step 1`)
	require.ErrorContains(t, err, `placeholder "x"`)
}

// A Begin that failed leaves no checkpoint of a run that did not begin.
func TestFailedBeginSavesNothing(t *testing.T) {
	dir := t.TempDir()
	boom := fmt.Errorf("boom")
	_, err := newCounter().train(t, dir, graphactions.Steps(2), graphactions.Monitors(hooks.Funcs{OnBegin: func(*hooks.Run) error { return boom }}))
	require.ErrorIs(t, err, boom)
	require.NoFileExists(t, dir+"/checkpoint")
}

// A monitor knows when the run is cancelled.
func TestRunContext(t *testing.T) {
	cancelled, cancel := context.WithCancel(ctx)
	c := newCounter()
	var run *hooks.Run
	m := hooks.Funcs{
		OnBegin:    func(r *hooks.Run) error { run = r; return r.Context.Err() },
		OnPostStep: func(int64) error { cancel(); return nil },
		OnEnd: func(error) error {
			require.ErrorIs(t, run.Context.Err(), context.Canceled)
			return nil
		},
	}
	_, err := graphactions.Train(cancelled, c.g, t.TempDir(), c.trainOp, c.loss, graphactions.Monitors(m), quiet)
	require.ErrorIs(t, err, context.Canceled)
}

// Monitors that have nothing to do at a step cost no memory, whether the time is measured
// or not.
func TestIdleMonitorsAllocateNothing(t *testing.T) {
	seldom := hooks.EverySteps(1e9)
	for name, monitors := range map[string][]hooks.Monitor{
		"default": nil,
		"many": {
			hooks.NewStopAtStep(hooks.LastStep(1e9)), hooks.NewNaN(nil, true), hooks.NewLossSpike(), hooks.NewEarlyStopping("loss", hooks.PatienceSteps(1)),
			hooks.NewProfiler(seldom), hooks.NewValidation("test", seldom), hooks.NewExport(seldom, "dir", func(*hooks.Run, int64, string) error { return nil }),
		},
		"timeline": {hooks.NewTimeline(hooks.Never()), hooks.NewLossSpike()},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			measure := hooks.Funcs{OnPostStep: func(step int64) error {
				switch step {
				case 100:
					runtime.ReadMemStats(&before)
				case 1100:
					runtime.ReadMemStats(&after)
				}
				return nil
			}}
			g := graph.New()
			w := g.VariableOf(g.Variable("w", tensor.Float32, nil, nil))
			trainOp := optim.SGD(1).ApplyGradients(g, []optim.Gradient{{Variable: w, Node: g.NamedConstant("one", float32(1))}})
			_, err := graphactions.Train(ctx, g, t.TempDir(), trainOp, g.NamedConstant("two", float32(2)), graphactions.Steps(1100), quiet,
				graphactions.LogEverySteps(0), graphactions.SaveSummariesSteps(1e9), graphactions.Monitors(append(monitors, measure)...))
			require.NoError(t, err)
			require.Less(t, after.Mallocs-before.Mallocs, uint64(100), "in 1000 steps")
		})
	}
}
