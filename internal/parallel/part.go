package parallel

import "sync/atomic"

// part is a range of tasks that nobody has begun. Each worker begins with a part of its
// own, the same share of every loop, because loops that follow each other mostly go over
// the same rows: so a row stays in the cache of one processor. Where two processors are
// far apart (the chiplets of a large one, sockets) that counts more than anything else.
type part struct {
	ends atomic.Uint64 // first task, and in the upper half the one after the last
	_    [56]byte      // of another cache line
}

func (p *part) set(from, to int) { p.ends.Store(uint64(to)<<32 | uint64(from)) }

func (p *part) left() bool {
	e := p.ends.Load()
	return uint32(e) < uint32(e>>32)
}

// first takes the first task, last the last. Neither has one where nothing is left.
func (p *part) first() (task int, ok bool) {
	for {
		e := p.ends.Load()
		from, to := uint32(e), uint32(e>>32)
		if from >= to {
			return 0, false
		}
		if p.ends.CompareAndSwap(e, e+1) {
			return int(from), true
		}
	}
}

func (p *part) last() (task int, ok bool) {
	for {
		e := p.ends.Load()
		from, to := uint32(e), uint32(e>>32)
		if from >= to {
			return 0, false
		}
		if p.ends.CompareAndSwap(e, e-1<<32) {
			return int(to - 1), true
		}
	}
}
