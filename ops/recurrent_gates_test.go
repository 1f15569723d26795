package ops

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// The stated error bounds, over a million arguments on both sides of every range.
func TestFastGatesAreAccurate(t *testing.T) {
	var worstTanh, worstSigmoid float64
	check := func(x float32) {
		y, z := []float32{x}, []float32{x}
		tanhs(y, y)
		sigmoids(z)
		want := math.Tanh(float64(x))
		worstTanh = max(worstTanh, math.Abs(float64(y[0])-want)/math.Abs(want))
		worstSigmoid = max(worstSigmoid, math.Abs(float64(z[0])-sigmoid(float64(x))))
	}
	for i := 1; i <= 500_000; i++ {
		x := 12 * float32(i) / 500_000
		check(x)
		check(-x)
	}
	for x := float32(1e-37); x < 1e38; x *= 1.01 {
		check(x)
		check(-x)
	}
	t.Logf("tanh: relative error %.3g; sigmoid: absolute error %.3g", worstTanh, worstSigmoid)
	require.LessOrEqual(t, worstTanh, 4e-7)
	require.LessOrEqual(t, worstSigmoid, 2.5e-7)
}

func TestFastGatesAtTheEnds(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	x := []float32{0, inf, -inf, nan}
	tanhs(x, x)
	require.Equal(t, []float32{0, 1, -1}, x[:3])
	require.True(t, x[3] != x[3])
	x = []float32{0, inf, -inf, nan}
	sigmoids(x)
	require.Equal(t, []float32{0.5, 1, 0}, x[:3])
	require.True(t, x[3] != x[3])
}

func BenchmarkTanh(b *testing.B) {
	x := make([]float32, 1024)
	y := make([]float32, len(x))
	for i := range x {
		x[i] = float32(i%97)/12 - 4
	}
	b.SetBytes(int64(4 * len(x)))
	for b.Loop() {
		tanhs(y, x)
	}
}
