package hooks

import "fmt"

// StepCounter writes how many steps a second are made, under the name of the global step
// and "/sec". Make one with [NewStepCounter].
type StepCounter struct {
	Base
	schedule Schedule
	timer    *Timer
	run      *Run
	tag      string
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
	s.tag = run.stepName() + "/sec"
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
	return false, s.measure()
}

// EpochEnd writes the rate when the schedule has epochs.
func (s *StepCounter) EpochEnd(epoch int64) error {
	if !s.timer.EpochDue(epoch) {
		return nil
	}
	return s.measure()
}

// End writes the rate when the schedule has the end.
func (s *StepCounter) End(error) error {
	if s.run == nil || !s.schedule.atEnd() {
		return nil
	}
	return s.measure()
}

// measure writes the rate since the last time, unless there were no steps or no time.
func (s *StepCounter) measure() error {
	if s.lastStep < 0 {
		return nil // no step was made
	}
	elapsed, steps, ok := s.timer.Trigger(s.lastStep)
	if !ok || elapsed <= 0 || steps <= 0 {
		return nil
	}
	s.rate = float64(steps) / elapsed.Seconds()
	if s.run.Summaries == nil {
		return nil
	}
	if err := s.run.Summaries.Scalar(s.tag, s.rate, s.lastStep); err != nil {
		return fmt.Errorf("hooks: StepCounter: %w", err)
	}
	return nil
}

// StepsPerSecond returns the last rate measured, 0 when there is none yet.
func (s *StepCounter) StepsPerSecond() float64 { return s.rate }
