// Package hookstest is a conformance kit for authors of monitors.
//
//		func TestConformance(t *testing.T) {
//			hookstest.Run(t, func() hooks.Monitor { return mymonitor.New(...) })
//		}
//
//	  - [Run] drives the monitor in many ways, over [Loop], a stand-in for the training
//	    loop, and over the training loop itself, and states the rule in words when one is
//	    broken.
//	  - [Rejects] is for arguments that are wrong.
//	  - [Loop] serves tests of a monitor's own behaviour.
//	  - [Recorder] wraps a monitor and tells what was called, and whether in the right
//	    order: for tests of programs that call monitors.
//	  - [ExactResume] is for monitors whose state depends on nothing but what they saw.
//
// Run the tests with -race too: one rule has several monitors at work at once.
package hookstest

import (
	"errors"
	"fmt"
	"os"
	"testing"

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
	{"Constant", "AllWorkers, and Name where there is one, must not change, and Name must not be empty", checkConstant},
	{"WholeRun", "a run of a few steps must pass without an error", checkWholeRun},
	{"Resume", "a run that starts from a later step must pass: do not count steps yourself", checkResume},
	{"StopVote", "End must work after a run that another monitor stopped", checkStopped},
	{"FailedStep", "End must work when a step failed and StepEnd was never called for it", checkFailedStep},
	{"NoStep", "End must work when no step was made", checkNoStep},
	{"EndWithoutRun", "End must work when Begin failed or only just returned, and with a cause", checkEndWithCause},
	{"Cancelled", "when run.Context is done the monitor must stop waiting and return, for the loop to end the run", checkCancelled},
	{"SecondRun", "the same monitor must work for another run after End", checkSecondRun},
	{"UnknownEnd", "a run may have no epochs and no known end: LastStep and BatchesPerEpoch are then -1", checkUnknownEnd},
	{"Worker", "a monitor for all workers must work where it is not the chief: run.Summaries is nil there, and nothing may be written to run.OutputDir", checkWorker},
	{"NaNLoss", "a loss that is not finite must not make the monitor ask for a checkpoint or an evaluation, and values that depend on an update are then hooks.ErrNotComputed", checkNaN},
	{"OthersAsk", "other monitors may ask for checkpoints and for evaluations of any name at every step, and a metric may be NaN", checkOthersAsk},
	{"LateSaves", "Saved may come some steps after the one that was saved, when checkpoints are written in the background", checkLateSaves},
	{"State", "State must survive a restart: a fresh monitor given it by SetState answers the same State", checkState},
	{"StateTwice", "State must only answer: asked twice between two steps it must answer the same", checkStateTwice},
	{"BeginKeepsState", "Begin must keep what SetState gave back, for the first checkpoint of the run holds the State after it", checkBeginKeepsState},
	{"EmptyState", "SetState must accept the state of a monitor that has not run", checkEmptyState},
	{"StateOfAStep", "a run must pass that goes on with the State of a checkpoint in the middle of another", checkStateOfAStep},
	{"OwnNodes", "StepBegin must ask for nodes of run.Graph only", checkOnly(errForeign)},
	{"SharedValues", "the values of a step are shared by the monitors and must not be changed", checkOnly(errChanged)},
	{"NoRunWithin", "run.Session must not be run from StepBegin to StepEnd: use PostStep", checkOnly(errRan)},
	{"NoLateRequests", "nothing may be asked of the run in End, for nobody serves it", checkOnly(errLate)},
	{"Concurrent", "monitors of several runs at once, each in its own goroutine, must share nothing", checkConcurrent},
	{"Goroutines", "no goroutine may be left after End", checkGoroutines},
	{"Files", "no file may be left open after End", checkFiles},
	{"TrainingLoop", "graphactions.Train must pass with the monitor, from the beginning and resumed by a fresh one", checkTrainingLoop},
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
