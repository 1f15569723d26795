package hooks

import (
	"errors"
	"fmt"
	"time"

	"github.com/stheno-ml/stheno/saver"
)

// GlobalStepWaiter holds a run back until other workers, which train the same variables,
// have made some steps. It runs on all workers. Make one with [NewGlobalStepWaiter].
type GlobalStepWaiter struct {
	Base
	until int64
}

// NewGlobalStepWaiter waits, at the beginning of a run and before its first batch is
// used, until the global step in the session's store is step; 0 or less waits for
// nothing. It looks every half second, as TensorFlow's GlobalStepWaiterHook does. A run
// that is cancelled stops waiting.
func NewGlobalStepWaiter(step int64) *GlobalStepWaiter { return &GlobalStepWaiter{until: step} }

// Begin waits.
func (w *GlobalStepWaiter) Begin(run *Run) error {
	if w.until <= 0 {
		return nil
	}
	for said := false; ; said = true {
		step, err := run.Session.Store().Int64(run.stepName())
		if err != nil {
			return fmt.Errorf("hooks: GlobalStepWaiter: %w", err)
		}
		if step >= w.until {
			return nil
		}
		if !said {
			run.Logger.Info(fmt.Sprintf("waiting for global step %d before training", w.until), "step", step)
		}
		if !run.wait(500 * time.Millisecond) {
			return nil // the loop ends the run
		}
	}
}

// AllWorkers returns true.
func (w *GlobalStepWaiter) AllWorkers() bool { return true }

// StopAtCheckpointStep ends the run of a worker that is not the chief: not before a
// checkpoint of the last step is there, so that the chief is never left alone with the
// last steps. It runs on all workers. Make one with [NewStopAtCheckpointStep].
type StopAtCheckpointStep struct {
	Base
	dir  string
	last int64
	run  *Run
}

// checkpointWait is how long TensorFlow's StopAtCheckpointStepHook waits after it looked
// for a checkpoint.
const checkpointWait = 30 * time.Second

// NewStopAtCheckpointStep stops at a step of lastStep or more if the newest checkpoint of
// modelDir has lastStep or more too. Where it has not, the monitor waits for half a
// minute and lets the run go on. On the chief itself it would wait in vain: use
// [NewStopAtStep] there.
func NewStopAtCheckpointStep(modelDir string, lastStep int64) *StopAtCheckpointStep {
	return &StopAtCheckpointStep{dir: modelDir, last: lastStep}
}

// Validate reports an empty directory or a step that is not positive.
func (s *StopAtCheckpointStep) Validate() error {
	switch {
	case s.dir == "":
		return errors.New("hooks: StopAtCheckpointStep: the model directory is empty")
	case s.last <= 0:
		return fmt.Errorf("hooks: StopAtCheckpointStep: lastStep: %d, want at least 1", s.last)
	}
	return nil
}

// Begin keeps the run.
func (s *StopAtCheckpointStep) Begin(run *Run) error {
	s.run = run
	return s.Validate()
}

// StepEnd looks for the checkpoint.
func (s *StopAtCheckpointStep) StepEnd(step int64, _ Outputs) (bool, error) {
	if step < s.last {
		return false, nil
	}
	saved, err := newestStep(s.dir)
	if err != nil {
		return false, fmt.Errorf("hooks: StopAtCheckpointStep: %w", err)
	}
	if saved >= s.last {
		return true, nil
	}
	s.run.wait(checkpointWait)
	return false, nil
}

// AllWorkers returns true.
func (s *StopAtCheckpointStep) AllWorkers() bool { return true }

// newestStep returns the step of the newest checkpoint, -1 when there is none.
func newestStep(dir string) (int64, error) {
	path, err := saver.Latest(dir)
	if errors.Is(err, saver.ErrNoCheckpoint) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	r, err := saver.Open(path)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return r.Step(), nil
}
