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

func (SignalOption) applyNew(s *settings)  { s.handleSignals = true }
func (SignalOption) applyFit(c *fitConfig) { c.handleSignals = true }

// UntilSignal is HandleSignals for programs that call package graphactions themselves:
// it returns a context that the first SIGINT or SIGTERM cancels, with a *SignalError as
// the cause. From then on signals have their default effect. caught must be called at
// the end; it returns the *SignalError, nil when there was no signal.
func UntilSignal(parent context.Context) (ctx context.Context, caught func() error) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	first := make(chan error, 1)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			err := &SignalError{Signal: s}
			cancel(err)
			first <- err
		case <-done:
			first <- nil
		}
	}()
	return ctx, func() error {
		signal.Stop(signals)
		close(done)
		err := <-first
		cancel(nil)
		if err == nil {
			select {
			case s := <-signals: // between the end of the fit and Stop
				err = &SignalError{Signal: s}
			default:
			}
		}
		return err
	}
}
