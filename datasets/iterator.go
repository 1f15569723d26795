package datasets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// IteratorOption changes an iterator.
type IteratorOption func(*Iterator)

// Seed orders the shuffles that have no seed of their own; the default is 0.
func Seed(seed uint64) IteratorOption { return func(it *Iterator) { it.seed = seed } }

// Iterator goes through a data set once, all its epochs. It is for one goroutine at a
// time; different iterators over one data set share nothing that changes. Close it.
type Iterator struct {
	dataset *Dataset
	seed    uint64
	given   int64 // elements
	err     error // the end, or what went wrong: for ever
	closed  bool

	pipeline *pipeline
	ahead    *prefetcher // makes batches from pipeline; nil before the first Next and without Prefetch
	last     item        // what came with the last prefetched batch
}

// Iterator starts at the beginning. It returns Err if that is not nil, and opens files.
func (d *Dataset) Iterator(opts ...IteratorOption) (*Iterator, error) {
	if err := d.Err(); err != nil {
		return nil, err
	}
	it := &Iterator{dataset: d}
	for _, opt := range opts {
		if opt != nil {
			opt(it)
		}
	}
	if err := it.open(it.seed); err != nil {
		return nil, err
	}
	return it, nil
}

func (it *Iterator) open(seed uint64) error {
	it.given = 0
	it.pipeline, it.err = it.dataset.build(seed)
	return it.err
}

// Next returns the next batch, io.EOF at the end and from then on. A pipeline without
// Batch gives batches of one row.
//
// The batch is valid until the following call of Next, Restore or Close: its memory
// is used again ([Batch.Clone] copies). Its maps and shapes must not be changed.
//
// An error of the context loses nothing: Next can be called again. Any other error
// stays.
func (it *Iterator) Next(ctx context.Context) (Batch, error) {
	switch {
	case it.closed:
		return Batch{}, fmt.Errorf("datasets: Next: %w", ErrClosed)
	case it.err != nil:
		return Batch{}, it.err
	case ctx.Err() != nil:
		return Batch{}, ctx.Err()
	}
	b, err := it.next(ctx)
	if err == nil {
		it.given++
		return b, nil
	}
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		it.err = err
	}
	return Batch{}, err
}

func (it *Iterator) next(ctx context.Context) (Batch, error) {
	if it.ahead == nil {
		n := it.dataset.ahead()
		if n == 0 {
			return it.pipeline.next(ctx)
		}
		// Until a batch comes, what holds is what held before there was a goroutine.
		it.last = item{epoch: it.pipeline.groups.epoch(ctx), facts: it.pipeline.facts(nil)}
		it.ahead = prefetch(it.pipeline, n)
	}
	next, err := it.ahead.next(ctx)
	if err != nil {
		return Batch{}, err
	}
	if next.err != nil {
		return Batch{}, next.err
	}
	it.last.epoch = next.epoch
	it.last.facts = append(it.last.facts[:0], next.facts...)
	return next.batch, nil
}

// Epoch returns the epoch of the next batch, counted from 0: the pass over what is
// before Repeat in which its first row comes. It is -1 where there is no such thing:
// after Func, and for a Shuffle after a Repeat of unknown length. It may have to read
// a row ahead.
func (it *Iterator) Epoch() int64 {
	switch {
	case it.closed || it.pipeline == nil:
		return -1
	case it.ahead != nil:
		return it.last.epoch
	}
	return it.pipeline.groups.epoch(context.Background())
}

// Skipped returns the number of rows left out so far by SkipMalformed and DropMissing,
// in every epoch anew, and with Prefetch or Shuffle also of batches still to come.
func (it *Iterator) Skipped() int64 {
	if it.pipeline == nil {
		return 0
	}
	return it.pipeline.skipped()
}

// Close ends the iterator and its goroutine, and closes files. It may be called more
// than once. With Prefetch it waits for a function given to Func or Map to return.
func (it *Iterator) Close() error {
	if it.closed {
		return nil
	}
	it.closed = true
	return it.stop()
}

func (it *Iterator) stop() error {
	if it.ahead != nil {
		it.ahead.stop()
		it.ahead = nil
	}
	if it.pipeline == nil {
		return nil
	}
	return it.pipeline.groups.close()
}

// All goes through the data set; an error is the last element. A batch is valid until
// the loop's next round. Leaving the loop releases everything.
func (d *Dataset) All(ctx context.Context, opts ...IteratorOption) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		left := false
		err := d.ForEach(ctx, func(b Batch) error {
			if left = !yield(b, nil); left {
				return io.EOF
			}
			return nil
		}, opts...)
		if err != nil && !left {
			yield(Batch{}, err)
		}
	}
}

// ForEach calls a function with every batch, which is valid during the call. An error
// of the function ends it and is returned; io.EOF ends it without one.
func (d *Dataset) ForEach(ctx context.Context, f func(Batch) error, opts ...IteratorOption) (err error) {
	it, err := d.Iterator(opts...)
	if err != nil {
		return err
	}
	defer func() {
		if failed := it.Close(); failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	for {
		b, err := it.Next(ctx)
		if err == nil {
			err = f(b)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Collect returns all batches, each in memory of its own. A data set that never ends
// is an error, ErrInfinite.
func (d *Dataset) Collect(ctx context.Context, opts ...IteratorOption) ([]Batch, error) {
	if d.Cardinality().IsInfinite() {
		return nil, fmt.Errorf("datasets: Collect: %w", ErrInfinite)
	}
	var all []Batch
	err := d.ForEach(ctx, func(b Batch) error {
		all = append(all, b.Clone())
		return nil
	}, opts...)
	if err != nil {
		return nil, err
	}
	return all, nil
}
