package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/raw"
)

// Float is an element that can be differentiated.
type float interface{ float32 | float64 }

// integer is an element that counts or is a class.
type integer interface{ int64 | int32 | int | uint8 }

// elements returns the memory of a value, nil when it is of another dtype.
func elements[T float | integer](v gorgonia.Value) []T { return raw.Slice[T](v) }

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
