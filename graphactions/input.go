package graphactions

import (
	"context"
	"errors"
	"io"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
)

// input gives each step its feed.
type input interface {
	// next returns io.EOF at the end.
	next(ctx context.Context) (batch, error)
	// position returns what restore needs to go on after the batches given so far,
	// nil when the input has no position or is at its end.
	position() ([]byte, error)
	restore(position []byte) error
	close() error
}

// batch is the feed of one step.
type batch struct {
	feed  graph.Feed
	rows  int
	epoch int64 // -1 when the input has no epochs
	last  bool  // the batch is known to be the last of its epoch
}

func (c *config) openInput() (input, error) {
	switch {
	case c.dataset != nil:
		seed := c.seed
		if !c.given["Seed"] {
			seed = c.graph.Seed()
		}
		it, err := c.dataset.Iterator(datasets.Seed(seed))
		if err != nil {
			return nil, err
		}
		return &datasetInput{iterator: it, bind: c.bind}, nil
	case c.feedFn != nil:
		return &feedInput{feed: c.feedFn}, nil
	}
	return &feedInput{feed: func() (graph.Feed, error) { return nil, nil }}, nil
}

// feedInput calls a feed function.
type feedInput struct{ feed func() (graph.Feed, error) }

func (in *feedInput) next(context.Context) (batch, error) {
	var feed graph.Feed
	err := catch("the feed function", func() (err error) {
		feed, err = in.feed()
		return err
	})
	return batch{feed: feed, epoch: -1}, err
}

func (*feedInput) position() ([]byte, error) { return nil, nil }
func (*feedInput) restore([]byte) error      { return errors.New("a feed function has no position") }
func (*feedInput) close() error              { return nil }

// datasetInput reads a data set.
type datasetInput struct {
	iterator *datasets.Iterator
	bind     func(datasets.Batch) (graph.Feed, error)
	epoch    int64 // of the next batch
	looked   bool  // epoch is known
	ended    bool
}

func (in *datasetInput) next(ctx context.Context) (b batch, err error) {
	err = catch("the input", func() error {
		if !in.looked {
			in.epoch, in.looked = in.iterator.Epoch(), true
		}
		rows, err := in.iterator.Next(ctx)
		if err != nil {
			in.ended = in.ended || errors.Is(err, io.EOF)
			return err
		}
		feed, err := in.bind(rows)
		b = batch{feed: feed, rows: rows.Rows(), epoch: in.epoch}
		in.epoch = in.iterator.Epoch()
		b.last = in.epoch != b.epoch
		return err
	})
	return b, err
}

func (in *datasetInput) position() ([]byte, error) {
	if in.ended || !in.iterator.Resumable() {
		return nil, nil
	}
	return in.iterator.Position()
}

func (in *datasetInput) restore(position []byte) error { return in.iterator.Restore(position) }

func (in *datasetInput) close() error { return in.iterator.Close() }
