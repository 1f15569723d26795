package blas

import (
	"github.com/stheno-ml/stheno/internal/cpu"
	"github.com/stheno-ml/stheno/internal/parallel"
)

// portableEngine is written in Go alone. Each product is rounded before it is added, on
// architectures with a fused multiply-add too, so that the bits are the same everywhere.
type portableEngine struct{}

// Name returns "stheno-portable".
func (portableEngine) Name() string { return "stheno-portable" }

func (portableEngine) instructions() cpu.Set { return cpu.Portable }

// Sgemm implements Engine.
func (portableEngine) Sgemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	plainProduct(&plain32, panels32, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Dgemm implements Engine.
func (portableEngine) Dgemm(transA, transB bool, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	dgemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// dgemm is the product in double precision of every engine but gonum's.
func dgemm(transA, transB bool, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	plainProduct(&plain64, panels64, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

const (
	plainRows, plainColumns = 2, 4 // of the micro-kernel: 8 sums in registers
	plainTile               = 128  // rows and columns of C in a task
	plainDepth              = 256  // terms that are added before alpha is applied
	plainSteps              = 4    // terms in a turn of the micro-kernel's loop
)

// panels are packed parts of a and b: kernels read both from one end to the other.
type panels[T float] struct{ a, b []T }

func panels32(s *scratch) *panels[float32] { return &s.p32 }
func panels64(s *scratch) *panels[float64] { return &s.p64 }

var (
	plain32 parallel.FreeList[plain[float32]]
	plain64 parallel.FreeList[plain[float64]]
)

// plain is a product in progress. An element of C is a sum in order of the terms, in
// blocks of plainDepth: c = alpha*sum + beta*c, then c = alpha*sum + c. Tiles only say
// which elements are computed together.
type plain[T float] struct {
	own            scratch
	panels         func(*scratch) *panels[T]
	transA, transB bool
	m, n, k        int
	alpha, beta    T
	a, b, c        []T
	lda, ldb, ldc  int
}

func plainProduct[T float](list *parallel.FreeList[plain[T]], pick func(*scratch) *panels[T], transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	a, b, c = check(transA, transB, m, n, k, a, lda, b, ldb, c, ldc)
	if m == 0 || n == 0 || k == 0 || alpha == 0 {
		scale(m, n, beta, c, ldc)
		return
	}
	p := list.Get()
	p.panels, p.transA, p.transB, p.m, p.n, p.k, p.alpha, p.beta = pick, transA, transB, m, n, k, alpha, beta
	p.a, p.b, p.c, p.lda, p.ldb, p.ldc = a, b, c, lda, ldb, ldc
	share(p, ceil(m, plainTile)*ceil(n, plainTile), m*n*k, &p.own)
	p.a, p.b, p.c = nil, nil, nil
	list.Put(p)
}

// Task implements parallel.Work.
func (p *plain[T]) Task(worker, t int) { p.task(p.own.of(worker), t) }

// task computes one tile of C.
func (p *plain[T]) task(s *scratch, t int) {
	across := ceil(p.n, plainTile)
	i0, j0 := t/across*plainTile, t%across*plainTile
	i1, j1 := min(i0+plainTile, p.m), min(j0+plainTile, p.n)
	x := p.panels(s)
	for k0 := 0; k0 < p.k; k0 += plainDepth {
		k1 := min(k0+plainDepth, p.k)
		x.a = pack(x.a, plainRows, p.a, p.lda, !p.transA, i0, i1, k0, k1)
		x.b = pack(x.b, plainColumns, p.b, p.ldb, p.transB, j0, j1, k0, k1)
		beta := T(1)
		if k0 == 0 {
			beta = p.beta
		}
		depth := ceil(k1-k0, plainSteps) * plainSteps // as packed
		for j := j0; j < j1; j += plainColumns {
			b := x.b[(j-j0)*depth:][:plainColumns*depth]
			for i := i0; i < i1; i += plainRows {
				sums := plainKernel(x.a[(i-i0)*depth:][:plainRows*depth], b)
				for r := range min(plainRows, i1-i) {
					c := p.c[(i+r)*p.ldc+j:][:min(plainColumns, j1-j)]
					for q := range c {
						v := p.alpha * sums[r][q]
						if beta != 0 {
							v = T(v) + T(beta*c[q])
						}
						c[q] = v
					}
				}
			}
		}
	}
}

// pack writes [i0, i1) x [k0, k1) of x as panels of so many i: for each k, the panel's
// elements side by side. across says that a row of x holds what belongs to one i. What
// is missing in the last panel is zero, and what is computed from it is not stored; what
// is missing in the last turn of k is zero, and adding 0*0 changes nothing.
func pack[T float](to []T, panel int, x []T, ld int, across bool, i0, i1, k0, k1 int) []T {
	depth := k1 - k0
	packed := ceil(depth, plainSteps) * plainSteps
	to = grow(to, ceil(i1-i0, panel)*panel*packed)
	for i := i0; i < i1; i += panel {
		d := to[(i-i0)*packed:][:panel*packed]
		w := min(panel, i1-i)
		if w < panel {
			clear(d)
		} else {
			clear(d[depth*panel:])
		}
		if across {
			for q := range w {
				for k, v := range x[(i+q)*ld+k0:][:depth] {
					d[k*panel+q] = v
				}
			}
			continue
		}
		for k := range depth {
			from := x[(k0+k)*ld+i:][:w]
			switch len(from) { // whole panels without a call
			case plainColumns:
				*(*[plainColumns]T)(d[k*panel:]) = [plainColumns]T(from)
			case plainRows:
				*(*[plainRows]T)(d[k*panel:]) = [plainRows]T(from)
			default:
				copy(d[k*panel:], from)
			}
		}
	}
	return to
}

// plainKernel is the product of a panel of a and one of b, plainSteps terms in a turn.
// The conversions forbid fusing a multiplication with an addition, which some
// architectures could.
func plainKernel[T float](a, b []T) (sums [plainRows][plainColumns]T) {
	var s00, s01, s02, s03, s10, s11, s12, s13 T
	for len(a) >= plainSteps*plainRows && len(b) >= plainSteps*plainColumns {
		x, y := (*[plainSteps * plainRows]T)(a), (*[plainSteps * plainColumns]T)(b)
		s00, s01, s02, s03 = s00+T(x[0]*y[0]), s01+T(x[0]*y[1]), s02+T(x[0]*y[2]), s03+T(x[0]*y[3])
		s10, s11, s12, s13 = s10+T(x[1]*y[0]), s11+T(x[1]*y[1]), s12+T(x[1]*y[2]), s13+T(x[1]*y[3])
		s00, s01, s02, s03 = s00+T(x[2]*y[4]), s01+T(x[2]*y[5]), s02+T(x[2]*y[6]), s03+T(x[2]*y[7])
		s10, s11, s12, s13 = s10+T(x[3]*y[4]), s11+T(x[3]*y[5]), s12+T(x[3]*y[6]), s13+T(x[3]*y[7])
		s00, s01, s02, s03 = s00+T(x[4]*y[8]), s01+T(x[4]*y[9]), s02+T(x[4]*y[10]), s03+T(x[4]*y[11])
		s10, s11, s12, s13 = s10+T(x[5]*y[8]), s11+T(x[5]*y[9]), s12+T(x[5]*y[10]), s13+T(x[5]*y[11])
		s00, s01, s02, s03 = s00+T(x[6]*y[12]), s01+T(x[6]*y[13]), s02+T(x[6]*y[14]), s03+T(x[6]*y[15])
		s10, s11, s12, s13 = s10+T(x[7]*y[12]), s11+T(x[7]*y[13]), s12+T(x[7]*y[14]), s13+T(x[7]*y[15])
		a, b = a[plainSteps*plainRows:], b[plainSteps*plainColumns:]
	}
	return [plainRows][plainColumns]T{{s00, s01, s02, s03}, {s10, s11, s12, s13}}
}
