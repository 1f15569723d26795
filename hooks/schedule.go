package hooks

import (
	"fmt"
	"strings"
	"time"
)

// Validator is implemented by monitors that can tell that their arguments are bad
// before anything is written.
type Validator interface{ Validate() error }

// Schedule says when something happens. It is a value without state; a [Timer] follows
// it. The zero value is never.
//
// Which step is the last of its epoch or of the run is known only after it. A monitor of
// nodes' values whose schedule has [EveryEpochs] or [AtEnd] therefore asks for them at
// every step, unless its own documentation says otherwise.
type Schedule struct {
	steps    int64
	duration time.Duration
	epochs   int64
	end      bool
	any      []Schedule
	err      error
}

// EverySteps is due at the first step and then every n steps.
func EverySteps(n int64) Schedule {
	s := Schedule{steps: n}
	if n <= 0 {
		s.err = fmt.Errorf("EverySteps: %d, want at least 1", n)
	}
	return s
}

// EveryDuration is due at the first step and then whenever d has passed.
func EveryDuration(d time.Duration) Schedule {
	s := Schedule{duration: d}
	if d <= 0 {
		s.err = fmt.Errorf("EveryDuration: %v, want more than 0", d)
	}
	return s
}

// EveryEpochs is due at the last step of every n-th epoch of the input.
func EveryEpochs(n int64) Schedule {
	s := Schedule{epochs: n}
	if n <= 0 {
		s.err = fmt.Errorf("EveryEpochs: %d, want at least 1", n)
	}
	return s
}

// AtEnd is due when the run ends.
func AtEnd() Schedule { return Schedule{end: true} }

// Never is never due.
func Never() Schedule { return Schedule{} }

// Or is due when any of the schedules is.
func Or(schedules ...Schedule) Schedule { return Schedule{any: schedules} }

// Validate reports a number that is not positive.
func (s Schedule) Validate() error {
	if s.err != nil {
		return fmt.Errorf("hooks: schedule: %w", s.err)
	}
	for _, part := range s.any {
		if err := part.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// validateSteps is Validate for monitors that must know before a step whether it is one of
// theirs: ends of epochs and of the run are known only after it.
func (s Schedule) validateSteps() error {
	if err := s.Validate(); err != nil {
		return err
	}
	if s.byEpochs() || s.atEnd() {
		return fmt.Errorf("hooks: schedule: %v: give steps or durations, for whether a step is the last is known only after it", s)
	}
	return nil
}

// String says when in words.
func (s Schedule) String() string {
	switch {
	case len(s.any) > 0:
		parts := make([]string, len(s.any))
		for i, part := range s.any {
			parts[i] = part.String()
		}
		return strings.Join(parts, " or ")
	case s.steps != 0:
		return fmt.Sprintf("every %d steps", s.steps)
	case s.duration != 0:
		return fmt.Sprintf("every %v", s.duration)
	case s.epochs != 0:
		return fmt.Sprintf("every %d epochs", s.epochs)
	case s.end:
		return "at the end"
	}
	return "never"
}

// atEnd reports whether the schedule asks for the end of the run.
func (s *Schedule) atEnd() bool {
	for i := range s.any {
		if s.any[i].atEnd() {
			return true
		}
	}
	return s.end
}

// byEpochs reports whether the schedule asks for ends of epochs.
func (s *Schedule) byEpochs() bool {
	for i := range s.any {
		if s.any[i].byEpochs() {
			return true
		}
	}
	return s.epochs > 0
}

// Timer follows a schedule, in the manner of TensorFlow's SecondOrStepTimer: the first
// query is due, a second query for the step that was triggered last is not.
type Timer struct {
	schedule  Schedule
	triggered bool
	step      int64
	at        time.Time
}

// NewTimer returns a timer that was never triggered.
func NewTimer(s Schedule) *Timer { return &Timer{schedule: s} }

// Due reports whether something should happen at this step. It changes nothing.
func (t *Timer) Due(step int64) bool { return t.due(&t.schedule, step) }

// due is called at every step for every monitor: it copies no schedule, and reads the
// cheaper, monotonic clock only.
func (t *Timer) due(s *Schedule, step int64) bool {
	for i := range s.any {
		if t.due(&s.any[i], step) {
			return true
		}
	}
	switch {
	case s.steps == 0 && s.duration == 0:
		return false
	case !t.triggered:
		return true
	case step == t.step:
		return false
	case s.steps > 0:
		return step >= t.step+s.steps
	}
	return s.duration > 0 && time.Since(t.at) >= s.duration
}

// EpochDue reports whether something should happen at the end of an epoch, counted from
// 0.
func (t *Timer) EpochDue(epoch int64) bool { return epochDue(t.schedule, epoch) }

func epochDue(s Schedule, epoch int64) bool {
	for _, part := range s.any {
		if epochDue(part, epoch) {
			return true
		}
	}
	return s.epochs > 0 && (epoch+1)%s.epochs == 0
}

// Trigger says that it happened at this step, and returns the time and the steps since
// the last time; ok is false the first time.
func (t *Timer) Trigger(step int64) (elapsed time.Duration, steps int64, ok bool) {
	now := time.Now()
	if t.triggered {
		elapsed, steps, ok = now.Sub(t.at), step-t.step, true
	}
	t.triggered, t.step, t.at = true, step, now
	return elapsed, steps, ok
}

// Reset forgets that it ever happened.
func (t *Timer) Reset() { *t = Timer{schedule: t.schedule} }
