package ops

import "math"

// The rational approximation of tanh in single precision that Eigen, TensorFlow and XLA
// use (Eigen, generic_fast_tanh_float): x*p(x*x)/q(x*x) up to tanhLimit, where it is 1.
const (
	tanhLimit = 7.90531110763549805

	tanhP1  = 4.89352455891786e-03
	tanhP3  = 6.37261928875436e-04
	tanhP5  = 1.48572235717979e-05
	tanhP7  = 5.12229709037114e-08
	tanhP9  = -8.60467152213735e-11
	tanhP11 = 2.00018790482477e-13
	tanhP13 = -2.76076847742355e-16

	tanhQ0 = 4.89352518554385e-03
	tanhQ2 = 2.26843463243900e-03
	tanhQ4 = 1.18534705686654e-04
	tanhQ6 = 1.19825839466702e-06
)

// tanhs sets y to tanh(x); y may be x. In float32 the error is at most 4e-7 times the
// value, NaN stays NaN, and the bits are the same on every architecture: the conversions
// forbid fusing.
func tanhs[T float](y, x []T) {
	if y32, ok := any(y).([]float32); ok {
		tanhs32(y32, any(x).([]float32))
		return
	}
	for i, v := range x {
		y[i] = T(math.Tanh(float64(v)))
	}
}

func tanhs32(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = tanh32(v)
	}
}

func tanh32(x float32) float32 {
	if x > tanhLimit {
		x = tanhLimit
	}
	if x < -tanhLimit {
		x = -tanhLimit
	}
	s := x * x
	p := float32(s*tanhP13) + tanhP11
	p = float32(s*p) + tanhP9
	p = float32(s*p) + tanhP7
	p = float32(s*p) + tanhP5
	p = float32(s*p) + tanhP3
	p = float32(s*p) + tanhP1
	q := float32(s*tanhQ6) + tanhQ4
	q = float32(s*q) + tanhQ2
	q = float32(s*q) + tanhQ0
	return x * float32(p/q) // p/q is about 1 for a tiny x, whose product with p would be subnormal
}

// sigmoids sets x to 1/(1+exp(-x)). In float32 it is (1+tanh(x/2))/2, the error is at most
// 2.5e-7 absolute, and NaN stays NaN.
func sigmoids[T float](x []T) {
	if x32, ok := any(x).([]float32); ok {
		for i, v := range x32 {
			x32[i] = float32(0.5*tanh32(0.5*v)) + 0.5
		}
		return
	}
	for i, v := range x {
		x[i] = T(sigmoid(float64(v)))
	}
}
