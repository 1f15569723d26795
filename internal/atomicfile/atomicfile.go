// Package atomicfile replaces files so that a reader, or a crash at any moment, finds
// the old file or the new one, whole.
//
// [Write] writes to a temporary file in the same directory, flushes it to the disk,
// renames it over the target and flushes the directory. What a crash leaves behind is
// a temporary file that [TempTarget] recognises by its name.
//
// Everything goes through an [FS], [Disk] outside of tests. [Faults] is one that fails,
// stops or loses power at an operation of the test's choice.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
)

// ErrNotDurable is in the error of [Write] when the new file is in place under its
// name, but flushing the directory failed: a power cut may still bring the old one
// back.
var ErrNotDurable = errors.New("the new file is in place, but the directory could not be flushed")

// FS is what replacing a file asks of a file system.
type FS interface {
	// Create makes a new file and fails when the path exists.
	Create(path string) (File, error)
	// Rename moves a file over another in the same directory.
	Rename(from, to string) error
	// Remove deletes a file.
	Remove(path string) error
	// SyncDir makes what was created, renamed and removed in dir durable.
	SyncDir(dir string) error
}

// File is a new file.
type File interface {
	io.WriteCloser
	// Sync makes what was written durable.
	Sync() error
}

// Disk is the file system of the operating system.
var Disk FS = disk{}

type disk struct{}

func (disk) Create(path string) (File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
}
func (disk) Rename(from, to string) error { return os.Rename(from, to) }
func (disk) Remove(path string) error     { return os.Remove(path) }

func (disk) SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it cannot flush directories
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // some network file systems have no such operation
	}
	return errors.Join(err, d.Close())
}

// Write replaces path by what write writes. When it fails, path is as it was and the
// temporary file is gone; the one exception is [ErrNotDurable].
func Write(fsys FS, path string, write func(io.Writer) error) (err error) {
	temp, f, err := createTemp(fsys, path)
	if err != nil {
		return err
	}
	open := true
	defer func() {
		if err == nil {
			return
		}
		if open {
			_ = f.Close() // the first error counts
		}
		_ = fsys.Remove(temp)
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("flushing %s: %w", temp, err)
	}
	open = false
	if err := f.Close(); err != nil {
		return fmt.Errorf("closing %s: %w", temp, err)
	}
	if err := fsys.Rename(temp, path); err != nil {
		return err
	}
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("%s: %w: %w", path, ErrNotDurable, err)
	}
	return nil
}

// Probe creates a temporary file for path and removes it again: an error says that
// path cannot be written.
func Probe(fsys FS, path string) error {
	temp, f, err := createTemp(fsys, path)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), fsys.Remove(temp))
}

// createTemp does as os.CreateTemp does, but the file gets the permissions that the
// user's umask gives to any other file.
func createTemp(fsys FS, path string) (string, File, error) {
	dir, base := filepath.Split(path)
	for try := 0; ; try++ {
		temp := filepath.Join(dir, "."+base+".tmp-"+strconv.FormatUint(uint64(rand.Uint32()), 10))
		f, err := fsys.Create(temp)
		if errors.Is(err, os.ErrExist) && try < 1000 {
			continue
		}
		return temp, f, err
	}
}

var tempName = regexp.MustCompile(`(?s)^\.(.+)\.tmp-[0-9]{1,10}$`)

// TempTarget reports whether name, without a directory, is that of a temporary file of
// this package, and the name of the file that it was to replace.
func TempTarget(name string) (target string, ok bool) {
	m := tempName.FindStringSubmatch(name)
	if m == nil {
		return "", false
	}
	return m[1], true
}
