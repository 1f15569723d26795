package blas_test

import (
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/internal/blas"
)

// guarded returns n floats between two pages that cannot be touched: the first ones are
// behind one when atStart, else the last ones are before one.
func guarded(t *testing.T, n int, atStart bool) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	size := (4*n + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(m)) })
	require.NoError(t, syscall.Mprotect(m[:page], syscall.PROT_NONE))
	require.NoError(t, syscall.Mprotect(m[page+size:], syscall.PROT_NONE))
	begin := page
	if !atStart {
		begin += size - 4*n
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&m[begin])), n)
}

// A read or write outside a matrix faults: it shows that masks and whole registers are
// exact. Between the rows of c there are values that must not change.
func TestNothingOutsideTheMatricesIsTouched(t *testing.T) {
	const most, gap = 310 * 310, 5
	trials := 1500
	if testing.Short() {
		trials = 200
	}
	for _, atStart := range []bool{false, true} {
		var pages [3][]float32
		for i := range pages {
			pages[i] = guarded(t, most, atStart)
		}
		part := func(i, rows, columns, ld int) []float32 {
			n := max(0, (rows-1)*ld+columns)
			if atStart {
				return pages[i][:n]
			}
			return pages[i][most-n:]
		}
		eachEngine(t, func(t *testing.T, e blas.Engine) {
			r := rand.New(rand.NewPCG(1, 2))
			for range trials {
				p := dense(r.IntN(2) == 0, r.IntN(2) == 0, 1+r.IntN(150), 1+r.IntN(150), 1+r.IntN(150))
				switch r.IntN(5) {
				case 0:
					p.m = 1 + r.IntN(8)
				case 1:
					p.n = 1 + r.IntN(20)
				case 2:
					p.k = 1 + r.IntN(500)
					p.m, p.n = min(p.m, 40), min(p.n, 40)
				}
				p = dense(p.transA, p.transB, p.m, p.n, p.k)
				if r.IntN(2) == 0 {
					p.lda, p.ldb, p.ldc = p.lda+r.IntN(gap), p.ldb+r.IntN(gap), p.ldc+r.IntN(gap)
				}
				p.beta = float64(r.IntN(2))
				rowsA, columnsA, rowsB, columnsB := p.sides()
				a, b, c := part(0, rowsA, columnsA, p.lda), part(1, rowsB, columnsB, p.ldb), part(2, p.m, p.n, p.ldc)
				marker := float32(math.Inf(-1))
				for i := range c {
					if c[i] = 1; i%p.ldc >= p.n {
						c[i] = marker
					}
				}
				p.sgemm(e, a, b, c)
				for i := range c {
					if i%p.ldc >= p.n && c[i] != marker {
						t.Fatalf("%+v wrote between rows of c, at %d", p, i)
					}
				}
			}
		})
	}
}
