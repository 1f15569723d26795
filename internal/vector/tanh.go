package vector

import "github.com/stheno-ml/stheno/internal/cpu"

// tanhConstants are those of the rational approximation that Eigen, TensorFlow and XLA use
// in single precision (Eigen, generic_fast_tanh_float): x*p(x*x)/q(x*x) between the limits,
// where it is -1 and 1. First the limits, then p from the highest coefficient, then q, then
// a half.
var tanhConstants = [...]float32{
	-7.90531110763549805, 7.90531110763549805,
	-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
	1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03,
	1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03,
	0.5,
}

// tanhTable repeats each constant for a whole register.
var tanhTable = func() (t [batch * len(tanhConstants)]float32) {
	for i := range t {
		t[i] = tanhConstants[i/batch]
	}
	return t
}()

// Tanh sets dst to tanh(x). The relative error is at most 4e-7, and NaN stays NaN.
func Tanh(dst, x []float32) {
	x = x[:len(dst)]
	set := cpu.Active()
	for n := part(set, len(dst)); n > 0; n = part(set, len(dst)) {
		tanhVector(set, &dst[0], &x[0], n, &tanhTable[0])
		dst, x = dst[n:], x[n:]
	}
	for i, v := range x {
		dst[i] = tanh(v)
	}
}

// Sigmoid sets dst to 1/(1+exp(-x)), computed as (1+tanh(x/2))/2. The absolute error is at
// most 2.5e-7, and NaN stays NaN.
func Sigmoid(dst, x []float32) {
	x = x[:len(dst)]
	set := cpu.Active()
	for n := part(set, len(dst)); n > 0; n = part(set, len(dst)) {
		sigmoidVector(set, &dst[0], &x[0], n, &tanhTable[0])
		dst, x = dst[n:], x[n:]
	}
	for i, v := range x {
		dst[i] = float32(0.5*tanh(0.5*v)) + 0.5
	}
}

// tanh does what the assembly does, operation by operation. The conversions forbid fusing.
func tanh(x float32) float32 {
	c := &tanhConstants
	if x < c[0] {
		x = c[0]
	}
	if x > c[1] {
		x = c[1]
	}
	s := x * x
	p := float32(c[2]*s) + c[3]
	p = float32(p*s) + c[4]
	p = float32(p*s) + c[5]
	p = float32(p*s) + c[6]
	p = float32(p*s) + c[7]
	p = float32(p*s) + c[8]
	q := float32(c[9]*s) + c[10]
	q = float32(q*s) + c[11]
	q = float32(q*s) + c[12]
	return x * float32(p/q) // p/q is about 1 for a tiny x, whose product with p would be subnormal
}
