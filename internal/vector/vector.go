// Package vector holds the loops over []float32 in which training spends its time
// outside of products: the Adam update, bias and ReLU, softmax rows, gates, sums.
//
// Each has an AVX-512, an AVX2 and a portable version, chosen by internal/cpu. They agree
// bit for bit, on every architecture: the operations of an element are the same ones in
// the same order, none is fused with another, and sums over a slice are kept in 16 lanes
// that are added at the end. (NaN is NaN; its payload is not kept.)
//
// Slices may have any length and begin anywhere. A destination may be one of the sources,
// but must not overlap one in another way. The first argument gives the length, and a
// source that is shorter panics. Nothing is allocated.
package vector

import "github.com/stheno-ml/stheno/internal/cpu"

//go:generate go run -C ../blas/gen ./vector -out ../../vector/kernels_amd64.s -dispatch ../../vector/dispatch_amd64.go

const (
	batch = 16 // floats that assembly treats at once; the rest of a slice is done in Go
	// chunk bounds one call of assembly, some microseconds: it cannot be preempted, and a
	// garbage collection would wait for it.
	chunk = 16 << 10
)

// part returns how many of n elements the next call of assembly does, 0 if none.
func part(set cpu.Set, n int) int {
	if set == cpu.Portable {
		return 0
	}
	return min(n&^(batch-1), chunk)
}

// Add sets dst to a + b.
func Add(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	set := cpu.Active()
	for n := part(set, len(dst)); n > 0; n = part(set, len(dst)) {
		addVector(set, &dst[0], &a[0], &b[0], n)
		dst, a, b = dst[n:], a[n:], b[n:]
	}
	for i, v := range a {
		dst[i] = v + b[i]
	}
}

// Mul sets dst to a * b, element by element.
func Mul(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	set := cpu.Active()
	for n := part(set, len(dst)); n > 0; n = part(set, len(dst)) {
		mulVector(set, &dst[0], &a[0], &b[0], n)
		dst, a, b = dst[n:], a[n:], b[n:]
	}
	for i, v := range a {
		dst[i] = v * b[i]
	}
}

// Scale sets dst to alpha * x.
func Scale(dst []float32, alpha float32, x []float32) {
	x = x[:len(dst)]
	set := cpu.Active()
	for n := part(set, len(dst)); n > 0; n = part(set, len(dst)) {
		scaleVector(set, &dst[0], &x[0], n, alpha)
		dst, x = dst[n:], x[n:]
	}
	for i, v := range x {
		dst[i] = alpha * v
	}
}

// AddScaled sets dst to y + alpha*x.
func AddScaled(dst, y []float32, alpha float32, x []float32) {
	y, x = y[:len(dst)], x[:len(dst)]
	set := cpu.Active()
	for n := part(set, len(dst)); n > 0; n = part(set, len(dst)) {
		axpyVector(set, &dst[0], &y[0], &x[0], n, alpha)
		dst, y, x = dst[n:], y[n:], x[n:]
	}
	for i, v := range x {
		dst[i] = y[i] + float32(alpha*v) // the conversion forbids fusing
	}
}

// AddColumns adds the rows of x [rows, len(sums)] to sums, one after the other: the
// gradient of a bias.
func AddColumns(sums, x []float32) {
	n := len(sums)
	if n == 0 {
		return
	}
	for ; len(x) >= n; x = x[n:] {
		Add(sums, sums, x[:n])
	}
}
