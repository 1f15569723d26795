package hooks_test

import (
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/hooks/hookstest"
	"github.com/stheno-ml/stheno/saver"
)

// failing is a monitor whose calls of one name fail or panic, from the n-th on.
func failing(name string, n int, panics bool) hooks.Monitor {
	seen := 0
	fail := func(call string) error {
		if call != name {
			return nil
		}
		if seen++; seen < n {
			return nil
		}
		if panics {
			panic("boom")
		}
		return errBoom
	}
	return hooks.Funcs{
		OnBegin:      func(*hooks.Run) error { return fail("Begin") },
		OnEpochBegin: func(int64) error { return fail("EpochBegin") },
		OnStepBegin:  func(int64) ([]*gorgonia.Node, error) { return nil, fail("StepBegin") },
		OnStepEnd:    func(int64, hooks.Outputs) (bool, error) { return false, fail("StepEnd") },
		OnPostStep:   func(int64) error { return fail("PostStep") },
		OnEpochEnd:   func(int64) error { return fail("EpochEnd") },
		OnSaved:      func(int64, string) error { return fail("Saved") },
		OnEvaluated:  func(int64, string, hooks.Metrics) error { return fail("Evaluated") },
		OnEnd:        func(error) error { return fail("End") },
	}
}

var errBoom = errors.New("boom")

type brokenSaver struct{}

func (brokenSaver) Save(context.Context, saver.Checkpoint) (string, error) { return "", errBoom }

// Whatever ends a run, the calls come in the documented order, and End comes once to each
// monitor whose Begin was called, with the cause.
func TestOrderOnEveryWayOut(t *testing.T) {
	monitors := graphactions.Monitors
	four := datasets.FromTensors([]float32{1, 2, 3, 4}, nil).Batch(1)
	input := func(ds *datasets.Dataset) graphactions.Option { return graphactions.Input(ds, unused) }
	ctx, cancel := context.WithCancel(t.Context())
	type way struct {
		opts  []graphactions.Option
		loss  float64
		ended string // what End must be told, a part of it
	}
	ways := map[string]way{
		"steps":         {opts: []graphactions.Option{graphactions.Steps(4)}},
		"max steps":     {opts: []graphactions.Option{graphactions.MaxSteps(4)}},
		"input end":     {opts: []graphactions.Option{input(four)}},
		"within epoch":  {opts: []graphactions.Option{input(four.Repeat(-1).Take(6))}},
		"empty input":   {opts: []graphactions.Option{graphactions.FeedFn(func() (graph.Feed, error) { return nil, io.EOF })}},
		"vote":          {opts: []graphactions.Option{monitors(hooks.NewStopAtStep(hooks.NumSteps(2)))}},
		"request":       {opts: []graphactions.Option{monitors(hooks.NewNaN(nil, false)), graphactions.FailOnNaNLoss(false)}, loss: math.Inf(1)},
		"NaN":           {opts: []graphactions.Option{graphactions.Steps(4)}, loss: math.NaN(), ended: "NaN loss"},
		"input error":   {opts: []graphactions.Option{graphactions.FeedFn(failAt(3))}, ended: "boom"},
		"no evaluation": {opts: []graphactions.Option{graphactions.Steps(9), monitors(hooks.NewValidation("other", hooks.EverySteps(3)))}, ended: "boom"},
		"saver":         {opts: []graphactions.Option{graphactions.Steps(4), graphactions.Saver(brokenSaver{})}, ended: "boom"},
		"cancelled":     {opts: []graphactions.Option{graphactions.FeedFn(func() (graph.Feed, error) { cancel(); return nil, nil })}, ended: "context canceled"},
	}
	for _, name := range []string{"Begin", "EpochBegin", "StepBegin", "StepEnd", "PostStep", "EpochEnd", "Saved", "Evaluated"} {
		ways["error in "+name] = way{opts: []graphactions.Option{input(four), monitors(failing(name, 1, false))}, ended: name + ": boom"}
		ways["panic in "+name] = way{opts: []graphactions.Option{input(four), monitors(failing(name, 1, true))}, ended: name + " panicked: boom"}
	}
	ways["error in End"] = way{opts: []graphactions.Option{graphactions.Steps(3), monitors(failing("End", 1, false))}}
	ways["panic in End"] = way{opts: []graphactions.Option{graphactions.Steps(3), monitors(failing("End", 1, true))}}
	for name, w := range ways {
		t.Run(name, func(t *testing.T) {
			first, last := hookstest.Record(nil), hookstest.Record(nil)
			c := newCounting()
			if w.loss != 0 {
				c.loss = c.g.NamedConstant("bad", float32(w.loss))
			}
			serve := graphactions.OnEvaluate(func(_ context.Context, name string) (hooks.Metrics, error) {
				if name == "other" {
					return nil, errBoom
				}
				return hooks.Metrics{"loss": 1}, nil
			})
			opts := append([]graphactions.Option{serve, graphactions.SaveModelSteps(2), monitors(first, hooks.NewValidation("test", hooks.EverySteps(2)))}, w.opts...)
			run := context.Background()
			if name == "cancelled" {
				run = ctx
			}
			_, err := graphactions.Train(run, c.g, t.TempDir(), c.trainOp, c.loss, append(opts, monitors(last), quiet)...)
			for _, r := range []*hookstest.Recorder{first, last} {
				require.NoError(t, r.Err())
				calls := r.Calls()
				if len(calls) == 0 {
					require.True(t, strings.HasSuffix(name, "in Begin"), "only a Begin that failed keeps the others from beginning")
					continue
				}
				end := calls[len(calls)-1]
				require.True(t, strings.HasPrefix(end, "End "), calls)
				if w.ended == "" {
					require.Equal(t, "End <nil>", end)
				} else {
					require.ErrorContains(t, err, w.ended)
					require.Contains(t, end, w.ended)
				}
			}
		})
	}
}

// failAt returns a feed function that fails at its n-th call.
func failAt(n int) func() (graph.Feed, error) {
	return func() (graph.Feed, error) {
		if n--; n == 0 {
			return nil, errBoom
		}
		return nil, nil
	}
}

// The stand-in of the kit makes the calls of the training loop, in the same order.
func TestLoopsAgree(t *testing.T) {
	asking := func(name string) hooks.Monitor {
		var run *hooks.Run
		return hooks.Funcs{
			OnBegin: func(r *hooks.Run) error { run = r; return nil },
			OnStepEnd: func(step int64, _ hooks.Outputs) (bool, error) {
				if step%2 == 0 {
					run.RequestSave()
					run.RequestEvaluate(name)
				}
				return false, nil
			},
			OnSaved: func(step int64, _ string) error {
				if step == 8 {
					run.RequestStop("eight are enough")
				}
				return nil
			},
		}
	}
	for name, row := range map[string]struct {
		steps int
		nan   bool
	}{"whole epochs": {steps: 6}, "within an epoch": {steps: 5}, "stopped": {steps: 20}, "NaN": {steps: 3, nan: true}} {
		t.Run(name, func(t *testing.T) {
			kit, real := hookstest.Record(asking("test")), hookstest.Record(asking("test"))
			l, err := hookstest.NewLoop(t.TempDir())
			require.NoError(t, err)
			defer l.Close()
			l.Steps = row.steps
			var nonFinite hooks.Funcs
			if row.nan { // the training loop fails by itself
				l.LossAt = func(int64) float64 { return math.NaN() }
				nonFinite.OnPostStep = func(int64) error { return errBoom }
			}
			kitErr := l.Run(kit, nonFinite)

			rows := make([]float32, row.steps)
			input := datasets.FromTensors(rows[:min(3, row.steps)], nil).Batch(1).Repeat(-1).Take(int64(row.steps))
			c := newCounting()
			if row.nan {
				c.loss = c.g.NamedConstant("bad", float32(math.NaN()))
			}
			serve := graphactions.OnEvaluate(func(context.Context, string) (hooks.Metrics, error) { return nil, nil })
			_, realErr := c.train(t.TempDir(), graphactions.Input(input, unused), serve, graphactions.SaveModelSecs(0), graphactions.Monitors(real))
			require.NoError(t, kit.Err())
			require.NoError(t, real.Err())
			require.Equal(t, realErr != nil, kitErr != nil)
			require.Equal(t, withoutCause(real.Calls()), withoutCause(kit.Calls()))
		})
	}
}

// withoutCause cuts off what End was told.
func withoutCause(calls []string) []string {
	last := len(calls) - 1
	calls[last], _, _ = strings.Cut(calls[last], " ")
	return calls
}

// A recorder passes on BeforeSave and the name.
func TestRecorderPassesOn(t *testing.T) {
	r := hookstest.Record(hooks.NewCheckpointSaver(hooks.EverySteps(1), hooks.Listeners(&savingListener{fail: "before 2"})))
	require.Equal(t, "*hooks.CheckpointSaver", r.Name())
	_, err := newCounting().train(t.TempDir(), graphactions.Steps(3), graphactions.Monitors(r))
	require.ErrorContains(t, err, "BeforeSave: boom")
	require.NoError(t, r.Err())
	require.NotContains(t, r.Calls(), "Saved 2")
}
