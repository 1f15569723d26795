package datasets

import (
	"context"
	"io"
	"math"
)

// stage is one operation at work. T is row before Batch and []row after it; a []row
// is valid until the stage's next call.
//
// An error other than io.EOF loses nothing: after a cancelled context the same call
// can be made again.
type stage[T any] interface {
	// start goes to the beginning of an epoch. It must be called before all else.
	start(epoch int64) error
	// next returns io.EOF at the end.
	next(ctx context.Context) (T, error)
	// skip passes over n elements without making them, and returns how many there
	// were, which is less than n at the end.
	skip(ctx context.Context, n int64) (int64, error)
	// more reports whether next has another element, or an error to report.
	more(ctx context.Context) bool
	// epoch returns the epoch of the next element, -1 when there are no epochs.
	epoch(ctx context.Context) int64
	close() error
}

// skipByNext is the skip of stages that know no shorter way.
func skipByNext[T any](ctx context.Context, s stage[T], n int64) (int64, error) {
	for i := range n {
		switch _, err := s.next(ctx); err {
		case nil:
		case io.EOF:
			return i, nil
		default:
			return i, err
		}
	}
	return n, nil
}

// saturate adds, and product multiplies, numbers that are not negative; what is too
// large becomes the largest number.
func saturate(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func product(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64/b {
		return math.MaxInt64
	}
	return a * b
}

// takeStage gives the first n elements.
type takeStage[T any] struct {
	stage[T]
	n, left int64
}

func (s *takeStage[T]) start(epoch int64) error {
	s.left = s.n
	return s.stage.start(epoch)
}

func (s *takeStage[T]) next(ctx context.Context) (T, error) {
	var none T
	if s.left == 0 {
		return none, io.EOF
	}
	e, err := s.stage.next(ctx)
	if err != nil {
		return none, err
	}
	s.left--
	return e, nil
}

func (s *takeStage[T]) skip(ctx context.Context, n int64) (int64, error) {
	skipped, err := s.stage.skip(ctx, min(n, s.left))
	s.left -= skipped
	return skipped, err
}

func (s *takeStage[T]) more(ctx context.Context) bool { return s.left > 0 && s.stage.more(ctx) }

// skipStage leaves out the first n elements.
type skipStage[T any] struct {
	stage[T]
	n, pending int64
}

func (s *skipStage[T]) start(epoch int64) error {
	s.pending = s.n
	return s.stage.start(epoch)
}

// pass gets the elements to leave out, and n more, out of the way in one step.
func (s *skipStage[T]) pass(ctx context.Context, n int64) (int64, error) {
	want := saturate(s.pending, n)
	skipped, err := s.stage.skip(ctx, want)
	before := min(skipped, s.pending)
	s.pending -= before
	if err == nil && skipped < want {
		s.pending = 0
	}
	return skipped - before, err
}

func (s *skipStage[T]) next(ctx context.Context) (T, error) {
	if s.pending > 0 {
		if _, err := s.pass(ctx, 0); err != nil {
			var none T
			return none, err
		}
	}
	return s.stage.next(ctx)
}

func (s *skipStage[T]) skip(ctx context.Context, n int64) (int64, error) {
	if n == 0 {
		return 0, nil
	}
	return s.pass(ctx, n)
}

func (s *skipStage[T]) more(ctx context.Context) bool {
	if s.pending > 0 {
		if _, err := s.pass(ctx, 0); err != nil {
			return true
		}
	}
	return s.stage.more(ctx)
}

func (s *skipStage[T]) epoch(ctx context.Context) int64 {
	s.more(ctx)
	return s.stage.epoch(ctx)
}

// shardStage gives every num-th element from number index on.
type shardStage[T any] struct {
	stage[T]
	num, index int64
	gap        int64 // elements of others before the next of ours
}

func (s *shardStage[T]) start(epoch int64) error {
	s.gap = s.index
	return s.stage.start(epoch)
}

func (s *shardStage[T]) pass(ctx context.Context) error {
	skipped, err := s.stage.skip(ctx, s.gap)
	if s.gap -= skipped; err == nil {
		s.gap = 0 // or the end, where there are no others
	}
	return err
}

func (s *shardStage[T]) next(ctx context.Context) (T, error) {
	var none T
	if err := s.pass(ctx); err != nil {
		return none, err
	}
	e, err := s.stage.next(ctx)
	if err != nil {
		return none, err
	}
	s.gap = s.num - 1
	return e, nil
}

func (s *shardStage[T]) skip(ctx context.Context, n int64) (int64, error) {
	if n == 0 {
		return 0, nil
	}
	skipped, err := s.stage.skip(ctx, saturate(s.gap+1, product(n-1, s.num)))
	if skipped <= s.gap {
		s.gap -= skipped
		return 0, err
	}
	ours := (skipped-s.gap-1)/s.num + 1
	s.gap = s.num - 1 - (skipped-s.gap-1)%s.num
	return ours, err
}

func (s *shardStage[T]) more(ctx context.Context) bool {
	return s.pass(ctx) != nil || s.stage.more(ctx)
}

func (s *shardStage[T]) epoch(ctx context.Context) int64 {
	if s.pass(ctx) != nil {
		return -1
	}
	return s.stage.epoch(ctx)
}

// batchStage puts rows together.
type batchStage struct {
	rows   stage[row]
	size   int
	drop   bool // a last batch that is too small
	retain bool // someone keeps batches beyond the next call
	group  []row
	ready  bool  // group is the next batch, not the last one
	at     int64 // epoch of the next batch when ready
	debt   int64 // rows to leave out of a batch that skip, interrupted, began to pass
}

func (s *batchStage) start(epoch int64) error {
	s.group, s.ready, s.debt = s.group[:0], false, 0
	if s.retain {
		s.group = nil
	}
	return s.rows.start(epoch)
}

// fill completes the next batch. What it has read stays when the context ends.
func (s *batchStage) fill(ctx context.Context) error {
	if s.ready && len(s.group) == s.size {
		return nil
	}
	if s.debt > 0 {
		if err := s.pay(ctx); err != nil {
			return err
		}
	}
	if !s.ready {
		s.group, s.ready = s.group[:0], true
		if s.retain {
			s.group = nil
		}
		s.at = s.rows.epoch(ctx)
	}
	for len(s.group) < s.size {
		r, err := s.rows.next(ctx)
		if err == io.EOF && len(s.group) > 0 && !s.drop {
			return nil
		}
		if err != nil {
			return err
		}
		s.group = append(s.group, r)
	}
	return nil
}

func (s *batchStage) next(ctx context.Context) ([]row, error) {
	if err := s.fill(ctx); err != nil {
		return nil, err
	}
	s.ready = false
	return s.group, nil
}

func (s *batchStage) skip(ctx context.Context, n int64) (int64, error) {
	if n == 0 {
		return 0, nil
	}
	if s.ready { // a batch begun by more
		if _, err := s.next(ctx); err == io.EOF {
			return 0, nil
		} else if err != nil {
			return 0, err
		}
		skipped, err := s.skip(ctx, n-1)
		return skipped + 1, err
	}
	if err := s.pay(ctx); err != nil {
		return 0, err
	}
	size := int64(s.size)
	skipped, err := s.rows.skip(ctx, product(n, size))
	if rest := skipped % size; err != nil && rest > 0 {
		s.debt = size - rest
		return skipped/size + 1, err
	}
	if s.drop {
		return skipped / size, err
	}
	return (skipped + size - 1) / size, err
}

func (s *batchStage) pay(ctx context.Context) error {
	skipped, err := s.rows.skip(ctx, s.debt)
	if s.debt -= skipped; err == nil {
		s.debt = 0
	}
	return err
}

func (s *batchStage) more(ctx context.Context) bool {
	if s.drop {
		return s.fill(ctx) != io.EOF
	}
	return s.ready && len(s.group) > 0 || s.rows.more(ctx)
}

func (s *batchStage) epoch(ctx context.Context) int64 {
	if s.ready {
		return s.at
	}
	return s.rows.epoch(ctx)
}

func (s *batchStage) close() error { return s.rows.close() }

// unbatchStage takes batches apart.
type unbatchStage struct {
	groups stage[[]row]
	group  []row
	at     int64 // epoch of the group
}

func (s *unbatchStage) start(epoch int64) error {
	s.group = nil
	return s.groups.start(epoch)
}

func (s *unbatchStage) next(ctx context.Context) (row, error) {
	for len(s.group) == 0 {
		s.at = s.groups.epoch(ctx)
		group, err := s.groups.next(ctx)
		if err != nil {
			return row{}, err
		}
		s.group = group
	}
	r := s.group[0]
	s.group = s.group[1:]
	return r, nil
}

func (s *unbatchStage) skip(ctx context.Context, n int64) (int64, error) {
	return skipByNext[row](ctx, s, n)
}

func (s *unbatchStage) more(ctx context.Context) bool { return len(s.group) > 0 || s.groups.more(ctx) }

func (s *unbatchStage) epoch(ctx context.Context) int64 {
	if len(s.group) > 0 {
		return s.at
	}
	return s.groups.epoch(ctx)
}

func (s *unbatchStage) close() error { return s.groups.close() }

// filterStage gives the rows that a function keeps.
type filterStage struct {
	rows  stage[row]
	keep  func(row) (bool, error)
	found row
	have  bool
	at    int64 // epoch of found
}

func (s *filterStage) start(epoch int64) error {
	s.have = false
	return s.rows.start(epoch)
}

func (s *filterStage) find(ctx context.Context) error {
	for !s.have {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.at = s.rows.epoch(ctx)
		r, err := s.rows.next(ctx)
		if err != nil {
			return err
		}
		if s.have, err = s.keep(r); err != nil {
			return err
		}
		s.found = r
	}
	return nil
}

func (s *filterStage) next(ctx context.Context) (row, error) {
	if err := s.find(ctx); err != nil {
		return row{}, err
	}
	s.have = false
	return s.found, nil
}

func (s *filterStage) skip(ctx context.Context, n int64) (int64, error) {
	return skipByNext[row](ctx, s, n)
}

func (s *filterStage) more(ctx context.Context) bool { return s.find(ctx) != io.EOF }

func (s *filterStage) epoch(ctx context.Context) int64 {
	if s.find(ctx) != nil {
		return s.rows.epoch(ctx)
	}
	return s.at
}

func (s *filterStage) close() error { return s.rows.close() }
