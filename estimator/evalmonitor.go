package estimator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
)

// evalMonitor carries an EvalSpec through a fit: it asks for the evaluations that belong
// to checkpoints and to the last step, notes all results, and has their checkpoints kept
// and exported. A schedule of steps is followed by a hooks.Validation beside it.
type evalMonitor struct {
	hooks.Base
	spec EvalSpec
	est  *Estimator
	ctx  context.Context // of the fit
	all  *Evaluations
	best *bestKeeper // nil to keep none

	run       *hooks.Run
	begun     time.Time
	asked     time.Time     // when the last evaluation was asked for, zero for never
	step      int64         // the last step made
	decided   int64         // the last step that an evaluation was asked for or passed over, -1 for none
	evaluated int64         // the step of the last evaluation, -1 for none
	saved     int64         // the step of the last checkpoint, -1 for none
	path      string        // of that checkpoint
	waiting   []*Evaluation // for their checkpoints, which may be written in the background
	resumed   evalState
}

// evalState is what survives a restart.
type evalState struct {
	Best []bestEntry `json:"best,omitempty"`
	// Waiting is the evaluation of this very step: the checkpoint was written for it, and
	// what follows the checkpoint may not have been done.
	Waiting *waitingState `json:"waiting,omitempty"`
}

type waitingState struct {
	Step    int64   `json:"step"`
	Metrics Metrics `json:"metrics"`
}

func (e *Estimator) newEvalMonitor(ctx context.Context, spec EvalSpec, all *Evaluations) *evalMonitor {
	return &evalMonitor{spec: spec, est: e, ctx: ctx, all: all, best: spec.keeper(), decided: -1, evaluated: -1, saved: -1}
}

// keeper returns what keeps the best evaluations, nil when there are none to keep.
func (s EvalSpec) keeper() *bestKeeper {
	if s.best == nil {
		return nil
	}
	return &bestKeeper{bestOf: s.best, evaluation: s.name}
}

// monitors returns the monitor, and the one that follows a schedule of steps if there is
// one.
func (m *evalMonitor) monitors() []hooks.Monitor {
	if m.spec.atGiven && m.spec.at.String() != hooks.Never().String() {
		return []hooks.Monitor{hooks.NewValidation(m.spec.name, m.spec.at), m}
	}
	return []hooks.Monitor{m}
}

// Name is the key of the state in checkpoints.
func (m *evalMonitor) Name() string { return "estimator.EvalSpec/" + m.spec.name }

// Begin goes on with what an earlier run left.
func (m *evalMonitor) Begin(run *hooks.Run) error {
	m.run, m.begun, m.asked, m.step, m.waiting = run, time.Now(), time.Time{}, run.FirstStep, nil
	m.decided, m.evaluated, m.saved = -1, -1, -1
	if !m.spec.atGiven {
		run.Logger.Info(fmt.Sprintf("evaluation %q: %s", m.spec.name, m.spec.schedule()))
	}
	if m.best != nil {
		if err := m.best.recall(run.OutputDir); errors.Is(err, saver.ErrCorrupt) {
			run.Logger.Warn("what earlier runs found to be the best may be forgotten", "reason", err)
		} else if err != nil {
			return err
		}
		if err := m.best.pin(run.OutputDir); err != nil {
			return err
		}
	}
	if w := m.resumed.Waiting; w != nil && w.Step == run.FirstStep {
		return m.settle(&Evaluation{Name: m.spec.name, Step: w.Step, Metrics: w.Metrics}, m.est.live.Checkpoint)
	}
	return nil
}

// PostStep asks for the evaluation of the last step, and of a step that is to be saved.
func (m *evalMonitor) PostStep(step int64) error {
	m.step = step
	if step == m.run.LastStep {
		m.ask()
	}
	m.atCheckpoint()
	return nil
}

// EpochEnd does so for checkpoints that belong to ends of epochs.
func (m *evalMonitor) EpochEnd(int64) error {
	m.atCheckpoint()
	return nil
}

// atCheckpoint asks for the evaluation if this step will have a checkpoint. The evaluation
// comes first, so that the checkpoint has what monitors learn from it.
func (m *evalMonitor) atCheckpoint() {
	if m.spec.atGiven || !m.run.SaveRequested() || m.decided == m.step {
		return
	}
	var why string
	switch now := time.Now(); {
	case now.Sub(m.begun) < m.spec.startDelay:
		why = fmt.Sprintf("training began less than %v ago", m.spec.startDelay)
	case !m.asked.IsZero() && now.Sub(m.asked) < m.spec.throttle:
		why = fmt.Sprintf("the last one began less than %v ago", m.spec.throttle)
	default:
		m.ask()
		return
	}
	m.decided = m.step
	m.run.Logger.Info(fmt.Sprintf("evaluation %q of the checkpoint is passed over: %s", m.spec.name, why), "step", m.step)
}

func (m *evalMonitor) ask() {
	m.decided, m.asked = m.step, time.Now()
	m.run.RequestEvaluate(m.spec.name)
}

// Saved goes on with an evaluation that waited for its checkpoint.
func (m *evalMonitor) Saved(step int64, path string) error {
	m.saved, m.path = step, path
	for i, w := range m.waiting {
		if w.Step == step {
			m.waiting = slices.Delete(m.waiting, i, i+1)
			return m.settle(w, path)
		}
	}
	return nil
}

// Evaluated notes the results. What needs a checkpoint waits for it.
func (m *evalMonitor) Evaluated(step int64, name string, results hooks.Metrics) error {
	if name != m.spec.name {
		return nil
	}
	if !m.spec.atGiven {
		m.run.Logger.Info(fmt.Sprintf("evaluation %q: %v", name, results), "step", step)
	}
	evaluation := &Evaluation{Name: name, Step: step, Metrics: maps.Clone(results), Final: step == m.run.LastStep}
	m.evaluated = step
	*m.all = append(*m.all, evaluation)
	needs := len(m.spec.exporters) > 0
	if m.best != nil {
		changed, err := m.best.consider(step, results)
		if err != nil {
			return fmt.Errorf("KeepBest: %w", err)
		}
		needs = needs || changed
	}
	switch {
	case !needs:
	case m.saved == step:
		return m.settle(evaluation, m.path)
	default:
		m.waiting = append(m.waiting, evaluation)
		m.run.RequestSave()
	}
	return nil
}

// settle has a checkpoint that was evaluated kept and exported.
func (m *evalMonitor) settle(evaluation *Evaluation, path string) error {
	var pending []int64
	for _, w := range m.waiting {
		pending = append(pending, w.Step)
	}
	return m.est.settle(m.ctx, m.spec, m.best, evaluation, path, pending...)
}

// State returns what must not be forgotten with the run, nothing where nothing is kept or
// exported.
func (m *evalMonitor) State() ([]byte, error) {
	var s evalState
	if m.best != nil {
		s.Best = m.best.entries
	}
	if n := len(m.waiting); n > 0 {
		w := m.waiting[n-1] // the loop settles those before first
		s.Waiting = &waitingState{Step: w.Step, Metrics: w.Metrics}
	}
	if len(s.Best) == 0 && s.Waiting == nil {
		return nil, nil
	}
	return json.Marshal(s)
}

// SetState goes on with what an earlier run knew.
func (m *evalMonitor) SetState(state []byte) error {
	m.resumed = evalState{}
	if len(state) == 0 {
		return nil
	}
	if err := json.Unmarshal(state, &m.resumed); err != nil {
		return fmt.Errorf("estimator: the state of EvalSpec %q: %w", m.spec.name, err)
	}
	if m.best != nil {
		m.best.resume(m.resumed.Best)
	}
	return nil
}
