package session

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/internal/raw"
)

// replacement computes what a stock op should. Types, shapes and names stay those of
// the stock op. An instance belongs to one program.
type replacement struct {
	gorgonia.Op
	run func(out gorgonia.Value, in []gorgonia.Value) error
}

var _ graph.SizedByInputs = (*replacement)(nil)

// SizedByInputs marks that sizes come from the inputs.
func (r *replacement) SizedByInputs() {}

// OverwritesInput returns -1: no input is written to.
func (r *replacement) OverwritesInput() int { return -1 }

// UsePreallocDo writes the result to out.
func (r *replacement) UsePreallocDo(out gorgonia.Value, in ...gorgonia.Value) (gorgonia.Value, error) {
	return out, r.run(out, in)
}

// Do writes the result to new memory.
func (r *replacement) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	sizes := make([]gorgonia.DimSizer, len(in))
	for i, v := range in {
		sizes[i] = v.Shape()
	}
	shape, err := r.InferShape(sizes...)
	if err != nil {
		return nil, err
	}
	out, err := view(dense.New(in[0].Dtype(), shape))
	if err != nil {
		return nil, err
	}
	return r.UsePreallocDo(out, in...)
}

type number interface {
	float32 | float64 | int | int64 | int32 | uint8
}

// elementsOf returns the elements of a tensor or a scalar, in row-major order. It
// allocates nothing where they are one run of memory.
func elementsOf[T number](v gorgonia.Value) ([]T, error) {
	if d, ok := v.(*tensor.Dense); ok {
		v = dense.Contiguous(d)
	}
	elements := raw.Slice[T](v)
	if elements == nil && v.Shape().TotalSize() > 0 {
		return nil, fmt.Errorf("a %T of %v, want elements of type %T", v, v.Dtype(), *new(T))
	}
	return elements, nil
}

// A kernel has a form for floating-point numbers only, or for all.
func floats(dt tensor.Dtype, f32, f64 func(out gorgonia.Value, in []gorgonia.Value) error) func(gorgonia.Value, []gorgonia.Value) error {
	switch dt {
	case tensor.Float32:
		return f32
	case tensor.Float64:
		return f64
	}
	return nil
}

func replaceWith(op gorgonia.Op, run func(gorgonia.Value, []gorgonia.Value) error) gorgonia.Op {
	if run == nil {
		return nil
	}
	return &replacement{Op: op, run: run}
}

// replaceReduction returns a sum or a maximum over any axes.
func replaceReduction(n *gorgonia.Node) gorgonia.Op {
	op := n.Op()
	axes, dims := axesField(op), graph.InputsOf(n)[0].Dims()
	if len(axes) == 0 || slices.Min(axes) < 0 || slices.Max(axes) >= dims {
		return nil
	}
	largest := fmt.Sprintf("%T", op) == "*gorgonia.maxOp"
	switch n.Dtype() {
	case tensor.Float32:
		return replaceWith(op, newReduction[float32, float64](axes, largest))
	case tensor.Float64:
		return replaceWith(op, newReduction[float64, float64](axes, largest))
	case tensor.Int:
		return replaceWith(op, newReduction[int, int](axes, largest))
	case tensor.Int64:
		return replaceWith(op, newReduction[int64, int64](axes, largest))
	case tensor.Int32:
		return replaceWith(op, newReduction[int32, int32](axes, largest))
	case tensor.Uint8:
		return replaceWith(op, newReduction[uint8, uint8](axes, largest))
	}
	return nil
}

// newReduction returns a kernel that reduces over axes. Sums are accumulated in A. A
// maximum over NaN is NaN.
func newReduction[T, A number](axes []int, largest bool) func(gorgonia.Value, []gorgonia.Value) error {
	var layout reductionLayout
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		x, err := elementsOf[T](in[0])
		if err != nil {
			return err
		}
		y, err := elementsOf[T](out)
		if err != nil {
			return err
		}
		layout.set(in[0].Shape(), axes)
		if len(y) != len(layout.kept)*layout.width {
			return fmt.Errorf("the result has %d elements, want %d", len(y), len(layout.kept)*layout.width)
		}
		for i, base := range layout.kept {
			for from := 0; from < layout.width; from += neighbours {
				to := min(from+neighbours, layout.width)
				part := y[i*layout.width+from : i*layout.width+to]
				if largest {
					largestAt(&layout, part, x, base+from)
				} else {
					sumAt[T, A](&layout, part, x, base+from)
				}
			}
		}
		return nil
	}
}

// neighbours is the number of results that are computed together.
const neighbours = 64

// reductionLayout says where the elements are that a reduction puts together: for
// results i*width to (i+1)*width, runs of elements at kept[i]+gone[j]. Either the last
// axis is reduced and width is 1, or it is kept and run is 1.
type reductionLayout struct {
	shape      tensor.Shape
	kept, gone []int
	width, run int
}

func (l *reductionLayout) set(shape tensor.Shape, axes []int) {
	if l.run > 0 && dense.SameShape(l.shape, shape) {
		return
	}
	*l = reductionLayout{shape: shape.Clone(), width: 1, run: 1, kept: []int{0}, gone: []int{0}}
	strides := shape.CalcStrides()
	last := len(shape)
	for lastIsReduced := slices.Contains(axes, last-1); last > 0 && slices.Contains(axes, last-1) == lastIsReduced; last-- {
		if lastIsReduced {
			l.run *= shape[last-1]
		} else {
			l.width *= shape[last-1]
		}
	}
	for axis := range last {
		if slices.Contains(axes, axis) {
			l.gone = spread(l.gone, shape[axis], strides[axis])
		} else {
			l.kept = spread(l.kept, shape[axis], strides[axis])
		}
	}
}

// spread returns each offset followed by those of the n-1 elements after it.
func spread(offsets []int, n, stride int) []int {
	all := make([]int, 0, n*len(offsets))
	for _, offset := range offsets {
		for i := range n {
			all = append(all, offset+i*stride)
		}
	}
	return all
}

// sumAt computes neighbouring sums, of runs or of single elements.
func sumAt[T, A number](l *reductionLayout, y, x []T, base int) {
	var sums [neighbours]A
	for _, offset := range l.gone {
		if l.width == 1 {
			total := sums[0]
			for _, v := range x[base+offset:][:l.run] {
				total += A(v)
			}
			sums[0] = total
			continue
		}
		for i, v := range x[base+offset:][:len(y)] {
			sums[i] += A(v)
		}
	}
	for i := range y {
		y[i] = T(sums[i])
	}
}

// largestAt computes neighbouring maxima.
func largestAt[T number](l *reductionLayout, y, x []T, base int) {
	copy(y, x[base:])
	for _, offset := range l.gone {
		row := x[base+offset:][:max(l.run, len(y))]
		for i, v := range row {
			k := min(i, len(y)-1) // all of a run belongs to one result
			if v > y[k] || v != v {
				y[k] = v
			}
		}
	}
}

// replaceLog2Gradient computes g÷(x·ln2) from g and x÷ln2.
func replaceLog2Gradient(n *gorgonia.Node) gorgonia.Op {
	return replaceWith(n.Op(), floats(n.Dtype(),
		pointwise(func(g, q float32) float32 { return g / (q * math.Ln2 * math.Ln2) }),
		pointwise(func(g, q float64) float64 { return g / (q * math.Ln2 * math.Ln2) })))
}

// replaceInverseSqrtGradient computes g·y³/2 from g and 2y³.
func replaceInverseSqrtGradient(n *gorgonia.Node) gorgonia.Op {
	return replaceWith(n.Op(), floats(n.Dtype(),
		pointwise(func(g, m float32) float32 { return g * m / 4 }),
		pointwise(func(g, m float64) float64 { return g * m / 4 })))
}

// replaceDivision divides as IEEE 754 has it.
func replaceDivision(n *gorgonia.Node) gorgonia.Op { return replaceWith(n.Op(), fasterBinary(n)) }

// pointwise returns a kernel of two inputs, each of which may be a scalar.
func pointwise[T number](f func(a, b T) T) func(gorgonia.Value, []gorgonia.Value) error {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		a, err := elementsOf[T](in[0])
		if err != nil {
			return err
		}
		b, err := elementsOf[T](in[1])
		if err != nil {
			return err
		}
		y, err := elementsOf[T](out)
		if err != nil {
			return err
		}
		for i := range y {
			y[i] = f(a[i%len(a)], b[i%len(b)])
		}
		return nil
	}
}

// replaceByIndices selects slices of an axis.
func replaceByIndices(n *gorgonia.Node) gorgonia.Op {
	axis := intField(n.Op(), "axis")
	if axis < 0 || axis >= n.Dims() {
		return nil
	}
	switch op := n.Op(); n.Dtype() {
	case tensor.Float32:
		return replaceWith(op, gather[float32](axis))
	case tensor.Float64:
		return replaceWith(op, gather[float64](axis))
	case tensor.Int:
		return replaceWith(op, gather[int](axis))
	case tensor.Int64:
		return replaceWith(op, gather[int64](axis))
	case tensor.Int32:
		return replaceWith(op, gather[int32](axis))
	case tensor.Uint8:
		return replaceWith(op, gather[uint8](axis))
	}
	return nil
}

// gather returns a kernel of x and the indices.
func gather[T number](axis int) func(gorgonia.Value, []gorgonia.Value) error {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		x, err := elementsOf[T](in[0])
		if err != nil {
			return err
		}
		indices, err := elementsOf[int](in[1])
		if err != nil {
			return err
		}
		y, err := elementsOf[T](out)
		if err != nil {
			return err
		}
		shape := in[0].Shape()
		size, inner := shape[axis], tensor.Shape(shape[axis+1:]).TotalSize()
		for to := 0; to < len(y); to += inner {
			outer, k := to/inner/len(indices), to/inner%len(indices)
			j := indices[k]
			if j < 0 || j >= size {
				return fmt.Errorf("index %d is %d, want 0 to %d", k, j, size-1)
			}
			from := (outer*size + j) * inner
			copy(y[to:to+inner], x[from:from+inner])
		}
		return nil
	}
}

// replaceByIndicesGradient adds the gradient of each selected slice to where it came from.
func replaceByIndicesGradient(n *gorgonia.Node) gorgonia.Op {
	axis := intField(n.Op(), "axis")
	if axis < 0 || axis >= n.Dims() {
		return nil
	}
	return replaceWith(n.Op(), floats(n.Dtype(), scatter[float32](axis), scatter[float64](axis)))
}

// scatter returns a kernel of x (for its shape), the gradient and the indices.
func scatter[T number](axis int) func(gorgonia.Value, []gorgonia.Value) error {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		gradient, err := elementsOf[T](in[1])
		if err != nil {
			return err
		}
		indices, err := elementsOf[int](in[2])
		if err != nil {
			return err
		}
		y, err := elementsOf[T](out)
		if err != nil {
			return err
		}
		shape := in[0].Shape()
		size, inner := shape[axis], tensor.Shape(shape[axis+1:]).TotalSize()
		clear(y)
		for i, v := range gradient {
			outer, k := i/inner/len(indices), i/inner%len(indices)
			j := indices[k]
			if j < 0 || j >= size {
				return fmt.Errorf("index %d is %d, want 0 to %d", k, j, size-1)
			}
			y[(outer*size+j)*inner+i%inner] += v
		}
		return nil
	}
}
