package hookstest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

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
	begin    func(*hooks.Run) error
	stepEnd  func(step int64, out hooks.Outputs) error
	end      func(cause error) error
	state    func() ([]byte, error)
	setState func([]byte) error
	validate func() error
	nodes    func() []*gorgonia.Node
	everyone bool
	begun    bool
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
	boom, stuck := errors.New("boom"), make(chan struct{})
	foreign := graph.New().Placeholder("elsewhere", tensor.Float32)
	shared := &good{}
	with := func(change func(*broken)) func() hooks.Monitor {
		return func() hooks.Monitor { b := &broken{}; change(b); return b }
	}
	rows := []struct {
		rule, finding string
		newMonitor    func() hooks.Monitor
	}{
		{"NotNil", "the function given to the kit must return a fresh monitor each time. the finding: it returned nil", func() hooks.Monitor { return nil }},
		{"NotNil", "it returned the same monitor twice", func() hooks.Monitor { return shared }},
		{"Validate", "the monitor given to the kit is not valid: boom", with(func(b *broken) { b.validate = func() error { return boom } })},
		{"Validate", "though Validate has no complaint, Begin says: boom", with(func(b *broken) { b.begin = func(*hooks.Run) error { return boom } })},
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
		{"Goroutines", "goroutines before the run", with(func(b *broken) {
			b.begin = func(*hooks.Run) error { go func() { <-stuck }(); return nil }
		})},
	}
	seen := map[string]bool{}
	for _, row := range rows {
		t.Run(row.rule, func(t *testing.T) {
			err := hookstest.TestMonitor(row.newMonitor)
			require.Error(t, err)
			finding := findingOf(err, row.rule)
			require.NotEmpty(t, finding, "no violation of %s in %v", row.rule, err)
			require.Contains(t, finding, row.finding)
			seen[row.rule] = true
		})
	}
	close(stuck)
	for _, rule := range hookstest.Rules() {
		require.True(t, seen[rule], "nothing here breaks the rule %s", rule)
	}
}

// findingOf returns the part of the kit's error that is about a rule.
func findingOf(err error, rule string) string {
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		if strings.HasPrefix(e.Error(), rule+": the rule: ") {
			return e.Error()
		}
	}
	return ""
}
