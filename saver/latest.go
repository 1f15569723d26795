package saver

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const extension = ".safetensors"

func fileName(basename string, step int64) string {
	return basename + "-" + strconv.FormatInt(step, 10) + extension
}

// parseName takes the name of a checkpoint's file apart. A step with leading zeros is
// none: that is how the parts of a large model are numbered.
func parseName(path string) (basename string, step int64, ok bool) {
	name, found := strings.CutSuffix(filepath.Base(path), extension)
	i := strings.LastIndexByte(name, '-')
	if !found || i < 1 {
		return "", 0, false
	}
	step, err := strconv.ParseInt(name[i+1:], 10, 64)
	if err != nil || step < 0 || strconv.FormatInt(step, 10) != name[i+1:] || name[0] == '.' {
		return "", 0, false
	}
	return name[:i], step, true
}

// files returns the paths of the checkpoints in dir by ascending step. A directory that
// does not exist has none.
func files(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("saver: %w", err)
	}
	var paths []string
	for _, e := range entries {
		if _, _, ok := parseName(e.Name()); ok && !e.IsDir() {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	slices.SortStableFunc(paths, func(a, b string) int {
		_, x, _ := parseName(a)
		_, y, _ := parseName(b)
		return cmp.Compare(x, y)
	})
	return paths, nil
}

// Skipped is a file that was passed over, and why.
type Skipped struct {
	Path string
	Err  error
}

// candidates returns where a checkpoint may be found, best first: what the state file
// lists, newest first, and among those, by step, files that it does not list. There are
// such files when it is missing or torn, when a run stopped between writing a file and
// listing it, and when a file is kept for good. A state file that cannot be used is
// returned as skipped. Listed paths need not exist.
func candidates(dir string) (paths []string, skipped []Skipped, err error) {
	unlisted, err := files(dir)
	if err != nil {
		return nil, nil, err
	}
	slices.Reverse(unlisted)
	state, err := ReadState(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return unlisted, nil, nil
	}
	if err != nil {
		return unlisted, []Skipped{{filepath.Join(dir, StateFile), err}}, nil
	}
	listed := slices.Clone(state.Paths)
	slices.Reverse(listed)
	isListed := map[string]bool{}
	for _, p := range listed {
		isListed[filepath.Clean(p)] = true
	}
	unlisted = slices.DeleteFunc(unlisted, func(p string) bool { return isListed[filepath.Clean(p)] })
	for i, p := range listed {
		_, step, ok := parseName(p)
		for i > 0 && ok && len(unlisted) > 0 {
			// The first of the list is the newest, whatever its step.
			if _, s, _ := parseName(unlisted[0]); s < step {
				break
			}
			paths, unlisted = append(paths, unlisted[0]), unlisted[1:]
		}
		paths = append(paths, p)
	}
	return append(paths, unlisted...), nil, nil
}

// Latest returns the path of the newest checkpoint in dir without reading it: the one
// that the state file names. When the state file is missing or torn, or names a file
// that is not there, it is the next newest that is there. The error is
// [ErrNoCheckpoint] when there is none, and when dir does not exist.
func Latest(dir string) (string, error) {
	paths, _, err := candidates(dir)
	if err != nil {
		return "", err
	}
	for _, p := range paths {
		if exists(p) {
			return p, nil
		}
	}
	return "", fmt.Errorf("saver: %w in %s", ErrNoCheckpoint, dir)
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// LoadLatest reads the newest good checkpoint in dir and returns its path. It passes
// over files that are damaged or missing, and a state file that cannot be understood,
// and returns those as skipped, newest first: a caller should say so aloud.
//
// The error is [ErrNoCheckpoint] when nothing was ever saved in dir. When there are
// checkpoints but no good one, it is another that names each with its defect, so that a
// run does not start anew over a damaged directory.
func LoadLatest(dir string) (ckpt *Checkpoint, path string, skipped []Skipped, err error) {
	paths, skipped, err := candidates(dir)
	if err != nil {
		return nil, "", nil, err
	}
	for _, p := range paths {
		ckpt, err := Load(p)
		if err == nil {
			return ckpt, p, skipped, nil
		}
		skipped = append(skipped, Skipped{p, err})
	}
	if len(skipped) == 0 {
		return nil, "", nil, fmt.Errorf("saver: %w in %s", ErrNoCheckpoint, dir)
	}
	errs := []error{fmt.Errorf("saver: no checkpoint in %s can be used; to start anew, empty the directory", dir)}
	for _, s := range skipped {
		errs = append(errs, s.Err)
	}
	return nil, "", skipped, errors.Join(errs...)
}

// AllPaths returns the paths of all checkpoints in dir, listed in the state file or not,
// oldest first. The last is what [Latest] returns. They are not read. A directory
// without any, or that does not exist, gives none.
func AllPaths(dir string) ([]string, error) {
	paths, _, err := candidates(dir)
	if err != nil {
		return nil, err
	}
	paths = slices.DeleteFunc(paths, func(p string) bool { return !exists(p) })
	slices.Reverse(paths)
	return paths, nil
}

// Steps returns the steps in the names of the files that [AllPaths] finds, ascending.
func Steps(dir string) ([]int64, error) {
	paths, err := AllPaths(dir)
	if err != nil {
		return nil, err
	}
	var steps []int64
	for _, p := range paths {
		if _, step, ok := parseName(p); ok {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return slices.Compact(steps), nil
}
