package datasets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

const positionVersion = 1

// position is what Position returns, as JSON. Everything else follows from it: the
// order is a function of the seed and the epoch.
type position struct {
	Version  int    `json:"version"`
	Pipeline string `json:"pipeline"` // fingerprint
	Seed     uint64 `json:"seed"`
	Elements int64  `json:"elements"`         // given so far
	Epochs   []fact `json:"epochs,omitempty"` // one for each Repeat
}

// Resumable reports whether Position and Restore work: everywhere but after Func.
func (it *Iterator) Resumable() bool {
	_, function := it.dataset.src.(*funcSource)
	return !function
}

// Position returns where the iterator is, as JSON: an iterator over the same pipeline,
// in this process or another, that restores it gives exactly the batches that this
// one has not given yet. With Prefetch it is the consumer's position.
func (it *Iterator) Position() ([]byte, error) {
	switch {
	case it.closed:
		return nil, fmt.Errorf("datasets: Position: %w", ErrClosed)
	case !it.Resumable():
		return nil, errors.New("datasets: Position: a Func has no position")
	}
	p := position{Version: positionVersion, Pipeline: it.dataset.fingerprint(), Seed: it.seed, Elements: it.given}
	if p.Epochs = it.last.facts; it.ahead == nil && it.pipeline != nil {
		p.Epochs = it.pipeline.facts(nil)
	}
	return json.Marshal(p)
}

// Restore continues where Position was called, with that iterator's seed. A position
// of another pipeline, source or version is an error (ErrPosition) that tells the
// difference; the iterator is then at its beginning and can be used.
//
// It is cheap over rows in memory: whole epochs are jumped over, and within an epoch
// row numbers are counted off. A file is read again from the beginning of the epoch.
// A Shuffle after Repeat(-1) has to repeat all its draws; put it before.
func (it *Iterator) Restore(saved []byte) error {
	if it.closed {
		return fmt.Errorf("datasets: Restore: %w", ErrClosed)
	}
	p, err := it.fitting(saved)
	if err == nil {
		if err = it.restart(p.Seed); err == nil {
			err = it.goTo(p)
		}
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("datasets: Restore: %w", err)
	if failed := it.restart(it.seed); failed != nil {
		err = errors.Join(err, failed)
	}
	return err
}

func (it *Iterator) restart(seed uint64) error {
	if err := it.stop(); err != nil {
		it.err = err
		return err
	}
	it.last = item{}
	return it.open(seed)
}

// fitting decodes a position and compares it with the pipeline.
func (it *Iterator) fitting(saved []byte) (p position, err error) {
	if !it.Resumable() {
		return p, errors.New("a Func has no position")
	}
	if err := json.Unmarshal(saved, &p); err != nil {
		return p, fmt.Errorf("%w: it is not JSON of a position: %v", ErrPosition, err)
	}
	switch mine := it.dataset.fingerprint(); {
	case p.Version != positionVersion:
		return p, fmt.Errorf("%w: it has version %d, want %d", ErrPosition, p.Version, positionVersion)
	case p.Pipeline != mine:
		return p, fmt.Errorf("%w: it is of %s, this is %s", ErrPosition, p.Pipeline, mine)
	case p.Elements < 0:
		return p, fmt.Errorf("%w: it is after %d elements", ErrPosition, p.Elements)
	}
	return p, nil
}

// goTo passes over what was given before the position.
func (it *Iterator) goTo(p position) error {
	if len(p.Epochs) == len(it.pipeline.repeats) {
		for i, f := range p.Epochs {
			it.pipeline.repeats[i].hint(f)
		}
	}
	skipped, err := it.pipeline.groups.skip(context.Background(), p.Elements)
	if err != nil {
		return err
	}
	if skipped < p.Elements {
		return fmt.Errorf("%w: it is after %d elements, there are only %d", ErrPosition, p.Elements, skipped)
	}
	it.seed, it.given = p.Seed, p.Elements
	return nil
}
