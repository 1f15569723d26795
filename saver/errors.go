package saver

import (
	"errors"
	"fmt"
)

var (
	// ErrNoCheckpoint says that a directory has no checkpoint, or does not exist.
	ErrNoCheckpoint = errors.New("no checkpoint")
	// ErrCorrupt is in every [*CorruptError].
	ErrCorrupt = errors.New("corrupt")
	// ErrNotFound says that a checkpoint has no tensor of the name asked for.
	ErrNotFound = errors.New("not found in the checkpoint")
	// ErrLocked says that another trainer has the directory.
	ErrLocked = errors.New("the directory is locked by another trainer")
	// ErrMismatch is in the error of [Report.Err].
	ErrMismatch = errors.New("the checkpoint does not fit the variables")
)

// CorruptError says what is wrong with a file. errors.Is(err, ErrCorrupt) finds it.
type CorruptError struct {
	// Path is the file.
	Path string
	// What was found, and what was expected.
	What string
}

// Error names the file and its defect.
func (e *CorruptError) Error() string { return fmt.Sprintf("%s is corrupt: %s", e.Path, e.What) }

// Unwrap returns ErrCorrupt.
func (e *CorruptError) Unwrap() error { return ErrCorrupt }

func corrupt(path, format string, args ...any) error {
	return &CorruptError{Path: path, What: fmt.Sprintf(format, args...)}
}
