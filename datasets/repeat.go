package datasets

import (
	"context"
	"fmt"
	"io"
)

// fact is something that a Repeat knows and a position carries: so many elements had
// been given when this epoch began. With it a restored iterator goes straight to the
// epoch, also where nobody knows how long epochs are.
type fact struct {
	Epoch  int64 `json:"epoch"`
	Before int64 `json:"before"`
}

// repeater is a repeatStage of either kind of element.
type repeater interface {
	fact() fact
	hint(fact)
}

// repeatStage goes through what is before it several times.
type repeatStage[T any] struct {
	in    stage[T]
	count int64 // -1 for ever
	first int64 // epoch of the first time
	times int64 // complete so far
	given int64 // elements since start
	fresh int64 // of them before this time began
	known *fact // from a position, not yet used
}

func (s *repeatStage[T]) start(epoch int64) error {
	// Epochs are numbered through, so that no two have the same shuffles.
	if s.first = epoch << 32; s.count >= 0 {
		s.first = epoch * s.count
	}
	s.times, s.given, s.fresh = 0, 0, 0
	if s.over() {
		return nil
	}
	return s.in.start(s.first)
}

func (s *repeatStage[T]) over() bool { return s.count >= 0 && s.times >= s.count }

// turn begins the next time.
func (s *repeatStage[T]) turn() error {
	if s.given == s.fresh && s.count < 0 {
		return fmt.Errorf("datasets: Repeat: epoch %d: %w", s.times, ErrEmpty)
	}
	s.times++
	s.fresh = s.given
	if s.over() {
		return nil
	}
	return s.in.start(s.first + s.times)
}

func (s *repeatStage[T]) next(ctx context.Context) (T, error) {
	for !s.over() {
		e, err := s.in.next(ctx)
		if err == nil {
			s.given++
		}
		if err != io.EOF {
			return e, err
		}
		if err := s.turn(); err != nil {
			return e, err
		}
	}
	var none T
	return none, io.EOF
}

func (s *repeatStage[T]) skip(ctx context.Context, n int64) (int64, error) {
	done := int64(0)
	if k := s.known; k != nil && s.given == 0 && n >= k.Before {
		s.known = nil
		s.times, s.given, s.fresh, done = k.Epoch, k.Before, k.Before, k.Before
		if !s.over() {
			if err := s.in.start(s.first + s.times); err != nil {
				return 0, err
			}
		}
	}
	for done < n && !s.over() {
		skipped, err := s.in.skip(ctx, n-done)
		done += skipped
		s.given += skipped
		if err != nil {
			return done, err
		}
		if done < n {
			if err := s.turn(); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

func (s *repeatStage[T]) more(ctx context.Context) bool {
	for !s.over() {
		if s.in.more(ctx) || s.turn() != nil {
			return true
		}
	}
	return false
}

func (s *repeatStage[T]) epoch(ctx context.Context) int64 {
	if !s.more(ctx) {
		return s.first + s.times
	}
	return s.in.epoch(ctx)
}

func (s *repeatStage[T]) close() error { return s.in.close() }

func (s *repeatStage[T]) fact() fact { return fact{Epoch: s.times, Before: s.fresh} }

func (s *repeatStage[T]) hint(f fact) {
	if f.Epoch >= 0 && f.Before >= 0 && (s.count < 0 || f.Epoch <= s.count) {
		s.known = &f
	}
}
