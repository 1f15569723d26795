package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// ErrCrashed is what every operation returns after a simulated crash.
var ErrCrashed = errors.New("simulated crash")

// Fault is what happens at the chosen operation of a [Faults].
type Fault int

const (
	// Fail makes the operation fail with ENOSPC. A write first writes half.
	Fail Fault = iota
	// Kill stops the process: nothing happens from there on. A write first writes half.
	Kill
	// PowerCut is Kill, after which data that was not flushed is cut to half.
	PowerCut
	// PowerCutNames is PowerCut, after which renames that were not flushed are undone,
	// while removals are not: a file system may keep either.
	PowerCutNames
)

// Faults is a file system for tests: the disk, where the operation numbered At, from 1,
// meets Fault. At 0 nothing does. Operations are creating, writing, flushing, closing,
// renaming, removing and flushing a directory.
type Faults struct {
	Fault Fault
	At    int

	mu       sync.Mutex
	done     []string
	crashed  bool
	unsynced map[string]int // path to the length that is durable
	renames  []rename
}

type rename struct {
	from, to string
	replaced []byte // nil when to was new
}

// Operations returns what was asked for so far, in order.
func (s *Faults) Operations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.done...)
}

// step counts an operation and returns the error that it is to meet. half is called
// before that error.
func (s *Faults) step(what, path string, half func()) error {
	if s.crashed {
		return ErrCrashed
	}
	s.done = append(s.done, what+" "+filepath.Base(path))
	if len(s.done) != s.At {
		return nil
	}
	half()
	if s.Fault == Fail {
		return &os.PathError{Op: what, Path: path, Err: syscall.ENOSPC}
	}
	s.crashed = true
	if err := s.lose(); err != nil {
		return fmt.Errorf("simulating a power cut: %w", err)
	}
	return ErrCrashed
}

// lose does what a power cut does to the disk.
func (s *Faults) lose() error {
	if s.Fault == Kill {
		return nil
	}
	var errs []error
	for path, durable := range s.unsynced {
		info, err := os.Stat(path)
		if err == nil {
			err = os.Truncate(path, int64(durable)+(info.Size()-int64(durable))/2)
		}
		errs = append(errs, err)
	}
	if s.Fault == PowerCutNames {
		for i := len(s.renames) - 1; i >= 0; i-- {
			r := s.renames[i]
			if _, err := os.Stat(r.to); err == nil {
				errs = append(errs, os.Rename(r.to, r.from))
			}
			if r.replaced != nil {
				errs = append(errs, os.WriteFile(r.to, r.replaced, 0o666))
			}
		}
	}
	return errors.Join(errs...)
}

// Create makes a new file.
func (s *Faults) Create(path string) (File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.step("create", path, func() {}); err != nil {
		return nil, err
	}
	f, err := Disk.Create(path)
	if err != nil {
		return nil, err
	}
	s.setUnsynced(path, 0)
	return &faultyFile{s, path, f, 0}, nil
}

func (s *Faults) setUnsynced(path string, durable int) {
	if s.unsynced == nil {
		s.unsynced = map[string]int{}
	}
	s.unsynced[path] = durable
}

// Rename moves a file.
func (s *Faults) Rename(from, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.step("rename", to, func() {}); err != nil {
		return err
	}
	replaced, err := os.ReadFile(to)
	if err != nil {
		replaced = nil
	}
	if err := Disk.Rename(from, to); err != nil {
		return err
	}
	if durable, ok := s.unsynced[from]; ok {
		delete(s.unsynced, from)
		s.unsynced[to] = durable
	}
	s.renames = append(s.renames, rename{from, to, replaced})
	return nil
}

// Remove deletes a file.
func (s *Faults) Remove(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.step("remove", path, func() {}); err != nil {
		return err
	}
	delete(s.unsynced, path)
	return Disk.Remove(path)
}

// SyncDir makes the renames so far durable.
func (s *Faults) SyncDir(dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.step("syncdir", dir, func() {}); err != nil {
		return err
	}
	s.renames = nil
	return Disk.SyncDir(dir)
}

type faultyFile struct {
	fs      *Faults
	path    string
	file    File
	written int
}

func (f *faultyFile) Write(p []byte) (n int, err error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if _, ok := f.fs.unsynced[f.path]; !ok && !f.fs.crashed {
		f.fs.setUnsynced(f.path, f.written)
	}
	err = f.fs.step("write", f.path, func() { n, _ = f.file.Write(p[:len(p)/2]) })
	if err == nil {
		n, err = f.file.Write(p)
	}
	f.written += n
	return n, err
}

func (f *faultyFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step("sync", f.path, func() {}); err != nil {
		return err
	}
	delete(f.fs.unsynced, f.path)
	return f.file.Sync()
}

func (f *faultyFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	err := f.fs.step("close", f.path, func() {})
	return errors.Join(err, f.file.Close())
}
