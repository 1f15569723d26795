package blas_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/internal/blas"
	"github.com/stheno-ml/stheno/internal/philox"
)

type shape struct {
	transA, transB bool
	m, n, k        int
	alpha, beta    float64
}

func shapes() (all []shape) {
	r := philox.New(1, "shapes", 0)
	for i := range uint64(200) {
		at := func(j uint64, n int) int { return r.Intn(i*8+j, n) }
		all = append(all, shape{at(0, 2) == 1, at(1, 2) == 1, 1 + at(2, 70), 1 + at(3, 70), 1 + at(4, 140), float64(at(5, 3)) - 1, float64(at(6, 3)) - 1})
	}
	return append(all, shape{m: 1, n: 1, k: 1, alpha: 1}, shape{m: 3, n: 0, k: 2, alpha: 1}, shape{m: 0, n: 3, k: 2, alpha: 1},
		shape{m: 2, n: 3, k: 0, alpha: 1, beta: 1}, shape{m: 200, n: 130, k: 300, alpha: 1})
}

// reference is the definition.
func (s shape) reference(a, b, c []float64) []float64 {
	out := make([]float64, len(c))
	for i := range s.m {
		for j := range s.n {
			sum := 0.0
			for l := range s.k {
				x, y := i*s.k+l, l*s.n+j
				if s.transA {
					x = l*s.m + i
				}
				if s.transB {
					y = j*s.k + l
				}
				sum += a[x] * b[y]
			}
			out[i*s.n+j] = s.alpha * sum
			if s.beta != 0 {
				out[i*s.n+j] += s.beta * c[i*s.n+j]
			}
		}
	}
	return out
}

func (s shape) strides() (lda, ldb int) {
	lda, ldb = s.k, s.n
	if s.transA {
		lda = s.m
	}
	if s.transB {
		ldb = s.k
	}
	return lda, ldb
}

func random(name string, n int) []float64 {
	r, x := philox.New(2, name, 0), make([]float64, n)
	for i := range x {
		x[i] = float64(float32(r.Normal(uint64(i))))
	}
	return x
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i := range x {
		y[i] = float32(x[i])
	}
	return y
}

func TestAgainstTheDefinition(t *testing.T) {
	engine := blas.Default()
	require.NotEmpty(t, engine.Name())
	for _, s := range shapes() {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			a, b, c := random("a", s.m*s.k), random("b", s.k*s.n), random("c", s.m*s.n)
			if s.beta == 0 {
				for i := range c {
					c[i] = math.NaN() // must not be looked at
				}
			}
			want := s.reference(a, b, c)
			lda, ldb := s.strides()
			c32 := narrow(c)
			engine.Sgemm(s.transA, s.transB, s.m, s.n, s.k, float32(s.alpha), narrow(a), lda, narrow(b), ldb, float32(s.beta), c32, s.n)
			engine.Dgemm(s.transA, s.transB, s.m, s.n, s.k, s.alpha, a, lda, b, ldb, s.beta, c, s.n)
			scale := math.Sqrt(float64(s.k)) + 1
			for i := range want {
				require.InDelta(t, want[i], c[i], 1e-12*scale*10)
				require.InDelta(t, want[i], float64(c32[i]), 1e-6*scale*10)
			}
		})
	}
}

func TestSameBitsForAnyNumberOfProcessors(t *testing.T) {
	const m, n, k = 301, 257, 190
	a, b := narrow(random("a", m*k)), narrow(random("b", k*n))
	product := func(processors int) []float32 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		c := make([]float32, m*n)
		blas.Default().Sgemm(false, false, m, n, k, 1, a, k, b, n, 0, c, n)
		return c
	}
	want := product(1)
	for _, processors := range []int{2, 4, 8} {
		require.Equal(t, want, product(processors))
	}
}
