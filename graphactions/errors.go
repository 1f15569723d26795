package graphactions

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// ErrNaNLoss is what a *NaNLossError is.
var ErrNaNLoss = errors.New("NaN loss during training")

// ErrArgument is what every *ArgumentError is.
var ErrArgument = errors.New("bad argument")

// ErrStepNotIncreased says that a step left the global step as it was.
var ErrStepNotIncreased = errors.New("the train op did not increase the global step")

// ErrAborted says that the work was interrupted by something that may be gone at the next
// try. Inputs and monitors that know this of an error of theirs wrap it in theirs; see
// [Restarts].
var ErrAborted = errors.New("aborted")

// ArgumentError is a bad argument. It comes before anything is written.
type ArgumentError struct {
	// Function and Argument say where.
	Function, Argument string
	// Err says what was found and what was expected.
	Err error
}

// Error returns all of it.
func (e *ArgumentError) Error() string {
	return fmt.Sprintf("graphactions: %s: %s: %v", e.Function, e.Argument, e.Err)
}

// Unwrap returns the cause.
func (e *ArgumentError) Unwrap() []error { return []error{ErrArgument, e.Err} }

func argumentError(function, argument, text string) error {
	return &ArgumentError{Function: function, Argument: argument, Err: errors.New(text)}
}

// NaNLossError says where a loss that is not finite came from. No variable was
// updated by the step that saw it, and no checkpoint was written after it.
type NaNLossError struct {
	// Step is the global step that the update would have had.
	Step int64
	// Loss is NaN or infinite.
	Loss float64
	// Node is the first node, in the order of building, with a value that is not
	// finite while all its inputs are; Variable is true when that is a variable, so
	// that an earlier update spoilt it, and Fed when it is a fed value.
	Node          string
	Variable, Fed bool
	// Rows are the rows of the batch whose fed values are not finite, nil when all
	// are.
	Rows []int
	// GradientNorms are the Euclidean norms of what the train op is given, by node
	// name.
	GradientNorms map[string]float64
	// Checkpoint is the newest checkpoint, which is from before the loss went bad.
	Checkpoint string
	// Bundle is the file with the batch and the variables of that step, "" when it
	// could not be written.
	Bundle string
}

// Error returns what matters most in one line.
func (e *NaNLossError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "graphactions: %v: step %d, loss %v", ErrNaNLoss, e.Step, e.Loss)
	switch {
	case e.Node == "":
	case e.Variable:
		fmt.Fprintf(&b, "; variable %q was not finite before the step", e.Node)
	case e.Fed:
		fmt.Fprintf(&b, "; the value fed for %q is not finite", e.Node)
	default:
		fmt.Fprintf(&b, "; first non-finite node %q", e.Node)
	}
	if len(e.Rows) > 0 {
		fmt.Fprintf(&b, "; rows %v of the batch", e.Rows)
	}
	if len(e.GradientNorms) > 0 {
		names := make([]string, 0, len(e.GradientNorms))
		for name := range e.GradientNorms {
			names = append(names, name)
		}
		sort.Strings(names)
		worst := names[0]
		for _, name := range names {
			if !(e.GradientNorms[name] <= e.GradientNorms[worst]) {
				worst = name
			}
		}
		fmt.Fprintf(&b, "; largest gradient norm %.3g (%s)", e.GradientNorms[worst], worst)
	}
	if e.Checkpoint != "" {
		fmt.Fprintf(&b, "; last good checkpoint %s", e.Checkpoint)
	}
	if e.Bundle != "" {
		fmt.Fprintf(&b, "; the batch and the variables are in %s", e.Bundle)
	}
	return b.String()
}

// Is reports that the error is ErrNaNLoss.
func (e *NaNLossError) Is(target error) bool { return target == ErrNaNLoss }

// PanicError is a panic of the caller's code (a monitor, a feed function) that was
// caught.
type PanicError struct {
	// Where names the code that panicked.
	Where string
	// Value is what it panicked with; Stack is the stack then.
	Value any
	Stack []byte
}

// Error names the code and the value.
func (e *PanicError) Error() string { return fmt.Sprintf("%s panicked: %v", e.Where, e.Value) }

// joinErrors puts the first error first and never hides it. The same error is not said
// twice.
func joinErrors(first error, later ...error) error {
	errs := []error{first}
	for _, err := range later {
		if err != nil && (first == nil || err.Error() != first.Error()) {
			errs = append(errs, err)
		}
	}
	if len(errs) == 1 {
		return first
	}
	return errors.Join(errs...)
}
