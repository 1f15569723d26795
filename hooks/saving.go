package hooks

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// CheckpointSaver asks for checkpoints by a schedule. The loop saves the first state
// and the last in any case, so the schedule counts from the beginning of the run. Make
// one with [NewCheckpointSaver].
type CheckpointSaver struct {
	Base
	schedule Schedule
	timer    *Timer
	run      *Run
	step     int64
	healthy  bool
}

// NewCheckpointSaver returns a monitor that asks for checkpoints.
func NewCheckpointSaver(schedule Schedule) *CheckpointSaver {
	return &CheckpointSaver{schedule: schedule}
}

// Validate reports a bad schedule.
func (c *CheckpointSaver) Validate() error {
	if err := c.schedule.Validate(); err != nil {
		return fmt.Errorf("hooks: CheckpointSaver: %w", err)
	}
	return nil
}

// Begin starts the schedule.
func (c *CheckpointSaver) Begin(run *Run) error {
	c.run, c.timer, c.step = run, NewTimer(c.schedule), run.FirstStep
	c.timer.Trigger(run.FirstStep)
	return c.Validate()
}

// StepEnd asks for a checkpoint when one is due, never after a loss that is not finite.
func (c *CheckpointSaver) StepEnd(step int64, out Outputs) (bool, error) {
	c.step, c.healthy = step, out.Finite()
	if c.healthy && c.timer.Due(step) {
		c.run.RequestSave()
	}
	return false, nil
}

// EpochEnd asks for a checkpoint when the schedule has epochs.
func (c *CheckpointSaver) EpochEnd(epoch int64) error {
	if c.healthy && c.timer.EpochDue(epoch) {
		c.run.RequestSave()
	}
	return nil
}

// Saved restarts the schedule, whoever asked for the checkpoint.
func (c *CheckpointSaver) Saved(step int64, _ string) error {
	c.timer.Trigger(step)
	return nil
}

// SummarySaver writes the graph's summaries, and the loss under the tag "loss" unless
// one of them has that tag, to the run's event file. Make one with [NewSummarySaver].
type SummarySaver struct {
	Base
	schedule Schedule
	timer    *Timer
	run      *Run
	list     []graph.Summary
	nodes    []*gorgonia.Node
	withLoss bool
	due      bool
}

// NewSummarySaver writes at the first step and by the schedule. Summaries are computed
// at those steps only.
func NewSummarySaver(schedule Schedule) *SummarySaver { return &SummarySaver{schedule: schedule} }

// Validate reports a bad schedule.
func (s *SummarySaver) Validate() error {
	if err := s.schedule.Validate(); err != nil {
		return fmt.Errorf("hooks: SummarySaver: %w", err)
	}
	return nil
}

// Begin collects the graph's summaries.
func (s *SummarySaver) Begin(run *Run) error {
	s.run, s.timer, s.list, s.nodes, s.withLoss = run, NewTimer(s.schedule), run.Graph.SummaryList(), nil, true
	for _, summary := range s.list {
		s.nodes = append(s.nodes, summary.Node)
		s.withLoss = s.withLoss && summary.Tag != "loss"
	}
	return s.Validate()
}

// StepBegin asks for the summaries when they are due.
func (s *SummarySaver) StepBegin(step int64) ([]*gorgonia.Node, error) {
	if s.due = s.run.Summaries != nil && s.timer.Due(step); !s.due {
		return nil, nil
	}
	return s.nodes, nil
}

// StepEnd writes them.
func (s *SummarySaver) StepEnd(step int64, out Outputs) (bool, error) {
	if !s.due {
		return false, nil
	}
	s.timer.Trigger(step)
	if s.withLoss {
		if err := s.run.Summaries.Scalar("loss", out.Loss, step); err != nil {
			return false, fmt.Errorf("hooks: SummarySaver: %w", err)
		}
	}
	for _, summary := range s.list {
		if err := s.write(summary, step, out); err != nil {
			return false, fmt.Errorf("hooks: SummarySaver: summary %q: %w", summary.Tag, err)
		}
	}
	return false, nil
}

func (s *SummarySaver) write(summary graph.Summary, step int64, out Outputs) error {
	if summary.Kind == graph.ScalarSummary {
		x, err := out.Scalar(summary.Node)
		if err != nil {
			return err
		}
		return s.run.Summaries.Scalar(summary.Tag, x, step)
	}
	v, err := out.Value(summary.Node)
	if err != nil {
		return err
	}
	d, ok := v.(*tensor.Dense)
	if !ok {
		return fmt.Errorf("its value is a %T, want a tensor", v)
	}
	return s.run.Summaries.Histogram(summary.Tag, d, step)
}

// End flushes the event file.
func (s *SummarySaver) End(error) error {
	if s.run == nil || s.run.Summaries == nil {
		return nil
	}
	return s.run.Summaries.Flush()
}

// StepCounter writes how many steps a second are made, under the tag
// "global_step/sec". Make one with [NewStepCounter].
type StepCounter struct {
	Base
	schedule Schedule
	timer    *Timer
	run      *Run
	rate     float64
	lastStep int64
	warned   bool
}

// NewStepCounter measures between the steps of the schedule; nothing is written at the
// first of them.
func NewStepCounter(schedule Schedule) *StepCounter { return &StepCounter{schedule: schedule} }

// Validate reports a bad schedule.
func (s *StepCounter) Validate() error {
	if err := s.schedule.Validate(); err != nil {
		return fmt.Errorf("hooks: StepCounter: %w", err)
	}
	return nil
}

// Begin starts measuring.
func (s *StepCounter) Begin(run *Run) error {
	s.run, s.timer, s.rate, s.lastStep, s.warned = run, NewTimer(s.schedule), 0, -1, false
	return s.Validate()
}

// StepEnd writes the rate when it is due.
func (s *StepCounter) StepEnd(step int64, _ Outputs) (bool, error) {
	if step == s.lastStep && !s.warned {
		s.warned = true
		s.run.Logger.Warn("the global step has not been increased", "step", step)
	}
	s.lastStep = step
	if !s.timer.Due(step) {
		return false, nil
	}
	elapsed, steps, ok := s.timer.Trigger(step)
	if !ok || elapsed <= 0 {
		return false, nil
	}
	s.rate = float64(steps) / elapsed.Seconds()
	if s.run.Summaries == nil {
		return false, nil
	}
	if err := s.run.Summaries.Scalar(graph.GlobalStepName+"/sec", s.rate, step); err != nil {
		return false, fmt.Errorf("hooks: StepCounter: %w", err)
	}
	return false, nil
}

// StepsPerSecond returns the last rate measured, 0 when there is none yet.
func (s *StepCounter) StepsPerSecond() float64 { return s.rate }
