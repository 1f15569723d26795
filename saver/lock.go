package saver

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gofrs/flock"
)

// LockFile is the name of the file in a directory that [Lock] locks. It stays when the
// lock is released.
const LockFile = ".lock"

// DirLock is the lock of a directory, held until Close or the end of the process.
type DirLock struct {
	flock *flock.Flock
	once  sync.Once
	err   error
}

// Lock takes the lock of dir, which is created when it does not exist. It does not wait:
// when another trainer has the lock, in this process or another, the error is
// [ErrLocked]. The operating system releases the lock of a process that dies.
func Lock(dir string) (*DirLock, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("saver: creating the directory %s: %w", dir, err)
	}
	path := filepath.Join(dir, LockFile)
	f := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
	ok, err := f.TryLock()
	if err != nil {
		return nil, fmt.Errorf("saver: locking %s: %w", path, err)
	}
	if !ok {
		owner, err := os.ReadFile(path)
		if err != nil || len(owner) == 0 {
			return nil, fmt.Errorf("saver: %s: %w", dir, ErrLocked)
		}
		return nil, fmt.Errorf("saver: %s: %w, %s", dir, ErrLocked, strings.TrimSpace(string(owner)))
	}
	// Who it is helps the next one's error; that it could not be written harms nobody.
	host, _ := os.Hostname()
	_ = os.WriteFile(path, fmt.Appendf(nil, "process %d on %s\n", os.Getpid(), host), 0o666)
	return &DirLock{flock: f}, nil
}

// Close releases the lock. It may be called more than once.
func (l *DirLock) Close() error {
	l.once.Do(func() {
		if err := l.flock.Unlock(); err != nil {
			l.err = fmt.Errorf("saver: unlocking %s: %w", l.flock.Path(), err)
		}
	})
	return l.err
}
