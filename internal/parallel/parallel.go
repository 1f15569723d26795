// Package parallel shares large loops among the processors: products, convolutions,
// everything that goes over much memory.
//
// A loop is a [Work] of numbered tasks. Results never depend on the number of workers:
// how a loop is cut must follow from its sizes alone, and what tasks compute apart is put
// together in the order of their numbers. There is one pool for the whole process, which
// serves one loop at a time. A loop inside a task, or of a second caller, is done by its
// caller alone, with the same bits.
//
// No goroutine is left behind: the helpers of a loop end by themselves about a tenth of a
// millisecond after there was nothing more to do, and nothing has to be closed.
package parallel

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Work is a loop cut into numbered tasks that may run in any order. What a task computes
// does not depend on who runs it.
type Work interface {
	// Task does part t. Tasks run at the same time. worker is 0 where the caller of For
	// runs it, otherwise the number of a helper, up to 63: see [Scratch].
	Task(worker, t int)
}

// For does tasks 0 to n-1 of w and returns when all are done. A panic of a task is a
// panic of For. With one task w gets a plain call, so work that is not worth sharing
// (less than about ten microseconds) should be one task. The tasks of a loop should be
// several times the processors, or take equally long.
func For(n int, w Work) {
	if n > 1 {
		if k := min(Workers(), n); k > 1 && workers.busy.TryLock() {
			workers.share(w, n, k-1)
			return
		}
	}
	for t := range n {
		w.Task(0, t)
	}
}

// SetWorkers sets how many goroutines, the caller's among them, share one loop; 0, the
// default, stands for GOMAXPROCS, which is also the most. It holds for the whole process
// and never changes a result.
func SetWorkers(n int) { workers.limit.Store(int32(max(0, min(n, mostHelpers+1)))) }

// Workers returns how many goroutines share one loop.
func Workers() int {
	most := min(runtime.GOMAXPROCS(0), mostHelpers+1)
	if n := int(workers.limit.Load()); n > 0 {
		return min(n, most)
	}
	return most
}

// pool lends goroutines to one loop at a time. The caller does tasks too, and waits only
// for helpers that are inside a task: one that comes late costs nothing. A helper with
// nothing to do polls for about a tenth of a millisecond, so that the next loop gets it
// for a fraction of a microsecond, and then ends. (The runtime keeps what remains of
// ended goroutines for the next ones, so that in the steady state starting a helper
// allocates nothing.)
type pool struct {
	busy   sync.Mutex   // held by the caller whose loop runs
	limit  atomic.Int32 // workers wanted, 0 for GOMAXPROCS
	alive  atomic.Int32 // helpers
	names  atomic.Uint64
	helper func() // p.help, kept because go p.help() would allocate
	failed atomic.Pointer[failure]

	work  Work
	most  atomic.Int64 // helpers that may join
	_     [64]byte     // the rest changes often
	state atomic.Int64 // open bit | helpers inside
	_     [64]byte
	parts [mostHelpers + 1]part // of the loop: the first most+1
}

// failure is the first panic of a loop.
type failure struct{ value any }

const (
	open        = 1 << 32
	mostPolls   = 400 // times pausePoll pauses of the processor, about 100 us
	pausePoll   = 16
	mostWaits   = 2000 // times 4 pauses, before the caller sleeps
	mostHelpers = 63
)

var workers = newPool()

func newPool() *pool {
	p := new(pool)
	p.helper = p.help
	return p
}

// share does n tasks together with at most so many helpers, and unlocks busy.
func (p *pool) share(w Work, n, helpers int) {
	p.work = w
	p.cut(n, helpers+1)
	p.state.Store(open)
	for k := helpers - int(p.alive.Load()); k > 0; k-- {
		p.alive.Add(1)
		go p.helper()
	}
	p.loop(0)
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
	f := p.failed.Swap(nil)
	p.busy.Unlock()
	if f != nil {
		panic(f.value)
	}
}

// cut gives each worker a part of n tasks. It follows from the sizes alone.
func (p *pool) cut(n, workers int) {
	p.most.Store(int64(workers - 1))
	for i := range workers {
		p.parts[i].set(n*i/workers, n*(i+1)/workers)
	}
}

func (p *pool) help() {
	name := p.takeName()
	for idle := 0; idle < mostPolls; idle++ {
		if p.join() {
			p.loop(name)
			p.state.Add(-1)
			idle = 0
			continue
		}
		pause(pausePoll)
	}
	p.names.And(^(1 << name))
	p.alive.Add(-1)
}

// takeName returns the lowest number that no helper has.
func (p *pool) takeName() int {
	for {
		names := p.names.Load()
		name := bits.TrailingZeros64(^(names | 1))
		if p.names.CompareAndSwap(names, names|1<<name) {
			return name
		}
	}
}

// join enters the loop that is open, if it wants another helper. The loop may be a later
// one than the one asked about; then there are more helpers than wanted, or one without a
// task, and neither does harm.
func (p *pool) join() bool {
	s := p.state.Load()
	return s&open != 0 && s&(open-1) < p.most.Load() && p.anyLeft() && p.state.CompareAndSwap(s, s+1)
}

func (p *pool) anyLeft() bool {
	for i := range p.most.Load() + 1 {
		if p.parts[i].left() {
			return true
		}
	}
	return false
}

// loop does tasks until there are none: those of the worker's own part, first to last,
// then what the others have not come to, last to first. After a panic there are none.
func (p *pool) loop(worker int) {
	defer p.catch()
	parts := p.parts[:p.most.Load()+1]
	for i := range parts {
		part := &parts[(worker+i)%len(parts)]
		for t, ok := part.take(i == 0); ok; t, ok = part.take(i == 0) {
			p.work.Task(worker, t)
		}
	}
}

// catch keeps a panic for the caller of For.
func (p *pool) catch() {
	if r := recover(); r != nil {
		p.failed.CompareAndSwap(nil, &failure{r})
		for i := range p.parts {
			p.parts[i].set(0, 0)
		}
	}
}
