package session

import (
	"fmt"
	"reflect"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
)

// reshaping gives its input another shape. Of a kernel's result it is a view.
type reshaping struct{ replacement }

var _ graph.View = (*reshaping)(nil)

// IsView says that the elements are the input's.
func (r *reshaping) IsView() bool { return true }

// fasterReshape returns an op that copies at most once, nil for a dtype without a kernel.
func fasterReshape(n *gorgonia.Node) gorgonia.Op {
	x := graph.InputsOf(n)[0]
	if x.Dtype() != n.Dtype() || x.Dims() == 0 || n.Dims() == 0 || x.Shape().TotalSize() != n.Shape().TotalSize() {
		return nil
	}
	run := floats(n.Dtype(), unaryKernel(copied[float32]), unaryKernel(copied[float64]))
	if run == nil {
		return nil
	}
	return &reshaping{replacement{Op: n.Op(), run: run}}
}

func copied[T float](y, x []T) { copy(y, x) }

// fasterTranspose returns a kernel that puts axes into another order.
func fasterTranspose(n *gorgonia.Node) func(gorgonia.Value, []gorgonia.Value) error {
	x := graph.InputsOf(n)[0]
	pattern := field(n.Op(), "pattern")
	if x.Dims() == 0 || pattern.Kind() != reflect.Slice || pattern.Len() != x.Dims() || x.Dims() != n.Dims() || x.Dtype() != n.Dtype() {
		return nil
	}
	order := make([]int, x.Dims())
	for i := range order {
		order[i] = int(pattern.Index(i).Int())
		if n.Shape()[i] != x.Shape()[order[i]] {
			return nil
		}
	}
	return floats(n.Dtype(), transposeKernel[float32](order), transposeKernel[float64](order))
}

// transposeKernel makes axis i of the result axis order[i] of the input.
func transposeKernel[T float](order []int) func(gorgonia.Value, []gorgonia.Value) error {
	var rows []int // where each row of the result begins in the input
	var shape tensor.Shape
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, x, _, err := three[T](out, in[0], in[0])
		if err != nil {
			return err
		}
		from := in[0].Shape()
		if len(from) != len(order) || len(x) != len(y) {
			return fmt.Errorf("an input of shape %v for axes %v and a result of shape %v", from, order, out.Shape())
		}
		strides := from.CalcStrides()
		last := order[len(order)-1]
		if rows == nil || !dense.SameShape(shape, from) {
			shape, rows = from.Clone(), []int{0}
			for _, axis := range order[:len(order)-1] {
				rows = spread(rows, from[axis], strides[axis])
			}
		}
		width, stride := from[last], strides[last]
		for i, start := range rows {
			row := y[i*width : (i+1)*width]
			if stride == 1 {
				copy(row, x[start:])
				continue
			}
			for k := range row {
				row[k] = x[start+k*stride]
			}
		}
		return nil
	}
}
