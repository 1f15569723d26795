package graphfuzz

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// array is a tensor of the interpreter, in row-major order. A scalar has no axes.
type array struct {
	dt    tensor.Dtype
	shape []int
	x     []num
}

func zeros(dt tensor.Dtype, shape ...int) array {
	return array{dt, slices.Clone(shape), make([]num, elements(shape))}
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// errValue marks that a value, which only a run can see, is wrong.
var errValue = errors.New("wrong value")

// index visits every index of a shape in row-major order.
func index(shape []int, visit func(at []int)) {
	at := make([]int, len(shape))
	for range elements(shape) {
		visit(at)
		for axis := len(at) - 1; axis >= 0; axis-- {
			if at[axis]++; at[axis] < shape[axis] {
				break
			}
			at[axis] = 0
		}
	}
}

// offset is where in row-major order an index lies.
func offset(shape, at []int) int {
	k := 0
	for axis, i := range at {
		k = k*shape[axis] + i
	}
	return k
}

func (a *array) at(at ...int) *num {
	for axis, i := range at {
		if i < 0 || i >= a.shape[axis] {
			panic(fmt.Sprintf("the interpreter reads %v of shape %v", at, a.shape))
		}
	}
	return &a.x[offset(a.shape, at)]
}

// of returns an array made of an array's numbers, one by one.
func (a array) of(f func(x num) num) array {
	y := zeros(a.dt, a.shape...)
	for i, x := range a.x {
		y.x[i] = f(x)
	}
	return y
}

func (a array) reshaped(shape ...int) array {
	return array{a.dt, slices.Clone(shape), slices.Clone(a.x)}
}

// same wants equal shapes.
func same(in ...array) error {
	for _, a := range in[1:] {
		if !slices.Equal(a.shape, in[0].shape) {
			return fmt.Errorf("shapes %v and %v differ", in[0].shape, a.shape)
		}
	}
	return nil
}

// wants returns an error with the shape unless ok.
func wants(ok bool, in ...array) error {
	if ok {
		return nil
	}
	var shapes [][]int
	for _, a := range in {
		shapes = append(shapes, a.shape)
	}
	return fmt.Errorf("shapes %v do not fit", shapes)
}

// rows returns the last axis and the number of rows before it.
func (a array) rows() (rows, width int) {
	width = a.shape[len(a.shape)-1]
	return elements(a.shape[:len(a.shape)-1]), width
}

// arrayOf returns a value of a run, exact.
func arrayOf(v gorgonia.Value) array {
	dt := v.Dtype()
	a := array{dt: dt, shape: slices.Clone([]int(v.Shape()))}
	put := func(x float64) { a.x = append(a.x, exact(x)) }
	var data any
	if t, ok := v.(*tensor.Dense); ok {
		data = dense.Elements(dense.Contiguous(t)) // Data panics where there are no elements
	} else {
		data = v.Data()
	}
	switch data := data.(type) {
	case float32:
		put(float64(data))
	case float64:
		put(data)
	case int64:
		put(float64(data))
	case int32:
		put(float64(data))
	case int:
		put(float64(data))
	case uint8:
		put(float64(data))
	case []float32:
		each(data, put)
	case []float64:
		each(data, put)
	case []int64:
		each(data, put)
	case []int32:
		each(data, put)
	case []int:
		each(data, put)
	case []uint8:
		each(data, put)
	default:
		panic(fmt.Sprintf("a value of %T", data))
	}
	return a
}

func each[T float32 | float64 | int64 | int32 | int | uint8](data []T, put func(float64)) {
	for _, v := range data {
		put(float64(v))
	}
}

// dense returns the tensor of an array.
func (a array) dense() *tensor.Dense {
	t := tensor.New(tensor.Of(a.dt), tensor.WithShape(a.shape...))
	for i, n := range a.x {
		switch a.dt {
		case tensor.Float32:
			t.Float32s()[i] = float32(n.v)
		case tensor.Float64:
			t.Float64s()[i] = n.v
		case tensor.Int64:
			t.Int64s()[i] = int64(n.v)
		case tensor.Int32:
			t.Int32s()[i] = int32(n.v)
		case tensor.Int:
			t.Ints()[i] = int(n.v)
		case tensor.Uint8:
			t.Uint8s()[i] = uint8(n.v)
		}
	}
	return t
}
