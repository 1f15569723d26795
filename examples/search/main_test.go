package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/estimatortest"
	"github.com/stheno-ml/stheno/internal/exampletest"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/tune"
)

func TestSearch(t *testing.T) {
	p := exampletest.Build(t)
	dir := t.TempDir()
	first := p.MustRun("-dir", dir)
	require.GreaterOrEqual(t, first.Number(t, "accuracy"), 0.93)
	require.Contains(t, first.Stdout, "trial  learning_rate  units  accuracy")
	require.Equal(t, 10, strings.Count(first.Stdout, "  done\n"))
	require.Regexp(t, `(?m)^the best is trial \d: learning_rate=0\.\d+ units=\d+$`, first.Stdout)
	require.Regexp(t, `(?m)^mean +0\.9`, first.Stdout)
	require.Contains(t, first.Stderr, "trial 9 of 10: ")
	// Run again: nothing is left to do. With more trials: only those are made.
	again := p.MustRun("-dir", dir)
	require.Equal(t, first.Stdout, again.Stdout)
	require.Empty(t, again.Stderr)
	more := p.MustRun("-dir", dir, "-trials", "11")
	require.Equal(t, 1, strings.Count(more.Stderr, "INFO"))
	r := p.Run("-dir", dir, "-steps", "201")
	require.Equal(t, 1, r.Code)
	require.Contains(t, r.Stderr, "steps was 200 and is now 201")
}

// checkpoint returns the newest step of the search's first fit, -1 before there is one.
func checkpoint(dir string) int64 {
	steps, err := saver.Steps(filepath.Join(dir, "trial-0", "fold-0"))
	if err != nil || len(steps) == 0 {
		return -1
	}
	return steps[len(steps)-1]
}

func TestInterrupt(t *testing.T) {
	p := exampletest.Build(t)
	dir := t.TempDir()
	cmd := p.Command("-dir", dir, "-steps", "1000000000")
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer cmd.Process.Kill()
	for checkpoint(dir) <= 0 {
		select {
		case err := <-ended:
			t.Fatalf("it ended by itself: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("it did not end within a minute of SIGTERM")
	}
	require.Equal(t, estimator.ExitInterrupted, cmd.ProcessState.ExitCode())
	_, err := saver.Check(filepath.Join(dir, "trial-0", "fold-0"))
	require.NoError(t, err)
}

// Killed again and again at random moments, a search comes to the same results.
func TestKill(t *testing.T) {
	p := exampletest.Build(t)
	args := []string{"-trials", "3", "-steps", "300", "-save-every", "5", "-dir"}
	whole, dir := t.TempDir(), t.TempDir()
	want := p.MustRun(append(args, whole)...)
	random := rand.New(rand.NewPCG(1, 2))
	kills := 5
	if os.Getenv(exampletest.Soak) != "" {
		kills = 50
	}
	for killed := 0; killed < kills; {
		cmd := p.Command(append(args, dir)...)
		require.NoError(t, cmd.Start())
		time.Sleep(time.Duration(random.Int64N(int64(400 * time.Millisecond))))
		_ = cmd.Process.Kill()
		err := cmd.Wait()
		if err == nil { // it was faster than the kill
			require.Equal(t, read(t, whole), read(t, dir), "after %d kills", killed)
			dir = t.TempDir()
			continue
		}
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.True(t, exit.Sys().(syscall.WaitStatus).Signaled(), "it failed by itself: %v", err)
		killed++
	}
	require.Equal(t, want.Stdout, p.MustRun(append(args, dir)...).Stdout)
	require.Equal(t, read(t, whole), read(t, dir))
	for _, fold := range []string{"trial-0/fold-2", "trial-2/fold-0"} {
		require.Empty(t, exampletest.Differences(exampletest.Bits(t, filepath.Join(whole, fold)), exampletest.Bits(t, filepath.Join(dir, fold))))
	}
}

func read(t *testing.T, dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, tune.TrialsFile))
	require.NoError(t, err)
	return string(text)
}

func TestConformance(t *testing.T) {
	estimatortest.Run(t, estimatortest.Subject{
		New: func(opts ...estimator.Option) (*estimator.Estimator, error) {
			return estimator.New(hyper{Rate: 0.01, Units: 8}.model, opts...)
		},
		Input: func() *datasets.Dataset { return datasets.Digits().Take(30) },
	})
}
