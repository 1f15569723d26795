package ops

import (
	"fmt"
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Float is an element that can be differentiated.
type float interface{ float32 | float64 }

// integer is an element that counts or is a class.
type integer interface{ int64 | int32 | int | uint8 }

// elements returns the memory of a value: a tensor's backing slice, or the one element
// of a scalar. It is nil when the value is of another dtype. (Data boxes the slice, which
// allocates.)
func elements[T float | integer](v gorgonia.Value) []T {
	if d, ok := v.(*tensor.Dense); ok {
		return typed[T](d)
	}
	var p unsafe.Pointer
	switch v := v.(type) {
	case *gorgonia.F32:
		if is[T, float32]() {
			p = unsafe.Pointer(v)
		}
	case *gorgonia.F64:
		if is[T, float64]() {
			p = unsafe.Pointer(v)
		}
	case *gorgonia.I64:
		if is[T, int64]() {
			p = unsafe.Pointer(v)
		}
	case *gorgonia.I32:
		if is[T, int32]() {
			p = unsafe.Pointer(v)
		}
	case *gorgonia.I:
		if is[T, int]() {
			p = unsafe.Pointer(v)
		}
	case *gorgonia.U8:
		if is[T, uint8]() {
			p = unsafe.Pointer(v)
		}
	}
	if p == nil {
		return nil
	}
	return unsafe.Slice((*T)(p), 1)
}

func typed[T float | integer](d *tensor.Dense) []T {
	var t T
	switch any(t).(type) {
	case float32:
		if d.Dtype() == tensor.Float32 {
			s := d.Float32s()
			return *(*[]T)(unsafe.Pointer(&s))
		}
	case float64:
		if d.Dtype() == tensor.Float64 {
			s := d.Float64s()
			return *(*[]T)(unsafe.Pointer(&s))
		}
	case int64:
		if d.Dtype() == tensor.Int64 {
			s := d.Int64s()
			return *(*[]T)(unsafe.Pointer(&s))
		}
	case int32:
		if d.Dtype() == tensor.Int32 {
			s := d.Int32s()
			return *(*[]T)(unsafe.Pointer(&s))
		}
	case int:
		if d.Dtype() == tensor.Int {
			s := d.Ints()
			return *(*[]T)(unsafe.Pointer(&s))
		}
	case uint8:
		if d.Dtype() == tensor.Uint8 {
			s := d.Uint8s()
			return *(*[]T)(unsafe.Pointer(&s))
		}
	}
	return nil
}

func is[T, U any]() bool {
	var t T
	_, ok := any(t).(U)
	return ok
}

// classes are the elements of an integer tensor of any integer dtype.
type classes struct {
	int64s []int64
	int32s []int32
	ints   []int
	uint8s []uint8
}

func classesOf(v gorgonia.Value) classes {
	return classes{elements[int64](v), elements[int32](v), elements[int](v), elements[uint8](v)}
}

func (c *classes) at(i int) int64 {
	switch {
	case c.int64s != nil:
		return c.int64s[i]
	case c.int32s != nil:
		return int64(c.int32s[i])
	case c.ints != nil:
		return int64(c.ints[i])
	}
	return int64(c.uint8s[i])
}

func isInteger(dt tensor.Dtype) bool {
	return dt == tensor.Int64 || dt == tensor.Int32 || dt == tensor.Int || dt == tensor.Uint8
}

// last returns the size of the last axis and the number of rows before it.
func last(shape tensor.Shape) (rows, width int) {
	width = shape[len(shape)-1]
	rows = 1
	for _, n := range shape[:len(shape)-1] {
		rows *= n
	}
	return rows, width
}

func size(shape tensor.Shape) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func sameShape(name string, in []tensor.Shape) (tensor.Shape, error) {
	for _, s := range in[1:] {
		if !equal(s, in[0]) {
			return nil, fmt.Errorf("%s: shapes %v and %v differ", name, in[0], s)
		}
	}
	return in[0].Clone(), nil
}

func equal(a, b tensor.Shape) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
