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
