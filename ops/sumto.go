package ops

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/vector"
)

// sumTo adds up x over the axes along which like was repeated. In a batch of another size
// these may be others than now, so there is a node for it unless both are scalars; it is a
// view where nothing is repeated.
func sumTo(g *graph.Graph, x, like *gorgonia.Node) *gorgonia.Node {
	if g.Poisoned(x) || x.Dims() == 0 && like.Dims() == 0 {
		return x
	}
	return applyWithScratch(g, definition{
		name: "SumTo", dtype: x.Dtype(), dims: like.Dims(), view: true,
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[1].Clone(), nil },
	}, pickScratch(x.Dtype(), sumToKernel[float32], sumToKernel[float64]), x, like)
}

func sumToKernel[T float]() kernel {
	columns := newColumnSums[T]()
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, x := elements[T](out), elements[T](in[0])
		shape := in[0].Shape()
		if equal(shape, out.Shape()) {
			copy(y, x)
			return nil
		}
		if rest := shape[len(shape)-len(out.Shape()):]; equal(rest, out.Shape()) && len(y) > 0 {
			columns.run(y, x) // a row that was repeated
			return nil
		}
		clear(y)
		w := newWalk(out.Shape(), shape, len(shape))
		for _, v := range x {
			y[w.offset] += v
			w.next()
		}
		return nil
	}
}

// columnSums adds up the rows of a matrix.
type columnSums[T float] struct {
	x     []T
	width int
	loop  *sumLoop[T]
}

// wideRow is the number of elements that rows are joined to before they are added: short
// rows would cost more for the call than for the sum.
const wideRow = 512

func newColumnSums[T float]() *columnSums[T] {
	c := new(columnSums[T])
	c.loop = overSums(func(sums []T, from, to int) { addRows(sums, c.x[from*c.width:to*c.width]) })
	return c
}

// run sets sums to the sums of the columns of x [rows, len(sums)].
func (c *columnSums[T]) run(sums, x []T) {
	if len(x) < sumsFrom {
		clear(sums)
		addRows(sums, x)
		return
	}
	joined := max(1, wideRow/len(sums))
	c.x, c.width = x, joined*len(sums)
	rows := len(x) / c.width
	wide := c.loop.run(rows, c.width, c.width)
	copy(sums, wide)
	addRows(sums, wide[len(sums):])
	addRows(sums, x[rows*c.width:])
	c.x = nil
}

// addRows adds the rows of x to sums, one after the other.
func addRows[T float](sums, x []T) {
	if len(sums) == 1 {
		sum := sums[0]
		for _, v := range x {
			sum += v
		}
		sums[0] = sum
		return
	}
	if sums32, ok := any(sums).([]float32); ok {
		vector.AddColumns(sums32, any(x).([]float32))
		return
	}
	for ; len(x) > 0; x = x[len(sums):] {
		addRun(sums, x[:len(sums)])
	}
}
