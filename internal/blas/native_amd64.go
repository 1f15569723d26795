package blas

import (
	"unsafe"

	"github.com/stheno-ml/stheno/internal/cpu"
)

// nativeEngine multiplies float32 with assembly.
type nativeEngine struct{ set cpu.Set }

func nativeEngines() (engines []Engine) {
	for set := cpu.Best(); set > cpu.Portable; set-- {
		engines = append(engines, &nativeEngine{set})
	}
	return engines
}

// Name returns "stheno-avx2" or "stheno-avx512".
func (e *nativeEngine) Name() string { return "stheno-" + e.set.String() }

func (e *nativeEngine) instructions() cpu.Set { return e.set }

// Dgemm implements Engine.
func (e *nativeEngine) Dgemm(transA, transB bool, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	dgemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Sgemm implements Engine. It picks one of four ways. Dot products are chosen by the
// shape alone, since they add in another order; the other three give the same bits.
func (e *nativeEngine) Sgemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	a, b, c = check(transA, transB, m, n, k, a, lda, b, ldb, c, ldc)
	if m == 0 || n == 0 || k == 0 || alpha == 0 {
		scale(m, n, beta, c, ldc)
		return
	}
	if !transB && n >= 16 && m > 6 && k <= 128 && k*n <= 1<<13 && m*n*k <= parallelFrom {
		e.small(transA, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	p := products.Get()
	p.tuning, p.alpha, p.beta = tunings[e.set], alpha, beta
	switch {
	case n == 1 && !transA: // rows of a with b
		inc := ldb
		if transB {
			inc = 1
		}
		p.dots(m, k, a, lda, b, inc, c, ldc)
	case m == 1 && transB: // rows of b with a
		inc := 1
		if transA {
			inc = lda
		}
		p.dots(n, k, b, ldb, a, inc, c, 1)
	case n == 1 && ldc == 1: // as one row: c' = b'a, a being stored [k, m]
		p.multiply(!transB, false, 1, m, k, b, ldb, a, lda, c, m)
	case transA && n <= 12 && n > 1 && m >= 32 && m*n <= 1<<14 && beta == 0:
		p.narrow(transB, m, n, k, a, lda, b, ldb, c, ldc)
	default:
		p.multiply(transA, transB, m, n, k, a, lda, b, ldb, c, ldc)
	}
	p.a, p.b, p.c = nil, nil, nil
	p.own.native.args = arguments{}
	products.Put(p)
}

// small is a product without packing, tiles or anything on the heap.
func (e *nativeEngine) small(transA bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	x := arguments{k: k, rowA: 4 * lda, columnA: 4, rowB: 4 * ldb, rowC: 4 * ldc, alpha: alpha, beta: beta}
	if transA {
		x.rowA, x.columnA = 4, 4*lda
	}
	t := &tunings[e.set]
	rows := ceil(m, ceil(m, t.rows))
	for j := 0; j < n; j += t.columns {
		w := min(t.columns, n-j)
		for i := 0; i < m; i += rows {
			x.a, x.b, x.c = unsafe.Add(address(a, 0), i*x.rowA), address(b, j), address(c, i*ldc+j)
			runKernel(e.set, &x, min(rows, m-i), w)
		}
	}
}
