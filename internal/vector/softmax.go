package vector

import (
	"math"

	"github.com/stheno-ml/stheno/internal/cpu"
)

// Max returns the largest element: NaN if there is one, -Inf of an empty slice. A zero
// has no sign.
func Max(x []float32) float32 {
	var lanes [2 * batch]float32 // maxima, then NaN where one was seen
	for i := range batch {
		lanes[i] = float32(math.Inf(-1))
	}
	set := cpu.Active()
	for n := part(set, len(x)); n > 0; n = part(set, len(x)) {
		maximumVector(set, &x[0], n, &lanes[0])
		x = x[n:]
	}
	m := lanes[0]
	for _, v := range lanes[1:batch] {
		m = max(m, v)
	}
	for _, v := range lanes[batch:] {
		if v != v {
			m = v
		}
	}
	for _, v := range x {
		if v > m || v != v {
			m = v
		}
	}
	return m + 0 // -0 + 0 is 0
}

// The constants of exp (Cephes, expf): the smallest and the largest argument with a
// normal result, log2(e), ln(2) in two parts, of which a small integer times the first
// is exact, the polynomial, 1, and the result above the largest argument.
var expConstants = [...]float32{
	-87.33654, 88.72283, 1.44269504088896341, 0.693359375, -2.12194440e-4,
	1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
	1, float32(math.Inf(1)),
}

// expTable repeats each constant for a whole register.
var expTable = func() (t [batch * len(expConstants)]float32) {
	for i := range t {
		t[i] = expConstants[i/batch]
	}
	return t
}()

// ExpSum sets dst to exp(x - shift) and returns the sum of dst: a row of softmax is
// ExpSum(dst, x, Max(x)), then Scale by 1/sum. The relative error of an element is at
// most 2e-7; what is below the smallest normal number is 0, and NaN stays NaN. The terms
// are added in 16 lanes, then lane i to lane i+8, i+4, i+2, i+1.
func ExpSum(dst, x []float32, shift float32) float32 {
	x = x[:len(dst)]
	var sums [batch]float32
	set := cpu.Active()
	for n := part(set, len(dst)); n > 0; n = part(set, len(dst)) {
		expSumVector(set, &dst[0], &x[0], n, shift, &expTable[0], &sums[0])
		dst, x = dst[n:], x[n:]
	}
	for i, v := range x {
		e := exp(v - shift)
		dst[i] = e
		sums[i%batch] += e
	}
	for h := batch / 2; h > 0; h /= 2 {
		for i := range h {
			sums[i] += sums[i+h]
		}
	}
	return sums[0]
}

// exp does what the assembly does, operation by operation. The conversions forbid fusing.
func exp(x float32) float32 {
	c := &expConstants
	switch {
	case x < c[0]:
		return 0
	case x > c[1]:
		return c[12]
	case x != x:
		return x
	}
	const magic = 3 << 22 // adding it to a small number rounds to an integer, ties to even
	m := float32(x*c[2]) + magic - magic
	r := x - float32(m*c[3])
	r -= float32(m * c[4])
	t := float32(c[5] * r)
	for _, k := range c[6:10] {
		t = float32((t + k) * r)
	}
	t += c[10]
	t = float32(t*float32(r*r)) + r
	t += c[11]
	return math.Float32frombits(math.Float32bits(t) + uint32(int32(m))<<23)
}
