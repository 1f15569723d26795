package metrics

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// columns returns the values of a batch as float64: the first fixed of them, which have
// one shape, element for element, and the weight of each element.
func (b *base) columns(values []gorgonia.Value, fixed int) (columns [][]float64, weights []float64, err error) {
	if b.err != nil {
		return nil, nil, b.err
	}
	if len(values) != len(b.nodes) {
		return nil, nil, fmt.Errorf("metrics: %s: %d values, want %d", b.name, len(values), len(b.nodes))
	}
	for i, v := range values {
		x, err := floats(v)
		if err != nil {
			return nil, nil, fmt.Errorf("metrics: %s: value %d: %w", b.name, i, err)
		}
		columns = append(columns, x)
	}
	shape := values[0].Shape()
	for i := 1; i < fixed; i++ {
		if s := values[i].Shape(); !dense.SameShape(squeezed(shape), squeezed(s)) {
			return nil, nil, fmt.Errorf("metrics: %s: shapes %v and %v do not match", b.name, shape, s)
		}
	}
	weights = make([]float64, len(columns[0]))
	if len(values) == fixed {
		for i := range weights {
			weights[i] = 1
		}
		return columns, weights, nil
	}
	w := values[fixed].Shape()
	index, ok := broadcast(w, shape)
	if !ok {
		return nil, nil, fmt.Errorf("metrics: %s: weights can not be broadcast to values: weights have shape %v, values %v", b.name, w, shape)
	}
	for i := range weights {
		weights[i] = columns[fixed][index(i)]
	}
	return columns[:fixed], weights, nil
}

// squeezed drops axes of length 1 at the end: [n, 1] counts as [n].
func squeezed(s tensor.Shape) tensor.Shape {
	for len(s) > 0 && s[len(s)-1] == 1 {
		s = s[:len(s)-1]
	}
	return s
}

// broadcast tells which weight element i of the values has. Weights are for rows
// ([batch] or [batch, 1]), for elements, or have the values' rank with axes of length 1.
func broadcast(weights, values tensor.Shape) (index func(i int) int, ok bool) {
	switch w := squeezed(weights); {
	case len(w) == 0:
		return func(int) int { return 0 }, true
	case dense.SameShape(w, squeezed(values)):
		return func(i int) int { return i }, true
	case len(w) == 1 && len(values) > 0 && w[0] == values[0]:
		each := values[1:].TotalSize()
		return func(i int) int { return i / each }, true
	}
	if len(weights) != len(values) {
		return nil, false
	}
	for axis, n := range weights {
		if n != 1 && n != values[axis] {
			return nil, false
		}
	}
	return func(i int) int {
		at, stride := 0, 1
		for axis := len(values) - 1; axis >= 0; axis-- {
			if weights[axis] != 1 {
				at += i % values[axis] * stride
				stride *= weights[axis]
			}
			i /= values[axis]
		}
		return at
	}, true
}

// floats returns the elements of a value as float64, in row-major order.
func floats(v gorgonia.Value) ([]float64, error) {
	if v == nil {
		return nil, errors.New("it is nil")
	}
	if d, ok := v.(*tensor.Dense); ok {
		switch x := dense.Elements(dense.Contiguous(d)).(type) {
		case []float32:
			return convert(x), nil
		case []float64:
			return x, nil
		case []int64:
			return convert(x), nil
		case []int32:
			return convert(x), nil
		case []int:
			return convert(x), nil
		case []uint8:
			return convert(x), nil
		case []bool:
			return indicators(x), nil
		}
	}
	switch x := v.Data().(type) {
	case float32:
		return []float64{float64(x)}, nil
	case float64:
		return []float64{x}, nil
	case int64:
		return []float64{float64(x)}, nil
	case int32:
		return []float64{float64(x)}, nil
	case int:
		return []float64{float64(x)}, nil
	case uint8:
		return []float64{float64(x)}, nil
	case bool:
		return []float64{indicator(x)}, nil
	}
	return nil, fmt.Errorf("its type %T of shape %v is not numeric", v.Data(), v.Shape())
}

func convert[T float32 | int64 | int32 | int | uint8](s []T) []float64 {
	x := make([]float64, len(s))
	for i, v := range s {
		x[i] = float64(v)
	}
	return x
}

func indicators(s []bool) []float64 {
	x := make([]float64, len(s))
	for i, v := range s {
		x[i] = indicator(v)
	}
	return x
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
