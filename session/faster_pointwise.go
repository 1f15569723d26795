package session

import (
	"fmt"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/vector"
)

type float interface{ float32 | float64 }

// fasterBinary returns a kernel for arithmetic, and for comparisons whose result is 1 or
// 0, of two tensors of one size or a tensor and a scalar.
func fasterBinary(n *gorgonia.Node) func(gorgonia.Value, []gorgonia.Value) error {
	in := graph.InputsOf(n)
	size := n.Shape().TotalSize()
	for _, x := range in {
		if x.Dtype() != n.Dtype() || x.Dims() > 0 && x.Shape().TotalSize() != size {
			return nil
		}
	}
	// "⊙ false": the sign, and whether a comparison keeps its inputs' dtype.
	sign, _, _ := strings.Cut(n.Op().String(), " ")
	f32, f64 := binaryLoop[float32](sign), binaryLoop[float64](sign)
	if f32 == nil {
		return nil
	}
	switch sign {
	case "+":
		f32 = vector.Add
	case "⊙":
		f32 = vector.Mul
	}
	return floats(n.Dtype(), binaryKernel(f32), binaryKernel(f64))
}

func binaryLoop[T float](sign string) func(y, a, b []T) {
	switch sign {
	case "+":
		return func(y, a, b []T) {
			for i, v := range a {
				y[i] = v + b[i]
			}
		}
	case "-":
		return func(y, a, b []T) {
			for i, v := range a {
				y[i] = v - b[i]
			}
		}
	case "⊙":
		return func(y, a, b []T) {
			for i, v := range a {
				y[i] = v * b[i]
			}
		}
	case "÷":
		return func(y, a, b []T) {
			for i, v := range a {
				y[i] = v / b[i]
			}
		}
	case "<":
		return lessLoop[T]
	case ">":
		return func(y, a, b []T) { lessLoop(y, b, a) }
	case "<=":
		return atMostLoop[T]
	case ">=":
		return func(y, a, b []T) { atMostLoop(y, b, a) }
	}
	return nil
}

func lessLoop[T float](y, a, b []T) {
	b = b[:len(a)]
	for i, v := range a {
		var less T
		if v < b[i] {
			less = 1
		}
		y[i] = less
	}
}

func atMostLoop[T float](y, a, b []T) {
	b = b[:len(a)]
	for i, v := range a {
		var atMost T
		if v <= b[i] {
			atMost = 1
		}
		y[i] = atMost
	}
}

// binaryKernel repeats a scalar, as often as fits into the cache.
func binaryKernel[T float](f func(y, a, b []T)) func(gorgonia.Value, []gorgonia.Value) error {
	var repeated []T
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, a, b, err := three[T](out, in[0], in[1])
		if err != nil {
			return err
		}
		if len(a) == len(y) && len(b) == len(y) {
			f(y, a, b)
			return nil
		}
		scalar, other := &a, &b
		if len(b) == 1 {
			scalar, other = &b, &a
		}
		if len(*scalar) != 1 || len(*other) != len(y) {
			return fmt.Errorf("inputs of %d and %d elements for a result of %d", len(a), len(b), len(y))
		}
		const most = 512
		if len(repeated) < min(most, len(y)) {
			repeated = make([]T, min(most, len(y)))
		}
		for i := range repeated {
			repeated[i] = (*scalar)[0]
		}
		*scalar = repeated
		for i := 0; i < len(y); i += most {
			k := min(most, len(y)-i)
			part := (*other)[i : i+k]
			if scalar == &a {
				f(y[i:i+k], repeated[:k], part)
			} else {
				f(y[i:i+k], part, repeated[:k])
			}
		}
		return nil
	}
}

// three are the elements of a result and two inputs.
func three[T float](out, a, b gorgonia.Value) (y, x, z []T, err error) {
	if y, err = elementsOf[T](out); err == nil {
		if x, err = elementsOf[T](a); err == nil {
			z, err = elementsOf[T](b)
		}
	}
	return y, x, z, err
}

// fasterUnary returns a kernel that calls Gorgonia's own function of one element, or has
// the loop of a simple one.
func fasterUnary(n *gorgonia.Node) func(gorgonia.Value, []gorgonia.Value) error {
	x := graph.InputsOf(n)[0]
	if x.Dtype() != n.Dtype() || x.Shape().TotalSize() != n.Shape().TotalSize() {
		return nil
	}
	// The operator is a pointer to a function: *gorgonia.sf32UnaryOperator or of float64.
	operator := field(n.Op(), "ʘUnaryOperator").Elem()
	name := n.Op().String()
	switch n.Dtype() {
	case tensor.Float32:
		return unaryKernel(unaryLoop(name, *(*func(float32) float32)(operator.UnsafePointer())))
	case tensor.Float64:
		return unaryKernel(unaryLoop(name, *(*func(float64) float64)(operator.UnsafePointer())))
	}
	return nil
}

func unaryLoop[T float](name string, f func(T) T) func(y, x []T) {
	switch name {
	case "neg":
		return func(y, x []T) {
			for i, v := range x {
				y[i] = -v
			}
		}
	case "sign": // Gorgonia's function of one element has no 0
		return func(y, x []T) {
			for i, v := range x {
				y[i] = v
				if v > 0 {
					y[i] = 1
				} else if v < 0 {
					y[i] = -1
				}
			}
		}
	case "square":
		return func(y, x []T) {
			for i, v := range x {
				y[i] = v * v
			}
		}
	}
	return func(y, x []T) {
		for i, v := range x {
			y[i] = f(v)
		}
	}
}

func unaryKernel[T float](f func(y, x []T)) func(gorgonia.Value, []gorgonia.Value) error {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, x, _, err := three[T](out, in[0], in[0])
		if err != nil {
			return err
		}
		if len(x) != len(y) {
			return fmt.Errorf("an input of %d elements for a result of %d", len(x), len(y))
		}
		f(y, x)
		return nil
	}
}
