// Package dense has the few things that gorgonia.org/tensor lacks: access to the
// memory of a tensor of any dtype, scalars included, and copies that change nothing
// but the destination's elements.
package dense

import (
	"fmt"
	"unsafe"

	"gorgonia.org/tensor"
)

// Elements returns the typed backing slice of t in row-major order: []float32,
// []float64, []int64, []int32, []int, []uint8 or []bool. Writing to it writes to t.
// A scalar has one element. It returns nil for any other dtype.
func Elements(t *tensor.Dense) any {
	switch t.Dtype() {
	case tensor.Float32:
		return t.Float32s()
	case tensor.Float64:
		return t.Float64s()
	case tensor.Int64:
		return t.Int64s()
	case tensor.Int32:
		return t.Int32s()
	case tensor.Int:
		return t.Ints()
	case tensor.Uint8:
		return t.Uint8s()
	case tensor.Bool:
		return t.Bools()
	}
	return nil
}

// Supported reports whether Elements knows the dtype.
func Supported(dt tensor.Dtype) bool {
	switch dt {
	case tensor.Float32, tensor.Float64, tensor.Int64, tensor.Int32, tensor.Int, tensor.Uint8, tensor.Bool:
		return true
	}
	return false
}

// Named returns the supported dtype whose String is name.
func Named(name string) (dt tensor.Dtype, ok bool) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64, tensor.Int64, tensor.Int32, tensor.Int, tensor.Uint8, tensor.Bool} {
		if dt.String() == name {
			return dt, true
		}
	}
	return dt, false
}

// New returns a zeroed tensor. No axes make a scalar, whose one element can be
// written through Elements.
func New(dt tensor.Dtype, shape tensor.Shape) *tensor.Dense {
	return tensor.NewDense(dt, shape)
}

// Bytes returns the memory of t's elements, nil for an unsupported dtype or an
// empty tensor. It is valid only while t is reachable.
func Bytes(t *tensor.Dense) []byte {
	switch t.Dtype() { // through Elements each call would box a slice
	case tensor.Float32:
		return bytes(t.Float32s())
	case tensor.Float64:
		return bytes(t.Float64s())
	case tensor.Int64:
		return bytes(t.Int64s())
	case tensor.Int32:
		return bytes(t.Int32s())
	case tensor.Int:
		return bytes(t.Ints())
	case tensor.Uint8:
		return t.Uint8s()
	case tensor.Bool:
		return bytes(t.Bools())
	}
	return nil
}

func bytes[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}

// Copy copies the elements of src to dst. Dtype and shape must be equal.
func Copy(dst, src *tensor.Dense) error {
	if dst.Dtype() != src.Dtype() || !SameShape(dst.Shape(), src.Shape()) {
		return fmt.Errorf("copying %v %v to %v %v: dtype and shape must be equal", src.Dtype(), src.Shape(), dst.Dtype(), dst.Shape())
	}
	if !Supported(src.Dtype()) {
		return fmt.Errorf("copying %v: the dtype is not supported", src.Dtype())
	}
	copy(Bytes(dst), Bytes(Contiguous(src)))
	return nil
}

// Contiguous returns t, or a row-major copy when t is a view whose elements are not
// one row-major run of memory.
func Contiguous(t *tensor.Dense) *tensor.Dense {
	if t.Shape().Dims() == 0 || !t.RequiresIterator() && t.DataOrder().IsRowMajor() && t.DataOrder().IsContiguous() {
		return t
	}
	if m, ok := t.Materialize().(*tensor.Dense); ok {
		return m
	}
	return t
}

// Clone returns a copy of t in new memory.
func Clone(t *tensor.Dense) *tensor.Dense {
	c := New(t.Dtype(), t.Shape())
	copy(Bytes(c), Bytes(Contiguous(t)))
	return c
}

// SameShape reports whether a and b are equal axis by axis. (tensor.Shape.Eq takes
// a column vector for a vector.)
func SameShape(a, b tensor.Shape) bool {
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
