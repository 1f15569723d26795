package hookstest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/stheno-ml/stheno/hooks"
)

func checkFresh(newMonitor func() hooks.Monitor, _ string) error {
	a, b := newMonitor(), newMonitor()
	if a == nil || b == nil {
		return errors.New("it returned nil")
	}
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	if va.Kind() == reflect.Pointer && va.Pointer() == vb.Pointer() && va.Type().Elem().Size() > 0 {
		return errors.New("it returned the same monitor twice")
	}
	return nil
}

func checkValidate(newMonitor func() hooks.Monitor, dir string) error {
	m := newMonitor()
	var validErr error
	if v, ok := m.(hooks.Validator); ok {
		validErr = v.Validate()
	}
	l, err := NewLoop(dir)
	if err != nil {
		return err
	}
	defer l.Close()
	beginErr := m.Begin(l.NewRun(0, 3))
	endErr := m.End(beginErr)
	switch {
	case validErr != nil:
		return fmt.Errorf("the monitor given to the kit is not valid: %w", validErr)
	case beginErr != nil:
		return fmt.Errorf("though Validate has no complaint, Begin says: %w", beginErr)
	}
	return endErr
}

func checkConstant(newMonitor func() hooks.Monitor, dir string) error {
	m := newMonitor()
	describe := func() string {
		text := fmt.Sprint("AllWorkers ", m.AllWorkers())
		if n, ok := m.(hooks.Named); ok {
			text += fmt.Sprintf(", Name %q", n.Name())
		}
		return text
	}
	before := describe()
	if n, ok := m.(hooks.Named); ok && n.Name() == "" {
		return errors.New(`Name is ""`)
	}
	_, err := drive(m, dir, nil)
	if after := describe(); err == nil && after != before {
		return fmt.Errorf("before a run: %s; after it: %s", before, after)
	}
	return nil // what else is wrong is for WholeRun to say
}

// drive makes a run with options and returns what the loop saw.
func drive(m hooks.Monitor, dir string, change func(*Loop)) (*Loop, error) {
	l, err := NewLoop(dir)
	if err != nil {
		return &Loop{}, err
	}
	defer l.Close()
	if change != nil {
		change(l)
	}
	return l, l.Run(m)
}

func checkWholeRun(newMonitor func() hooks.Monitor, dir string) error {
	_, err := drive(newMonitor(), dir, nil)
	return err
}

func checkResume(newMonitor func() hooks.Monitor, dir string) error {
	_, err := drive(newMonitor(), dir, func(l *Loop) { l.First = 1000 })
	return err
}

func checkStopped(newMonitor func() hooks.Monitor, dir string) error {
	_, err := drive(newMonitor(), dir, func(l *Loop) { l.StopAfter = 2 })
	return err
}

var errStep = errors.New("hookstest: the step failed on purpose")

func checkFailedStep(newMonitor func() hooks.Monitor, dir string) error {
	// A monitor may have ended the run before.
	if _, err := drive(newMonitor(), dir, func(l *Loop) { l.FailAfter = 2 }); err != errStep {
		return err
	}
	return nil
}

func checkNoStep(newMonitor func() hooks.Monitor, dir string) error {
	_, err := drive(newMonitor(), dir, func(l *Loop) { l.Steps = 0 })
	return err
}

func checkEndWithCause(newMonitor func() hooks.Monitor, dir string) error {
	m := newMonitor()
	l, err := NewLoop(dir)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := m.Begin(l.NewRun(0, -1)); err != nil {
		return err
	}
	return m.End(errStep)
}

func checkSecondRun(newMonitor func() hooks.Monitor, dir string) error {
	m := newMonitor()
	if _, err := drive(m, dir, nil); err != nil {
		return err
	}
	_, err := drive(m, dir, func(l *Loop) { l.First = int64(l.Steps) })
	return err
}

func checkUnknownEnd(newMonitor func() hooks.Monitor, dir string) error {
	_, err := drive(newMonitor(), dir, func(l *Loop) { l.Endless = true })
	return err
}

func checkNaN(newMonitor func() hooks.Monitor, dir string) error {
	l, err := drive(newMonitor(), dir, func(l *Loop) { l.LossAt = func(int64) float64 { return math.NaN() } })
	var nonFinite *hooks.NonFiniteError
	if err != nil && !errors.As(err, &nonFinite) {
		return err
	}
	if l.Requested.Save {
		return errors.New("it asked for a checkpoint")
	}
	if len(l.Requested.Evaluate) > 0 {
		return fmt.Errorf("it asked for the evaluations %q", l.Requested.Evaluate)
	}
	return nil
}

// checkOthersAsk adds a monitor that asks for a checkpoint and two evaluations at every
// step.
func checkOthersAsk(newMonitor func() hooks.Monitor, dir string) error {
	l, err := NewLoop(dir)
	if err != nil {
		return err
	}
	defer l.Close()
	l.Metrics = func(step int64, _ string) hooks.Metrics {
		return hooks.Metrics{"loss": 1 / float64(step), "global_step": float64(step), "undefined": math.NaN()}
	}
	var run *hooks.Run
	return l.Run(newMonitor(), hooks.Funcs{
		OnBegin: func(r *hooks.Run) error { run = r; return nil },
		OnStepEnd: func(int64, hooks.Outputs) (bool, error) {
			run.RequestSave()
			run.RequestEvaluate("")
			run.RequestEvaluate("hookstest")
			return false, nil
		},
	})
}

func checkState(newMonitor func() hooks.Monitor, dir string) error {
	m := newMonitor()
	if _, err := drive(m, dir, nil); err != nil {
		return err
	}
	state, err := m.State()
	if err != nil {
		return err
	}
	fresh := newMonitor()
	if err := fresh.SetState(bytes.Clone(state)); err != nil {
		return err
	}
	again, err := fresh.State()
	if err != nil {
		return err
	}
	if !bytes.Equal(state, again) {
		return fmt.Errorf("the state was %q and is %q after a restart", state, again)
	}
	return nil
}

func checkStateTwice(newMonitor func() hooks.Monitor, dir string) error {
	l, err := NewLoop(dir)
	if err != nil {
		return err
	}
	defer l.Close()
	m := newMonitor()
	return l.Run(m, hooks.Funcs{OnPostStep: func(step int64) error {
		first, err := m.State()
		if err != nil {
			return err
		}
		second, err := m.State()
		if err == nil && !bytes.Equal(first, second) {
			err = fmt.Errorf("it answered %q and then %q", first, second)
		}
		return err
	}})
}

func checkBeginKeepsState(newMonitor func() hooks.Monitor, dir string) error {
	m := newMonitor()
	if _, err := drive(m, dir, nil); err != nil {
		return err
	}
	state, err := m.State()
	if err != nil {
		return err
	}
	l, err := NewLoop(dir)
	if err != nil {
		return err
	}
	defer l.Close()
	fresh := newMonitor()
	if err := fresh.SetState(bytes.Clone(state)); err != nil {
		return err
	}
	if err := fresh.Begin(l.NewRun(6, 12)); err != nil {
		return err
	}
	again, err := fresh.State()
	if err := errors.Join(err, fresh.End(nil)); err != nil {
		return err
	}
	if !bytes.Equal(state, again) {
		return fmt.Errorf("the state was %q before Begin and is %q after it", state, again)
	}
	return nil
}

func checkEmptyState(newMonitor func() hooks.Monitor, dir string) error {
	state, err := newMonitor().State()
	if err != nil {
		return err
	}
	m := newMonitor()
	if err := m.SetState(state); err != nil {
		return err
	}
	_, err = drive(m, dir, nil)
	return err
}

func checkStateOfAStep(newMonitor func() hooks.Monitor, dir string) error {
	_, err := resumed(newMonitor, dir, 4, 3)
	return err
}

// resumed makes the first steps with one monitor and goes on with a fresh one for some
// more, as after a restart. It returns the fresh one's last state.
func resumed(newMonitor func() hooks.Monitor, dir string, first, more int) ([]byte, error) {
	m := newMonitor()
	if _, err := drive(m, dir, func(l *Loop) { l.Steps, l.LastStep = first, int64(first+more) }); err != nil {
		return nil, err
	}
	state, err := m.State()
	if err != nil {
		return nil, err
	}
	fresh := newMonitor()
	if len(state) > 0 { // as in the training loop
		if err := fresh.SetState(bytes.Clone(state)); err != nil {
			return nil, err
		}
	}
	if _, err := drive(fresh, dir, func(l *Loop) { l.First, l.Steps = int64(first), more }); err != nil {
		return nil, err
	}
	return fresh.State()
}

// ExactResume makes a run with a monitor, and the same run with one that is cut in two by
// a restart, and compares the last states: an error says that they differ. It is for
// monitors whose state depends on nothing but what they saw: not on the time, not on where
// a run began.
func ExactResume(newMonitor func() hooks.Monitor) error {
	return rule{check: func(newMonitor func() hooks.Monitor, dir string) error {
		m := newMonitor()
		if _, err := drive(m, dir, func(l *Loop) { l.Steps = 10 }); err != nil {
			return err
		}
		want, err := m.State()
		if err != nil {
			return err
		}
		for first := 1; first < 10; first++ {
			got, err := resumed(newMonitor, dir, first, 10-first)
			if err != nil {
				return err
			}
			if !bytes.Equal(want, got) {
				return fmt.Errorf("hookstest: ExactResume: the state is %q after 10 steps, but %q when the run is cut after step %d", want, got, first)
			}
		}
		return nil
	}}.apply(newMonitor)
}

// checkOnly looks for one thing that a monitor must not do.
func checkOnly(forbidden error) func(func() hooks.Monitor, string) error {
	return func(newMonitor func() hooks.Monitor, dir string) error {
		if _, err := drive(newMonitor(), dir, nil); errors.Is(err, forbidden) {
			return err
		}
		return nil // what else is wrong is for WholeRun to say
	}
}
