// Package raw gives access to the memory of Gorgonia's values without allocating:
// tensor.Dense.Data boxes its slice at every call.
package raw

import (
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Element is what a value may hold.
type Element interface {
	float32 | float64 | int64 | int32 | int | uint8
}

// Slice returns the memory of a value: a tensor's backing slice, or the one element of a
// scalar. It is nil when the value holds another type.
func Slice[T Element](v gorgonia.Value) []T {
	var p unsafe.Pointer
	switch v := v.(type) {
	case *tensor.Dense:
		return backing[T](v)
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

func is[T, U any]() bool {
	var t T
	_, ok := any(t).(U)
	return ok
}

func backing[T Element](d *tensor.Dense) []T {
	var t T
	switch any(t).(type) {
	case float32:
		if d.Dtype() == tensor.Float32 {
			return cast[T](d.Float32s())
		}
	case float64:
		if d.Dtype() == tensor.Float64 {
			return cast[T](d.Float64s())
		}
	case int64:
		if d.Dtype() == tensor.Int64 {
			return cast[T](d.Int64s())
		}
	case int32:
		if d.Dtype() == tensor.Int32 {
			return cast[T](d.Int32s())
		}
	case int:
		if d.Dtype() == tensor.Int {
			return cast[T](d.Ints())
		}
	case uint8:
		if d.Dtype() == tensor.Uint8 {
			return cast[T](d.Uint8s())
		}
	}
	return nil
}

// cast returns s as what it is.
func cast[T, S Element](s []S) []T { return *(*[]T)(unsafe.Pointer(&s)) }
