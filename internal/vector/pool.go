package vector

import (
	"math"

	"github.com/stheno-ml/stheno/internal/cpu"
)

// Max4 sets dst to the largest of a, b, c and d, the first of equal ones (0 and -0 are
// equal), and NaN where one of them is NaN.
func Max4(dst, a, b, c, d []float32) {
	a, b, c, d = a[:len(dst)], b[:len(dst)], c[:len(dst)], d[:len(dst)]
	set := cpu.Active()
	for n := part(set, len(dst)); n > 0; n = part(set, len(dst)) {
		max4Vector(set, &dst[0], &a[0], &b[0], &c[0], &d[0], n)
		dst, a, b, c, d = dst[n:], a[n:], b[n:], c[n:], d[n:]
	}
	for i, m := range a {
		for _, v := range [...]float32{b[i], c[i], d[i]} {
			if v > m || v != v {
				m = v
			}
		}
		dst[i] = m
	}
}

// Max4Grad is the gradient of y = Max4 of len(y) elements each at x, x[right:], x[below:]
// and x[below+right:]: the first of the four whose bits are y's gets grad, the others 0,
// in the same places of dx, which do not overlap.
func Max4Grad(dx, x []float32, right, below int, y, grad []float32) {
	grad = grad[:len(y)]
	x, dx = x[:below+right+len(y)], dx[:below+right+len(y)]
	set := cpu.Active()
	for n := part(set, len(y)); n > 0; n = part(set, len(y)) {
		pullMax4Vector(set, &dx[0], &x[0], &y[0], &grad[0], n, right, below)
		dx, x, y, grad = dx[n:], x[n:], y[n:], grad[n:]
	}
	for i, m := range y {
		bits, rest := math.Float32bits(m), grad[i]
		for _, k := range [...]int{i, i + right, i + below, i + below + right} {
			dx[k] = 0
			if math.Float32bits(x[k]) == bits {
				dx[k], rest = rest, 0
			}
		}
	}
}
