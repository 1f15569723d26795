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

// addRows adds each row of x to sums.
func addRows[T float](sums, x []T) {
	if sums32, ok := any(sums).([]float32); ok {
		vector.AddColumns(sums32, any(x).([]float32))
		return
	}
	for i := 0; i < len(x); i += len(sums) {
		for k, v := range x[i : i+len(sums)] {
			sums[k] += v
		}
	}
}
