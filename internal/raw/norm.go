package raw

import (
	"math"

	"gorgonia.org/gorgonia"
)

// Norm returns the Euclidean norm of a float value, NaN when it holds a NaN and Inf when
// an infinite one; ok is false for other dtypes.
func Norm(v gorgonia.Value) (norm float64, ok bool) {
	sum := 0.0
	switch v.Dtype() {
	case gorgonia.Float32:
		for _, x := range Slice[float32](v) {
			sum += square(float64(x))
		}
	case gorgonia.Float64:
		for _, x := range Slice[float64](v) {
			sum += square(x)
		}
	default:
		return 0, false
	}
	return math.Sqrt(sum), true
}

// square keeps NaN a NaN, the infinities infinite, and large numbers finite.
func square(x float64) float64 {
	if x-x != 0 {
		return math.Abs(x)
	}
	x = min(max(x, -1e150), 1e150)
	return x * x
}
