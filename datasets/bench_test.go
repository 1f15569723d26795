package datasets_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/internal/dense"

	"gorgonia.org/tensor"
)

// pictures returns n rows of 784 numbers with a class.
func pictures(n int) *datasets.Dataset {
	x := dense.New(tensor.Float32, tensor.Shape{n, 784})
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i)
	}
	return datasets.FromTensors(x, make([]int64, n))
}

func run(b *testing.B, ds *datasets.Dataset) {
	b.Helper()
	it, err := ds.Iterator()
	require.NoError(b, err)
	defer it.Close()
	for range 200 { // buffers and both sizes of batches
		_, err := it.Next(ctx)
		require.NoError(b, err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if _, err := it.Next(ctx); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
}

func BenchmarkNext(b *testing.B) {
	for _, c := range []struct {
		name string
		ds   *datasets.Dataset
	}{
		{"shuffle-batch128x784-repeat", pictures(10_000).Shuffle(10_000).Batch(128).Repeat(-1)},
		{"the-same-prefetched", pictures(10_000).Shuffle(10_000).Batch(128).Repeat(-1).Prefetch(2)},
		{"batch128x784", pictures(10_000).Batch(128).Repeat(-1)},
		{"iris-shuffle-batch32", datasets.Iris().Shuffle(150).Batch(32).Repeat(-1)},
	} {
		b.Run(c.name, func(b *testing.B) { run(b, c.ds) })
	}
}

func BenchmarkRestore(b *testing.B) {
	ds := pictures(60_000).Shuffle(60_000).Batch(128).Repeat(-1)
	it, err := ds.Iterator()
	require.NoError(b, err)
	for range 469*5 + 400 {
		_, err := it.Next(ctx)
		require.NoError(b, err)
	}
	p, err := it.Position()
	require.NoError(b, err)
	b.Run(fmt.Sprintf("epoch5-of-%v-rows", ds.Rows()), func(b *testing.B) {
		for b.Loop() {
			if err := it.Restore(p); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCSV(b *testing.B) {
	var rows strings.Builder
	rows.WriteString("a,b,c,d,e,f,g,h,y\n")
	for i := range 10_000 {
		fmt.Fprintf(&rows, "%d.25,%d,3.5,-4,5e-3,6,7,8.125,%d\n", i, i%7, i%10)
	}
	path := filepath.Join(b.TempDir(), "rows.csv")
	require.NoError(b, os.WriteFile(path, []byte(rows.String()), 0o600))
	schema := datasets.NewSchema(datasets.Features("a", "b", "c", "d", "e", "f", "g", "h"), datasets.Class("y"))
	b.ReportAllocs()
	for b.Loop() {
		err := datasets.CSV(path, schema).Shuffle(1000).Batch(128).ForEach(ctx, func(datasets.Batch) error { return nil })
		require.NoError(b, err)
	}
	b.ReportMetric(float64(10_000*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// A steady step of the usual pipeline allocates nothing.
func TestNextAllocatesNothing(t *testing.T) {
	it := open(t, datasets.Iris().Shuffle(150).Batch(32).Repeat(-1))
	drain(t, it, 20)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		it.Epoch()
		if _, err := it.Next(ctx); err != nil {
			t.Error(err)
		}
	}))
}
