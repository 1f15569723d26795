package hooks

import (
	"time"

	"github.com/stheno-ml/stheno/graph"
)

// Feeder is implemented by monitors that feed placeholders, beside the run's input. The
// loop finds that out by a type assertion: a type that wraps a monitor passes it on.
type Feeder interface {
	// Feed is called before every run of the train op, after StepBegin of every monitor,
	// and returns values for placeholders; io.EOF ends the run as the end of the input
	// does. A placeholder that the input or another monitor feeds too is an error. A step
	// that accumulates gradients has several runs.
	Feed(step int64) (graph.Feed, error)
}

// BeforeSaver is implemented by monitors that act before a checkpoint is written.
type BeforeSaver interface {
	// BeforeSave is called before the variables and the monitors' states of a step are
	// collected for its checkpoint. Saved follows when that is durable.
	BeforeSave(step int64) error
}

// Tracer is implemented by monitors that want to know what the loop does with its time.
type Tracer interface {
	// Tracing is asked at the beginning of every step, before its input is taken, and
	// tells whether the spans until the next call are wanted. step is the one to be made;
	// if the input ends there it is not.
	Tracing(step int64) bool
	// Span is told of each thing that the loop did, in the order of their ends.
	Span(Span)
}

// Phase is what the loop does.
type Phase string

// The phases.
const (
	// PhaseInput is the wait for the next batch.
	PhaseInput Phase = "input"
	// PhaseStep is a run of the train op.
	PhaseStep Phase = "step"
	// PhaseHooks is one method of one monitor.
	PhaseHooks Phase = "hooks"
	// PhaseEvaluation is an evaluation that a monitor asked for.
	PhaseEvaluation Phase = "evaluation"
	// PhaseSaving is the writing of a checkpoint.
	PhaseSaving Phase = "saving"
)

// Phases returns the phases in the order in which a step comes to them.
func Phases() []Phase {
	return []Phase{PhaseInput, PhaseStep, PhaseHooks, PhaseEvaluation, PhaseSaving}
}

// Span is a stretch of time. The spans of a run do not overlap.
type Span struct {
	Phase Phase
	// Name says more: the monitor and its method, the name of the evaluation.
	Name string
	// Step is the step that is being made, or that was the last one made.
	Step     int64
	Start    time.Time
	Duration time.Duration
}
