package blas

import "github.com/stheno-ml/stheno/internal/parallel"

// parallelFrom is the number of multiply-adds below which one goroutine does a product
// alone: about three microseconds of work.
const parallelFrom = 1 << 18

// scratch is what one task owns while it runs: its buffers.
type scratch struct {
	native nativeScratch
	p32    panels[float32]
	p64    panels[float64]
}

var scratches parallel.Scratch[scratch]

// work is a product cut into tasks.
type work interface {
	parallel.Work
	task(s *scratch, t int)
}

// share does the tasks of w, which take so many multiply-adds together. own is the
// caller's scratch.
func share(w work, tasks, size int, own *scratch) {
	if tasks > 1 && size >= parallelFrom {
		parallel.For(tasks, w)
		return
	}
	for t := range tasks {
		w.task(own, t)
	}
}

// of returns the scratch of a worker; own is the caller's.
func (own *scratch) of(worker int) *scratch {
	if worker == 0 {
		return own
	}
	return scratches.Get(worker)
}
