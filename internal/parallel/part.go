package parallel

import "sync/atomic"

// part is a range of tasks that nobody has begun. Each worker begins with a part of its
// own, the same share of every loop, because loops that follow each other mostly go over
// the same rows: so a row stays in the cache of one processor. That counts where two
// processors are far apart, on different chiplets or sockets: see docs/performance.md.
type part struct {
	ends atomic.Uint64 // first task, and in the upper half the one after the last
	_    [56]byte      // of another cache line
}

func (p *part) set(from, to int) { p.ends.Store(uint64(to)<<32 | uint64(from)) }

func (p *part) left() bool {
	e := p.ends.Load()
	return uint32(e) < uint32(e>>32)
}

// take takes a task: the first, or for a worker whose own part is another one, the last. ok
// is false where nothing is left.
func (p *part) take(own bool) (task int, ok bool) {
	for {
		e := p.ends.Load()
		from, to := uint32(e), uint32(e>>32)
		if from >= to {
			return 0, false
		}
		task, rest := from, e+1
		if !own {
			task, rest = to-1, e-1<<32
		}
		if p.ends.CompareAndSwap(e, rest) {
			return int(task), true
		}
	}
}
