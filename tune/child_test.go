package tune_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/internal/exampletest"
	"github.com/stheno-ml/stheno/tune"
)

// The test binary runs itself again with this variable: "<fit> <step> <directory>".
const childVariable = "STHENO_TUNE_CHILD"

var (
	childSpace = tune.Space{"rate": tune.LogUniform(1e-3, 1e-1), "units": tune.Int(4, 8)}
	childRun   = func(dir string, m tune.Model) (*tune.Result, error) {
		folds, err := datasets.Iris().Folds(2, 1)
		if err != nil {
			return nil, err
		}
		return tune.Search(ctx, dir, m, folds, tune.Random(childSpace, 3), tune.Trials(3), tune.Maximize("accuracy"), quiet)
	}
)

// child is a search that is killed, as by kill -9, in one of its fits, or between the end
// of one and the next when step is 0.
func child() int {
	var fit int
	var step int64
	var dir string
	if _, err := fmt.Sscanf(os.Getenv(childVariable), "%d %d %s", &fit, &step, &dir); err != nil {
		fmt.Println(err)
		return 3
	}
	kill := func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }
	m := monitored(classifier(), func(f int, s int64) {
		if f == fit && s == step {
			kill()
		}
	})
	inner := m.FitOptions
	begun := 0
	m.FitOptions = func(p tune.Params, in datasets.Fold) (opts []estimator.FitOption) {
		if begun == fit && step == 0 {
			kill()
		}
		begun++
		return inner(p, in)
	}
	if _, err := childRun(dir, m); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// A search that is killed again and again, in the middle of fits, at their ends and
// between them, comes to the results and to the variables of one that was not.
func TestKilledSearch(t *testing.T) {
	binary, err := os.Executable()
	require.NoError(t, err)
	whole := t.TempDir()
	want, err := childRun(whole, classifier())
	require.NoError(t, err)
	dir := t.TempDir()
	// The fits are counted from the beginning of each process: 6 in all.
	for i, kill := range []string{"0 7", "0 12", "1 3", "1 0", "1 12", "1 1", "0 11"} {
		cmd := exec.Command(binary)
		cmd.Env = append(os.Environ(), childVariable+"="+kill+" "+dir)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.True(t, errors.As(err, &exit), "kill %d (%s): the child ended by itself: %v %s", i, kill, err, out)
		require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), "%s", out)
	}
	fits := 0
	got, err := childRun(dir, counted(classifier(), &fits))
	require.NoError(t, err)
	require.Less(t, fits, 6)
	require.Equal(t, want, got)
	require.Equal(t, contents(t, whole, tune.TrialsFile), contents(t, dir, tune.TrialsFile))
	folders, err := filepath.Glob(filepath.Join(whole, "trial-*", "fold-*"))
	require.NoError(t, err)
	require.Len(t, folders, 6)
	for _, folder := range folders {
		twin := filepath.Join(dir, strings.TrimPrefix(folder, whole))
		require.Empty(t, exampletest.Differences(exampletest.Bits(t, folder), exampletest.Bits(t, twin)))
	}
}
