package metrics

import (
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// squeezed drops axes of length 1 at the end: [n, 1] counts as [n].
func squeezed(s tensor.Shape) tensor.Shape {
	for len(s) > 0 && s[len(s)-1] == 1 {
		s = s[:len(s)-1]
	}
	return s
}

// broadcast writes the weight of each element of values to dst. Weights are for rows
// ([batch] or [batch, 1]), for elements, or have the values' rank with axes of length 1.
func broadcast(dst, w []float64, weights, values tensor.Shape) bool {
	switch s := squeezed(weights); {
	case len(s) == 0:
		for i := range dst {
			dst[i] = w[0]
		}
		return true
	case dense.SameShape(s, squeezed(values)):
		copy(dst, w)
		return true
	case len(s) == 1 && len(values) > 0 && s[0] == values[0]:
		each := values[1:].TotalSize()
		for i := range dst {
			dst[i] = w[i/each]
		}
		return true
	}
	if len(weights) != len(values) {
		return false
	}
	for axis, n := range weights {
		if n != 1 && n != values[axis] {
			return false
		}
	}
	for i := range dst {
		at, stride, rest := 0, 1, i
		for axis := len(values) - 1; axis >= 0; axis-- {
			if weights[axis] != 1 {
				at += rest % values[axis] * stride
				stride *= weights[axis]
			}
			rest /= values[axis]
		}
		dst[i] = w[at]
	}
	return true
}
