package saver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"github.com/gofrs/flock"

	"github.com/stheno-ml/stheno/internal/atomicfile"
)

// PinsFile is the name of the file that lists a directory's pins.
const PinsFile = "pins.json"

// pinsLock is locked while the pins are changed, by a trainer or by another process.
const pinsLock = ".pins.lock"

// pinsVersion is the format's version that is written, and the newest that is read.
const pinsVersion = 1

// Pin is a checkpoint that rotation does not delete.
type Pin struct {
	// Step is the checkpoint's.
	Step int64
	// Path is where it is. [SetPins] finds it by the step.
	Path string
	// Note is the caller's own, UTF-8 text: for instance why it is kept.
	Note string
}

// SetPins keeps the checkpoints of these steps whatever rotation says, in place of those
// that were pinned before under that name; without pins it only lets go of them. Other
// names keep what they pinned. A checkpoint that rotation gave up while it was pinned is
// deleted when nobody pins it any more. A pins file that is damaged is replaced.
//
// Another process than the trainer may pin too. The error is fs.ErrNotExist when there is
// no checkpoint of a step, or when it was deleted meanwhile.
func SetPins(dir, name string, pins ...Pin) error { return setPins(atomicfile.Disk, dir, name, pins) }

func setPins(fsys atomicfile.FS, dir, name string, pins []Pin) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("saver: SetPins %q in %s: %w", name, dir, fmt.Errorf(format, args...))
	}
	if name == "" || !utf8.ValidString(name) {
		return fail("expected a name in UTF-8")
	}
	paths, err := AllPaths(dir)
	if err != nil {
		return err
	}
	var entries []pinEntry
	for _, pin := range pins {
		path := ofStep(paths, pin.Step)
		switch {
		case path == "":
			return fail("there is no checkpoint of step %d: %w", pin.Step, fs.ErrNotExist)
		case !utf8.ValidString(pin.Note):
			return fail("the note of step %d is not UTF-8 text", pin.Step)
		}
		entries = append(entries, pinEntry{File: filepath.Base(path), Note: pin.Note})
	}
	if len(entries) == 0 && !exists(filepath.Join(dir, PinsFile)) {
		return nil
	}
	return underPinsLock(dir, func() error {
		state, err := readPins(dir)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return err
		}
		delete(state.Pins, name)
		if len(entries) > 0 {
			state.Pins[name] = entries
		}
		if err := state.write(fsys, dir); err != nil {
			return err
		}
		for _, e := range entries {
			if !exists(filepath.Join(dir, e.File)) {
				return fail("%s was deleted meanwhile: %w", e.File, fs.ErrNotExist)
			}
		}
		return state.removeExpired(fsys, dir)
	})
}

// Pins returns the checkpoints that were pinned under a name and are there, in the order
// in which [SetPins] got them.
func Pins(dir, name string) ([]Pin, error) {
	state, err := readPins(dir)
	if err != nil {
		return nil, err
	}
	var pins []Pin
	for _, e := range state.Pins[name] {
		path := filepath.Join(dir, e.File)
		if _, step, _ := parseName(e.File); exists(path) {
			pins = append(pins, Pin{Step: step, Path: path, Note: e.Note})
		}
	}
	return pins, nil
}

// ofStep returns the newest path with that step in its name, "" when there is none.
func ofStep(paths []string, step int64) string {
	for _, p := range slices.Backward(paths) {
		if _, s, ok := parseName(p); ok && s == step {
			return p
		}
	}
	return ""
}

// pinState is the content of the pins file.
type pinState struct {
	Format int                   `json:"format"`
	Pins   map[string][]pinEntry `json:"pins"`
	// Expired has the files that rotation gave up while they were pinned.
	Expired []string `json:"expired,omitempty"`
}

type pinEntry struct {
	File string `json:"file"`
	Note string `json:"note,omitempty"`
}

// readPins reads the pins file; without one nothing is pinned. After an error that is
// ErrCorrupt the state is empty and can be used.
func readPins(dir string) (*pinState, error) {
	path := filepath.Join(dir, PinsFile)
	empty := func() *pinState { return &pinState{Format: pinsVersion, Pins: map[string][]pinEntry{}} }
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return empty(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("saver: %w", err)
	}
	state := empty()
	if err := json.Unmarshal(text, state); err != nil {
		return empty(), corrupt(path, "%v", err)
	}
	if state.Format < 1 || state.Format > pinsVersion {
		return empty(), corrupt(path, "its format is %d, expected 1 to %d", state.Format, pinsVersion)
	}
	files := slices.Clone(state.Expired)
	for _, entries := range state.Pins {
		for _, e := range entries {
			files = append(files, e.File)
		}
	}
	for _, file := range files {
		if _, _, ok := parseName(file); !ok || filepath.Base(file) != file {
			return empty(), corrupt(path, "it has %q, expected the name of a checkpoint in the directory", file)
		}
	}
	return state, nil
}

func (p *pinState) write(fsys atomicfile.FS, dir string) error {
	path := filepath.Join(dir, PinsFile)
	text, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return fmt.Errorf("saver: writing %s: %w", path, err)
	}
	err = atomicfile.Write(fsys, path, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
	if err != nil {
		return fmt.Errorf("saver: writing %s: %w", path, err)
	}
	return nil
}

func (p *pinState) pinned(file string) bool {
	for _, entries := range p.Pins {
		if slices.ContainsFunc(entries, func(e pinEntry) bool { return e.File == file }) {
			return true
		}
	}
	return false
}

// removeExpired deletes what rotation gave up and nobody pins any more. The list keeps
// their names until the next change, so that a crash in between loses none.
func (p *pinState) removeExpired(fsys atomicfile.FS, dir string) error {
	listed := map[string]bool{}
	if state, err := ReadState(dir); err == nil {
		for _, path := range state.Paths {
			listed[filepath.Clean(path)] = true
		}
	}
	for _, file := range p.Expired {
		path := filepath.Join(dir, file)
		if p.pinned(file) || listed[path] {
			continue
		}
		if err := fsys.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("saver: deleting a checkpoint that is not pinned any more: %w", err)
		}
	}
	return nil
}

// expire deletes a checkpoint that rotation gave up, unless it is pinned: then it goes
// with its last pin.
func (s *Saver) expire(path string) {
	const problem = "an expired checkpoint could not be deleted"
	if !exists(filepath.Join(s.dir, PinsFile)) {
		s.remove(path, problem)
		return
	}
	err := underPinsLock(s.dir, func() error {
		state, err := readPins(s.dir)
		file := filepath.Base(path)
		if err != nil {
			return err
		}
		if !state.pinned(file) {
			s.remove(path, problem)
			return nil
		}
		state.Expired = slices.DeleteFunc(state.Expired, func(f string) bool { return f == file || !exists(filepath.Join(s.dir, f)) })
		state.Expired = append(state.Expired, file)
		return state.write(s.fs, s.dir)
	})
	if err != nil {
		s.logger.Warn("an expired checkpoint stays: it is not known whether it is pinned", "path", path, "reason", err)
	}
}

// underPinsLock calls change while no other process changes the pins, after removing what
// a change that crashed had left.
func underPinsLock(dir string, change func() error) error {
	f := flock.New(filepath.Join(dir, pinsLock), flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
	if err := f.Lock(); err != nil {
		return fmt.Errorf("saver: locking %s: %w", f.Path(), err)
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if target, ok := atomicfile.TempTarget(e.Name()); ok && target == PinsFile {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	if err == nil {
		err = change()
	}
	if unlock := f.Unlock(); unlock != nil && err == nil {
		err = fmt.Errorf("saver: unlocking %s: %w", f.Path(), unlock)
	}
	return err
}
