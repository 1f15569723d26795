package hookstest_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/hooks/hookstest"
)

// The recorder names the first call that comes out of order, and what the order is.
func TestRecorder(t *testing.T) {
	step := func(r *hookstest.Recorder, n int64) {
		_, _ = r.StepBegin(n)
		_, _ = r.StepEnd(n, hooks.Outputs{})
		_ = r.PostStep(n)
	}
	for name, row := range map[string]struct {
		calls func(r *hookstest.Recorder)
		want  string // "" for none
	}{
		"a run": {func(r *hookstest.Recorder) {
			step(r, 6)
			_ = r.Evaluated(6, "", nil)
			_ = r.BeforeSave(6)
			_ = r.Saved(6, "")
		}, ""},
		"an epoch": {func(r *hookstest.Recorder) { _ = r.EpochBegin(0); step(r, 6); _ = r.EpochEnd(0); _ = r.EpochBegin(1) }, ""},
		"another run": {func(r *hookstest.Recorder) {
			_ = r.End(nil)
			_ = r.SetState(nil)
			_ = r.Begin(&hooks.Run{LastStep: -1})
		}, ""},
		"two Begins":           {func(r *hookstest.Recorder) { _ = r.Begin(&hooks.Run{}) }, "call 2, Begin: End must come before another Begin"},
		"two Ends":             {func(r *hookstest.Recorder) { _ = r.End(nil); _ = r.End(nil); _ = r.Begin(&hooks.Run{}) }, "call 3, End <nil>: Begin must come before"},
		"after End":            {func(r *hookstest.Recorder) { _ = r.End(nil); step(r, 6); _ = r.Begin(&hooks.Run{}) }, "call 3, StepBegin 6: it must come between Begin and End"},
		"StepEnd alone":        {func(r *hookstest.Recorder) { _, _ = r.StepEnd(6, hooks.Outputs{}) }, "StepEnd 6: StepBegin of the same step must come before"},
		"StepEnd of another":   {func(r *hookstest.Recorder) { _, _ = r.StepBegin(6); _, _ = r.StepEnd(7, hooks.Outputs{}) }, "StepEnd 7: StepBegin of the same step"},
		"PostStep alone":       {func(r *hookstest.Recorder) { _ = r.PostStep(5) }, "PostStep 5: StepEnd of the same step must come before"},
		"PostStep left out":    {func(r *hookstest.Recorder) { _, _ = r.StepBegin(6); _, _ = r.StepEnd(6, hooks.Outputs{}); step(r, 7) }, "StepBegin 7: it must come between steps, after PostStep"},
		"a step again":         {func(r *hookstest.Recorder) { step(r, 6); step(r, 6) }, "StepBegin 6: the step must be later than the last one"},
		"beyond the end":       {func(r *hookstest.Recorder) { step(r, 10) }, "StepBegin 10: the step must not be beyond LastStep"},
		"an epoch within one":  {func(r *hookstest.Recorder) { _ = r.EpochBegin(0); _ = r.EpochBegin(1) }, "EpochBegin 1: EpochEnd must come before another EpochBegin"},
		"EpochEnd alone":       {func(r *hookstest.Recorder) { _ = r.EpochEnd(0) }, "EpochEnd 0: EpochBegin of the same epoch must come before"},
		"Saved alone":          {func(r *hookstest.Recorder) { _ = r.Saved(5, "") }, "Saved 5: BeforeSave of the same step must come before"},
		"saved early":          {func(r *hookstest.Recorder) { _ = r.BeforeSave(6) }, "BeforeSave 6: it must have the last step made"},
		"evaluated within":     {func(r *hookstest.Recorder) { _, _ = r.StepBegin(6); _ = r.Evaluated(5, "", nil) }, `Evaluated 5 "": it must come between steps, after PostStep`},
		"evaluated early":      {func(r *hookstest.Recorder) { _ = r.Evaluated(6, "", nil) }, `Evaluated 6 "": it must have the last step made`},
		"SetState after Begin": {func(r *hookstest.Recorder) { _ = r.SetState(nil) }, "SetState: it must come once, before Begin"},
		"SetState twice": {func(r *hookstest.Recorder) {
			_ = r.End(nil)
			_ = r.SetState(nil)
			_ = r.SetState(nil)
			_ = r.Begin(&hooks.Run{})
		}, "call 4, SetState: it must come once"},
		"End does not come":      {func(r *hookstest.Recorder) { _ = r.End(nil); _ = r.Begin(&hooks.Run{}) }, "End did not come after Begin"},
		"a second one is not it": {func(r *hookstest.Recorder) { _ = r.EpochEnd(0); _ = r.Saved(5, "") }, "EpochEnd 0"},
	} {
		t.Run(name, func(t *testing.T) {
			r := hookstest.Record(nil)
			require.NoError(t, r.Begin(&hooks.Run{FirstStep: 5, LastStep: 9}))
			row.calls(r)
			if name != "End does not come" {
				require.NoError(t, r.End(nil))
			}
			if row.want == "" {
				require.NoError(t, r.Err())
				return
			}
			require.ErrorContains(t, r.Err(), row.want)
		})
	}
}

func TestRecorderPassesOn(t *testing.T) {
	boom := errors.New("boom")
	r := hookstest.Record(hooks.Funcs{
		OnBegin: func(*hooks.Run) error { return boom }, OnStepEnd: func(int64, hooks.Outputs) (bool, error) { return true, boom }, Everywhere: true,
	})
	require.ErrorIs(t, r.Begin(&hooks.Run{}), boom)
	stop, err := r.StepEnd(1, hooks.Outputs{})
	require.True(t, stop)
	require.ErrorIs(t, err, boom)
	require.True(t, r.AllWorkers())
	require.NoError(t, r.Validate())
	require.Equal(t, "hooks.Funcs", r.Name())
	named := hookstest.Record(hooks.NewValidation("test", hooks.EverySteps(0)))
	require.Equal(t, "hooks.Validation/test", named.Name())
	require.ErrorContains(t, named.Validate(), "EverySteps: 0")
}

// What keeps a monitor from being rejected as it should be is said.
func TestRejects(t *testing.T) {
	boom := errors.New("boom")
	with := func(change func(*broken)) hooks.Monitor {
		b := &broken{validate: func() error { return boom }, begin: func(*hooks.Run) error { return boom }}
		change(b)
		return b
	}
	hookstest.Rejects(t, with(func(*broken) {}), "boom")
	for name, row := range map[string]struct {
		monitor    hooks.Monitor
		want, text string
	}{
		"no Validate":      {hooks.Funcs{}, "", "hooks.Funcs has no Validate"},
		"valid":            {with(func(b *broken) { b.validate = nil }), "boom", `Validate accepts it, want an error with "boom"`},
		"another text":     {with(func(*broken) {}), "bang", `Validate says "boom", want an error with "bang"`},
		"Begin accepts it": {with(func(b *broken) { b.begin = nil }), "boom", `Begin accepts it`},
		"End fails too":    {with(func(b *broken) { b.end = func(error) error { return boom } }), "boom", "End follows a Begin that failed"},
		"panic":            {with(func(b *broken) { b.begin = func(*hooks.Run) error { panic("ouch") } }), "boom", "panic: ouch"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, hookstest.RejectsError(row.monitor, row.want, t.TempDir()), row.text)
		})
	}
}

func TestExactResume(t *testing.T) {
	require.NoError(t, hookstest.ExactResume(func() hooks.Monitor { return &good{} }))
	err := hookstest.ExactResume(func() hooks.Monitor {
		b := &broken{}
		b.setState = func([]byte) error { return nil }
		return b
	})
	require.ErrorContains(t, err, `the state is "10" after 10 steps, but "9" when the run is cut after step 1`)
}
