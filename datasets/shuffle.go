package datasets

import (
	"context"
	"io"

	"github.com/stheno-ml/stheno/internal/philox"
)

// shuffleStage gives the elements in random order, through a buffer.
type shuffleStage[T any] struct {
	in     stage[T]
	size   int
	seed   uint64
	name   string // keys the draws, beside seed and epoch
	epochs shuffledEpochs

	buffer []T
	ended  bool // in has no more
	draws  philox.Cursor
	given  int64
	begun  int64 // the epoch of start
}

// shuffledEpochs tells how to number the epochs of a Shuffle after a Repeat, where
// elements of two epochs may be mixed: by counting.
type shuffledEpochs struct {
	repeated bool
	count    int64 // epochs in one pass of this stage, 0 when endless
	elements int64 // in one epoch, -1 when unknown
}

func (s *shuffleStage[T]) start(epoch int64) error {
	clear(s.buffer[:cap(s.buffer)])
	s.buffer, s.ended, s.given, s.begun = s.buffer[:0], false, 0, epoch
	s.draws = philox.NewCursor(philox.New(s.seed, s.name, epoch))
	return s.in.start(epoch)
}

func (s *shuffleStage[T]) fill(ctx context.Context) error {
	for !s.ended && len(s.buffer) < s.size {
		e, err := s.in.next(ctx)
		if err == io.EOF {
			s.ended = true
			return nil
		}
		if err != nil {
			return err
		}
		s.buffer = append(s.buffer, e)
	}
	return nil
}

func (s *shuffleStage[T]) next(ctx context.Context) (T, error) {
	var none T
	if err := s.fill(ctx); err != nil {
		return none, err
	}
	last := len(s.buffer) - 1
	if last < 0 {
		return none, io.EOF
	}
	i := s.draws.Intn(uint64(s.given), last+1)
	e := s.buffer[i]
	s.buffer[i], s.buffer[last] = s.buffer[last], none
	s.buffer = s.buffer[:last]
	s.given++
	return e, nil
}

// skip draws all the same: which elements are left depends on every draw. Over rows
// in memory that moves row numbers only.
func (s *shuffleStage[T]) skip(ctx context.Context, n int64) (int64, error) {
	return skipByNext[T](ctx, s, n)
}

func (s *shuffleStage[T]) more(ctx context.Context) bool {
	return s.fill(ctx) != nil || len(s.buffer) > 0
}

func (s *shuffleStage[T]) epoch(ctx context.Context) int64 {
	switch {
	case !s.epochs.repeated:
		return s.begun
	case s.epochs.elements <= 0:
		return -1
	}
	return s.begun*s.epochs.count + s.given/s.epochs.elements
}

func (s *shuffleStage[T]) close() error { return s.in.close() }
