package ops

import (
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/vector"
)

// Loops over floats that would have to guess a branch for every element, and be wrong at
// every second, work on the bits instead.

// word is a float's bits.
type word interface{ uint32 | uint64 }

// words returns the bits of floats of the same size, in the same memory.
func words[U word, T float](x []T) []U {
	return unsafe.Slice((*U)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// mask is all ones when w is not 0, else 0.
func mask[U word](w U) U { return -((w | -w) >> (8*unsafe.Sizeof(w) - 1)) }

// rectify sets y to max(y, 0). NaN stays NaN; -0 becomes 0.
func rectify[T float](y []T) {
	if y32, ok := any(y).([]float32); ok {
		vector.ReLU(y32, y32)
		return
	}
	for i, v := range y {
		y[i] = max(v, 0)
	}
}

// reluGradient is grad where y = max(x, 0) is not 0, else 0.
func reluGradient(g *graph.Graph, y, grad *gorgonia.Node) *gorgonia.Node {
	const name = "RectifiedGrad"
	return apply(g, definition{
		name: name, dtype: y.Dtype(), dims: y.Dims(),
		shape: func(in []tensor.Shape) (tensor.Shape, error) { return sameShape(name, in) },
		run:   pick(y.Dtype(), rectifiedKernel32, rectifiedKernel[float64, uint64]),
	}, y, grad)
}

func rectifiedKernel32(out gorgonia.Value, in []gorgonia.Value) error {
	vector.ReLUGrad(elements[float32](out), elements[float32](in[1]), elements[float32](in[0]))
	return nil
}

func rectifiedKernel[T float, U word](out gorgonia.Value, in []gorgonia.Value) error {
	d := words[U](elements[T](out))
	y, grad := words[U](elements[T](in[0]))[:len(d)], words[U](elements[T](in[1]))[:len(d)]
	for i := range d {
		d[i] = grad[i] & mask(y[i])
	}
	return nil
}
