package datasets_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/stheno-ml/stheno/datasets"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// count returns n rows that hold their number.
func count(n int) *datasets.Dataset {
	x, y := make([][]float32, n), make([]int64, n)
	for i := range x {
		x[i], y[i] = []float32{float32(i), float32(i) / 2}, int64(i)
	}
	return datasets.FromTensors(x, y)
}

// numbers returns the labels of a batch of count.
func numbers(b datasets.Batch) []int64 {
	return append([]int64(nil), b.Labels[datasets.DefaultLabel].Int64s()...)
}

// text shows all of a batch.
func text(b datasets.Batch) string {
	var s strings.Builder
	for name, t := range b.Features {
		fmt.Fprintf(&s, "%s %v %v %v;", name, t.Dtype(), t.Shape(), t.Data())
	}
	for name, t := range b.Labels {
		fmt.Fprintf(&s, "%s %v %v %v;", name, t.Dtype(), t.Shape(), t.Data())
	}
	return s.String()
}

// drain returns what is left, at most so many batches, each with its epoch.
func drain(t *testing.T, it *datasets.Iterator, most int) (all []string) {
	t.Helper()
	for range most {
		epoch := it.Epoch()
		b, err := it.Next(ctx)
		if err == io.EOF {
			return append(all, "end")
		}
		require.NoError(t, err)
		all = append(all, fmt.Sprint(epoch, " ", text(b)))
	}
	return all
}

func open(t *testing.T, d *datasets.Dataset, opts ...datasets.IteratorOption) *datasets.Iterator {
	t.Helper()
	it, err := d.Iterator(opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, it.Close()) })
	return it
}

// batches returns the labels of all batches of count.
func batches(t *testing.T, d *datasets.Dataset, opts ...datasets.IteratorOption) (all [][]int64) {
	t.Helper()
	require.NoError(t, d.ForEach(ctx, func(b datasets.Batch) error {
		all = append(all, numbers(b))
		return nil
	}, opts...))
	return all
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func zipped(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

// countCSV is count as a file.
func countCSV(t *testing.T, n int) *datasets.Dataset {
	t.Helper()
	var s strings.Builder
	s.WriteString("half,n\n")
	for i := range n {
		fmt.Fprintf(&s, "%v,%d\n", float32(i)/2, i)
	}
	return datasets.CSV(write(t, "count.csv", s.String()), datasets.NewSchema(datasets.Features("half"), datasets.Class("n")))
}

// double is a Map.
func double(b datasets.Batch) (datasets.Batch, error) {
	for _, t := range b.Features {
		for i, v := range t.Float32s() {
			t.Float32s()[i] = 2 * v
		}
	}
	return b, nil
}

// odd is a Filter.
func odd(b datasets.Batch) (bool, error) { return numbers(b)[0]%2 == 1, nil }

// random returns a random number of [low, high].
func random(r *rand.Rand, low, high int) int { return low + r.IntN(high-low+1) }
