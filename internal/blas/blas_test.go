package blas_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/stheno-ml/stheno/internal/blas"
	"github.com/stheno-ml/stheno/internal/cpu"
	"github.com/stheno-ml/stheno/internal/parallel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// product is a shape with strides and factors.
type product struct {
	transA, transB bool
	m, n, k        int
	lda, ldb, ldc  int
	alpha, beta    float64
}

// dense has rows next to one another.
func dense(transA, transB bool, m, n, k int) product {
	p := product{transA: transA, transB: transB, m: m, n: n, k: k, lda: k, ldb: n, ldc: n, alpha: 1}
	if transA {
		p.lda = m
	}
	if transB {
		p.ldb = k
	}
	return p
}

// randomProduct draws a shape of any kind: vectors, narrow, small, of several blocks.
func randomProduct(r *rand.Rand) product {
	size := func() int {
		switch r.IntN(10) {
		case 0:
			return 1
		case 1, 2, 3:
			return 1 + r.IntN(20)
		case 4:
			return 1 + r.IntN(900)
		}
		return 1 + r.IntN(130)
	}
	p := dense(r.IntN(2) == 0, r.IntN(2) == 0, size(), size(), size())
	if r.IntN(4) > 0 {
		p.lda += r.IntN(5)
		p.ldb += r.IntN(5)
		p.ldc += r.IntN(5)
	}
	if r.IntN(2) == 0 {
		p.alpha = float64(float32(r.NormFloat64()))
		p.beta = []float64{0, 1, -0.5, float64(float32(r.NormFloat64()))}[r.IntN(4)]
	}
	return p
}

// sides returns how a and b are stored.
func (p product) sides() (rowsA, columnsA, rowsB, columnsB int) {
	rowsA, columnsA, rowsB, columnsB = p.m, p.k, p.k, p.n
	if p.transA {
		rowsA, columnsA = columnsA, rowsA
	}
	if p.transB {
		rowsB, columnsB = columnsB, rowsB
	}
	return rowsA, columnsA, rowsB, columnsB
}

// matrix has random elements and NaN between the rows, where nothing may be used.
func matrix(r *rand.Rand, rows, columns, ld int) []float64 {
	x := make([]float64, max(0, (rows-1)*ld+columns))
	for i := range x {
		if x[i] = float64(float32(r.NormFloat64())); i%ld >= columns {
			x[i] = math.NaN()
		}
	}
	return x
}

func (p product) matrices(r *rand.Rand) (a, b, c []float64) {
	rowsA, columnsA, rowsB, columnsB := p.sides()
	return matrix(r, rowsA, columnsA, p.lda), matrix(r, rowsB, columnsB, p.ldb), matrix(r, p.m, p.n, p.ldc)
}

// reference is the definition: an element, and the sum of the magnitudes of its terms.
func (p product) reference(a, b, c []float64) (want, magnitude []float64) {
	want, magnitude = slices.Clone(c), make([]float64, len(c))
	for i := range p.m {
		for j := range p.n {
			sum, size := 0.0, 0.0
			for l := range p.k {
				x, y := i*p.lda+l, l*p.ldb+j
				if p.transA {
					x = l*p.lda + i
				}
				if p.transB {
					y = j*p.ldb + l
				}
				sum += a[x] * b[y]
				size += math.Abs(a[x] * b[y])
			}
			at := i*p.ldc + j
			want[at], magnitude[at] = 0, math.Abs(p.alpha)*size
			if p.alpha != 0 && p.k > 0 {
				want[at] = p.alpha * sum
			}
			if p.beta != 0 {
				want[at] += p.beta * c[at]
				magnitude[at] += math.Abs(p.beta * c[at])
			}
		}
	}
	return want, magnitude
}

func (p product) sgemm(e blas.Engine, a, b, c []float32) {
	e.Sgemm(p.transA, p.transB, p.m, p.n, p.k, float32(p.alpha), a, p.lda, b, p.ldb, float32(p.beta), c, p.ldc)
}

func (p product) dgemm(e blas.Engine, a, b, c []float64) {
	e.Dgemm(p.transA, p.transB, p.m, p.n, p.k, p.alpha, a, p.lda, b, p.ldb, p.beta, c, p.ldc)
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i := range x {
		y[i] = float32(x[i])
	}
	return y
}

func bits(x []float32) []uint32 {
	b := make([]uint32, len(x))
	for i, v := range x {
		b[i] = math.Float32bits(v)
	}
	return b
}

// compare reports elements further from the definition than rounding can take them: a sum
// of k products in any order is within k*u of the sum of their magnitudes, u = 2^-24 or
// 2^-53 (Higham 2002, section 3.1); alpha, beta and their sum, once for each block of k,
// add less than another k+4. What lies between rows must not change.
func (p product) compare(t *testing.T, want, magnitude []float64, got func(i int) float64, unit float64) {
	t.Helper()
	bound := float64(2*p.k+4) * unit
	for i := range want {
		x := got(i)
		switch {
		case i%p.ldc >= p.n && x != x: // still the NaN that was there
		case want[i] != want[i] || math.IsInf(want[i], 0):
			if x == want[i] || x != x && want[i] != want[i] {
				continue
			}
			t.Fatalf("%+v: element %d, %d is %v, want %v", p, i/p.ldc, i%p.ldc, x, want[i])
		default:
			if d := math.Abs(x - want[i]); !(d <= bound*magnitude[i]+1e-44) {
				t.Fatalf("%+v: element %d, %d is %v, want %v within %v", p, i/p.ldc, i%p.ldc, x, want[i], bound*magnitude[i])
			}
		}
	}
}

// check compares both precisions of an engine with the definition.
func (p product) check(t *testing.T, e blas.Engine, a, b, c []float64) {
	t.Helper()
	if p.beta == 0 {
		for i := range c {
			c[i] = math.NaN() // must not be looked at
		}
	}
	want, magnitude := p.reference(a, b, c)
	c32 := narrow(c)
	p.sgemm(e, narrow(a), narrow(b), c32)
	p.compare(t, want, magnitude, func(i int) float64 { return float64(c32[i]) }, 0x1p-24)
	p.dgemm(e, a, b, c)
	p.compare(t, want, magnitude, func(i int) float64 { return c[i] }, 0x1p-53)
}

func eachEngine(t *testing.T, f func(t *testing.T, e blas.Engine)) {
	for _, e := range blas.Engines() {
		t.Run(e.Name(), func(t *testing.T) { f(t, e) })
	}
}

func TestAgainstTheDefinition(t *testing.T) {
	trials := 1200
	if testing.Short() {
		trials = 60
	}
	eachEngine(t, func(t *testing.T, e blas.Engine) {
		r := rand.New(rand.NewPCG(1, 2))
		for range trials {
			p := randomProduct(r)
			a, b, c := p.matrices(r)
			p.check(t, e, a, b, c)
		}
	})
}

// Every size up to a little more than a micro-kernel, in all four cases.
func TestEverySmallShape(t *testing.T) {
	eachEngine(t, func(t *testing.T, e blas.Engine) {
		r := rand.New(rand.NewPCG(3, 4))
		step := 1
		if testing.Short() { // the race detector is slow
			step = 3
		}
		for m := 0; m < 18; m += step {
			for n := 0; n < 36; n += step {
				for form := range 4 {
					p := dense(form&1 > 0, form&2 > 0, m, n, r.IntN(20))
					p.beta = float64(r.IntN(2))
					a, b, c := p.matrices(r)
					p.check(t, e, a, b, c)
				}
			}
		}
	})
}

// The kinds of product that take a path of their own, with every alpha and beta.
func TestPaths(t *testing.T) {
	shapes := [][3]int{{128, 256, 784}, {256, 10, 128}, {256, 8, 300}, {1000, 12, 40}, {1, 300, 500}, {300, 1, 500}, {2000, 1, 600}, {1, 1, 1000},
		{1, 128, 9}, {5, 70, 800}, {1100, 33, 500}, {700, 40, 1100}, {64, 64, 64}, {7, 64, 128}}
	eachEngine(t, func(t *testing.T, e blas.Engine) {
		r := rand.New(rand.NewPCG(5, 6))
		shapes := shapes
		if testing.Short() { // the race detector is slow
			shapes = shapes[1:5]
		}
		for _, s := range shapes {
			for form := range 4 {
				p := dense(form&1 > 0, form&2 > 0, s[0], s[1], s[2])
				p.alpha = []float64{1, 0.5, 0, -2}[r.IntN(4)]
				p.beta = []float64{0, 1, 2, math.Copysign(0, -1)}[r.IntN(4)]
				a, b, c := p.matrices(r)
				p.check(t, e, a, b, c)
			}
		}
	})
}

// NaN, infinities and zeros go where the definition says: 0*NaN and 0*Inf are NaN.
func TestOddValues(t *testing.T) {
	odd := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1)}
	eachEngine(t, func(t *testing.T, e blas.Engine) {
		if e.Name() == "gonum" {
			t.Skip("gonum skips zeros of a: documented at Engine")
		}
		r := rand.New(rand.NewPCG(7, 8))
		for range 200 {
			p := randomProduct(r)
			p.m, p.n, p.k = min(p.m, 40), min(p.n, 40), min(p.k, 300)
			q := dense(p.transA, p.transB, p.m, p.n, p.k)
			q.alpha, q.beta = p.alpha, p.beta
			a, b, c := q.matrices(r)
			for _, x := range [][]float64{a, b, c} {
				for range 1 + len(x)/(5*q.k) {
					x[r.IntN(len(x))] = odd[r.IntN(len(odd))]
				}
			}
			q.check(t, e, a, b, c)
		}
	})
}

func TestNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, e blas.Engine) {
		e.Sgemm(false, false, 0, 3, 2, 1, nil, 2, make([]float32, 6), 3, 0, nil, 3)
		e.Sgemm(false, false, 3, 0, 2, 1, make([]float32, 6), 2, nil, 0, 0, nil, 0)
		e.Dgemm(true, true, 0, 0, 0, 1, nil, 0, nil, 0, 1, nil, 0)
		c := []float32{1, 2, 3, 4}
		e.Sgemm(false, false, 2, 2, 0, 1, nil, 0, nil, 2, 3, c, 2)
		require.Equal(t, []float32{3, 6, 9, 12}, c)
		e.Sgemm(false, false, 2, 2, 1, 0, []float32{float32(math.NaN()), 1}, 1, []float32{1, 1}, 2, 1, c, 2)
		require.Equal(t, []float32{3, 6, 9, 12}, c, "with alpha 0, a and b do not matter")
		e.Sgemm(false, false, 2, 2, 0, 1, nil, 0, nil, 2, 0, c, 2)
		require.Equal(t, []float32{0, 0, 0, 0}, c)
	})
}

func TestImpossibleArgumentsPanic(t *testing.T) {
	x := make([]float32, 12)
	eachEngine(t, func(t *testing.T, e blas.Engine) {
		for name, f := range map[string]func(){
			"negative": func() { e.Sgemm(false, false, -1, 3, 2, 1, x, 2, x, 3, 0, x, 3) },
			"short a":  func() { e.Sgemm(false, false, 4, 3, 4, 1, x, 4, x, 3, 0, x, 3) },
			"short b":  func() { e.Sgemm(false, true, 2, 4, 4, 1, x, 4, x, 4, 0, x, 4) },
			"short c":  func() { e.Sgemm(false, false, 5, 3, 2, 1, x, 2, x, 3, 0, x, 3) },
			"overlap":  func() { e.Sgemm(false, false, 3, 3, 2, 1, x, 1, x, 3, 0, x, 3) },
		} {
			require.Panics(t, f, name)
		}
	})
}

// big are products that several workers share.
var big = [][3]int{{301, 257, 190}, {128, 256, 784}, {512, 700, 600}, {2000, 64, 300}, {70, 64, 5000}, {1, 900, 2000}, {3000, 1, 500}, {600, 10, 900}, {40, 3000, 100}}

func TestSameBitsForAnyNumberOfWorkers(t *testing.T) {
	defer parallel.SetWorkers(0)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	eachEngine(t, func(t *testing.T, e blas.Engine) {
		r := rand.New(rand.NewPCG(9, 10))
		big := big
		if testing.Short() { // the race detector is slow
			big = big[:2]
		}
		for _, s := range big {
			for form := range 4 {
				p := dense(form&1 > 0, form&2 > 0, s[0], s[1], s[2])
				a, b, c := p.matrices(r)
				a32, b32 := narrow(a), narrow(b)
				var want []uint32
				var want64 []float64
				for _, workers := range []int{1, 2, 3, 4, 8} {
					parallel.SetWorkers(workers)
					c32, c64 := narrow(c), slices.Clone(c)
					p.sgemm(e, a32, b32, c32)
					if form == 0 && p.m*p.n*p.k < 1<<25 {
						p.dgemm(e, a, b, c64)
					}
					if want == nil {
						want, want64 = bits(c32), c64
					}
					require.True(t, slices.Equal(want, bits(c32)), "%+v with %d workers", p, workers)
					require.True(t, slices.Equal(want64, c64), "%+v with %d workers", p, workers)
				}
			}
		}
	})
}

// Callers in several goroutines get the bits of one alone, while settings change.
func TestConcurrentCallers(t *testing.T) {
	defer func() { parallel.SetWorkers(0); require.NoError(t, blas.Pin("")) }()
	r := rand.New(rand.NewPCG(11, 12))
	p := dense(false, true, 150, 130, 220)
	a, b, c := p.matrices(r)
	a32, b32 := narrow(a), narrow(b)
	eachEngine(t, func(t *testing.T, e blas.Engine) {
		want := narrow(c)
		p.sgemm(e, a32, b32, want)
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				for range 20 {
					got := narrow(c)
					parallel.SetWorkers(i)
					if err := blas.Pin(e.Name()); err != nil || blas.Default().Name() == "" {
						t.Error(err)
					}
					p.sgemm(e, a32, b32, got)
					if !slices.Equal(bits(want), bits(got)) {
						t.Error("other bits")
					}
				}
			})
		}
		group.Wait()
	})
}

// Shapes of one row, one column or few rows take other kernels, and add in the same order.
func TestPartsOfAProductHaveItsBits(t *testing.T) {
	eachEngine(t, func(t *testing.T, e blas.Engine) {
		if e.Name() == "gonum" {
			t.Skip("makes no such promise")
		}
		r := rand.New(rand.NewPCG(13, 14))
		for range 20 {
			p := dense(false, false, 2+r.IntN(60), 2+r.IntN(100), 1+r.IntN(900))
			a, b, c := p.matrices(r)
			a32, b32, want := narrow(a), narrow(b), narrow(c)
			p.sgemm(e, a32, b32, want)
			part := p
			i0, j0 := r.IntN(p.m-1), r.IntN(p.n-1)
			part.m, part.n = 1+r.IntN(p.m-i0), 2+r.IntN(p.n-j0-1) // one column alone is a dot product
			got := slices.Clone(want)
			for i := range part.m {
				clear(got[(i0+i)*p.ldc+j0:][:part.n])
			}
			part.sgemm(e, a32[i0*p.lda:], b32[j0:], got[i0*p.ldc+j0:])
			require.True(t, slices.Equal(bits(want), bits(got)), "%+v", part)
		}
	})
}

// allocations returns the fewest allocations of any call: the first ones make buffers,
// and the runtime makes some dozen goroutines before it uses them again.
// (testing.AllocsPerRun is for one processor.)
func allocations(processors int, f func()) uint64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
	fewest := uint64(math.MaxUint64)
	for range 300 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		if fewest = min(fewest, after.Mallocs-before.Mallocs); fewest == 0 {
			break
		}
	}
	return fewest
}

// The portable engine has the same bits on every architecture: this sum was made on
// amd64, and arm64, which could fuse, must repeat it.
func TestPortableBits(t *testing.T) {
	e, err := blas.ByName("stheno-portable")
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(15, 16))
	p := dense(false, true, 37, 41, 600)
	p.alpha, p.beta = 0.7, -0.3
	a, b, c := p.matrices(r)
	c32 := narrow(c)
	p.sgemm(e, narrow(a), narrow(b), c32)
	p.dgemm(e, a, b, c)
	sum := crc32.NewIEEE()
	require.NoError(t, binary.Write(sum, binary.LittleEndian, c32))
	require.NoError(t, binary.Write(sum, binary.LittleEndian, c))
	require.Equal(t, uint32(0xb4554412), sum.Sum32())
}

func TestAllocatesNothing(t *testing.T) {
	const most = 512 * 512
	a, b, c := make([]float32, most), make([]float32, most), make([]float32, most)
	a64, c64 := make([]float64, most), make([]float64, most)
	shapes := [][3]int{{128, 256, 300}, {32, 64, 16}, {1, 256, 512}, {256, 1, 512}, {256, 10, 128}, {300, 200, 400}}
	if testing.Short() { // the race detector is slow
		shapes = shapes[1:5]
	}
	eachEngine(t, func(t *testing.T, e blas.Engine) {
		if e.Name() == "gonum" {
			t.Skip("allocates")
		}
		for _, processors := range []int{1, 2} {
			for _, s := range shapes {
				for form := range 4 {
					p := dense(form&1 > 0, form&2 > 0, s[0], s[1], s[2])
					require.Zero(t, allocations(processors, func() { p.sgemm(e, a, b, c) }), "%+v on %d processors", p, processors)
				}
			}
			p := dense(false, false, 100, 100, 100)
			require.Zero(t, allocations(processors, func() { p.dgemm(e, a64, a64, c64) }))
		}
	})
}

func TestPin(t *testing.T) {
	defer func() { require.NoError(t, blas.Pin("")) }()
	best := blas.Default().Name()
	var names []string
	for _, e := range blas.Engines() {
		names = append(names, e.Name())
		require.NoError(t, blas.Pin(e.Name()))
		require.Equal(t, e.Name(), blas.Default().Name())
		got, err := blas.ByName(e.Name())
		require.NoError(t, err)
		require.Equal(t, e.Name(), got.Name())
	}
	require.Equal(t, []string{"stheno-portable", "gonum"}, names[len(names)-2:])
	require.NoError(t, blas.Pin("stheno-portable"))
	require.Equal(t, cpu.Portable, cpu.Active())
	err := blas.Pin("stheno-mmx")
	require.ErrorContains(t, err, `no engine "stheno-mmx" on this machine: it has `)
	require.ErrorContains(t, err, names[0])
	require.Equal(t, "stheno-portable", blas.Default().Name(), "an error changes nothing")
	require.NoError(t, blas.Pin(""))
	require.Equal(t, best, blas.Default().Name())
	require.Equal(t, cpu.Best(), cpu.Active())
}

// FuzzSgemm tries small shapes with strides on every engine.
func FuzzSgemm(f *testing.F) {
	f.Add(uint8(3), uint8(4), uint8(5), uint8(0), uint64(1))
	f.Add(uint8(1), uint8(40), uint8(0), uint8(0xff), uint64(2))
	f.Fuzz(func(t *testing.T, m, n, k, form uint8, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := dense(form&1 > 0, form&2 > 0, int(m)%80, int(n)%80, int(k)%80)
		if p.m > 0 && p.n > 0 && p.k > 0 {
			p.lda, p.ldb, p.ldc = p.lda+int(form>>2&3), p.ldb+int(form>>4&3), p.ldc+int(form>>6)
		}
		if seed&1 > 0 {
			p.alpha, p.beta = float64(float32(r.NormFloat64())), float64(float32(r.NormFloat64()))
		}
		for _, e := range blas.Engines() {
			a, b, c := p.matrices(r)
			p.check(t, e, a, b, c)
		}
	})
}

// Products of a multi-layer perceptron (W1, W7, W2), a convolution and an LSTM, and squares.
var benchmarked = []struct {
	name    string
	m, n, k int
	form    string
}{
	{"W1fwd", 128, 256, 784, "NN"}, {"W1dW", 784, 256, 128, "TN"}, {"W1out", 128, 10, 256, "NN"}, {"W1outdW", 256, 10, 128, "TN"}, {"W1outdX", 128, 256, 10, "NT"},
	{"W7a", 512, 2048, 1024, "NN"}, {"W7b", 512, 2048, 2048, "NN"}, {"W7dW", 1024, 2048, 512, "TN"}, {"W7dX", 512, 2048, 2048, "NT"},
	{"W2a", 32, 64, 16, "NN"}, {"W2b", 32, 64, 64, "NN"}, {"W2dW", 16, 64, 32, "TN"},
	{"conv", 7744, 64, 288, "NN"}, {"convdW", 288, 64, 7744, "TN"}, {"convdX", 7744, 288, 64, "NT"},
	{"LSTM", 32, 512, 128, "NN"}, {"LSTMdX", 32, 128, 512, "NT"}, {"LSTMdW", 128, 512, 32, "TN"},
	{"sq64", 64, 64, 64, "NN"}, {"sq256", 256, 256, 256, "NN"}, {"sq1024", 1024, 1024, 1024, "NN"},
	{"gemv", 1, 256, 784, "NN"}, {"gemvT", 1, 256, 784, "NT"}, {"gemvn1", 256, 1, 784, "NN"},
}

// BenchmarkSgemm/<shape>/<engine>/<workers>. See the module bench for OpenBLAS.
func BenchmarkSgemm(b *testing.B) {
	defer parallel.SetWorkers(0)
	for _, s := range benchmarked {
		p := dense(s.form[0] == 'T', s.form[1] == 'T', s.m, s.n, s.k)
		x, y, c := p.matrices(rand.New(rand.NewPCG(1, 1)))
		x32, y32, c32 := narrow(x), narrow(y), narrow(c)
		for _, e := range blas.Engines() {
			for workers := 1; workers <= runtime.GOMAXPROCS(0); workers *= 2 {
				b.Run(fmt.Sprintf("%s/%s/%d", s.name, e.Name(), workers), func(b *testing.B) {
					parallel.SetWorkers(workers)
					for b.Loop() {
						p.sgemm(e, x32, y32, c32)
					}
					b.ReportMetric(2*float64(s.m)*float64(s.n)*float64(s.k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
				})
			}
		}
	}
}
