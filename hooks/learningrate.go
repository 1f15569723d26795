package hooks

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/optim"
)

// LearningRate logs the optimizer's rate and writes it as a summary. Make one with
// [NewLearningRate].
type LearningRate struct {
	Base
	schedule Schedule
	timer    *Timer
	run      *Run
	nodes    gorgonia.Nodes
	tags     []string
	due      bool
	rate     float64
}

// NewLearningRate reports, at the first step and by the schedule of steps or time, the
// rate of the step's own update, after the optimizer's schedule. The tag is
// "learning_rate"; where the train op has several optimizers it is the rate's node, such
// as "Adam/learning_rate". Begin reports a train op that is not of package optim.
func NewLearningRate(schedule Schedule) *LearningRate { return &LearningRate{schedule: schedule} }

// Validate reports a bad schedule.
func (l *LearningRate) Validate() error {
	if err := l.schedule.validateSteps(); err != nil {
		return fmt.Errorf("hooks: LearningRate: %w", err)
	}
	return nil
}

// Begin finds the rates.
func (l *LearningRate) Begin(run *Run) error {
	if err := l.Validate(); err != nil {
		return err
	}
	l.run, l.timer, l.rate, l.tags = run, NewTimer(l.schedule), 0, nil
	if l.nodes = optim.LearningRatesOf(run.TrainOp); len(l.nodes) == 0 {
		return errors.New("hooks: LearningRate: the train op has no optimizer of package optim")
	}
	for _, n := range l.nodes {
		l.tags = append(l.tags, n.Name())
	}
	if len(l.tags) == 1 {
		l.tags[0] = "learning_rate"
	}
	return nil
}

// StepBegin asks for the rates when they are due.
func (l *LearningRate) StepBegin(step int64) ([]*gorgonia.Node, error) {
	if l.due = l.timer.Due(step); !l.due {
		return nil, nil
	}
	return l.nodes, nil
}

// StepEnd reports them.
func (l *LearningRate) StepEnd(step int64, out Outputs) (bool, error) {
	if !l.due {
		return false, nil
	}
	l.timer.Trigger(step)
	values, err := out.valuesOf(l.nodes)
	if err != nil {
		return false, err
	}
	l.run.Logger.Info(valuesText(l.tags, values), "step", step)
	for i, v := range values {
		if v == nil {
			continue // it depends on an update
		}
		rate, err := number(v)
		if err != nil {
			return false, err
		}
		if i == 0 {
			l.rate = rate
		}
		if l.run.Summaries == nil {
			continue
		}
		if err := l.run.Summaries.Scalar(l.tags[i], rate, step); err != nil {
			return false, fmt.Errorf("hooks: LearningRate: %w", err)
		}
	}
	return false, nil
}

// LastRate returns the rate reported last, the first optimizer's where there are several;
// 0 before.
func (l *LearningRate) LastRate() float64 { return l.rate }
