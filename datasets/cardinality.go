package datasets

import "strconv"

// Cardinality is how many there are of something: a known number, unknown until it
// was read, or infinite. The zero value is a known 0.
type Cardinality struct{ n int64 }

const (
	unknown  = -1
	infinite = -2
)

// Known returns the cardinality n; a negative n gives Unknown.
func Known(n int64) Cardinality { return Cardinality{max(n, unknown)} }

// Unknown returns the cardinality of what ends, nobody knows when.
func Unknown() Cardinality { return Cardinality{unknown} }

// Infinite returns the cardinality of what never ends.
func Infinite() Cardinality { return Cardinality{infinite} }

// N returns the number; ok is false when it is unknown or infinite.
func (c Cardinality) N() (n int64, ok bool) { return max(c.n, 0), c.n >= 0 }

// IsInfinite reports whether it never ends.
func (c Cardinality) IsInfinite() bool { return c.n == infinite }

// String returns the number, "unknown" or "infinite".
func (c Cardinality) String() string {
	switch c.n {
	case unknown:
		return "unknown"
	case infinite:
		return "infinite"
	}
	return strconv.FormatInt(c.n, 10)
}

// size is what is known about a pipeline's length while its operations are applied
// one after the other. Elements are rows before Batch and batches after it.
type size struct {
	total Cardinality // elements in all epochs
	epoch Cardinality // elements in one epoch
	batch int64       // rows of a full element: 1 before Batch; 0 when unknown
	short int64       // rows that the last element of an epoch lacks; -1 when unknown
	mixed bool        // the element that lacks rows may be any
}

func sizeOf(src source) size {
	return size{total: src.rows(), epoch: src.rows(), batch: 1}
}

// rows returns the rows of one epoch.
func (s size) rows() Cardinality {
	n, ok := s.epoch.N()
	switch {
	case s.epoch.IsInfinite():
		return Infinite()
	case !ok || s.batch == 0 || s.short < 0:
		return Unknown()
	}
	return Known(n*s.batch - s.short)
}

// apply returns the size behind an operation.
func (s size) apply(o op) size {
	switch o.kind {
	case opBatch:
		rows, ok := s.epoch.N()
		s.batch, s.short = o.n, 0
		s.epoch = divide(s.epoch, o.n, o.dropRemainder)
		if n, known := s.epoch.N(); ok && known && !o.dropRemainder {
			s.short = n*o.n - rows
		}
		s.total = divide(s.total, o.n, o.dropRemainder)
	case opUnbatch:
		known := s
		s = size{epoch: known.rows(), batch: 1}
		s.total = Unknown()
		if known.total.IsInfinite() {
			s.total = Infinite()
		} else if known.total == known.epoch {
			s.total = s.epoch
		}
	case opRepeat:
		s.total = times(s.total, o.n)
	case opTake:
		s.total = atMost(s.total, o.n)
		s.shrink(s.total, false)
	case opSkip:
		s.total = less(s.total, o.n)
		s.shrink(s.total, true)
	case opShard:
		keepsLast := false
		if n, ok := s.epoch.N(); ok && n > 0 {
			keepsLast = (n-1)%o.n == o.index
		}
		s.total = shard(s.total, o.n, o.index)
		s.shrink(shard(s.epoch, o.n, o.index), keepsLast)
	case opShuffle:
		s.mixed = true
	case opFilter:
		s.epoch = Unknown()
		if !s.total.IsInfinite() {
			s.total = Unknown()
		}
	}
	return s
}

// shrink makes an epoch have at most so many elements, with or without the last of
// those it had.
func (s *size) shrink(to Cardinality, keepsLast bool) {
	n, ok := to.N()
	if !ok || s.epoch.n <= n { // unknown ones stay so
		return
	}
	s.epoch = to
	switch {
	case n == 0 || s.short == 0:
		s.short = 0
	case s.mixed:
		s.short = -1
	case !keepsLast:
		s.short = 0
	}
}

func divide(c Cardinality, by int64, drop bool) Cardinality {
	n, ok := c.N()
	if !ok {
		return c
	}
	if !drop && n%by != 0 {
		n += by
	}
	return Known(n / by)
}

func times(c Cardinality, k int64) Cardinality {
	switch {
	case k == 0 || c.n == 0:
		return Known(0)
	case k < 0:
		return Infinite()
	case c.n < 0:
		return c
	case c.n > (1<<62)/k:
		return Unknown() // more than can be counted
	}
	return Known(c.n * k)
}

func atMost(c Cardinality, k int64) Cardinality {
	n, ok := c.N()
	switch {
	case c.IsInfinite():
		return Known(k)
	case !ok:
		if k == 0 {
			return Known(0)
		}
		return c
	}
	return Known(min(n, k))
}

func less(c Cardinality, k int64) Cardinality {
	n, ok := c.N()
	if !ok {
		return c
	}
	return Known(max(n-k, 0))
}

func shard(c Cardinality, num, index int64) Cardinality {
	n, ok := c.N()
	if !ok {
		return c
	}
	return Known((n - index + num - 1) / num)
}
