package ops

import (
	"math"

	"github.com/stheno-ml/stheno/internal/vector"
)

// tanhs sets y to tanh(x); y may be x.
func tanhs[T float](y, x []T) {
	if y32, ok := any(y).([]float32); ok {
		vector.Tanh(y32, any(x).([]float32))
		return
	}
	for i, v := range x {
		y[i] = T(math.Tanh(float64(v)))
	}
}

// sigmoids sets x to 1/(1+exp(-x)).
func sigmoids[T float](x []T) {
	if x32, ok := any(x).([]float32); ok {
		vector.Sigmoid(x32, x32)
		return
	}
	for i, v := range x {
		x[i] = T(sigmoid(float64(v)))
	}
}
