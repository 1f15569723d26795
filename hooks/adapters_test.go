package hooks_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/hooks/hookstest"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/session"
)

// runHook is a hook in the manner of tf.train that writes down its calls.
type runHook struct {
	hooks.BaseSessionRunHook
	calls  []string
	fetch  string // a node's name
	g      *graph.Graph
	feed   func(step int64) graph.Feed
	values []float64
	stopAt int64
	begin  func(g *graph.Graph) error
	after  error
	final  float64
}

func (h *runHook) note(format string, args ...any) {
	h.calls = append(h.calls, fmt.Sprintf(format, args...))
}

func (h *runHook) Begin(g *graph.Graph) error {
	h.note("begin")
	h.g = g
	if h.begin != nil {
		return h.begin(g)
	}
	return nil
}

func (h *runHook) AfterCreateSession(s *session.Session) error {
	h.note("after_create_session")
	return nil
}

func (h *runHook) BeforeRun(ctx *hooks.SessionRunContext) (*hooks.SessionRunArgs, error) {
	h.note("before_run %d", ctx.Step())
	args := &hooks.SessionRunArgs{}
	if h.fetch != "" {
		args.Fetches = graph.Nodes{"mine": h.g.ByName(h.fetch)[0]}
	}
	if h.feed != nil {
		args.Feed = h.feed(ctx.Step())
	}
	return args, nil
}

func (h *runHook) AfterRun(ctx *hooks.SessionRunContext, values *hooks.SessionRunValues) error {
	h.note("after_run %d", ctx.Step())
	if v := values.Results["mine"]; v != nil && v.Shape().Dims() == 0 {
		h.values = append(h.values, float(v))
	}
	if ctx.Step() == h.stopAt {
		ctx.RequestStop()
	}
	if ctx.StopRequested() {
		h.note("stop")
	}
	return h.after
}

func (h *runHook) End(s *session.Session) error {
	h.note("end")
	step, err := s.Store().Int64(graph.GlobalStepName)
	h.final = float64(step)
	return err
}

func (h *runHook) Close() error { h.note("close"); return nil }

// oldMonitor is a monitor in the manner of tf.contrib.learn that writes down its calls.
type oldMonitor struct {
	calls      []string
	fetch      string
	values     []float64
	stopAt     int64
	maxSteps   int64
	everywhere bool
}

func (m *oldMonitor) note(format string, args ...any) error {
	m.calls = append(m.calls, fmt.Sprintf(format, args...))
	return nil
}

func (m *oldMonitor) Begin(maxSteps int64) error { m.maxSteps = maxSteps; return m.note("begin") }
func (m *oldMonitor) EpochBegin(e int64) error   { return m.note("epoch_begin %d", e) }
func (m *oldMonitor) EpochEnd(e int64) error     { return m.note("epoch_end %d", e) }

func (m *oldMonitor) StepBegin(step int64) ([]string, error) {
	if m.fetch == "" {
		return nil, m.note("step_begin %d", step)
	}
	return []string{m.fetch}, m.note("step_begin %d", step)
}

func (m *oldMonitor) StepEnd(step int64, output map[string]gorgonia.Value) (bool, error) {
	if v := output[m.fetch]; v != nil && v.Dtype() == tensor.Float32 {
		m.values = append(m.values, float(v))
	}
	return step == m.stopAt, m.note("step_end %d %d", step, len(output))
}

func (m *oldMonitor) PostStep(step int64, s *session.Session) error {
	_, err := s.Store().Int64(graph.GlobalStepName) // it is the live one
	return errors.Join(err, m.note("post_step %d", step))
}

func (m *oldMonitor) End(*session.Session) error { return m.note("end") }
func (m *oldMonitor) RunOnAllWorkers() bool      { return m.everywhere }

// summing is a graph whose loss, 2 + fed, needs a placeholder.
func summing() (c counting, fed *gorgonia.Node) {
	c = newCounting()
	fed = c.g.Placeholder("fed", tensor.Float32)
	c.loss = c.g.SetName(ops.Add(c.g, c.loss, fed), "sum")
	return c, fed
}

// Hooks of both kinds and a monitor go into one list; each is called in the order of its
// own kind.
func TestOldAndNewInOneList(t *testing.T) {
	c, fed := summing()
	hook := &runHook{fetch: "sum", stopAt: 2, feed: func(step int64) graph.Feed {
		return graph.Feed{fed: tensor.New(tensor.FromScalar(float32(step)))}
	}}
	old := &oldMonitor{fetch: "sum:0"}
	recorder := hookstest.Record(nil)
	res, err := c.train(t.TempDir(), graphactions.Steps(9), graphactions.Monitors(hooks.FromSessionRunHook(hook), recorder, hooks.FromBaseMonitor(old)))
	require.NoError(t, err)
	require.EqualValues(t, 2, res.LastStep)
	require.Equal(t, []string{
		"begin", "after_create_session", "before_run 1", "after_run 1", "before_run 2", "after_run 2", "stop", "end", "close",
	}, hook.calls)
	require.Equal(t, []string{
		"begin", "step_begin 1", "step_end 1 1", "post_step 1", "step_begin 2", "step_end 2 1", "post_step 2", "end",
	}, old.calls)
	require.EqualValues(t, 9, old.maxSteps)
	require.Equal(t, []float64{3, 4}, hook.values, "2 + what the hook feeds")
	require.Equal(t, []float64{3, 4}, old.values, "under the name asked for")
	require.Equal(t, 2.0, hook.final)
	require.NoError(t, recorder.Err())
}

// An old-style monitor hears of epochs, and may stop the run.
func TestFromBaseMonitorEpochs(t *testing.T) {
	old := &oldMonitor{stopAt: 5, everywhere: true}
	l, err := hookstest.NewLoop(t.TempDir())
	require.NoError(t, err)
	defer l.Close()
	m := hooks.FromBaseMonitor(old)
	require.True(t, m.AllWorkers())
	require.NoError(t, l.Run(m))
	require.Equal(t, 5, l.Made)
	require.Contains(t, old.calls, "epoch_begin 1")
	require.Contains(t, old.calls, "epoch_end 0")
}

// TensorFlow's hooks do not hear of the end after an error; Close is called all the same.
func TestFromSessionRunHookAfterAnError(t *testing.T) {
	hook := &runHook{after: errors.New("boom")}
	_, err := newCounting().train(t.TempDir(), graphactions.Steps(9), graphactions.Monitors(hooks.FromSessionRunHook(hook)))
	require.ErrorContains(t, err, "monitor *hooks_test.runHook: StepEnd: boom")
	require.Equal(t, []string{"begin", "after_create_session", "before_run 1", "after_run 1", "close"}, hook.calls)
}

// Begin may add to the graph; what it does wrong there ends the run.
func TestFromSessionRunHookAddsNodes(t *testing.T) {
	c := newCounting()
	hook := &runHook{fetch: "doubled", begin: func(g *graph.Graph) error {
		g.SetName(ops.Add(g, c.loss, c.loss), "doubled")
		return nil
	}}
	_, err := c.train(t.TempDir(), graphactions.Steps(2), graphactions.Monitors(hooks.FromSessionRunHook(hook)))
	require.NoError(t, err)
	require.Equal(t, []float64{4, 4}, hook.values)
	bad := &runHook{begin: func(g *graph.Graph) error { g.Fail(errors.New("no such layer")); return nil }}
	_, err = newCounting().train(t.TempDir(), graphactions.Steps(2), graphactions.Monitors(hooks.FromSessionRunHook(bad)))
	require.ErrorContains(t, err, "no such layer")
}

func TestAdaptersValidate(t *testing.T) {
	hookstest.Rejects(t, hooks.FromSessionRunHook(nil), "FromSessionRunHook: the hook is nil")
	hookstest.Rejects(t, hooks.FromBaseMonitor(nil), "FromBaseMonitor: the monitor is nil")
	hookstest.Rejects(t, hooks.FromBaseMonitor(&picky{}), "picky: not today")
	hookstest.Rejects(t, hooks.FromSessionRunHook(&pickyHook{}), "picky: not today")
}

type picky struct{ oldMonitor }

func (*picky) Validate() error { return errors.New("picky: not today") }

type pickyHook struct{ runHook }

func (*pickyHook) Validate() error { return errors.New("picky: not today") }

// The base class of tf.contrib.learn's monitors reports a wrong order of calls.
func TestFromBaseMonitorMisuse(t *testing.T) {
	none := hooks.NewOutputs(1, nil, nil)
	for _, row := range []struct {
		name, want string
		last       int64
		call       func(m hooks.Monitor, run *hooks.Run) error
	}{
		{"Begin twice", "Begin was called twice without End", -1, func(m hooks.Monitor, run *hooks.Run) error { return m.Begin(run) }},
		{"End twice", "End was called without Begin", -1, func(m hooks.Monitor, _ *hooks.Run) error { return errors.Join(m.End(nil), m.End(nil)) }},
		{"negative step", "step -1, want at least 0", -1, func(m hooks.Monitor, _ *hooks.Run) error { _, err := m.StepBegin(-1); return err }},
		{"beyond the end", "step 8, want at most the last step, 7", 7, func(m hooks.Monitor, _ *hooks.Run) error { _, err := m.StepBegin(8); return err }},
		{"another step", "step 2 ends, but the one that has begun is 1", -1, func(m hooks.Monitor, _ *hooks.Run) error {
			if _, err := m.StepBegin(1); err != nil {
				return nil
			}
			_, err := m.StepEnd(2, none)
			return err
		}},
		{"step without a beginning", "step 2 ends, but the one that has begun is -1", -1, func(m hooks.Monitor, _ *hooks.Run) error { _, err := m.StepEnd(2, none); return err }},
		{"negative epoch", "epoch -1, want at least 0", -1, func(m hooks.Monitor, _ *hooks.Run) error { return m.EpochBegin(-1) }},
		{"epoch within an epoch", "epoch 1 begins before epoch 0 has ended", -1, func(m hooks.Monitor, _ *hooks.Run) error {
			if m.EpochBegin(0) != nil {
				return nil
			}
			return m.EpochBegin(1)
		}},
		{"another epoch", "epoch 3 ends, but the one that has begun is -1", -1, func(m hooks.Monitor, _ *hooks.Run) error { return m.EpochEnd(3) }},
		{"unknown node", `StepBegin asks for "nobody": no node of the graph is called "nobody"`, -1, func(m hooks.Monitor, run *hooks.Run) error {
			unknown := hooks.FromBaseMonitor(&oldMonitor{fetch: "nobody"})
			if err := unknown.Begin(run); err != nil {
				return nil
			}
			_, err := unknown.StepBegin(1)
			return err
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := hooks.FromBaseMonitor(&oldMonitor{})
			d := newDriver(t).start(m, row.last)
			require.ErrorContains(t, row.call(m, d.run), row.want)
		})
	}
	m := hooks.FromBaseMonitor(&oldMonitor{})
	require.ErrorContains(t, m.End(nil), "End was called without Begin")
	_, err := m.StepBegin(1)
	require.ErrorContains(t, err, "step 1 comes before Begin")
}

// What monitors feed is fed beside the input.
func TestFeedFn(t *testing.T) {
	c, fed := summing()
	n := 0
	feed := hooks.NewFeedFn(func() (graph.Feed, error) {
		if n++; n > 3 {
			return nil, io.EOF
		}
		return graph.Feed{fed: tensor.New(tensor.FromScalar(float32(n)))}, nil
	})
	var losses []float64
	note := hooks.Funcs{OnStepEnd: func(_ int64, out hooks.Outputs) (bool, error) { losses = append(losses, out.Loss); return false, nil }}
	res, err := c.train(t.TempDir(), graphactions.Monitors(note, feed))
	require.NoError(t, err)
	require.Equal(t, []float64{3, 4, 5}, losses)
	require.Equal(t, graphactions.ReasonInputEnd, res.Reason)
	require.EqualValues(t, 3, res.LastStep)
}

func TestFeedersMustAgree(t *testing.T) {
	c, fed := summing()
	one := func() (graph.Feed, error) { return graph.Feed{fed: tensor.New(tensor.FromScalar(float32(1)))}, nil }
	_, err := c.train(t.TempDir(), graphactions.Steps(1), graphactions.FeedFn(one), graphactions.Monitors(hooks.NewFeedFn(one)))
	require.ErrorContains(t, err, `monitor *hooks.FeedFn: Feed: placeholder "fed" is fed by the input too`)
	_, err = c.train(t.TempDir(), graphactions.Steps(1), graphactions.Monitors(hooks.NewFeedFn(one), hooks.NewFeedFn(one)))
	require.ErrorContains(t, err, `monitor *hooks.FeedFn#1: Feed: placeholder "fed" is fed by monitor *hooks.FeedFn too`)
	_, err = c.train(t.TempDir(), graphactions.Steps(1), graphactions.Monitors(hooks.NewFeedFn(func() (graph.Feed, error) { return nil, errors.New("boom") })))
	require.ErrorContains(t, err, "Feed: boom")
	_, err = c.train(t.TempDir(), graphactions.Steps(1))
	require.ErrorContains(t, err, `nothing is fed for placeholder "fed"`, "the input alone is tried before anything is written")
}
