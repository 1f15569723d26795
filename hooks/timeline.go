package hooks

import (
	"fmt"
	"strings"
	"time"
)

// Timeline measures what the loop does with its time: input, step, hooks, evaluation and
// saving. It writes summaries by a schedule and logs the sums at the end. It costs a few
// looks at the clock for every monitor and step. Make one with [NewTimeline].
type Timeline struct {
	Base
	schedule Schedule
	timer    *Timer
	run      *Run

	began time.Time // of the first step
	step  int64     // the last one made
	over  bool      // End was called: what other monitors do in theirs is not counted
	spent Times
	last  Times // when the summaries were written
}

var _ Tracer = (*Timeline)(nil)

// Times says what the time of a number of steps was spent on.
type Times struct {
	Steps int64
	// Wall is the time from the beginning of the first step.
	Wall time.Duration
	// Input to Saving are the phases of those names.
	Input, Step, Hooks, Evaluation, Saving time.Duration
}

// Of returns the time of a phase.
func (t Times) Of(p Phase) time.Duration {
	if d := t.of(p); d != nil {
		return *d
	}
	return 0
}

// Add adds to the time of a phase.
func (t *Times) Add(p Phase, d time.Duration) {
	if sum := t.of(p); sum != nil {
		*sum += d
	}
}

func (t *Times) of(p Phase) *time.Duration {
	switch p {
	case PhaseInput:
		return &t.Input
	case PhaseStep:
		return &t.Step
	case PhaseHooks:
		return &t.Hooks
	case PhaseEvaluation:
		return &t.Evaluation
	case PhaseSaving:
		return &t.Saving
	}
	return nil
}

// Other is what is left: the loop itself.
func (t Times) Other() time.Duration {
	other := t.Wall
	for _, p := range Phases() {
		other -= t.Of(p)
	}
	return other
}

// String returns one line with the shares.
func (t Times) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d steps in %v: ", t.Steps, t.Wall.Round(time.Millisecond))
	share := func(name string, d time.Duration) {
		fmt.Fprintf(&b, "%s %.1f%%", name, 100*float64(d)/float64(max(t.Wall, 1)))
	}
	for _, p := range Phases() {
		share(string(p), t.Of(p))
		b.WriteString(", ")
	}
	share("other", t.Other())
	return b.String()
}

// NewTimeline writes the summaries timeline/input, timeline/step and so on by the
// schedule: the seconds that each phase took for a step, on average since the time
// before. Nothing is written at the first step, which has to compile.
func NewTimeline(schedule Schedule) *Timeline { return &Timeline{schedule: schedule} }

// Validate reports a bad schedule.
func (t *Timeline) Validate() error {
	if err := t.schedule.Validate(); err != nil {
		return fmt.Errorf("hooks: Timeline: %w", err)
	}
	return nil
}

// Begin forgets an earlier run.
func (t *Timeline) Begin(run *Run) error {
	t.run, t.timer, t.began, t.spent, t.last = run, NewTimer(t.schedule), time.Time{}, Times{}, Times{}
	t.over = false
	return t.Validate()
}

// Tracing wants everything.
func (t *Timeline) Tracing(int64) bool {
	if t.began.IsZero() {
		t.began = time.Now()
	}
	return true
}

// Span adds up.
func (t *Timeline) Span(s Span) {
	if !t.over {
		t.spent.Add(s.Phase, s.Duration)
	}
}

// StepEnd writes the summaries when they are due.
func (t *Timeline) StepEnd(step int64, _ Outputs) (bool, error) {
	t.spent.Steps++
	t.step = step
	if !t.timer.Due(step) {
		return false, nil
	}
	return false, t.write()
}

// EpochEnd writes the summaries when the schedule has epochs.
func (t *Timeline) EpochEnd(epoch int64) error {
	if !t.timer.EpochDue(epoch) {
		return nil
	}
	return t.write()
}

// write writes the summaries of the steps since the last time, if there are any.
func (t *Timeline) write() error {
	t.timer.Trigger(t.step)
	steps := t.spent.Steps - t.last.Steps
	before := t.last
	t.last = t.spent
	if steps == 0 || t.spent.Steps == 1 || t.run.Summaries == nil {
		return nil
	}
	scalars := map[string]float64{}
	for _, p := range Phases() {
		scalars["timeline/"+string(p)] = (t.spent.Of(p) - before.Of(p)).Seconds() / float64(steps)
	}
	if err := t.run.Summaries.Scalars(scalars, t.step); err != nil {
		return fmt.Errorf("hooks: Timeline: %w", err)
	}
	return nil
}

// End logs the sums.
func (t *Timeline) End(error) error {
	t.over = true
	if t.run == nil || t.spent.Steps == 0 {
		return nil
	}
	var err error
	if t.schedule.atEnd() {
		err = t.write()
	}
	t.spent.Wall = time.Since(t.began)
	t.run.Logger.Info("timeline: " + t.spent.String())
	return err
}

// Times returns the sums since the first step of the run.
func (t *Timeline) Times() Times {
	times := t.spent
	if times.Wall == 0 && !t.began.IsZero() {
		times.Wall = time.Since(t.began)
	}
	return times
}
