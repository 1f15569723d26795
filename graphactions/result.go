package graphactions

import (
	"fmt"
	"math"
	"time"
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
	// Checkpoint is the path of the newest checkpoint, "" when there is none.
	Checkpoint string
}

// Steps returns the number of steps made.
func (r *Result) Steps() int64 { return r.LastStep - r.FirstStep }

// String returns one line for people.
func (r *Result) String() string {
	reason := string(r.Reason)
	if r.Detail != "" {
		reason += ": " + r.Detail
	}
	if r.Reason == ReasonAlreadyAtStep {
		return fmt.Sprintf("nothing to do: already at step %d", r.LastStep)
	}
	loss := "none"
	if !math.IsNaN(r.FinalLoss) {
		loss = fmt.Sprintf("%.6g", r.FinalLoss)
	}
	rows := ""
	if r.Rows > 0 {
		rows = fmt.Sprintf(", %d rows", r.Rows)
	}
	return fmt.Sprintf("steps %d to %d (%s), final loss %s%s, %v", r.FirstStep, r.LastStep, reason, loss, rows, r.Duration.Round(time.Millisecond))
}
