package summaries

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

func benchmarkWriter(b *testing.B) *Writer {
	b.Helper()
	w, err := NewWriter(b.TempDir())
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, w.Close()) })
	b.ReportAllocs()
	return w
}

func BenchmarkScalar(b *testing.B) {
	w, step := benchmarkWriter(b), int64(0)
	for b.Loop() {
		step++
		if err := w.Scalar("loss", 0.25, step); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScalars(b *testing.B) {
	w, step := benchmarkWriter(b), int64(0)
	values := map[string]float64{}
	for i := range 10 {
		values[fmt.Sprintf("layer%d/loss", i)] = float64(i)
	}
	for b.Loop() {
		step++
		if err := w.Scalars(values, step); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHistogram(b *testing.B) {
	w, step := benchmarkWriter(b), int64(0)
	random := rand.New(rand.NewPCG(1, 2))
	kernel := make([]float32, 784*256)
	for i := range kernel {
		kernel[i] = float32(random.NormFloat64() * 0.05)
	}
	d := tensor.New(tensor.WithShape(784, 256), tensor.WithBacking(kernel))
	b.SetBytes(int64(4 * len(kernel)))
	for b.Loop() {
		step++
		if err := w.Histogram("dense/kernel", d, step); err != nil {
			b.Fatal(err)
		}
	}
}
