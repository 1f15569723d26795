// Package blas is the one place where matrices are multiplied. Everything above it
// asks the [Default] engine, so that another engine can take its place and a
// checkpoint can say which one trained it.
package blas

// Engine multiplies matrices. Its results are a pure function of the arguments: the
// same bits whatever the number of processors. Matrices are row-major; transA and
// transB say that a or b holds the transpose of the factor; ld is the distance
// between the beginnings of two rows.
type Engine interface {
	// Name says whose bits these are, such as "gonum".
	Name() string
	// Sgemm sets c [m, n] to alpha*a*b + beta*c, where a is [m, k] and b is [k, n].
	// With beta 0 the old content of c does not matter, even where it is NaN.
	Sgemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int)
	// Dgemm is Sgemm in double precision.
	Dgemm(transA, transB bool, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int)
}

// Default returns the engine that ops use.
func Default() Engine { return gonumEngine{} }
