package hooks_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/session"
	"github.com/stheno-ml/stheno/summaries"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// driver stands in for the loop with step numbers of the test's choice, TensorFlow's
// 0..29 for example.
type driver struct {
	t       *testing.T
	g       *graph.Graph
	session *session.Session
	run     *hooks.Run
	lines   *lines
	// counter is a variable from 0, tick adds 1 to it when it is run and gives the new
	// value, answer is the constant 42, fed a placeholder.
	counter, tick, answer, fed *gorgonia.Node

	dir   string
	loss  float64
	ran   int // how many nodes the last step ran
	votes []int64
	saves []int64
	// evaluate gives the results of an evaluation, evaluated has the steps of those made.
	evaluate  func(step int64) hooks.Metrics
	evaluated []int64
	reason    string // of the first request to stop
}

func newDriver(t *testing.T) *driver {
	t.Helper()
	d := &driver{t: t, g: graph.New(), lines: &lines{}, dir: t.TempDir(), loss: 0.5}
	one := d.g.NamedConstant("one", float32(1))
	d.counter = d.g.Variable("counter", tensor.Float32, nil, nil)
	d.tick = d.g.SetName(ops.AssignAdd(d.g, d.counter, one), "tick")
	d.answer = d.g.NamedConstant("foo", float32(42))
	d.fed = d.g.Placeholder("fed", tensor.Float32)
	return d
}

// start opens the session and calls Begin; add what the graph needs before.
func (d *driver) start(m hooks.Monitor, last int64) *driver {
	d.t.Helper()
	d.prepare(last)
	require.NoError(d.t, m.Begin(d.run))
	return d
}

func (d *driver) prepare(last int64) {
	d.t.Helper()
	require.NoError(d.t, d.g.Err())
	s, err := session.New(d.g)
	require.NoError(d.t, err)
	w, err := summaries.NewWriter(d.dir)
	require.NoError(d.t, err)
	d.t.Cleanup(func() { require.NoError(d.t, w.Close()); require.NoError(d.t, s.Close()) })
	d.session = s
	d.run = &hooks.Run{Graph: d.g, Session: s, OutputDir: d.dir, Chief: true, LastStep: last, BatchesPerEpoch: -1, Logger: slog.New(d.lines), Summaries: w}
}

// step makes one step and returns the monitor's vote.
func (d *driver) step(m hooks.Monitor, step int64) bool {
	d.t.Helper()
	wanted, err := m.StepBegin(step)
	require.NoError(d.t, err)
	fetches := append(gorgonia.Nodes{d.answer}, wanted...)
	values, err := d.session.Run(context.Background(), fetches, graph.Feed{d.fed: tensor.New(tensor.FromScalar(float32(step)))})
	require.NoError(d.t, err)
	d.ran = len(wanted)
	stop, err := m.StepEnd(step, hooks.NewOutputs(d.loss, wanted, values[1:]))
	require.NoError(d.t, err)
	require.NoError(d.t, m.PostStep(step))
	asked := d.run.TakeRequests()
	if d.reason == "" {
		d.reason = asked.Reason
	}
	if asked.Save {
		d.saves = append(d.saves, step)
		require.NoError(d.t, m.Saved(step, "path"))
	}
	for _, name := range asked.Evaluate {
		d.evaluated = append(d.evaluated, step)
		if d.evaluate != nil {
			require.NoError(d.t, m.Evaluated(step, name, d.evaluate(step)))
		}
	}
	if later := d.run.TakeRequests(); later.Stop {
		asked.Stop = true
		if d.reason == "" {
			d.reason = later.Reason
		}
	}
	if stop || asked.Stop {
		d.votes = append(d.votes, step)
	}
	return stop
}

// steps makes the steps from first to last.
func (d *driver) steps(m hooks.Monitor, first, last int64) {
	d.t.Helper()
	for step := first; step <= last; step++ {
		d.step(m, step)
	}
}

// written returns the scalars that are in the event file.
func (d *driver) written(tag string) map[int64]float64 {
	d.t.Helper()
	require.NoError(d.t, d.run.Summaries.Flush())
	steps, values, err := summaries.Scalars(d.dir, tag)
	require.NoError(d.t, err)
	got := map[int64]float64{}
	for i, step := range steps {
		got[step] = values[i]
	}
	require.Len(d.t, got, len(steps), "a step is written once")
	return got
}

// lines is a log handler that keeps messages.
type lines struct {
	text   []string
	levels []slog.Level
	attrs  []map[string]any
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	attrs := map[string]any{}
	r.Attrs(func(a slog.Attr) bool { attrs[a.Key] = a.Value.Any(); return true })
	l.text, l.levels, l.attrs = append(l.text, r.Message), append(l.levels, r.Level), append(l.attrs, attrs)
	return nil
}

func float(v gorgonia.Value) float64 { return float64(v.Data().(float32)) }

type value = gorgonia.Value

// pair is two monitors as one.
type pair struct{ first, second hooks.Monitor }

func (p pair) both(call func(hooks.Monitor) error) error {
	return errors.Join(call(p.first), call(p.second))
}

func (p pair) Begin(r *hooks.Run) error {
	return p.both(func(m hooks.Monitor) error { return m.Begin(r) })
}
func (p pair) EpochBegin(e int64) error {
	return p.both(func(m hooks.Monitor) error { return m.EpochBegin(e) })
}
func (p pair) EpochEnd(e int64) error {
	return p.both(func(m hooks.Monitor) error { return m.EpochEnd(e) })
}
func (p pair) PostStep(step int64) error {
	return p.both(func(m hooks.Monitor) error { return m.PostStep(step) })
}
func (p pair) End(cause error) error {
	return p.both(func(m hooks.Monitor) error { return m.End(cause) })
}
func (p pair) State() ([]byte, error) { return nil, nil }
func (p pair) SetState([]byte) error  { return nil }
func (p pair) AllWorkers() bool       { return false }

func (p pair) Saved(step int64, path string) error {
	return p.both(func(m hooks.Monitor) error { return m.Saved(step, path) })
}

func (p pair) Evaluated(step int64, name string, results hooks.Metrics) error {
	return p.both(func(m hooks.Monitor) error { return m.Evaluated(step, name, results) })
}

func (p pair) StepBegin(step int64) ([]*gorgonia.Node, error) {
	a, err := p.first.StepBegin(step)
	b, err2 := p.second.StepBegin(step)
	return append(append([]*gorgonia.Node{}, a...), b...), errors.Join(err, err2)
}

func (p pair) StepEnd(step int64, out hooks.Outputs) (bool, error) {
	a, err := p.first.StepEnd(step, out)
	b, err2 := p.second.StepEnd(step, out)
	return a || b, errors.Join(err, err2)
}
