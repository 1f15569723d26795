package vector_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/internal/cpu"
	"github.com/stheno-ml/stheno/internal/philox"
	"github.com/stheno-ml/stheno/internal/vector"
)

// sets are those of this machine.
func sets() (all []cpu.Set) {
	for s := cpu.Portable; s <= cpu.Best(); s++ {
		all = append(all, s)
	}
	return all
}

// odd are values at which loops go wrong.
var odd = []float32{0, float32(math.Copysign(0, -1)), 1, -1, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)),
	math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 1e-38, -87.33654, -87.3366, 88.72283, 88.7229, 1e-8}

// values are random, some of them odd.
func values(name string, n int, oddities bool) []float32 {
	r := philox.New(7, name, 0)
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.Normal(uint64(i)))
		if oddities && r.Intn(uint64(n+i), 5) == 0 {
			x[i] = odd[r.Intn(uint64(2*n+i), len(odd))]
		}
	}
	return x
}

// bits makes NaN equal to NaN and 0 different from -0.
func bits(x []float32) []uint32 {
	b := make([]uint32, len(x))
	for i, v := range x {
		if b[i] = math.Float32bits(v); v != v {
			b[i] = math.Float32bits(float32(math.NaN()))
		}
	}
	return b
}

// loop is one function of the package: dst and four sources of equal length, all of which
// it may change, and what it returns.
type loop struct {
	name       string
	run        func(dst, a, b, c, d []float32) float32
	definition func(dst, a, b, c, d []float32) float32
}

var step = vector.Adam{Rate: 0.01, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Scale: 0.5}

var loops = []loop{
	{"Add", func(dst, a, b, c, d []float32) float32 { vector.Add(dst, a, b); return 0 }, each(func(a, b float32) float32 { return a + b })},
	{"Mul", func(dst, a, b, c, d []float32) float32 { vector.Mul(dst, a, b); return 0 }, each(func(a, b float32) float32 { return a * b })},
	{"Scale", func(dst, a, b, c, d []float32) float32 { vector.Scale(dst, 0.3, a); return 0 }, each(func(a, _ float32) float32 { return 0.3 * a })},
	{"AddScaled", func(dst, a, b, c, d []float32) float32 { vector.AddScaled(dst, a, 0.3, b); return 0 },
		each(func(a, b float32) float32 { return a + float32(0.3*b) })},
	{"AddScaled to itself", func(dst, a, b, c, d []float32) float32 {
		copy(dst, a)
		vector.AddScaled(dst, dst, 0.3, b)
		return 0
	}, each(func(a, b float32) float32 { return a + float32(0.3*b) })},
	{"ReLU", func(dst, a, b, c, d []float32) float32 { vector.ReLU(dst, a); return 0 }, each(func(a, _ float32) float32 { return positive(a) })},
	{"BiasReLU", func(dst, a, b, c, d []float32) float32 { vector.BiasReLU(dst, a, b); return 0 },
		each(func(a, b float32) float32 { return positive(a + b) })},
	{"AddBias", func(dst, a, b, c, d []float32) float32 { vector.AddBias(dst, a, b); return 0 }, each(func(a, b float32) float32 { return a + b })},
	{"ReLUGrad", func(dst, a, b, c, d []float32) float32 { vector.ReLUGrad(dst, a, b); return 0 }, each(func(a, b float32) float32 {
		if b > 0 {
			return a
		}
		return 0
	})},
	{"Adam", func(v, first, second, grad, _ []float32) float32 {
		step.Update(v, first, second, grad)
		return 0
	}, func(v, first, second, grad, _ []float32) float32 {
		for i, g := range grad { // as in optim
			g *= step.Scale
			m := float32(step.Beta1*first[i]) + float32((1-step.Beta1)*g)
			n := float32(step.Beta2*second[i]) + float32(float32((1-step.Beta2)*g)*g)
			first[i], second[i] = m, n
			v[i] -= float32(step.Rate*m) / (float32(math.Sqrt(float64(n))) + step.Epsilon)
		}
		return 0
	}},
	{"Max4", func(dst, a, b, c, d []float32) float32 { vector.Max4(dst, a, b, c, d); return 0 }, func(dst, a, b, c, d []float32) float32 {
		for i, m := range a {
			for _, v := range [][]float32{b, c, d} {
				if v[i] > m || v[i] != v[i] {
					m = v[i]
				}
			}
			dst[i] = m
		}
		return 0
	}},
	{"Max", func(dst, a, b, c, d []float32) float32 { return vector.Max(a) }, func(dst, a, b, c, d []float32) float32 {
		m := float32(math.Inf(-1))
		for _, v := range a {
			m = max(m, v)
		}
		return m + 0
	}},
}

func each(f func(a, b float32) float32) func(dst, a, b, c, d []float32) float32 {
	return func(dst, a, b, c, d []float32) float32 {
		for i := range dst {
			dst[i] = f(a[i], b[i])
		}
		return 0
	}
}

func positive(x float32) float32 {
	if x < 0 {
		return 0
	}
	return x
}

func TestEverySetGivesTheBitsOfTheDefinition(t *testing.T) {
	defer cpu.Use(cpu.Active())
	for _, l := range loops {
		for _, set := range sets() {
			cpu.Use(set)
			t.Run(fmt.Sprint(l.name, "/", set), func(t *testing.T) {
				for n := range 120 {
					n += n / 117 * 20000 // the last ones take several calls of assembly
					for _, oddities := range []bool{false, true} {
						var want, got [5][]float32
						for i := range got {
							want[i] = values(fmt.Sprint(i), n+3, oddities)[i%4:][:n] // not aligned
							got[i] = slices.Clone(want[i])
						}
						a := l.definition(want[0], want[1], want[2], want[3], want[4])
						b := l.run(got[0], got[1], got[2], got[3], got[4])
						require.Equal(t, bits([]float32{a}), bits([]float32{b}))
						for i := range got {
							if !slices.Equal(bits(want[i]), bits(got[i])) { // faster than require.Equal
								require.Equal(t, bits(want[i]), bits(got[i]), "argument %d, n = %d", i, n)
							}
						}
					}
				}
			})
		}
	}
}

func TestRows(t *testing.T) {
	defer cpu.Use(cpu.Active())
	for _, set := range sets() {
		cpu.Use(set)
		for n := range 40 {
			const rows = 3
			x, bias := values("x", rows*n, true), values("bias", n, true)
			relu, add, sums := make([]float32, rows*n), make([]float32, rows*n), values("sums", n, false)
			wantRelu, wantAdd, wantSums := slices.Clone(relu), slices.Clone(add), slices.Clone(sums)
			for i := range x {
				wantAdd[i] = x[i] + bias[i%n]
				wantRelu[i] = positive(wantAdd[i])
				wantSums[i%n] += x[i]
			}
			vector.BiasReLU(relu, x, bias)
			vector.AddBias(add, x, bias)
			vector.AddColumns(sums, x)
			require.Equal(t, bits(wantRelu), bits(relu))
			require.Equal(t, bits(wantAdd), bits(add))
			require.Equal(t, bits(wantSums), bits(sums))
		}
	}
}

func TestMax4Grad(t *testing.T) {
	defer cpu.Use(cpu.Active())
	for _, set := range sets() {
		cpu.Use(set)
		for n := range 70 {
			right, below := n+3, 2*n+7
			x, grad := values("x", below+right+n, true), values("grad", n, true)
			for i := range x {
				if i%3 == 0 {
					x[i] = 1 // often the maximum, and not alone
				}
			}
			y, dx := make([]float32, n), values("dx", len(x), false)
			vector.Max4(y, x, x[right:], x[below:], x[below+right:])
			want := slices.Clone(dx)
			for i, v := range y {
				places := []int{i, i + right, i + below, i + below + right}
				for _, k := range places {
					want[k] = 0
				}
				first := slices.IndexFunc(places, func(k int) bool { return math.Float32bits(x[k]) == math.Float32bits(v) })
				want[places[first]] = grad[i]
			}
			vector.Max4Grad(dx, x, right, below, y, grad)
			require.Equal(t, bits(want), bits(dx), "%v, n = %d", set, n)
		}
	}
}

// A sample of all float32 there are, of those with a finite result, and around the ends.
func TestExp(t *testing.T) {
	defer cpu.Use(cpu.Active())
	var x []float32
	for b := uint32(0); b < math.MaxUint32-1009*40; b += 1009 * 40 {
		x = append(x, math.Float32frombits(b))
	}
	for v := float32(-89); v < 90; v += 1.0 / 512 {
		x = append(x, v*1.0000123)
	}
	for _, v := range []float32{-87.33654, 88.72283} {
		for i := range 2000 {
			x = append(x, math.Float32frombits(math.Float32bits(v)+uint32(i)-1000))
		}
	}
	worst := 0.0
	var want []uint32
	for _, set := range sets() {
		cpu.Use(set)
		y := make([]float32, len(x))
		vector.ExpSum(y, x, 0)
		if want == nil {
			want = bits(y)
			for i, v := range x {
				exact := math.Exp(float64(v))
				switch {
				case exact < 0x1p-126*(1-1e-6):
					require.Zero(t, y[i], "exp(%v)", v)
				case exact > math.MaxFloat32*(1+1e-7):
					require.True(t, math.IsInf(float64(y[i]), 1), "exp(%v) = %v", v, y[i])
				case exact != exact:
					require.True(t, y[i] != y[i])
				case exact > math.MaxFloat32*(1-1e-5), exact < 0x1p-126*(1+1e-5): // either
				default:
					worst = max(worst, math.Abs(float64(y[i])-exact)/exact)
				}
			}
		}
		require.True(t, slices.Equal(want, bits(y)), "%v", set)
	}
	t.Logf("largest relative error %.3g", worst)
	require.Less(t, worst, 2e-7)
}

func TestExpSum(t *testing.T) {
	defer cpu.Use(cpu.Active())
	for n := range 200 {
		n += n / 197 * 20000
		x := values("x", n, n%3 == 0)
		var want []uint32
		for _, set := range sets() {
			cpu.Use(set)
			y := make([]float32, n)
			sum := vector.ExpSum(y, x, 0.25)
			got := bits(append(y, sum))
			if want == nil {
				want = got
				exact, finite := 0.0, true
				for _, v := range y {
					exact += float64(v)
				}
				if finite = !math.IsNaN(exact) && exact < 1e38; finite {
					require.InDelta(t, exact, sum, 1e-5*exact)
				}
			}
			require.True(t, slices.Equal(want, got), "%v, n = %d", set, n)
		}
	}
}

// The sum was made on amd64; every set and every architecture must repeat it.
func TestBits(t *testing.T) {
	defer cpu.Use(cpu.Active())
	for _, set := range sets() {
		cpu.Use(set)
		sum := crc32.NewIEEE()
		for _, l := range loops {
			var x [5][]float32
			for i := range x {
				x[i] = values(fmt.Sprint(i), 1000, false)
			}
			result := l.run(x[0], x[1], x[2], x[3], x[4])
			require.NoError(t, binary.Write(sum, binary.LittleEndian, bits(append(x[0], result))))
		}
		x := values("exp", 1000, true)
		require.NoError(t, binary.Write(sum, binary.LittleEndian, bits(append(x, vector.ExpSum(x, x, 0.5)))))
		require.Equal(t, uint32(0x48dc66dd), sum.Sum32(), "%v", set)
	}
}

func TestMaxOfNothing(t *testing.T) {
	require.True(t, math.IsInf(float64(vector.Max(nil)), -1))
	require.Zero(t, math.Float32bits(vector.Max([]float32{float32(math.Copysign(0, -1))})))
}

func TestShortSourcesPanic(t *testing.T) {
	long, short := make([]float32, 40), make([]float32, 39)
	for _, f := range []func(){
		func() { vector.Add(long, long, short) },
		func() { vector.Mul(long, short, long) },
		func() { vector.ReLU(long, short[:0:20]) },
		func() { step.Update(long, long, long, short) },
		func() { vector.ExpSum(long, short, 0) },
		func() { vector.Max4(long, long, long, long, short) },
		func() { vector.Max4Grad(long, long, 10, 20, long[:11], long) },
	} {
		require.Panics(t, f)
	}
}

func TestAllocatesNothing(t *testing.T) {
	var x [5][]float32
	for i := range x {
		x[i] = values(fmt.Sprint(i), 333, false)
	}
	for _, l := range loops {
		require.Zero(t, testing.AllocsPerRun(10, func() { l.run(x[0], x[1], x[2], x[3], x[4]) }), l.name)
	}
	require.Zero(t, testing.AllocsPerRun(10, func() { vector.ExpSum(x[0], x[1], 0); vector.AddColumns(x[2][:20], x[1]) }))
}

// With -bench: elements per nanosecond of each loop and set.
func BenchmarkVector(b *testing.B) {
	defer cpu.Use(cpu.Active())
	all := append([]loop{{name: "ExpSum", run: func(dst, a, _, _, _ []float32) float32 { return vector.ExpSum(dst, a, 0.5) }}}, loops...)
	for _, n := range []int{4096, 203530} {
		var x [5][]float32
		for i := range x {
			x[i] = values(fmt.Sprint(i), n, false)
		}
		for i, v := range x[2] {
			x[2][i] = v * v
		}
		for _, l := range all {
			for _, set := range sets() {
				b.Run(fmt.Sprintf("%s/%d/%v", l.name, n, set), func(b *testing.B) {
					cpu.Use(set)
					for b.Loop() {
						l.run(x[0], x[1], x[2], x[3], x[4])
					}
					b.ReportMetric(float64(n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "el/ns")
				})
			}
		}
	}
}
