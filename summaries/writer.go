package summaries

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/stheno-ml/stheno/internal/record"
)

// FileVersion is what the first event of every file says. TensorBoard heeds
// [SessionStart] from version 2 on.
const FileVersion = "brain.Event:2"

const (
	defaultFlushEvery = 10 * time.Second
	defaultBufferSize = 64 << 10
)

// Writer writes events to one file. Make one with [NewWriter] or [Open]. It is safe
// for concurrent use.
//
// The first error of the disk is kept: every later call returns it too, and nothing
// more is written, because a record may have been written in part. An argument that
// cannot be written is an error of its own call only.
type Writer struct {
	path       string
	flushEvery time.Duration
	bufferSize int

	mu      sync.Mutex
	file    file
	buf     []byte // whole records that are not yet in the file
	flushed time.Time
	scratch histogram
	tags    []string // of Scalars, sorted
	err     error    // the first error of the disk
	closed  bool

	// Of the cache, and guarded by its lock.
	refs int
	key  string
}

// file is what a Writer needs of an *os.File; tests put one that fails in its place.
type file interface {
	Write([]byte) (int, error)
	Sync() error
	Close() error
}

// An Option changes how a [Writer] works.
type Option func(*Writer) error

// FlushEvery sets how long an event may wait in memory, 10 s unless given. It is
// looked at when something is written: events that nothing follows wait for Flush or
// Close. The first event does not wait. Zero writes every event at once.
func FlushEvery(d time.Duration) Option {
	return func(w *Writer) error {
		if d < 0 {
			return fmt.Errorf("FlushEvery is %v, want 0 or more", d)
		}
		w.flushEvery = d
		return nil
	}
}

// BufferSize sets how many bytes wait in memory before they are written, 64 KiB unless
// given. Zero writes every event at once.
func BufferSize(n int) Option {
	return func(w *Writer) error {
		if n < 0 {
			return fmt.Errorf("BufferSize is %d, want 0 or more", n)
		}
		w.bufferSize = n
		return nil
	}
}

// NewWriter starts a new event file in dir, which is made if it is missing:
//
//	events.out.tfevents.<seconds since 1970>.<host>.<process>.<counter>
//
// The name sorts after those of the event files that are there, even if the clock was
// set back, because TensorBoard reads a directory in that order. The file begins with
// the event that gives its version. The writer must be closed.
func NewWriter(dir string, opts ...Option) (*Writer, error) {
	w := &Writer{flushEvery: defaultFlushEvery, bufferSize: defaultBufferSize, refs: 1}
	for _, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("summaries: NewWriter %s: nil option", dir)
		}
		if err := opt(w); err != nil {
			return nil, fmt.Errorf("summaries: NewWriter %s: %w", dir, err)
		}
	}
	f, err := createFile(dir)
	if err != nil {
		return nil, fmt.Errorf("summaries: NewWriter: %w", err)
	}
	w.path, w.file = f.Name(), f
	w.event(0, func(b []byte) []byte { return appendFileVersion(b, FileVersion) })
	if err := w.Flush(); err != nil {
		_ = f.Close()
		_ = os.Remove(w.path)
		return nil, err
	}
	return w, nil
}

// Path returns the name of the event file.
func (w *Writer) Path() string { return w.path }

// Dir returns the directory of the event file.
func (w *Writer) Dir() string { return filepath.Dir(w.path) }

// Scalar writes one point of the curve named tag. Event files hold float32 values;
// NaN and infinities are written as they are.
func (w *Writer) Scalar(tag string, value float64, step int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ready(); err != nil {
		return err
	}
	if err := w.checkTag(tag); err != nil {
		return err
	}
	w.event(step, func(b []byte) []byte {
		return appendSummary(b, func(b []byte) []byte { return appendScalar(b, tag, float32(value)) })
	})
	return w.written()
}

// Scalars writes a point of several curves as one event, in the order of their tags.
// An empty map writes nothing.
func (w *Writer) Scalars(values map[string]float64, step int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ready(); err != nil {
		return err
	}
	if len(values) == 0 {
		return nil
	}
	w.tags = slices.AppendSeq(w.tags[:0], maps.Keys(values))
	slices.Sort(w.tags)
	for _, tag := range w.tags {
		if err := w.checkTag(tag); err != nil {
			return err
		}
	}
	w.event(step, func(b []byte) []byte {
		return appendSummary(b, func(b []byte) []byte {
			for _, tag := range w.tags {
				b = appendScalar(b, tag, float32(values[tag]))
			}
			return b
		})
	})
	return w.written()
}

// SessionStatus says what a [SessionLog] reports.
type SessionStatus int

// What can be reported, with TensorFlow's numbers.
const (
	// SessionStart says that training goes on from the event's step. Readers drop the
	// points with a greater step that come before it: a run that was lost wrote them.
	// TensorBoard's older reader (--load_fast=false) takes the first START of a
	// directory for its beginning and drops nothing for it, so write one when a run
	// begins, too; it also drops the point at the step itself, as it does with
	// TensorFlow's files.
	SessionStart SessionStatus = 1
	// SessionStop says that training ended.
	SessionStop SessionStatus = 2
	// SessionCheckpoint says that a checkpoint was written.
	SessionCheckpoint SessionStatus = 3
)

// String returns TensorFlow's name of the status.
func (s SessionStatus) String() string {
	switch s {
	case SessionStart:
		return "START"
	case SessionStop:
		return "STOP"
	case SessionCheckpoint:
		return "CHECKPOINT"
	}
	return fmt.Sprintf("SessionStatus(%d)", int(s))
}

// SessionLog writes what happened to the training run at step. Path is the checkpoint's
// and may be empty, as may the message.
func (w *Writer) SessionLog(status SessionStatus, step int64, path, message string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ready(); err != nil {
		return err
	}
	if status < SessionStart || status > SessionCheckpoint {
		return fmt.Errorf("summaries: %s: session status is %d, want SessionStart, SessionStop or SessionCheckpoint", w.path, int(status))
	}
	// Strings of protobuf are UTF-8, file names need not be.
	log := SessionLog{Status: status, CheckpointPath: validUTF8(path), Message: validUTF8(message)}
	w.event(step, func(b []byte) []byte { return appendSessionLog(b, log) })
	return w.written()
}

// Flush hands what waits in memory to the operating system, so that readers see it. It
// does not wait for the disk.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ready(); err != nil {
		return err
	}
	return w.flush()
}

// Close gives the writer back. The Close that belongs to the last [Open] (for a writer
// from [NewWriter], the first Close) writes what waits in memory, waits until it is on
// the disk and closes the file; it returns the first error that the writer met. A
// further Close does nothing and returns that error again.
func (w *Writer) Close() error { return cache.release(w) }

// shut writes the rest and closes the file.
func (w *Writer) shut() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.file == nil {
		return w.err
	}
	w.closed = true
	_ = w.flush()
	if w.err == nil {
		w.fail(w.file.Sync())
	}
	w.fail(w.file.Close())
	w.buf = nil
	return w.err
}

// ready reports why nothing can be written.
func (w *Writer) ready() error {
	switch {
	case w.err != nil:
		return w.err
	case w.file == nil:
		return errors.New("summaries: the writer was not made by NewWriter or Open")
	case w.closed:
		return fmt.Errorf("summaries: %s: the writer is closed: %w", w.path, fs.ErrClosed)
	}
	return nil
}

// event appends an event to the buffer; body appends what it holds beside its time and
// step.
func (w *Writer) event(step int64, body func([]byte) []byte) {
	start := len(w.buf)
	w.buf = record.Begin(w.buf)
	w.buf = appendEvent(w.buf, time.Now(), step)
	w.buf = record.End(body(w.buf), start)
}

// written flushes when it is time to.
func (w *Writer) written() error {
	if len(w.buf) < w.bufferSize && time.Since(w.flushed) < w.flushEvery {
		return nil
	}
	err := w.flush()
	w.flushed = time.Now()
	return err
}

func (w *Writer) flush() error {
	if w.err != nil || len(w.buf) == 0 {
		return w.err
	}
	_, err := w.file.Write(w.buf)
	w.fail(err)
	w.buf = w.buf[:0]
	if cap(w.buf) > 4*max(w.bufferSize, defaultBufferSize) {
		w.buf = nil // one huge graph need not keep its memory
	}
	return w.err
}

// fail keeps the first error of the disk.
func (w *Writer) fail(err error) {
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("summaries: writing %s: %w", w.path, err)
	}
}

func (w *Writer) checkTag(tag string) error {
	if tag == "" {
		return fmt.Errorf("summaries: %s: the tag is empty", w.path)
	}
	if !utf8.ValidString(tag) {
		return fmt.Errorf("summaries: %s: tag %q is not valid UTF-8", w.path, tag)
	}
	return nil
}
