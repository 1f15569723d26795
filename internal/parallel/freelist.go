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
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.free)
	if n == 0 {
		return new(T)
	}
	x := l.free[n-1]
	l.free = l.free[:n-1]
	return x
}

// Put gives x back.
func (l *FreeList[T]) Put(x *T) {
	l.mu.Lock()
	l.free = append(l.free, x)
	l.mu.Unlock()
}
