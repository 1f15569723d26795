package saver

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/stheno-ml/stheno/internal/wait"
)

// pollInterval is how long a watcher waits between two looks at the directory, as in
// TensorFlow.
const pollInterval = time.Second

// WatchOption changes how [Checkpoints] and [WaitForNew] wait.
type WatchOption func(*watch)

type watch struct {
	minInterval time.Duration
	timeout     time.Duration // negative for none
	onTimeout   func() bool
}

// MinInterval lets at least d pass between two checkpoints that [Checkpoints] gives. Of
// those saved in the meantime it gives only the newest.
func MinInterval(d time.Duration) WatchOption { return func(w *watch) { w.minInterval = d } }

// Timeout ends the waiting when no new checkpoint came for d; with 0 there is one look
// and no waiting. By default a watcher waits for ever.
func Timeout(d time.Duration) WatchOption { return func(w *watch) { w.timeout = max(d, 0) } }

// OnTimeout decides whether [Checkpoints] ends when [Timeout] has passed: stop returns
// false when more checkpoints may come. It is asked after each checkpoint too, so that a
// run that is known to be over is not waited for.
func OnTimeout(stop func() bool) WatchOption { return func(w *watch) { w.onTimeout = stop } }

func newWatch(opts []WatchOption) *watch {
	w := &watch{timeout: -1}
	for _, opt := range opts {
		if opt != nil {
			opt(w)
		}
	}
	return w
}

// WaitForNew returns the path of the newest checkpoint of dir as soon as it is another
// than last, which may be "". It looks once a second; dir need not exist yet. When
// [Timeout] has passed it is "". The error is ctx's cause when ctx ends.
func WaitForNew(ctx context.Context, dir, last string, opts ...WatchOption) (string, error) {
	return newWatch(opts).wait(ctx, dir, func(path string) bool { return path != last })
}

// wait returns the path of the newest checkpoint once it is new, "" after the timeout.
func (w *watch) wait(ctx context.Context, dir string, isNew func(string) bool) (string, error) {
	start := time.Now()
	for {
		if err := ctx.Err(); err != nil {
			return "", context.Cause(ctx)
		}
		path, err := Latest(dir)
		switch {
		case err == nil && isNew(path):
			return path, nil
		case err != nil && !errors.Is(err, ErrNoCheckpoint):
			return "", err
		case w.timeout >= 0 && time.Since(start)+pollInterval > w.timeout:
			return "", nil
		}
		if err := wait.For(ctx, pollInterval); err != nil {
			return "", err
		}
	}
}

// Checkpoints gives the paths of the checkpoints of dir as they appear, the newest that
// is there first. It looks once a second and may pass over checkpoints that a newer one
// follows; none is given twice. dir need not exist yet.
//
// It ends at the [Timeout], unless [OnTimeout] says that more may come. An error, ctx's
// cause for one, is the last element. [WaitForNew] is the same without an iterator.
func Checkpoints(ctx context.Context, dir string, opts ...WatchOption) iter.Seq2[string, error] {
	w := newWatch(opts)
	return func(yield func(string, error) bool) {
		given := map[string]bool{}
		for {
			path, err := w.wait(ctx, dir, func(path string) bool { return !given[path] })
			switch {
			case err != nil:
				yield("", err)
				return
			case path == "" && (w.onTimeout == nil || w.onTimeout()):
				return
			case path == "":
				if err := wait.For(ctx, pollInterval); err != nil { // a timeout of 0 must not spin
					yield("", err)
					return
				}
				continue
			}
			start := time.Now()
			given[path] = true
			if !yield(path, nil) || w.onTimeout != nil && w.onTimeout() {
				return
			}
			if err := wait.For(ctx, w.minInterval-time.Since(start)); err != nil {
				yield("", err)
				return
			}
		}
	}
}
