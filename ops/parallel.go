package ops

import "github.com/stheno-ml/stheno/internal/parallel"

// Loops over at least parallelFrom elements are cut into tasks of about taskElements,
// where an element stands for a few additions. With fewer, some microseconds of work,
// sharing gains nothing. Both decide where sums are cut, and so bits.
const (
	parallelFrom = 64 << 10
	taskElements = 16 << 10
	perFunction  = 16 // elements that an exponential counts for
)

// elementFunc sets y by other slices, element by element. Those not needed are nil.
type elementFunc[T float] func(y, a, b, c []T)

// overElements calls f on parts of slices of one length.
func overElements[T float](f elementFunc[T], cost int, y, a, b, c []T) {
	if len(y)*cost < parallelFrom {
		f(y, a, b, c)
		return
	}
	list := either[*parallel.FreeList[elementLoop[T]]](&elementLoops32, &elementLoops64)
	l := list.Get()
	*l = elementLoop[T]{f, taskElements / cost, y, a, b, c}
	parallel.For(ceil(len(y), l.step), l)
	*l = elementLoop[T]{}
	list.Put(l)
}

// elementLoop is a loop over elements in progress.
type elementLoop[T float] struct {
	f          elementFunc[T]
	step       int
	y, a, b, c []T
}

// Task does one part.
func (l *elementLoop[T]) Task(_, t int) {
	from, to := t*l.step, min((t+1)*l.step, len(l.y))
	part := func(x []T) []T {
		if x == nil {
			return nil
		}
		return x[from:to]
	}
	l.f(l.y[from:to], part(l.a), part(l.b), part(l.c))
}

// rowLoop is a loop over rows, or images. A kernel makes one when a program is compiled,
// for a function of its own that finds its slices in the kernel's variables.
type rowLoop struct {
	do         func(from, to int)
	rows, step int
}

func overRows(do func(from, to int)) *rowLoop { return &rowLoop{do: do} }

// run does so many rows of so many elements.
func (l *rowLoop) run(rows, elements int) {
	if rows*elements < parallelFrom {
		l.do(0, rows)
		return
	}
	l.rows, l.step = rows, max(1, taskElements/max(1, elements))
	parallel.For(ceil(rows, l.step), l)
}

// Task does some rows.
func (l *rowLoop) Task(_, t int) { l.do(t*l.step, min((t+1)*l.step, l.rows)) }

// sumLoop adds up rows: the rows are cut into at most mostSums blocks, each with sums of
// its own, which are added in the order of the blocks.
type sumLoop[T float] struct {
	add        func(sums []T, from, to int)
	rows, step int
	width      int
	sums       []T // [blocks, width]
}

const (
	mostSums = 16
	sumsFrom = 4 * parallelFrom // elements
)

func overSums[T float](add func(sums []T, from, to int)) *sumLoop[T] { return &sumLoop[T]{add: add} }

// run returns the sums, width of them, over so many rows of so many elements. They are
// valid until it is called again.
func (l *sumLoop[T]) run(rows, elements, width int) []T {
	blocks := 1
	if rows*elements >= sumsFrom {
		blocks = max(1, min(mostSums, rows, rows*elements/parallelFrom))
	}
	l.rows, l.step, l.width = rows, max(1, ceil(rows, blocks)), width
	blocks = max(1, ceil(rows, l.step))
	sums := grow(&l.sums, blocks*width)
	clear(sums)
	l.sums = sums
	parallel.For(blocks, l)
	for b := 1; b < blocks; b++ {
		addRun(sums, sums[b*width:(b+1)*width])
	}
	return sums[:width]
}

// Task adds up one block.
func (l *sumLoop[T]) Task(_, t int) {
	l.add(l.sums[t*l.width:(t+1)*l.width], t*l.step, min((t+1)*l.step, l.rows))
}

// What is free to be used by tasks and loops of both dtypes.
var (
	memories32     parallel.Scratch[[]float32]
	memories64     parallel.Scratch[[]float64]
	elementLoops32 parallel.FreeList[elementLoop[float32]]
	elementLoops64 parallel.FreeList[elementLoop[float64]]
)

// either returns the one of the two that has type X.
func either[X any](f32, f64 any) X {
	if x, ok := f32.(X); ok {
		return x
	}
	return f64.(X)
}

// borrow returns memory for one task, to be given to grow.
func borrow[T float](worker int) *[]T { return memories[T]().Get(worker) }

func giveBack[T float](worker int, memory *[]T) { memories[T]().Put(worker, memory) }

func memories[T float]() *parallel.Scratch[[]T] {
	return either[*parallel.Scratch[[]T]](&memories32, &memories64)
}

// ceil is a/b rounded up.
func ceil(a, b int) int { return (a + b - 1) / b }
