package hooks_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
)

// savingListener writes down its calls.
type savingListener struct {
	hooks.BaseListener
	calls  *[]string
	name   string
	stopAt int64
	fail   string // the call that fails
}

func (l *savingListener) note(format string, args ...any) error {
	call := l.name + fmt.Sprintf(format, args...)
	if l.calls != nil {
		*l.calls = append(*l.calls, call)
	}
	if call == l.fail {
		return errors.New("boom")
	}
	return nil
}

func (l *savingListener) Begin(*hooks.Run) error      { return l.note("begin") }
func (l *savingListener) BeforeSave(step int64) error { return l.note("before %d", step) }
func (l *savingListener) End(step int64) error        { return l.note("end %d", step) }

func (l *savingListener) AfterSave(step int64, path string) (bool, error) {
	return l.stopAt > 0 && step == l.stopAt, l.note("after %d", step)
}

// before_save of all, the checkpoint, after_save of all.
func TestListeners(t *testing.T) {
	var calls []string
	first, second := &savingListener{calls: &calls, name: "A "}, &savingListener{calls: &calls, name: "B "}
	write := hooks.Funcs{OnSaved: func(step int64, _ string) error { calls = append(calls, fmt.Sprint("saved ", step)); return nil }}
	_, err := newCounting().train(t.TempDir(), graphactions.Steps(3),
		graphactions.Monitors(write, hooks.NewCheckpointSaver(hooks.EverySteps(2), hooks.Listeners(first, second))))
	require.NoError(t, err)
	var want []string
	want = append(want, "A begin", "B begin")
	for _, step := range []int{0, 2, 3} {
		for _, call := range []string{"A before %d", "B before %d", "saved %d", "A after %d", "B after %d"} {
			want = append(want, fmt.Sprintf(call, step))
		}
	}
	require.Equal(t, append(want, "A end 3", "B end 3"), calls)
}

func TestListenersStop(t *testing.T) {
	var calls []string
	first, second := &savingListener{calls: &calls, name: "A ", stopAt: 2}, &savingListener{calls: &calls, name: "B "}
	res, err := newCounting().train(t.TempDir(), graphactions.Steps(9),
		graphactions.Monitors(hooks.NewCheckpointSaver(hooks.EverySteps(1), hooks.Listeners(first, second))))
	require.NoError(t, err)
	require.EqualValues(t, 2, res.LastStep)
	require.Equal(t, "checkpoint listener *hooks_test.savingListener asked for it at step 2", res.Detail)
	require.Contains(t, calls, "B after 2", "every listener is asked")
}

// A listener that fails ends the run; every listener that has begun is ended.
func TestListenersFail(t *testing.T) {
	for fail, want := range map[string][]string{
		"A begin":    {"A begin", "A end 0"},
		"B begin":    {"A begin", "B begin", "A end 0", "B end 0"},
		"A before 0": {"A begin", "B begin", "A before 0", "A before 0", "A end 0", "B end 0"}, // the final checkpoint is tried too
		"A after 0":  {"A begin", "B begin", "A before 0", "B before 0", "A after 0", "B after 0", "A end 0", "B end 0"},
	} {
		t.Run(fail, func(t *testing.T) {
			var calls []string
			listeners := hooks.Listeners(&savingListener{calls: &calls, name: "A ", fail: fail}, &savingListener{calls: &calls, name: "B ", fail: fail})
			_, err := newCounting().train(t.TempDir(), graphactions.Steps(1), graphactions.Monitors(hooks.NewCheckpointSaver(hooks.Never(), listeners)))
			require.ErrorContains(t, err, "listener *hooks_test.savingListener: ")
			require.ErrorContains(t, err, "boom")
			require.Equal(t, want, calls)
		})
	}
}
