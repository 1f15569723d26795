package hooks

import (
	"errors"

	"github.com/stheno-ml/stheno/graph"
)

// FeedFn feeds placeholders beside the run's input: FeedFnHook of tf.train. It runs on
// all workers. Make one with [NewFeedFn].
type FeedFn struct {
	Base
	feed func() (graph.Feed, error)
}

var _ Feeder = (*FeedFn)(nil)

// NewFeedFn calls feed before every run of the train op and feeds what it returns; io.EOF
// ends the run. A function has no position that could be saved: a resumed run calls it
// from wherever it is. A feed that does not fit is an error of the step, not of the
// beginning as with the run's own input.
func NewFeedFn(feed func() (graph.Feed, error)) *FeedFn { return &FeedFn{feed: feed} }

// Validate reports a nil function.
func (f *FeedFn) Validate() error {
	if f.feed == nil {
		return errors.New("hooks: FeedFn: the function is nil")
	}
	return nil
}

// Begin reports a nil function.
func (f *FeedFn) Begin(*Run) error { return f.Validate() }

// Feed calls the function.
func (f *FeedFn) Feed(int64) (graph.Feed, error) { return f.feed() }

// AllWorkers returns true.
func (f *FeedFn) AllWorkers() bool { return true }
