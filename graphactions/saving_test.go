package graphactions_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
)

// listener counts the checkpoints that it hears of, and keeps the number.
type listener struct {
	hooks.Base
	heard int
	step  int64
	when  []string // "<step that was saved> at <step that was made>"
}

func (l *listener) StepBegin(step int64) (nodes, error) { l.step = step; return nil, nil }

func (l *listener) Saved(step int64, _ string) error {
	l.heard++
	l.when = append(l.when, fmt.Sprint(step, " at ", l.step))
	return nil
}

func (l *listener) State() ([]byte, error) { return fmt.Append(nil, l.heard), nil }

func (l *listener) SetState(state []byte) (err error) {
	l.heard, err = strconv.Atoi(string(state))
	return err
}

// allFiles returns the content of every checkpoint by name.
func allFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "model.ckpt-*"))
	require.NoError(t, err)
	files := map[string]string{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		files[filepath.Base(path)] = string(content)
	}
	return files
}

func TestSaveInBackgroundWritesTheSameFiles(t *testing.T) {
	files := map[bool]map[string]string{}
	for background, when := range map[bool]string{
		false: "[0 at 0 3 at 3 6 at 6 9 at 9 12 at 12 13 at 13]",
		true:  "[0 at 0 3 at 6 6 at 9 9 at 12 12 at 13 13 at 13]",
	} {
		dir, l := t.TempDir(), &listener{}
		newClassifier(t).train(t, dir, graphactions.MaxSteps(13), graphactions.SaveModelSteps(3), graphactions.KeepCheckpointMax(0),
			graphactions.SaveInBackground(background), graphactions.Monitors(l))
		require.Equal(t, when, fmt.Sprint(l.when))
		files[background] = allFiles(t, dir)
		require.Len(t, files[background], 6)
	}
	require.Equal(t, files[false], files[true])
}

// A save that takes long holds no step up, and there is one at a time.
func TestSaveInBackgroundDoesNotWait(t *testing.T) {
	reached, writing := make(chan struct{}), atomic.Int32{}
	slow := saverFunc(func(_ context.Context, c saver.Checkpoint) (string, error) {
		if writing.Add(1) > 1 {
			return "", errors.New("two checkpoints at once")
		}
		defer writing.Add(-1)
		if c.Step == 2 {
			select {
			case <-reached:
			case <-time.After(time.Minute):
				return "", errors.New("the loop waits for the checkpoint")
			}
		}
		return fmt.Sprint(c.Step), nil
	})
	m := hooks.Funcs{OnPostStep: func(step int64) error {
		if step == 3 {
			close(reached)
		}
		return nil
	}}
	res, err := newCounter().train(t, t.TempDir(), graphactions.Steps(50), graphactions.SaveModelSteps(2), graphactions.SaveInBackground(true), graphactions.Saver(slow), graphactions.Monitors(m))
	require.NoError(t, err)
	require.Equal(t, "50", res.Checkpoint)
	require.Positive(t, res.Times.Saving)
}

// The test binary runs itself again with this variable: "<directory> <step to die at>".
const childVariable = "STHENO_GRAPHACTIONS_CHILD"

// child trains with a checkpoint of every step in the background until it kills itself.
func child() int {
	dir, text, _ := strings.Cut(os.Getenv(childVariable), " ")
	last, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		fmt.Println(err)
		return 2
	}
	dies := hooks.Funcs{OnPostStep: func(step int64) error {
		if step == last {
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return nil
	}}
	_, err = buildClassifier().try(ctx, dir, graphactions.SaveModelSteps(1), graphactions.SaveInBackground(true), graphactions.Monitors(dies))
	fmt.Println("it was not killed:", err)
	return 1
}

// A run that is killed while it saves in the background goes on as if nothing had
// happened.
func TestKilledWhileSavingInBackground(t *testing.T) {
	binary, err := os.Executable()
	require.NoError(t, err)
	whole := t.TempDir()
	newClassifier(t).train(t, whole, graphactions.MaxSteps(14))
	dir := t.TempDir()
	for die := int64(1); die < 14; die++ {
		cmd := exec.CommandContext(t.Context(), binary)
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", childVariable, dir, die))
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%s", out)
		require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), "%s", out)
		require.GreaterOrEqual(t, stepOf(t, dir), die-2, "at most the checkpoint in the making is lost")
	}
	newClassifier(t).train(t, dir, graphactions.MaxSteps(14))
	require.Equal(t, bits(t, whole), bits(t, dir))
}
