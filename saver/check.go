package saver

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// CheckReport is what [Check] found.
type CheckReport struct {
	Dir string
	// State is the state file's content, nil when it is missing or cannot be used.
	State *State
	// Files has every checkpoint in the directory, oldest first.
	Files []FileCheck
	// Temporary has the temporary files that a crashed run left, or that a running one
	// is writing. They do no harm: the next run's first save removes them.
	Temporary []string
	// Problems has everything that is wrong, nil when nothing is.
	Problems []error
}

// FileCheck is what [Check] found of one checkpoint.
type FileCheck struct {
	Path string
	Step int64
	// Listed says that the state file lists it. A file that is not listed is never
	// deleted.
	Listed bool
	// Pinned says that a pin keeps it.
	Pinned bool
	// Checksums says that every byte was verified. A file of another program has no
	// checksums.
	Checksums bool
	// Err is its defect, nil when it is good.
	Err error
}

// Check verifies everything that a directory has: the state file, each listed file,
// every byte of every checkpoint, and looks for temporary files. It reads all of it and
// changes nothing. The error joins the problems, [ErrNoCheckpoint] among them when
// there is no checkpoint; the report is never nil.
func Check(dir string) (*CheckReport, error) {
	r := &CheckReport{Dir: dir}
	r.check()
	return r, errors.Join(r.Problems...)
}

func (r *CheckReport) problem(err error) { r.Problems = append(r.Problems, err) }

func (r *CheckReport) check() {
	paths, err := AllPaths(r.Dir)
	if err != nil {
		r.problem(err)
		return
	}
	if r.State, err = ReadState(r.Dir); err != nil && (len(paths) > 0 || !errors.Is(err, fs.ErrNotExist)) {
		r.problem(err)
	}
	if len(paths) == 0 {
		r.problem(fmt.Errorf("saver: %w in %s", ErrNoCheckpoint, r.Dir))
	}
	var listed []string
	if r.State != nil {
		listed = r.State.Paths
	}
	for _, p := range listed {
		if !slices.Contains(paths, p) {
			r.problem(fmt.Errorf("saver: %s lists %s, which is not there", filepath.Join(r.Dir, StateFile), p))
		}
	}
	pins, err := readPins(r.Dir)
	if err != nil {
		r.problem(err)
		if pins == nil {
			pins = &pinState{}
		}
	}
	for _, p := range paths {
		f := checkFile(p)
		f.Listed = slices.Contains(listed, p)
		f.Pinned = pins.pinned(filepath.Base(p))
		if f.Err != nil {
			r.problem(f.Err)
		}
		r.Files = append(r.Files, f)
	}
	for _, name := range slices.Sorted(maps.Keys(pins.Pins)) {
		for _, e := range pins.Pins[name] {
			if path := filepath.Join(r.Dir, e.File); !exists(path) {
				r.problem(fmt.Errorf("saver: %s has a pin %q of %s, which is not there", filepath.Join(r.Dir, PinsFile), name, path))
			}
		}
	}
	if r.Temporary, err = temporaries(r.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.problem(err)
	}
}

// checkFile verifies one file, a tensor at a time.
func checkFile(path string) FileCheck {
	f := FileCheck{Path: path}
	_, f.Step, _ = parseName(path)
	r, err := Open(path)
	if err != nil {
		f.Err = err
		return f
	}
	defer r.Close()
	f.Checksums = r.Checksums()
	if _, step, ok := parseName(path); ok && step != r.Step() {
		f.Err = corrupt(path, "it holds step %d, its name says %d", r.Step(), step)
	}
	f.Step = r.Step()
	for _, name := range r.Names() {
		if _, err := r.Tensor(name); err != nil {
			f.Err = err
			return f
		}
	}
	return f
}

// String returns a line for each file and each problem.
func (r *CheckReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d checkpoints, %d temporary files, %d problems\n", r.Dir, len(r.Files), len(r.Temporary), len(r.Problems))
	for _, f := range r.Files {
		status := "good"
		switch {
		case f.Err != nil:
			status = "BAD"
		case !f.Checksums:
			status = "readable, it has no checksums"
		}
		if !f.Listed {
			status += ", not listed"
		}
		if f.Pinned {
			status += ", pinned"
		}
		fmt.Fprintf(&b, "  %s: step %d, %s\n", filepath.Base(f.Path), f.Step, status)
	}
	for _, path := range r.Temporary {
		fmt.Fprintf(&b, "  %s: temporary\n", filepath.Base(path))
	}
	for _, err := range r.Problems {
		fmt.Fprintf(&b, "  problem: %v\n", err)
	}
	return b.String()
}
