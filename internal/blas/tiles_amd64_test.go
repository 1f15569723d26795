package blas

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/internal/cpu"
)

// The assembly has these offsets as numbers (gen/gemm/kernel.go).
func TestOffsetsOfArguments(t *testing.T) {
	var x arguments
	require.Equal(t, []uintptr{0, 8, 16, 24, 32, 40, 48, 56, 64, 68, 72, 80}, []uintptr{
		unsafe.Offsetof(x.a), unsafe.Offsetof(x.b), unsafe.Offsetof(x.c), unsafe.Offsetof(x.k), unsafe.Offsetof(x.rowA), unsafe.Offsetof(x.columnA),
		unsafe.Offsetof(x.rowB), unsafe.Offsetof(x.rowC), unsafe.Offsetof(x.alpha), unsafe.Offsetof(x.beta), unsafe.Offsetof(x.masks), unsafe.Offsetof(x.maskAt)})
}

// How C is cut into tiles must not show.
func TestSameBitsForAnyTile(t *testing.T) {
	defer func(r, c, s int) { tileRows, tileColumns, taskSize = r, c, s }(tileRows, tileColumns, taskSize)
	floats := func(r *rand.Rand, n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x
	}
	for _, e := range nativeEngines() {
		r := rand.New(rand.NewPCG(1, 2))
		for range 40 {
			m, n, k := 1+r.IntN(400), 1+r.IntN(300), 1+r.IntN(900)
			transA, transB := r.IntN(2) == 0, r.IntN(2) == 0
			lda, ldb := k, n
			if transA {
				lda = m
			}
			if transB {
				ldb = k
			}
			a, b, c := floats(r, m*k), floats(r, k*n), floats(r, m*n)
			var want []float32
			for _, tiles := range [][3]int{{512, 512, 1 << 20}, {64, 96, 1 << 16}, {1 << 20, 32, 1 << 30}, {17, 1 << 20, 1}} {
				tileRows, tileColumns, taskSize = tiles[0], tiles[1], tiles[2]
				got := slices.Clone(c)
				e.Sgemm(transA, transB, m, n, k, 0.7, a, lda, b, ldb, 0.3, got, n)
				if want == nil {
					want = got
				}
				require.True(t, slices.Equal(want, got), "%s %v %v %d %d %d, tiles %v", e.Name(), transA, transB, m, n, k, tiles)
			}
		}
	}
}

// The small path, and the path of a narrow C, give the bits of the general one.
func TestPathsAgree(t *testing.T) {
	for _, set := range []cpu.Set{cpu.AVX2, cpu.AVX512} {
		if set > cpu.Best() {
			t.Skip("this machine has no ", set)
		}
		e := &nativeEngine{set}
		r := rand.New(rand.NewPCG(3, 4))
		for range 200 {
			transA, transB := r.IntN(2) == 0, r.IntN(2) == 0
			m, n, k := 2+r.IntN(64), 2+r.IntN(64), 1+r.IntN(128)
			if r.IntN(2) == 0 {
				m, n, transA = 32+r.IntN(300), 2+r.IntN(11), true
			}
			lda, ldb := k, n
			if transA {
				lda = m
			}
			if transB {
				ldb = k
			}
			a, b := make([]float32, m*k), make([]float32, k*n)
			for i := range a {
				a[i] = float32(r.NormFloat64())
			}
			for i := range b {
				b[i] = float32(r.NormFloat64())
			}
			got, want := make([]float32, m*n), make([]float32, m*n)
			e.Sgemm(transA, transB, m, n, k, 0.7, a, lda, b, ldb, 0, got, n)
			p := products.Get()
			p.tuning, p.alpha, p.beta = tunings[set], 0.7, 0
			p.multiply(transA, transB, m, n, k, a, lda, b, ldb, want, n)
			products.Put(p)
			require.Equal(t, want, got, "%v %v %v %d %d %d", set, transA, transB, m, n, k)
		}
	}
}
