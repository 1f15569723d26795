package hookstest_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/hooks/hookstest"
)

// calls is a monitor that writes down what happens to it.
type calls struct {
	hooks.Funcs
	list []string
	run  *hooks.Run
	// asks is called at every step's end.
	asks func(step int64)
}

func newCalls() *calls {
	c := &calls{}
	note := func(format string, args ...any) error {
		c.list = append(c.list, fmt.Sprintf(format, args...))
		return nil
	}
	c.Funcs = hooks.Funcs{
		OnBegin:      func(run *hooks.Run) error { c.run = run; return note("Begin") },
		OnEpochBegin: func(epoch int64) error { return note("EpochBegin %d", epoch) },
		OnStepBegin:  func(step int64) ([]*gorgonia.Node, error) { return nil, note("StepBegin %d", step) },
		OnStepEnd: func(step int64, out hooks.Outputs) (bool, error) {
			if c.asks != nil {
				c.asks(step)
			}
			return false, note("StepEnd %d", step)
		},
		OnPostStep:  func(step int64) error { return note("PostStep %d", step) },
		OnEpochEnd:  func(epoch int64) error { return note("EpochEnd %d", epoch) },
		OnSaved:     func(step int64, _ string) error { return note("Saved %d", step) },
		OnEvaluated: func(step int64, name string, m hooks.Metrics) error { return note("Evaluated %d %s %v", step, name, m) },
		OnEnd:       func(cause error) error { return note("End %v", cause) },
	}
	return c
}

func loop(t *testing.T, change func(*hookstest.Loop), c *calls) error {
	t.Helper()
	l, err := hookstest.NewLoop(t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	change(l)
	return l.Run(c)
}

// The stand-in calls in the order that the Monitor interface documents.
func TestLoopKeepsTheOrder(t *testing.T) {
	c := newCalls()
	c.asks = func(step int64) {
		if step == 3 {
			c.run.RequestSave()
			c.run.RequestEvaluate("test")
		}
	}
	require.NoError(t, loop(t, func(l *hookstest.Loop) { l.Steps = 4 }, c))
	require.Equal(t, []string{
		"Begin", "Saved 0",
		"EpochBegin 0", "StepBegin 1", "StepEnd 1", "PostStep 1", "StepBegin 2", "StepEnd 2", "PostStep 2",
		"StepBegin 3", "StepEnd 3", "PostStep 3", "EpochEnd 0",
		"Evaluated 3 test global_step = 3, loss = 0.333333", "Saved 3", "EpochBegin 1", "StepBegin 4", "StepEnd 4", "PostStep 4", "EpochEnd 1",
		"Saved 4", "End <nil>",
	}, c.list)
}

func TestLoopOptions(t *testing.T) {
	step := func(n int) []string {
		return []string{fmt.Sprint("StepBegin ", n), fmt.Sprint("StepEnd ", n), fmt.Sprint("PostStep ", n)}
	}
	join := func(parts ...[]string) (all []string) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	for _, row := range []struct {
		name   string
		change func(*hookstest.Loop)
		want   []string
		fails  bool
	}{
		{"resumed", func(l *hookstest.Loop) { l.First, l.Steps = 10, 1 }, join([]string{"Begin", "EpochBegin 3"}, step(11), []string{"EpochEnd 3", "Saved 11", "End <nil>"}), false},
		{"endless", func(l *hookstest.Loop) { l.Endless, l.Steps = true, 1 }, join([]string{"Begin", "Saved 0"}, step(1), []string{"Saved 1", "End <nil>"}), false},
		{"worker", func(l *hookstest.Loop) { l.Worker, l.Steps = true, 1 }, join([]string{"Begin", "EpochBegin 0"}, step(1), []string{"EpochEnd 0", "End <nil>"}), false},
		{"no step", func(l *hookstest.Loop) { l.Steps = 0 }, []string{"Begin", "Saved 0", "End <nil>"}, false},
		{"stopped", func(l *hookstest.Loop) { l.StopAfter = 1 }, join([]string{"Begin", "Saved 0", "EpochBegin 0"}, step(1), []string{"Saved 1", "End <nil>"}), false},
		{
			"failed", func(l *hookstest.Loop) { l.FailAfter = 1 },
			join([]string{"Begin", "Saved 0", "EpochBegin 0"}, step(1), []string{"StepBegin 2", "End hookstest: the step failed on purpose"}), true,
		},
		{
			"NaN", func(l *hookstest.Loop) { l.Steps, l.LossAt = 1, func(int64) float64 { return math.NaN() } },
			join([]string{"Begin", "Saved 0", "EpochBegin 0"}, step(1), []string{"EpochEnd 0", "End <nil>"}), false,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := newCalls()
			if row.name == "NaN" {
				c.asks = func(int64) { c.run.RequestSave(); c.run.RequestEvaluate("test") }
			}
			err := loop(t, row.change, c)
			require.Equal(t, row.fails, err != nil, "%v", err)
			require.Equal(t, row.want, c.list)
			require.Equal(t, row.name != "worker", c.run.Summaries != nil)
		})
	}
}

// A request is not forgotten, wherever it was made, and an error of End is not lost.
func TestLoopHearsRequests(t *testing.T) {
	c := newCalls()
	c.OnSaved = func(step int64, _ string) error {
		if step == 2 {
			c.run.RequestStop("saved enough")
		}
		return nil
	}
	c.asks = func(int64) { c.run.RequestSave() }
	c.OnEnd = func(error) error { return errors.New("boom") }
	l, err := hookstest.NewLoop(t.TempDir())
	require.NoError(t, err)
	defer l.Close()
	require.ErrorContains(t, l.Run(c), "End: boom")
	require.Equal(t, 2, l.Made)
	require.Equal(t, hooks.Requests{Stop: true, Reason: "saved enough", Save: true}, l.Requested)
	weight, err := c.run.Session.Store().Value("weight")
	require.NoError(t, err)
	require.Equal(t, []float32{2, 2}, weight.Data(), "the weight grows by 1 at every step")
	step, err := c.run.Session.Store().Value("global_step")
	require.NoError(t, err)
	require.Equal(t, int64(2), step.Data())
}
