package graphactions

import (
	"fmt"
	"math"
	"time"

	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/internal/table"
)

// Reason is why a run ended.
type Reason string

// The reasons.
const (
	// ReasonSteps: as many steps as asked for were made.
	ReasonSteps Reason = "steps"
	// ReasonMaxSteps: the global step reached MaxSteps.
	ReasonMaxSteps Reason = "max_steps"
	// ReasonInputEnd: the input had no more batches.
	ReasonInputEnd Reason = "end of input"
	// ReasonStopRequested: a monitor asked to stop.
	ReasonStopRequested Reason = "stop requested"
	// ReasonAlreadyAtStep: the global step was at MaxSteps before the first step.
	ReasonAlreadyAtStep Reason = "already at step"
	// ReasonCancelled: the context was cancelled.
	ReasonCancelled Reason = "cancelled"
	// ReasonNaNLoss: the loss was not finite.
	ReasonNaNLoss Reason = "NaN loss"
	// ReasonError: something failed.
	ReasonError Reason = "error"
)

// Result says how a run went.
type Result struct {
	// FinalLoss is the loss of the last step, NaN when there was none.
	FinalLoss float64
	// FirstStep and LastStep are the global step before the first and after the last
	// step of the run.
	FirstStep, LastStep int64
	// Reason is why the run ended, Detail what whoever ended it said.
	Reason Reason
	Detail string
	// Rows is the number of rows that the input gave, 0 when not known.
	Rows int64
	// Duration is the wall time.
	Duration time.Duration
	// Times says what Wall, the time in the loop and in saving, was spent on: Hooks are the
	// monitors and the loop itself. Saving and Evaluation are measured. To look at the clock
	// four times in every step would cost a small model a hundredth of its speed, so the
	// other three are measured in the first steps of a run and in one of 31 from then on,
	// and the rest is divided as those were. ([hooks.Timeline] measures every step.)
	Times hooks.Times
	// Checkpoint is the path of the newest checkpoint, "" when there is none.
	Checkpoint string
}

// Steps returns the number of steps made.
func (r *Result) Steps() int64 { return r.LastStep - r.FirstStep }

// String returns one line for people.
func (r *Result) String() string {
	reason := r.why()
	if r.Reason == ReasonAlreadyAtStep {
		return fmt.Sprintf("nothing to do: already at step %d", r.LastStep)
	}
	rows := ""
	if r.Rows > 0 {
		rows = fmt.Sprintf(", %d rows", r.Rows)
	}
	return fmt.Sprintf("steps %d to %d (%s), final loss %s%s, %v", r.FirstStep, r.LastStep, reason, r.loss(), rows, r.Duration.Round(time.Millisecond))
}

func (r *Result) why() string {
	if r.Detail != "" {
		return string(r.Reason) + ": " + r.Detail
	}
	return string(r.Reason)
}

func (r *Result) loss() string {
	if math.IsNaN(r.FinalLoss) {
		return "none"
	}
	return fmt.Sprintf("%.6g", r.FinalLoss)
}

// lines returns everything, name and value.
func (r *Result) lines() [][2]string {
	lines := [][2]string{
		{"reason", r.why()},
		{"steps", fmt.Sprintf("%d to %d", r.FirstStep, r.LastStep)},
		{"final loss", r.loss()},
	}
	if r.Rows > 0 {
		lines = append(lines, [2]string{"rows", fmt.Sprint(r.Rows)})
	}
	speed := ""
	if seconds := r.Duration.Seconds(); seconds > 0 && r.Steps() > 0 {
		speed = fmt.Sprintf(", %.4g steps/s", float64(r.Steps())/seconds)
	}
	lines = append(lines, [2]string{"time", round(r.Duration) + speed})
	for _, p := range hooks.Phases() {
		if d := r.Times.Of(p); d > 0 {
			lines = append(lines, [2]string{"  " + string(p), fmt.Sprintf("%s, %.3g %%", round(d), 100*float64(d)/float64(max(r.Duration, 1)))})
		}
	}
	if r.Checkpoint != "" {
		lines = append(lines, [2]string{"checkpoint", r.Checkpoint})
	}
	return lines
}

// round keeps four digits of short times and milliseconds of long ones.
func round(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.4gms", d.Seconds()*1000)
	}
	return d.Round(time.Millisecond).String()
}

// Table returns everything in lines with a name and a value each.
func (r *Result) Table() string { return r.table().Text() }

// HTML returns Table for notebooks.
func (r *Result) HTML() string { return r.table().HTML() }

func (r *Result) table() *table.Table {
	t := &table.Table{Left: 2, RowHeads: true}
	for _, line := range r.lines() {
		t.Rows = append(t.Rows, line[:])
	}
	return t
}
