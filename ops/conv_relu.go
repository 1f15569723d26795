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
		run:   pick(y.Dtype(), elementKernel(1, rectifiedPull32), elementKernel(1, rectifiedPull[float64, uint64])),
	}, y, grad)
}

func rectifiedPull32(d, y, grad, _ []float32) { vector.ReLUGrad(d, grad, y) }

func rectifiedPull[T float, U word](d, y, grad, _ []T) {
	bits := words[U](d)
	ys, grads := words[U](y)[:len(bits)], words[U](grad)[:len(bits)]
	for i := range bits {
		bits[i] = grads[i] & mask(ys[i])
	}
}
