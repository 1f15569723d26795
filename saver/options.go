package saver

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stheno-ml/stheno/internal/atomicfile"
)

// Option changes a default of [New].
type Option func(*Saver)

// KeepMax keeps the n newest checkpoints, by default 5; 0 keeps all. Each save deletes
// at most one file, so a directory that has more than n, because n was larger before a
// restart, keeps its number.
//
// With 0 the state file lists only the newest. What it does not list is never deleted,
// also after a restart with another n.
func KeepMax(n int) Option { return func(s *Saver) { s.rotation.max = n } }

// KeepEveryNHours keeps a checkpoint for good when KeepMax would delete it, if it was
// saved n hours or more after the last that was kept for good. That is counted from
// the first use of the directory, also over restarts. The default is 10000, which in
// practice keeps none; so does 0.
func KeepEveryNHours(n float64) Option { return func(s *Saver) { s.rotation.everyHours = n } }

// Basename is the start of the files' names, by default "model.ckpt".
func Basename(name string) Option { return func(s *Saver) { s.basename = name } }

// Logger receives warnings, by default slog.Default: files that could not be deleted, a
// state file that had to be made anew.
func Logger(l *slog.Logger) Option { return func(s *Saver) { s.logger = l } }

// withFS and withClock serve tests.
func withFS(fsys atomicfile.FS) Option      { return func(s *Saver) { s.fs = fsys } }
func withClock(now func() time.Time) Option { return func(s *Saver) { s.now = now } }

func (s *Saver) validate() error {
	switch {
	case s.rotation.max < 0:
		return fmt.Errorf("saver: KeepMax(%d): expected 0, which keeps all, or more", s.rotation.max)
	case math.IsNaN(s.rotation.everyHours) || s.rotation.everyHours < 0:
		return fmt.Errorf("saver: KeepEveryNHours(%v): expected 0, which keeps none for good, or more", s.rotation.everyHours)
	case s.logger == nil:
		return errors.New("saver: Logger(nil): expected a logger")
	}
	_, _, ok := parseName(fileName(s.basename, 0))
	if !ok || strings.ContainsAny(s.basename, "/\\\x00") || !utf8.ValidString(s.basename) {
		return fmt.Errorf("saver: Basename(%q): expected the start of a file's name, not hidden and without a directory", s.basename)
	}
	return nil
}
