package vector_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/internal/cpu"
	"github.com/stheno-ml/stheno/internal/vector"
)

var gates = []struct {
	name string
	run  func(dst, x []float32)
}{{"Tanh", vector.Tanh}, {"Sigmoid", vector.Sigmoid}}

func TestGatesAreTheSameBitsInEverySet(t *testing.T) {
	defer cpu.Use(cpu.Active())
	for _, f := range gates {
		for n := range 120 {
			n += n / 117 * 20000
			for _, oddities := range []bool{false, true} {
				x := values("x", n+1, oddities)[1:]
				for i := range x {
					x[i] *= 4 // beyond the limits too
				}
				want := make([]float32, n)
				cpu.Use(cpu.Portable)
				f.run(want, x)
				for _, set := range sets() {
					cpu.Use(set)
					got := slices.Clone(x)
					f.run(got, got)
					require.Equal(t, bits(want), bits(got), fmt.Sprint(f.name, " of ", n, " floats, ", set))
				}
			}
		}
	}
}

// The stated error bounds, over both sides of every range.
func TestGatesAreAccurate(t *testing.T) {
	var x []float32
	for i := 1; i <= 500_000; i++ {
		x = append(x, 12*float32(i)/500_000, -12*float32(i)/500_000)
	}
	for v := float32(1e-37); v < 1e38; v *= 1.01 {
		x = append(x, v, -v)
	}
	y, z := make([]float32, len(x)), make([]float32, len(x))
	vector.Tanh(y, x)
	vector.Sigmoid(z, x)
	var worstTanh, worstSigmoid float64
	for i, v := range x {
		want := math.Tanh(float64(v))
		worstTanh = max(worstTanh, math.Abs(float64(y[i])-want)/math.Abs(want))
		worstSigmoid = max(worstSigmoid, math.Abs(float64(z[i])-1/(1+math.Exp(-float64(v)))))
	}
	t.Logf("tanh: relative error %.3g; sigmoid: absolute error %.3g", worstTanh, worstSigmoid)
	require.LessOrEqual(t, worstTanh, 4e-7)
	require.LessOrEqual(t, worstSigmoid, 2.5e-7)
}

func TestGatesAtTheEnds(t *testing.T) {
	defer cpu.Use(cpu.Active())
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, set := range sets() {
		cpu.Use(set)
		x := slices.Repeat([]float32{0, inf, -inf, nan}, 8)
		y, z := make([]float32, len(x)), make([]float32, len(x))
		vector.Tanh(y, x)
		vector.Sigmoid(z, x)
		for i := 0; i < len(x); i += 4 {
			require.Equal(t, []float32{0, 1, -1}, y[i:i+3])
			require.Equal(t, []float32{0.5, 1, 0}, z[i:i+3])
			require.True(t, y[i+3] != y[i+3] && z[i+3] != z[i+3], "NaN stays NaN")
		}
	}
}

func BenchmarkTanh(b *testing.B) {
	defer cpu.Use(cpu.Active())
	for _, set := range sets() {
		cpu.Use(set)
		b.Run(fmt.Sprint(set), func(b *testing.B) {
			x := values("x", 4096, false)
			y := make([]float32, len(x))
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				vector.Tanh(y, x)
			}
		})
	}
}
