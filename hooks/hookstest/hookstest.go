// Package hookstest is a conformance kit for authors of monitors.
//
//	func TestConformance(t *testing.T) {
//		hookstest.Run(t, func() hooks.Monitor { return mymonitor.New(...) })
//	}
//
// It drives the monitor over a small real graph with [Loop], a stand-in for the
// training loop, and states the rule in words when one is broken.
package hookstest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/stheno-ml/stheno/hooks"
)

// rule is one case of the kit.
type rule struct {
	name, text string
	check      func(newMonitor func() hooks.Monitor, dir string) error
}

var rules = []rule{
	{"NotNil", "the function given to the kit must return a fresh monitor each time", checkFresh},
	{"Validate", "the monitor given to the kit must be valid, for Validate and for Begin", checkValidate},
	{"WholeRun", "a run of a few steps must pass without an error", checkWholeRun},
	{"Resume", "a run that starts from a later step must pass: do not count steps yourself", checkResume},
	{"StopVote", "End must work after a run that another monitor stopped", checkStopped},
	{"FailedStep", "End must work when a step failed and StepEnd was never called for it", checkFailedStep},
	{"NoStep", "End must work when no step was made", checkNoStep},
	{"EndWithoutRun", "End must work when Begin failed or only just returned, and with a cause", checkEndWithCause},
	{"SecondRun", "the same monitor must work for another run after End", checkSecondRun},
	{"UnknownEnd", "a run may have no epochs and no known end: LastStep and BatchesPerEpoch are then -1", checkUnknownEnd},
	{"Worker", "a monitor for all workers must work where it is not the chief and run.Summaries is nil", checkWorker},
	{"NaNLoss", "a loss that is not finite must not make the monitor ask for a checkpoint or an evaluation", checkNaN},
	{"State", "State must survive a restart: a fresh monitor given it by SetState answers the same State", checkState},
	{"BeginKeepsState", "Begin must keep what SetState gave back, for the first checkpoint of the run holds the State after it", checkBeginKeepsState},
	{"EmptyState", "SetState must accept the state of a monitor that has not run", checkEmptyState},
	{"OwnNodes", "StepBegin must ask for nodes of run.Graph only", checkNodes},
	{"Goroutines", "no goroutine may be left after End", checkGoroutines},
}

// Run checks monitors that newMonitor makes against every rule, each as a subtest.
// newMonitor must return a fresh, valid monitor at each call.
func Run(t *testing.T, newMonitor func() hooks.Monitor) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			if err := r.apply(newMonitor); err != nil {
				t.Errorf("the rule: %s.\nthe finding: %v", r.text, err)
			}
		})
	}
}

// TestMonitor checks every rule and returns all violations as one error, nil when there
// are none.
func TestMonitor(newMonitor func() hooks.Monitor) error {
	var errs []error
	for _, r := range rules {
		if err := r.apply(newMonitor); err != nil {
			errs = append(errs, fmt.Errorf("%s: the rule: %s. the finding: %w", r.name, r.text, err))
		}
	}
	return errors.Join(errs...)
}

func (r rule) apply(newMonitor func() hooks.Monitor) (err error) {
	dir, err := os.MkdirTemp("", "hookstest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return r.check(newMonitor, dir)
}

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

func checkWorker(newMonitor func() hooks.Monitor, dir string) error {
	m := newMonitor()
	if !m.AllWorkers() {
		return nil
	}
	_, err := drive(m, dir, func(l *Loop) { l.Worker = true })
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

func checkNodes(newMonitor func() hooks.Monitor, dir string) error {
	if _, err := drive(newMonitor(), dir, nil); errors.Is(err, errForeign) {
		return err
	}
	return nil // what else is wrong is for WholeRun to say
}

func checkGoroutines(newMonitor func() hooks.Monitor, dir string) error {
	before := runtime.NumGoroutine()
	if _, err := drive(newMonitor(), dir, nil); err != nil {
		return err
	}
	// Goroutines that were told to end need a moment.
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("there were %d goroutines before the run and are %d after it", before, runtime.NumGoroutine())
}
