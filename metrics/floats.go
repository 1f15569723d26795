package metrics

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/internal/raw"
)

// floats returns the elements of a value as float64, in row-major order: the value's own
// memory if it is float64, else buffer, which grows as needed.
func floats(v gorgonia.Value, buffer *[]float64) ([]float64, error) {
	if v == nil {
		return nil, errors.New("it is nil")
	}
	if d, ok := v.(*tensor.Dense); ok {
		v = dense.Contiguous(d)
	}
	switch v.Dtype() {
	case tensor.Float64:
		return raw.Slice[float64](v), nil
	case tensor.Float32:
		return convert(buffer, raw.Slice[float32](v)), nil
	case tensor.Int64:
		return convert(buffer, raw.Slice[int64](v)), nil
	case tensor.Int32:
		return convert(buffer, raw.Slice[int32](v)), nil
	case tensor.Int:
		return convert(buffer, raw.Slice[int](v)), nil
	case tensor.Uint8:
		return convert(buffer, raw.Slice[uint8](v)), nil
	case tensor.Bool:
		return indicators(buffer, v), nil
	}
	return nil, fmt.Errorf("its type %T of shape %v is not numeric", v.Data(), v.Shape())
}

func convert[T raw.Element](buffer *[]float64, s []T) []float64 {
	x := (*buffer)[:0]
	for _, v := range s {
		x = append(x, float64(v))
	}
	*buffer = x
	return x
}

func indicators(buffer *[]float64, v gorgonia.Value) []float64 {
	one, ok := v.Data().(bool)
	if ok {
		return append((*buffer)[:0], indicator(one))
	}
	x := (*buffer)[:0]
	for _, b := range v.(*tensor.Dense).Bools() {
		x = append(x, indicator(b))
	}
	*buffer = x
	return x
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
