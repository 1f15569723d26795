package blas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// gonumEngine is gonum's portable BLAS. It cuts products into blocks of a fixed size,
// so that its bits do not depend on GOMAXPROCS. It skips zeros of a, so that 0*NaN is 0.
type gonumEngine struct{ impl gonum.Implementation }

// Name returns "gonum".
func (gonumEngine) Name() string { return "gonum" }

func transposed(t bool) blas.Transpose {
	if t {
		return blas.Trans
	}
	return blas.NoTrans
}

// Sgemm implements Engine.
func (e gonumEngine) Sgemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	a, b, c = check(transA, transB, m, n, k, a, lda, b, ldb, c, ldc)
	if m == 0 || n == 0 || k == 0 || alpha == 0 { // gonum wants at least one element
		scale(m, n, beta, c, ldc)
		return
	}
	e.impl.Sgemm(transposed(transA), transposed(transB), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Dgemm implements Engine.
func (e gonumEngine) Dgemm(transA, transB bool, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	a, b, c = check(transA, transB, m, n, k, a, lda, b, ldb, c, ldc)
	if m == 0 || n == 0 || k == 0 || alpha == 0 { // gonum wants at least one element
		scale(m, n, beta, c, ldc)
		return
	}
	e.impl.Dgemm(transposed(transA), transposed(transB), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}
