package parallel

import "sync"

// FreeList keeps what loops in progress need, so that later ones allocate nothing. It
// holds at most as many as were ever in use at once. The zero value is empty.
type FreeList[T any] struct {
	mu   sync.Mutex
	free []*T
}

// Get returns one that nobody uses, as it was put back, or a new one.
func (l *FreeList[T]) Get() *T {
	var x *T
	l.mu.Lock()
	if n := len(l.free); n > 0 {
		x = l.free[n-1]
		l.free = l.free[:n-1]
	}
	l.mu.Unlock()
	if x == nil {
		x = new(T)
	}
	return x
}

// Put gives x back.
func (l *FreeList[T]) Put(x *T) {
	l.mu.Lock()
	l.free = append(l.free, x)
	l.mu.Unlock()
}

// Scratch is what tasks need while they run. A helper finds its own again, in its cache;
// a caller gets one from a free list.
type Scratch[T any] struct {
	helpers [mostHelpers + 1]T
	callers FreeList[T]
}

// Get returns what the worker may use until Put. A task inside a task is worker 0.
func (s *Scratch[T]) Get(worker int) *T {
	if worker > 0 {
		return &s.helpers[worker]
	}
	return s.callers.Get()
}

// Put gives x back.
func (s *Scratch[T]) Put(worker int, x *T) {
	if worker == 0 {
		s.callers.Put(x)
	}
}
