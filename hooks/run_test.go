package hooks_test

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/hooks"
)

type node = gorgonia.Node

func TestRequestsAreTakenOnce(t *testing.T) {
	run := &hooks.Run{}
	require.Zero(t, run.TakeRequests())
	run.RequestSave()
	run.RequestSave()
	run.RequestEvaluate("b")
	run.RequestEvaluate("")
	run.RequestEvaluate("b")
	run.RequestStop("first")
	run.RequestStop("second")
	require.Equal(t, hooks.Requests{Stop: true, Reason: "first", Save: true, Evaluate: []string{"b", ""}}, run.TakeRequests())
	require.Zero(t, run.TakeRequests())
	run.RequestStop("")
	run.RequestStop("late")
	require.Equal(t, hooks.Requests{Stop: true}, run.TakeRequests(), "the first reason stands, even an empty one")
}

func TestOutputs(t *testing.T) {
	d := newDriver(t)
	vector := d.g.Placeholder("vector", tensor.Float32, 2)
	out := hooks.NewOutputs(0.25, gorgonia.Nodes{d.answer, vector}, []gorgonia.Value{gorgonia.NewF32(42), tensor.New(tensor.WithBacking([]float32{1, 2}))})
	require.Equal(t, 2, out.Len())
	require.True(t, out.Finite())
	v, err := out.Value(vector)
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2}, v.Data())
	v, err = out.ByName("foo")
	require.NoError(t, err)
	require.Equal(t, float32(42), v.Data())
	x, err := out.Scalar(d.answer)
	require.NoError(t, err)
	require.Equal(t, 42.0, x)
	_, err = out.Scalar(vector)
	require.ErrorContains(t, err, `node "vector": its value of shape (2) and type []float32 is not a number`)
	_, err = out.Scalar(d.fed)
	require.ErrorContains(t, err, `node "fed" is not among the outputs of this step: StepBegin must ask for it`)
	_, err = out.Value(nil)
	require.ErrorContains(t, err, "nil node")
	_, err = out.ByName("nobody")
	require.ErrorContains(t, err, `no node "nobody"`)
	for _, v := range []gorgonia.Value{gorgonia.NewF64(3), gorgonia.NewI(3), gorgonia.NewI32(3), gorgonia.NewI64(3)} {
		x, err := hooks.NewOutputs(0, gorgonia.Nodes{vector}, []gorgonia.Value{v}).Scalar(vector)
		require.NoError(t, err)
		require.Equal(t, 3.0, x)
	}
	for _, loss := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		require.False(t, hooks.NewOutputs(loss, nil, nil).Finite())
	}
}

// Every method calls its function, passes its arguments on and its result back; one
// without a function does nothing.
func TestFuncs(t *testing.T) {
	var calls []any
	boom := errors.New("boom")
	note := func(all ...any) error { calls = append(calls, all...); return boom }
	run, out := &hooks.Run{}, hooks.Outputs{Loss: 3}
	d := newDriver(t)
	full := hooks.Funcs{
		OnBegin:      func(r *hooks.Run) error { return note("Begin", r == run) },
		OnEpochBegin: func(epoch int64) error { return note("EpochBegin", epoch) },
		OnStepBegin: func(step int64) ([]*gorgonia.Node, error) {
			return []*gorgonia.Node{d.answer}, note("StepBegin", step)
		},
		OnStepEnd:   func(step int64, o hooks.Outputs) (bool, error) { return true, note("StepEnd", step, o.Loss) },
		OnPostStep:  func(step int64) error { return note("PostStep", step) },
		OnEpochEnd:  func(epoch int64) error { return note("EpochEnd", epoch) },
		OnSaved:     func(step int64, path string) error { return note("Saved", step, path) },
		OnEvaluated: func(step int64, name string, m hooks.Metrics) error { return note("Evaluated", step, name, m["x"]) },
		OnEnd:       func(cause error) error { return note("End", cause) },
		Everywhere:  true,
	}
	for _, m := range []hooks.Monitor{full, hooks.Funcs{}, hooks.Base{}} {
		calls = nil
		is := func(err error) {
			t.Helper()
			if m.AllWorkers() {
				require.ErrorIs(t, err, boom)
			} else {
				require.NoError(t, err)
			}
		}
		is(m.Begin(run))
		is(m.EpochBegin(1))
		nodes, err := m.StepBegin(2)
		is(err)
		stop, err := m.StepEnd(2, out)
		is(err)
		is(m.PostStep(2))
		is(m.EpochEnd(1))
		is(m.Saved(2, "path"))
		is(m.Evaluated(2, "name", hooks.Metrics{"x": 5}))
		is(m.End(boom))
		state, err := m.State()
		require.NoError(t, err)
		require.Empty(t, state)
		require.NoError(t, m.SetState([]byte("anything")))
		if !m.AllWorkers() {
			require.Empty(t, nodes)
			require.False(t, stop)
			require.Empty(t, calls)
			continue
		}
		require.Equal(t, []*gorgonia.Node{d.answer}, nodes)
		require.True(t, stop)
		require.Equal(t, []any{
			"Begin", true, "EpochBegin", int64(1), "StepBegin", int64(2), "StepEnd", int64(2), 3.0, "PostStep", int64(2),
			"EpochEnd", int64(1), "Saved", int64(2), "path", "Evaluated", int64(2), "name", 5.0, "End", boom,
		}, calls)
	}
}
