package session

import (
	"fmt"
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// view returns a gorgonia value over t's memory: a scalar for a tensor without
// axes (stock ops tell scalars by their Go type), else a header of the session's
// own, because sharing one *tensor.Dense between goroutines races.
func view(t *tensor.Dense) (gorgonia.Value, error) {
	if t.Shape().Dims() == 0 {
		switch s := dense.Elements(t).(type) {
		case []float32:
			return (*gorgonia.F32)(unsafe.Pointer(&s[0])), nil
		case []float64:
			return (*gorgonia.F64)(unsafe.Pointer(&s[0])), nil
		case []int64:
			return (*gorgonia.I64)(unsafe.Pointer(&s[0])), nil
		case []int32:
			return (*gorgonia.I32)(unsafe.Pointer(&s[0])), nil
		case []int:
			return (*gorgonia.I)(unsafe.Pointer(&s[0])), nil
		case []uint8:
			return (*gorgonia.U8)(unsafe.Pointer(&s[0])), nil
		case []bool:
			return (*gorgonia.B)(unsafe.Pointer(&s[0])), nil
		}
		return nil, fmt.Errorf("scalars of dtype %v are not supported", t.Dtype())
	}
	if !dense.Supported(t.Dtype()) {
		return nil, fmt.Errorf("tensors of dtype %v are not supported", t.Dtype())
	}
	return tensor.New(tensor.WithShape(t.Shape()...), tensor.WithBacking(dense.Elements(t))), nil
}

// fed returns the value of a feed without copying dense tensors. scalar, if not nil, is
// where the value of a scalar goes; direct gives the tensor as it is.
func fed(t tensor.Tensor, scalar gorgonia.Value, direct bool) (gorgonia.Value, error) {
	d, ok := t.(*tensor.Dense)
	if !ok {
		return nil, fmt.Errorf("a %T was fed, want a *tensor.Dense", t)
	}
	if scalar != nil && copyScalar(scalar, d) {
		return scalar, nil
	}
	d = dense.Contiguous(d)
	if direct && dense.Supported(d.Dtype()) {
		return d, nil
	}
	return view(d)
}

// copyScalar writes the one element of a tensor without axes to a scalar of its dtype.
func copyScalar(to gorgonia.Value, from *tensor.Dense) bool {
	switch to := to.(type) {
	case *gorgonia.F32:
		*to = gorgonia.F32(from.Float32s()[0])
	case *gorgonia.F64:
		*to = gorgonia.F64(from.Float64s()[0])
	case *gorgonia.I64:
		*to = gorgonia.I64(from.Int64s()[0])
	case *gorgonia.I32:
		*to = gorgonia.I32(from.Int32s()[0])
	case *gorgonia.I:
		*to = gorgonia.I(from.Ints()[0])
	case *gorgonia.U8:
		*to = gorgonia.U8(from.Uint8s()[0])
	case *gorgonia.B:
		*to = gorgonia.B(from.Bools()[0])
	default:
		return false
	}
	return true
}

// copyInto copies from to the memory of to, if that has the same dtype and shape.
func copyInto(to, from gorgonia.Value) bool {
	switch from := from.(type) {
	case *tensor.Dense:
		to, ok := to.(*tensor.Dense)
		return ok && to != from && from.Shape().Dims() > 0 && dense.Copy(to, from) == nil
	case *gorgonia.F32:
		to, ok := to.(*gorgonia.F32)
		if ok {
			*to = *from
		}
		return ok
	case *gorgonia.F64:
		to, ok := to.(*gorgonia.F64)
		if ok {
			*to = *from
		}
		return ok
	case *gorgonia.I64:
		to, ok := to.(*gorgonia.I64)
		if ok {
			*to = *from
		}
		return ok
	}
	return false
}

// copyOf returns a value in memory of its own.
func copyOf(v gorgonia.Value) (gorgonia.Value, error) {
	if d, ok := v.(*tensor.Dense); ok && d.Shape().Dims() > 0 && dense.Supported(d.Dtype()) {
		return dense.Clone(d), nil
	}
	return gorgonia.CloneValue(v)
}

// span returns the memory of a value, nil when it is not known.
func span(v gorgonia.Value) (start, end uintptr) {
	switch v := v.(type) {
	case *tensor.Dense:
		b := dense.Bytes(v)
		if len(b) == 0 {
			return 0, 0
		}
		start = uintptr(unsafe.Pointer(&b[0]))
		return start, start + uintptr(len(b))
	case *gorgonia.F32:
		start = uintptr(unsafe.Pointer(v))
	case *gorgonia.F64:
		start = uintptr(unsafe.Pointer(v))
	case *gorgonia.I64:
		start = uintptr(unsafe.Pointer(v))
	case *gorgonia.I32:
		start = uintptr(unsafe.Pointer(v))
	case *gorgonia.I:
		start = uintptr(unsafe.Pointer(v))
	case *gorgonia.U8:
		start = uintptr(unsafe.Pointer(v))
	case *gorgonia.B:
		start = uintptr(unsafe.Pointer(v))
	default:
		return 0, 0
	}
	return start, start + 1
}

// overlap reports whether two values share memory.
func overlap(a, b gorgonia.Value) bool {
	a0, a1 := span(a)
	b0, b1 := span(b)
	return a0 < b1 && b0 < a1
}
