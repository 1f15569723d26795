package blas

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// parallelFrom is the number of multiply-adds below which one goroutine does a product
// alone: about three microseconds of work.
const parallelFrom = 1 << 18

// work is a product cut into numbered tasks that may run in any order. What a task
// computes does not depend on who runs it.
type work interface {
	task(s *scratch, t int)
}

// scratch is what one worker owns: the buffers of its task.
type scratch struct {
	native nativeScratch
	p32    panels[float32]
	p64    panels[float64]
}

// pool lends goroutines to one product at a time. The caller does tasks too, and waits
// only for helpers that are inside a task: one that comes late costs nothing. A helper
// with nothing to do polls for about a tenth of a millisecond, so that the next product
// gets it for a fraction of a microsecond, and then ends. So no goroutine outlives the
// products by more than that, and nothing has to be closed. (The runtime keeps what
// remains of ended goroutines for the next ones, so that in the steady state starting a
// helper allocates nothing.) A second caller, or a product inside a task, finds the pool
// busy and works alone, with the same bits.
type pool struct {
	busy   sync.Mutex   // held by the caller whose product runs
	limit  atomic.Int32 // workers wanted, 0 for GOMAXPROCS
	alive  atomic.Int32 // helpers
	helper func()       // p.help, kept because go p.help() would allocate

	work  work
	total atomic.Int64
	most  atomic.Int64 // helpers that may join
	_     [64]byte     // the rest changes often
	state atomic.Int64 // open bit | helpers inside
	_     [64]byte
	next  atomic.Int64 // task
}

const (
	open       = 1 << 32
	mostPolls  = 400 // times pausePoll pauses of the processor, about 100 us
	pausePoll  = 16
	mostWaits  = 2000 // times 4 pauses, before the caller sleeps
	mostHelper = 63
)

var (
	workers   = newPool()
	scratches freeList[scratch]
)

func newPool() *pool {
	p := new(pool)
	p.helper = p.help
	return p
}

// SetWorkers sets how many goroutines, the caller's among them, share one product; 0,
// the default, stands for GOMAXPROCS, which is also the most. It holds for the whole
// process and never changes a result.
func SetWorkers(n int) { workers.limit.Store(int32(max(0, min(n, mostHelper+1)))) }

// Workers returns how many goroutines share one product.
func Workers() int {
	most := min(runtime.GOMAXPROCS(0), mostHelper+1)
	if n := int(workers.limit.Load()); n > 0 {
		return min(n, most)
	}
	return most
}

// run does the tasks of w, which take so many multiply-adds together.
func (p *pool) run(w work, tasks, size int, s *scratch) {
	if tasks > 1 && size >= parallelFrom {
		if n := min(Workers(), tasks); n > 1 && p.busy.TryLock() {
			p.share(w, tasks, n-1, s)
			p.busy.Unlock()
			return
		}
	}
	for t := range tasks {
		w.task(s, t)
	}
}

// share does the tasks together with at most so many helpers.
func (p *pool) share(w work, tasks, helpers int, s *scratch) {
	p.work = w
	p.total.Store(int64(tasks))
	p.most.Store(int64(helpers))
	p.next.Store(0)
	p.state.Store(open)
	for n := helpers - int(p.alive.Load()); n > 0; n-- {
		p.alive.Add(1)
		go p.helper()
	}
	p.loop(s)
	// No more tasks: nobody may join now, and who is inside ends soon.
	p.state.And(^open)
	for i := 0; p.state.Load() != 0; i++ {
		if i < mostWaits {
			pause(4)
		} else { // its processor does something else: leave it ours
			time.Sleep(20 * time.Microsecond)
		}
	}
	p.work = nil
}

func (p *pool) help() {
	s := scratches.get()
	for idle := 0; idle < mostPolls; idle++ {
		if p.join() {
			p.loop(s)
			p.state.Add(-1)
			idle = 0
			continue
		}
		pause(pausePoll)
	}
	scratches.put(s)
	p.alive.Add(-1)
}

// join enters the product that is open, if it wants another helper. The product may be
// a later one than the one asked about; then there are more helpers than wanted, or one
// without a task, and neither does harm.
func (p *pool) join() bool {
	s := p.state.Load()
	return s&open != 0 && s&(open-1) < p.most.Load() && p.next.Load() < p.total.Load() && p.state.CompareAndSwap(s, s+1)
}

// loop does tasks until there are none.
func (p *pool) loop(s *scratch) {
	for {
		t := p.next.Add(1) - 1
		if t >= p.total.Load() {
			return
		}
		p.work.task(s, int(t))
	}
}
