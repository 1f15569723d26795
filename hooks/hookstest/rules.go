package hookstest

import (
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

// saving asks for a checkpoint at every step.
func saving() hooks.Monitor {
	var run *hooks.Run
	return hooks.Funcs{
		OnBegin:   func(r *hooks.Run) error { run = r; return nil },
		OnStepEnd: func(int64, hooks.Outputs) (bool, error) { run.RequestSave(); return false, nil },
	}
}

func checkLateSaves(newMonitor func() hooks.Monitor, dir string) error {
	l, err := NewLoop(dir)
	if err != nil {
		return err
	}
	defer l.Close()
	l.LateSaves = true
	return l.Run(newMonitor(), saving())
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

// checkOnly looks for one thing that a monitor must not do.
func checkOnly(forbidden error) func(func() hooks.Monitor, string) error {
	return func(newMonitor func() hooks.Monitor, dir string) error {
		if _, err := drive(newMonitor(), dir, nil); errors.Is(err, forbidden) {
			return err
		}
		return nil // what else is wrong is for WholeRun to say
	}
}
