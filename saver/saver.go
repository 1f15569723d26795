package saver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/stheno-ml/stheno/internal/atomicfile"
)

// Saver writes checkpoints to one directory. There should be one for each directory:
// [Lock] sees to it. Its methods may be called from several goroutines.
type Saver struct {
	dir      string
	basename string
	logger   *slog.Logger
	fs       atomicfile.FS
	now      func() time.Time

	mu       sync.Mutex
	rotation rotation
	cleaned  bool
}

// New returns a saver for dir, which is created when it does not exist. What an earlier
// run saved there is taken over: the list in the state file, or, when that is missing
// or torn, the files.
func New(dir string, opts ...Option) (*Saver, error) {
	s := &Saver{
		dir: dir, basename: "model.ckpt", logger: slog.Default(), fs: atomicfile.Disk, now: time.Now,
		rotation: rotation{max: 5, everyHours: 10000},
	}
	for _, opt := range opts {
		opt(s)
	}
	if err := s.validate(); err != nil {
		return nil, err
	}
	if dir == "" {
		return nil, errors.New("saver: New: the directory is \"\"")
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("saver: creating the directory %s: %w", dir, err)
	}
	stateFile := filepath.Join(dir, StateFile)
	if info, err := os.Lstat(stateFile); err == nil && info.IsDir() {
		return nil, fmt.Errorf("saver: %s is a directory, expected the file that lists the checkpoints of %s", stateFile, dir)
	}
	if err := atomicfile.Probe(s.fs, stateFile); err != nil {
		return nil, fmt.Errorf("saver: the directory %s cannot be written: %w", dir, err)
	}
	if err := s.takeOver(); err != nil {
		return nil, err
	}
	return s, nil
}

// takeOver continues the rotation of an earlier run.
func (s *Saver) takeOver() error {
	now := seconds(s.now())
	// TensorFlow sets the clock back a little too, for savers made in quick succession.
	s.rotation.preserved = now - 1
	state, err := ReadState(s.dir)
	if err == nil {
		if state.LastPreserved > now {
			s.logger.Warn("the clock was set back: ages of checkpoints count from now", "dir", s.dir)
		} else if state.LastPreserved != 0 {
			s.rotation.preserved = state.LastPreserved
		}
	} else {
		paths, ferr := files(s.dir)
		if ferr != nil {
			return ferr
		}
		state = &State{Paths: paths}
		if !errors.Is(err, fs.ErrNotExist) {
			s.logger.Warn("the list of checkpoints cannot be used: it is made anew from the files", "reason", err)
		}
	}
	seen := map[string]bool{}
	for i, path := range state.Paths {
		basename, _, ok := parseName(path)
		info, err := os.Stat(path)
		if !ok || basename != s.basename || seen[path] || err != nil || filepath.Dir(path) != filepath.Clean(s.dir) {
			continue // it is gone, or another's
		}
		seen[path] = true
		saved := seconds(info.ModTime())
		if len(state.Times) > 0 {
			saved = state.Times[i]
		}
		s.rotation.list = append(s.rotation.list, kept{path, min(saved, now)})
	}
	return nil
}

func seconds(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }

// Save writes a checkpoint and returns its path, <dir>/<basename>-<step>.safetensors.
// The tensors must not change until it returns. When it returns nil the checkpoint is
// durable, and the newest. Saving a step again replaces it.
//
// The effects come in this order: the checkpoint's file appears, whole; the state file
// lists it; at most one expired file is deleted, unless it is pinned (see [SetPins]). After an error, and after a crash at
// any moment, the directory holds what it held before, or that and the new checkpoint.
// ctx can interrupt the writing of the data.
func (s *Saver) Save(ctx context.Context, c Checkpoint) (path string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("saver: step %d is not saved: %w", c.Step, err)
	}
	enc, err := encode(&c)
	if err != nil {
		return "", err
	}
	s.clean()
	path = filepath.Join(s.dir, fileName(s.basename, c.Step))
	replaces := exists(path)
	err = atomicfile.Write(s.fs, path, func(w io.Writer) error { return enc.write(ctx, w) })
	if err != nil {
		s.undo(path, replaces, errors.Is(err, atomicfile.ErrNotDurable))
		return "", fmt.Errorf("saver: saving step %d: %w", c.Step, err)
	}
	next, expired := s.rotation.add(kept{path, seconds(s.now())})
	if err := writeState(s.fs, s.dir, next.state()); err != nil {
		if errors.Is(err, atomicfile.ErrNotDurable) {
			s.rotation = next // the list names the new file already
		} else {
			s.undo(path, replaces, true)
		}
		return "", fmt.Errorf("saver: saving step %d: %w", c.Step, err)
	}
	s.rotation = next
	if expired != "" {
		s.expire(expired)
	}
	return path, nil
}

// undo removes a new file that could not be listed. One that replaced another of its
// step is listed already, and stays.
func (s *Saver) undo(path string, replaces, inPlace bool) {
	if inPlace && !replaces {
		s.remove(path, "a checkpoint that was not finished could not be deleted")
	}
}

func (s *Saver) remove(path, problem string) {
	if err := s.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.logger.Warn(problem, "path", path, "reason", err)
	}
}

// clean removes the temporary files of a run that crashed. It waits for the first save:
// until then the directory may be another trainer's.
func (s *Saver) clean() {
	if s.cleaned {
		return
	}
	s.cleaned = true
	temps, err := s.temporaries()
	if err != nil {
		s.logger.Warn("looking for temporary files of an earlier run", "reason", err)
	}
	for _, path := range temps {
		s.remove(path, "a temporary file of an earlier run could not be deleted")
	}
}

func (s *Saver) temporaries() ([]string, error) {
	all, err := temporaries(s.dir)
	var ours []string
	for _, path := range all {
		target, _ := atomicfile.TempTarget(filepath.Base(path))
		if basename, _, _ := parseName(target); target == StateFile || basename == s.basename {
			ours = append(ours, path)
		}
	}
	return ours, err
}

// temporaries returns the temporary files of checkpoints, state and pins in dir.
func temporaries(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("saver: %w", err)
	}
	var paths []string
	for _, e := range entries {
		target, ok := atomicfile.TempTarget(e.Name())
		if _, _, checkpoint := parseName(target); ok && !e.IsDir() && (checkpoint || target == StateFile || target == PinsFile) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}
