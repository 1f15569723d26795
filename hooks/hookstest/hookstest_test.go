package hookstest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/hooks/hookstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// good does a little of everything as it should be done.
type good struct {
	hooks.Base
	run   *hooks.Run
	Steps int64
}

func (g *good) Validate() error            { return nil }
func (g *good) Begin(run *hooks.Run) error { g.run = run; return nil }
func (g *good) State() ([]byte, error)     { return json.Marshal(g.Steps) }
func (g *good) SetState(state []byte) error {
	return json.Unmarshal(state, &g.Steps)
}

func (g *good) StepBegin(int64) ([]*gorgonia.Node, error) { return []*gorgonia.Node{g.run.Loss}, nil }

func (g *good) StepEnd(_ int64, out hooks.Outputs) (bool, error) {
	if _, err := out.Scalar(g.run.Loss); err != nil {
		return false, err
	}
	if g.Steps++; out.Finite() {
		g.run.RequestSave()
		g.run.RequestEvaluate("test")
	}
	return false, nil
}

func TestAGoodMonitorPasses(t *testing.T) {
	newMonitor := func() hooks.Monitor { return &good{} }
	hookstest.Run(t, newMonitor)
	require.NoError(t, hookstest.TestMonitor(newMonitor))
}

// broken is good but for what one of its functions does.
type broken struct {
	good
	begin     func(*hooks.Run) error
	stepEnd   func(step int64, out hooks.Outputs) error
	end       func(cause error) error
	state     func() ([]byte, error)
	setState  func([]byte) error
	validate  func() error
	nodes     func() []*gorgonia.Node
	postStep  func(step int64) error
	evaluated func(step int64, name string, results hooks.Metrics) error
	name      func() string
	saved     func(step int64) error
	everyone  bool
	begun     bool
	resumed   bool
	asked     int
}

func (b *broken) AllWorkers() bool { return b.everyone }

func (b *broken) Validate() error {
	if b.validate == nil {
		return nil
	}
	return b.validate()
}

func (b *broken) Begin(run *hooks.Run) error {
	b.run = run
	if b.begin == nil {
		return nil
	}
	return b.begin(run)
}

func (b *broken) StepBegin(step int64) ([]*gorgonia.Node, error) {
	if b.nodes == nil {
		return b.good.StepBegin(step)
	}
	return b.nodes(), nil
}

func (b *broken) StepEnd(step int64, out hooks.Outputs) (bool, error) {
	b.Steps++
	if b.stepEnd == nil {
		return false, nil
	}
	return false, b.stepEnd(step, out)
}

func (b *broken) PostStep(step int64) error {
	if b.postStep == nil {
		return nil
	}
	return b.postStep(step)
}

func (b *broken) Evaluated(step int64, name string, results hooks.Metrics) error {
	if b.evaluated == nil {
		return nil
	}
	return b.evaluated(step, name, results)
}

func (b *broken) Saved(step int64, _ string) error {
	if b.saved == nil {
		return nil
	}
	return b.saved(step)
}

func (b *broken) Name() string {
	if b.name == nil {
		return "broken"
	}
	return b.name()
}

func (b *broken) End(cause error) error {
	if b.end == nil {
		return nil
	}
	return b.end(cause)
}

func (b *broken) State() ([]byte, error) {
	if b.state == nil {
		return b.good.State()
	}
	return b.state()
}

func (b *broken) SetState(state []byte) error {
	if b.setState == nil {
		return b.good.SetState(state)
	}
	return b.setState(state)
}

// Every rule finds the monitor that breaks it, and its message states the rule.
func TestEveryRuleCanFail(t *testing.T) {
	var working atomic.Int32
	var left []*os.File
	defer func() {
		for _, f := range left {
			f.Close()
		}
	}()
	boom, stuck := errors.New("boom"), make(chan struct{})
	foreign := graph.New().Placeholder("elsewhere", tensor.Float32)
	shared := &good{}
	defer hookstest.SetPatience(50 * time.Millisecond)()
	with := func(change func(*broken)) func() hooks.Monitor {
		return func() hooks.Monitor { b := &broken{}; change(b); return b }
	}
	rows := []struct {
		rule, finding string
		newMonitor    func() hooks.Monitor
	}{
		{"NotNil", "it returned nil", func() hooks.Monitor { return nil }},
		{"NotNil", "it returned the same monitor twice", func() hooks.Monitor { return shared }},
		{"Validate", "the monitor given to the kit is not valid: boom", with(func(b *broken) { b.validate = func() error { return boom } })},
		{"Validate", "though Validate has no complaint, Begin says: boom", with(func(b *broken) { b.begin = func(*hooks.Run) error { return boom } })},
		{"Constant", `Name is ""`, with(func(b *broken) { b.name = func() string { return "" } })},
		{"Constant", `before a run: AllWorkers false, Name "0"; after it: AllWorkers false, Name "6"`, with(func(b *broken) { b.name = func() string { return fmt.Sprint(b.Steps) } })},
		{"WholeRun", "StepEnd at step 3: boom", with(func(b *broken) {
			b.stepEnd = func(step int64, _ hooks.Outputs) error {
				if step == 3 {
					return boom
				}
				return nil
			}
		})},
		{"WholeRun", "panic: at step 5", with(func(b *broken) {
			b.stepEnd = func(step int64, _ hooks.Outputs) error {
				if step == 5 {
					panic("at step 5")
				}
				return nil
			}
		})},
		{"WholeRun", "node 0 asked for is nil", with(func(b *broken) { b.nodes = func() []*gorgonia.Node { return []*gorgonia.Node{nil} } })},
		{"Resume", "StepEnd at step 1001: counted 1", with(func(b *broken) {
			b.stepEnd = func(step int64, _ hooks.Outputs) error {
				if step != b.Steps {
					return fmt.Errorf("counted %d", b.Steps)
				}
				return nil
			}
		})},
		{"StopVote", "End: boom", with(func(b *broken) {
			b.end = func(cause error) error {
				if cause == nil && b.Steps == 2 {
					return boom
				}
				return nil
			}
		})},
		{"FailedStep", "End: boom", with(func(b *broken) {
			b.end = func(cause error) error {
				if cause != nil && b.Steps > 0 {
					return boom
				}
				return nil
			}
		})},
		{"NoStep", "integer divide by zero", with(func(b *broken) {
			b.end = func(cause error) error { b.Steps = 100 / b.Steps; return nil }
		})},
		{"EndWithoutRun", "boom", with(func(b *broken) { b.end = func(cause error) error { return errors.Join(cause, boom) } })},
		{"SecondRun", "Begin: boom", with(func(b *broken) {
			b.begin = func(*hooks.Run) error {
				if b.begun {
					return boom
				}
				b.begun = true
				return nil
			}
		})},
		{"UnknownEnd", "integer divide by zero", with(func(b *broken) {
			b.begin = func(run *hooks.Run) error { b.Steps = 100 / (run.BatchesPerEpoch + 1); b.Steps = 0; return nil }
		})},
		{"Worker", "panic: runtime error: invalid memory address", with(func(b *broken) {
			b.everyone = true
			b.end = func(error) error { return b.run.Summaries.Flush() }
		})},
		{"NaNLoss", "it asked for a checkpoint", with(func(b *broken) { b.stepEnd = func(int64, hooks.Outputs) error { b.run.RequestSave(); return nil } })},
		{"NaNLoss", `it asked for the evaluations ["a" "a" "a" "a" "a" "a"]`, with(func(b *broken) {
			b.stepEnd = func(int64, hooks.Outputs) error { b.run.RequestEvaluate("a"); return nil }
		})},
		{"NaNLoss", "boom", with(func(b *broken) {
			b.stepEnd = func(_ int64, out hooks.Outputs) error {
				if !out.Finite() {
					return boom
				}
				return nil
			}
		})},
		{"State", `the state was "6" and is "0" after a restart`, with(func(b *broken) { b.setState = func([]byte) error { return nil } })},
		{"State", "boom", with(func(b *broken) { b.state = func() ([]byte, error) { return nil, boom } })},
		{"BeginKeepsState", `the state was "6" before Begin and is "0" after it`, with(func(b *broken) { b.begin = func(*hooks.Run) error { b.Steps = 0; return nil } })},
		{"EmptyState", "there is no state", with(func(b *broken) {
			b.state = func() ([]byte, error) {
				if b.Steps == 0 {
					return nil, nil
				}
				return b.good.State()
			}
			b.setState = func(state []byte) error {
				if len(state) == 0 {
					return errors.New("there is no state")
				}
				return b.good.SetState(state)
			}
		})},
		{"OwnNodes", `node "elsewhere": it belongs to another graph`, with(func(b *broken) { b.nodes = func() []*gorgonia.Node { return []*gorgonia.Node{foreign} } })},
		{"Cancelled", "is still waiting 50ms after the run was cancelled", with(func(b *broken) {
			b.begin = func(run *hooks.Run) error {
				if run.Context.Err() != nil {
					<-stuck
				}
				return nil
			}
		})},
		{"Worker", `run.OutputDir had the files [] and has ["mine.txt (2 bytes)"]`, with(func(b *broken) {
			b.everyone = true
			b.begin = func(run *hooks.Run) error {
				return os.WriteFile(filepath.Join(run.OutputDir, "mine.txt"), []byte("me"), 0o600)
			}
		})},
		{"NaNLoss", "it was not computed", with(func(b *broken) {
			b.nodes = func() []*gorgonia.Node { return []*gorgonia.Node{b.run.TrainOp} }
			b.stepEnd = func(_ int64, out hooks.Outputs) error { _, err := out.Scalar(b.run.TrainOp); return err }
		})},
		{"OthersAsk", `Evaluated at step 1: what is "hookstest"?`, with(func(b *broken) {
			b.evaluated = func(_ int64, name string, _ hooks.Metrics) error {
				if name == "hookstest" {
					return fmt.Errorf("what is %q?", name)
				}
				return nil
			}
		})},
		{"OthersAsk", `Evaluated at step 1: json: unsupported value: NaN`, with(func(b *broken) {
			b.evaluated = func(_ int64, _ string, results hooks.Metrics) error {
				_, err := json.Marshal(map[string]float64(results))
				return err
			}
		})},
		{"LateSaves", "Saved at step 1: this is step 2", with(func(b *broken) {
			b.saved = func(step int64) error {
				if now := b.run.FirstStep + b.Steps; step != now {
					return fmt.Errorf("this is step %d", now)
				}
				return nil
			}
			b.begin = func(*hooks.Run) error { b.Steps = 0; return nil }
		})},
		{"StateTwice", `it answered "1" and then "2"`, with(func(b *broken) {
			b.state = func() ([]byte, error) { b.asked++; return fmt.Append(nil, b.asked-1), nil } // 0 was for the checkpoint of step 0
			b.setState = func(state []byte) (err error) { b.asked, err = strconv.Atoi(string(state)); return err }
		})},
		{"StateOfAStep", `StepEnd at step 5: the state was lost`, with(func(b *broken) {
			b.setState = func(state []byte) error { b.resumed = string(state) == "4"; return nil }
			b.state = func() ([]byte, error) { return fmt.Append(nil, b.Steps), nil }
			b.stepEnd = func(int64, hooks.Outputs) error {
				if b.resumed {
					return errors.New("the state was lost")
				}
				return nil
			}
		})},
		{"SharedValues", `the value of node "weight": the monitor changed it`, with(func(b *broken) {
			b.nodes = func() []*gorgonia.Node { return []*gorgonia.Node{b.run.Graph.VariableNamed("weight").Node} }
			b.stepEnd = func(_ int64, out hooks.Outputs) error {
				v, err := out.ByName("weight")
				v.Data().([]float32)[0] = 7
				return err
			}
		})},
		{"NoRunWithin", "the monitor ran the session between StepBegin and StepEnd", with(func(b *broken) {
			b.stepEnd = func(int64, hooks.Outputs) error {
				_, err := b.run.Session.Run(b.run.Context, gorgonia.Nodes{b.run.Graph.VariableNamed("weight").Node}, nil)
				return err
			}
		})},
		{"NoLateRequests", "in End the monitor asked for", with(func(b *broken) { b.end = func(error) error { b.run.RequestSave(); return nil } })},
		{"Concurrent", "somebody else is at work", with(func(b *broken) {
			b.begin = func(run *hooks.Run) error {
				if _, err := strconv.Atoi(filepath.Base(run.OutputDir)); err != nil {
					return nil // not one of several runs
				}
				if working.Add(1) > 1 {
					return errors.New("somebody else is at work")
				}
				for end := time.Now().Add(5 * time.Second); working.Load() < 2 && time.Now().Before(end); {
					runtime.Gosched() // the others are about to begin
				}
				return nil
			}
		})},
		{"Files", "hookstest_test.go is still open", with(func(b *broken) {
			b.begin = func(*hooks.Run) error { f, err := os.Open("hookstest_test.go"); left = append(left, f); return err }
		})},
		{"TrainingLoop", "the resumed run: monitor broken: Begin: resumed at 3", with(func(b *broken) {
			b.begin = func(run *hooks.Run) error {
				if run.FirstStep == 3 && run.LastStep == 6 && run.GlobalStep != nil {
					return fmt.Errorf("resumed at %d", run.FirstStep)
				}
				return nil
			}
		})},
		{"Goroutines", "goroutines before the run", with(func(b *broken) {
			b.begin = func(*hooks.Run) error { go func() { <-stuck }(); return nil }
		})},
	}
	seen := map[string]bool{}
	for _, row := range rows {
		t.Run(row.rule, func(t *testing.T) {
			require.ErrorContains(t, hookstest.Apply(row.rule, row.newMonitor), row.finding)
			seen[row.rule] = true
		})
	}
	close(stuck)
	for _, rule := range hookstest.Rules() {
		require.True(t, seen[rule], "nothing here breaks the rule %s", rule)
	}
}

// All violations are one error, each with its rule.
func TestViolations(t *testing.T) {
	err := hookstest.TestMonitor(func() hooks.Monitor { return &broken{setState: func([]byte) error { return nil }} })
	require.ErrorContains(t, err, "State: the rule: State must survive a restart: a fresh monitor given it by SetState answers the same State. the finding: ")
	require.ErrorContains(t, err, "BeginKeepsState: the rule: ")
	require.NotContains(t, err.Error(), "WholeRun")
}
