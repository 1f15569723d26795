package estimator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// ExitInterrupted is the exit code for a run that a signal ended in good order: the
// work is not done but can be resumed (EX_TEMPFAIL of sysexits.h).
const ExitInterrupted = 75

// SignalError says that a signal ended a run. A checkpoint of its last step was
// written.
type SignalError struct{ Signal os.Signal }

// Error names the signal.
func (e *SignalError) Error() string {
	return fmt.Sprintf("estimator: stopped by signal %v; run again to resume", e.Signal)
}

// ExitCode returns the exit code of a program that ends with err: 0 for nil,
// ExitInterrupted for a signal, else 1.
func ExitCode(err error) int {
	var s *SignalError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &s):
		return ExitInterrupted
	}
	return 1
}

// SignalOption is what [HandleSignals] returns.
type SignalOption struct{}

// HandleSignals makes Fit end at the next step, with a checkpoint, when the process
// gets SIGINT or SIGTERM; the error is then a *SignalError. A second signal ends the
// process at once. It may be given to New, for every fit, or to one Fit.
func HandleSignals() SignalOption { return SignalOption{} }

func (SignalOption) applyNew(c *RunConfig) { c.handleSignals = true }
func (SignalOption) applyFit(c *fitConfig) { c.handleSignals = true }

// untilSignal returns a context that the first signal cancels. From then on signals
// have their default effect. release must be called.
func untilSignal(parent context.Context) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(&SignalError{Signal: s})
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		<-finished
		cancel(nil)
	}
}
