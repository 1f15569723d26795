package estimator_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/hooks"
)

// The test binary runs itself again with this variable: "<what to do> <directory>".
const childVariable = "STHENO_ESTIMATOR_CHILD"

// child is a program that fits without end until it gets a signal.
func child() int {
	what, dir, _ := strings.Cut(os.Getenv(childVariable), " ")
	if what == "fixed" || what == "changing" {
		fmt.Println(memoryChild(what, dir))
		return 3
	}
	if what == "serve" {
		return serve(dir)
	}
	fn, options := estimator.ModelFn(classifier), []estimator.Option{quiet, estimator.Seed(7), estimator.ModelDir(dir), estimator.HandleSignals()}
	if what == "save" {
		fn, options = wide, append(options, estimator.SaveCheckpointsSteps(1), estimator.KeepCheckpointMax(2))
	}
	est, err := estimator.New(fn, options...)
	if err != nil {
		fmt.Println(err)
		return 3
	}
	defer est.Close()
	m := hooks.Funcs{OnPostStep: func(step int64) error {
		if step != 3 {
			return nil
		}
		fmt.Println("ready")
		if what == "hang" {
			io.Copy(io.Discard, os.Stdin) // nothing comes: only a signal ends this
		}
		return nil
	}}
	res, err := est.Fit(endless(), estimator.Monitors(m))
	fmt.Println("last", res.LastStep, err)
	return estimator.ExitCode(err)
}

// startChild returns a child that has made its third step.
func startChild(t *testing.T, what, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = append(os.Environ(), childVariable+"="+what+" "+dir)
	cmd.Stderr = os.Stderr
	_, err = cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	require.Equal(t, "ready", lines.Text())
	return cmd, lines
}

func TestSignalEndsAFitInGoodOrder(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			dir := t.TempDir()
			cmd, lines := startChild(t, "fit", dir)
			require.NoError(t, cmd.Process.Signal(s))
			require.True(t, lines.Scan())
			var last int64
			_, err := fmt.Sscanf(lines.Text(), "last %d", &last)
			require.NoError(t, err)
			require.Contains(t, lines.Text(), "stopped by signal "+s.String())
			var exit *exec.ExitError
			require.ErrorAs(t, cmd.Wait(), &exit)
			require.Equal(t, estimator.ExitInterrupted, exit.ExitCode())
			require.Equal(t, 75, estimator.ExitInterrupted)
			require.Equal(t, last, stepOf(t, dir), "a checkpoint of the current step")
			require.GreaterOrEqual(t, last, int64(3))
			// As if nothing had happened.
			fit(t, in(t, dir), endless(), estimator.MaxSteps(last+2))
			whole := t.TempDir()
			fit(t, in(t, whole), endless(), estimator.MaxSteps(last+2))
			require.Equal(t, bits(t, whole), bits(t, dir))
		})
	}
}

// A monitor hangs, so the first signal cannot end the fit. It takes the handler away,
// and the next one has its default effect.
func TestSecondSignalEndsTheProcess(t *testing.T) {
	cmd, _ := startChild(t, "hang", t.TempDir())
	signalUntilItEnds(t, cmd, syscall.SIGTERM)
}

// signalUntilItEnds sends a signal until it ends the process, at the second at the
// earliest: how many arrive before the first was handled is up to the system.
func signalUntilItEnds(t *testing.T, cmd *exec.Cmd, s syscall.Signal) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	deadline := time.After(time.Minute)
	sent := 0
	for {
		if err := cmd.Process.Signal(s); err == nil {
			sent++
		}
		select {
		case err := <-ended:
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			status := exit.Sys().(syscall.WaitStatus)
			require.True(t, status.Signaled())
			require.Equal(t, s, status.Signal())
			require.GreaterOrEqual(t, sent, 2, "not by the first")
			return
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			require.NoError(t, cmd.Process.Kill())
			t.Fatalf("%d signals did not end the process", sent)
		}
	}
}

// raise sends a signal to this process and returns when it has been delivered.
func raise(t *testing.T, s syscall.Signal) {
	own := make(chan os.Signal, 1)
	signal.Notify(own, s)
	defer signal.Stop(own)
	require.NoError(t, syscall.Kill(os.Getpid(), s))
	<-own
}

// A signal that comes when the last step is made must not get lost: the fit is whole,
// and the error says that the program should end.
func TestLateSignal(t *testing.T) {
	dir := t.TempDir()
	est := in(t, dir)
	m := hooks.Funcs{OnEnd: func(error) error {
		raise(t, syscall.SIGINT)
		return nil
	}}
	res, err := est.Fit(endless(), estimator.Steps(2), estimator.Monitors(m), estimator.HandleSignals())
	require.EqualValues(t, 2, res.LastStep)
	var s *estimator.SignalError
	require.ErrorAs(t, err, &s)
	require.Equal(t, syscall.SIGINT, s.Signal)
	require.Equal(t, estimator.ExitInterrupted, estimator.ExitCode(fmt.Errorf("wrapped: %w", err)))
	require.EqualValues(t, 2, stepOf(t, dir))
	res, err = est.Fit(endless(), estimator.Steps(2), estimator.HandleSignals())
	require.NoError(t, err, "the signal belonged to the fit before")
	require.EqualValues(t, 4, res.LastStep)
}

func TestExitCode(t *testing.T) {
	require.Equal(t, 0, estimator.ExitCode(nil))
	require.Equal(t, 1, estimator.ExitCode(errors.New("any")))
	require.Equal(t, 75, estimator.ExitCode(errors.Join(errors.New("first"), &estimator.SignalError{Signal: syscall.SIGTERM})))
}
