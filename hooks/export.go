package hooks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Export writes the model for use elsewhere while it is being trained, each time to a
// directory of its own: ExportMonitor of tf.contrib.learn. Make one with [NewExport].
type Export struct {
	Base
	schedule Schedule
	dir      string
	export   ExportFunc
	keep     int

	run     *Run
	timer   *Timer
	step    int64 // the last step made, -1 before the first
	healthy bool  // the last loss was finite
	last    string
}

// ExportFunc writes the model, with the variables of a step as they are in run.Session,
// to a directory that is there and empty. It may run nodes.
type ExportFunc func(run *Run, step int64, dir string) error

// ExportOption is an argument of [NewExport].
type ExportOption func(*Export)

// ExportsToKeep is how many exports are kept, the newest, default 5; 0 keeps all.
func ExportsToKeep(n int) ExportOption { return func(e *Export) { e.keep = n } }

// NewExport exports to <dir>/<step>, the step with at least eight digits as in
// tf.contrib.learn. A directory of that name appears when its export is complete. One
// that is there already is left as it is, with a line in the log. Directories in dir whose
// names are numbers are taken for exports.
//
// EverySteps counts from the step at which the run begins. With [AtEnd] the model is
// exported once more when a run has ended without an error, after its final checkpoint.
// Nothing is exported after a loss that is not finite.
func NewExport(schedule Schedule, dir string, export ExportFunc, opts ...ExportOption) *Export {
	e := &Export{schedule: schedule, dir: dir, export: export, keep: 5}
	for _, o := range opts {
		if o != nil {
			o(e)
		}
	}
	return e
}

// Validate reports a bad schedule, an empty directory, a nil function or a negative
// number.
func (e *Export) Validate() error {
	if err := e.schedule.Validate(); err != nil {
		return fmt.Errorf("hooks: Export: %w", err)
	}
	switch {
	case e.dir == "":
		return errors.New("hooks: Export: the directory is empty")
	case e.export == nil:
		return errors.New("hooks: Export: the function is nil")
	case e.keep < 0:
		return fmt.Errorf("hooks: Export: ExportsToKeep: %d, want at least 0", e.keep)
	}
	return nil
}

// Begin starts the schedule.
func (e *Export) Begin(run *Run) error {
	e.run, e.timer, e.step, e.healthy, e.last = run, NewTimer(e.schedule), -1, false, ""
	e.timer.Trigger(run.FirstStep)
	return e.Validate()
}

// StepEnd notes what PostStep needs.
func (e *Export) StepEnd(step int64, out Outputs) (bool, error) {
	e.step, e.healthy = step, out.Finite()
	return false, nil
}

// PostStep exports when it is due.
func (e *Export) PostStep(step int64) error {
	if !e.healthy || !e.timer.Due(step) {
		return nil
	}
	return e.write()
}

// EpochEnd exports when the schedule has epochs.
func (e *Export) EpochEnd(epoch int64) error {
	if !e.healthy || !e.timer.EpochDue(epoch) {
		return nil
	}
	return e.write()
}

// End exports when the schedule has the end.
func (e *Export) End(cause error) error {
	if cause != nil || e.run == nil || !e.healthy || !e.schedule.atEnd() {
		return nil
	}
	return e.write()
}

// LastExportDir returns where this run's newest export is, "" when there is none.
func (e *Export) LastExportDir() string { return e.last }

// write exports the step, unless it is exported.
func (e *Export) write() (err error) {
	e.timer.Trigger(e.step)
	target := filepath.Join(e.dir, fmt.Sprintf("%08d", e.step))
	if e.last == target {
		return nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("hooks: Export: step %d: %w", e.step, err)
		}
	}()
	if e.there(target) {
		return nil
	}
	if err := os.MkdirAll(e.dir, 0o777); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(e.dir, "temp-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp) // there is nothing there after the renaming
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	if err := e.export(e.run, e.step, temp); err != nil {
		return err
	}
	if err := os.Rename(temp, target); err != nil {
		if e.there(target) { // another run was faster
			return nil
		}
		return err
	}
	e.last = target
	e.run.Logger.Info("the model was exported", "step", e.step, "dir", target)
	return e.expire()
}

// there reports whether the step is exported already.
func (e *Export) there(target string) bool {
	if _, err := os.Lstat(target); err != nil {
		return false
	}
	e.run.Logger.Info("the step is exported already: it is not exported again", "step", e.step, "dir", target)
	e.last = target
	return true
}

// expire deletes the oldest exports.
func (e *Export) expire() error {
	if e.keep == 0 {
		return nil
	}
	entries, err := os.ReadDir(e.dir)
	if err != nil {
		return err
	}
	var steps []int64
	names := map[int64]string{}
	for _, entry := range entries {
		if step, err := strconv.ParseInt(entry.Name(), 10, 64); err == nil && entry.IsDir() {
			steps, names[step] = append(steps, step), entry.Name()
		}
	}
	slices.Sort(steps)
	for _, step := range steps[:max(len(steps)-e.keep, 0)] {
		if err := os.RemoveAll(filepath.Join(e.dir, names[step])); err != nil {
			return err
		}
	}
	return nil
}
