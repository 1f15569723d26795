package optim

import "github.com/stheno-ml/stheno/internal/parallel"

// squares is the sum of the squares, in float64: those of spans are added in order.
func squares[T float](x []T) float64 {
	if len(x) <= spanElements {
		return squaresOf(x)
	}
	var list any = &squareSums32
	if _, ok := list.(*parallel.FreeList[squareSums[T]]); !ok {
		list = &squareSums64
	}
	free := list.(*parallel.FreeList[squareSums[T]])
	s := free.Get()
	defer free.Put(s)
	spans := (len(x) + spanElements - 1) / spanElements
	if cap(s.sums) < spans {
		s.sums = make([]float64, spans)
	}
	s.x, s.sums = x, s.sums[:spans]
	if len(x) >= parallelFrom {
		parallel.For(spans, s)
	} else {
		for t := range spans {
			s.Task(0, t)
		}
	}
	s.x = nil
	sum := 0.0
	for _, v := range s.sums {
		sum += v
	}
	return sum
}

// squareSums is a sum of squares in progress.
type squareSums[T float] struct {
	x    []T
	sums []float64 // of the spans
}

var (
	squareSums32 parallel.FreeList[squareSums[float32]]
	squareSums64 parallel.FreeList[squareSums[float64]]
)

// Task adds up one span.
func (s *squareSums[T]) Task(_, t int) {
	s.sums[t] = squaresOf(s.x[t*spanElements : min((t+1)*spanElements, len(s.x))])
}

// squaresOf keeps four sums, which the processor adds to at once.
func squaresOf[T float](x []T) float64 {
	var a, b, c, d float64
	for ; len(x) >= 4; x = x[4:] {
		a += float64(float64(x[0]) * float64(x[0]))
		b += float64(float64(x[1]) * float64(x[1]))
		c += float64(float64(x[2]) * float64(x[2]))
		d += float64(float64(x[3]) * float64(x[3]))
	}
	for _, v := range x {
		a += float64(float64(v) * float64(v))
	}
	return (a + b) + (c + d)
}
