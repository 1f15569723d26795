package hookstest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/stheno-ml/stheno/hooks"
)

// What a monitor keeps over a restart.

func checkState(newMonitor func() hooks.Monitor, dir string) error {
	m := newMonitor()
	if _, err := drive(m, dir, nil); err != nil {
		return err
	}
	state, err := m.State()
	if err != nil {
		return err
	}
	fresh := newMonitor()
	if err := fresh.SetState(bytes.Clone(state)); err != nil {
		return err
	}
	again, err := fresh.State()
	if err != nil {
		return err
	}
	if !bytes.Equal(state, again) {
		return fmt.Errorf("the state was %q and is %q after a restart", state, again)
	}
	return nil
}

func checkStateTwice(newMonitor func() hooks.Monitor, dir string) error {
	l, err := NewLoop(dir)
	if err != nil {
		return err
	}
	defer l.Close()
	m := newMonitor()
	return l.Run(m, hooks.Funcs{OnPostStep: func(step int64) error {
		first, err := m.State()
		if err != nil {
			return err
		}
		second, err := m.State()
		if err == nil && !bytes.Equal(first, second) {
			err = fmt.Errorf("it answered %q and then %q", first, second)
		}
		return err
	}})
}

func checkBeginKeepsState(newMonitor func() hooks.Monitor, dir string) error {
	m := newMonitor()
	if _, err := drive(m, dir, nil); err != nil {
		return err
	}
	state, err := m.State()
	if err != nil {
		return err
	}
	l, err := NewLoop(dir)
	if err != nil {
		return err
	}
	defer l.Close()
	fresh := newMonitor()
	if err := fresh.SetState(bytes.Clone(state)); err != nil {
		return err
	}
	if err := fresh.Begin(l.NewRun(6, 12)); err != nil {
		return err
	}
	again, err := fresh.State()
	if err := errors.Join(err, fresh.End(nil)); err != nil {
		return err
	}
	if !bytes.Equal(state, again) {
		return fmt.Errorf("the state was %q before Begin and is %q after it", state, again)
	}
	return nil
}

func checkEmptyState(newMonitor func() hooks.Monitor, dir string) error {
	state, err := newMonitor().State()
	if err != nil {
		return err
	}
	m := newMonitor()
	if err := m.SetState(state); err != nil {
		return err
	}
	_, err = drive(m, dir, nil)
	return err
}

func checkStateOfAStep(newMonitor func() hooks.Monitor, dir string) error {
	_, err := resumed(newMonitor, dir, 4, 3)
	return err
}

// resumed makes the first steps with one monitor and goes on with a fresh one for some
// more, as after a restart. It returns the fresh one's last state.
func resumed(newMonitor func() hooks.Monitor, dir string, first, more int) ([]byte, error) {
	m := newMonitor()
	if _, err := drive(m, dir, func(l *Loop) { l.Steps, l.LastStep = first, int64(first+more) }); err != nil {
		return nil, err
	}
	state, err := m.State()
	if err != nil {
		return nil, err
	}
	fresh := newMonitor()
	if len(state) > 0 { // as in the training loop
		if err := fresh.SetState(bytes.Clone(state)); err != nil {
			return nil, err
		}
	}
	if _, err := drive(fresh, dir, func(l *Loop) { l.First, l.Steps = int64(first), more }); err != nil {
		return nil, err
	}
	return fresh.State()
}

// ExactResume makes a run with a monitor, and the same run with one that is cut in two by
// a restart, and compares the last states: an error says that they differ. It is for
// monitors whose state depends on nothing but what they saw: not on the time, not on where
// a run began.
func ExactResume(newMonitor func() hooks.Monitor) error {
	return rule{check: func(newMonitor func() hooks.Monitor, dir string) error {
		m := newMonitor()
		if _, err := drive(m, dir, func(l *Loop) { l.Steps = 10 }); err != nil {
			return err
		}
		want, err := m.State()
		if err != nil {
			return err
		}
		for first := 1; first < 10; first++ {
			got, err := resumed(newMonitor, dir, first, 10-first)
			if err != nil {
				return err
			}
			if !bytes.Equal(want, got) {
				return fmt.Errorf("hookstest: ExactResume: the state is %q after 10 steps, but %q when the run is cut after step %d", want, got, first)
			}
		}
		return nil
	}}.apply(newMonitor)
}
