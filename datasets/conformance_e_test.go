package datasets_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
)

// What TensorFlow's tests of its input functions assert, by the numbers of our list,
// where this package has the thing.
func TestConformanceE(t *testing.T) {
	labels := func(ds *datasets.Dataset) [][]int64 { t.Helper(); return batches(t, ds) }

	t.Run("E3", func(t *testing.T) { // zero epochs
		_, err := open(t, count(4).Repeat(0).Batch(2)).Next(ctx)
		require.Equal(t, io.EOF, err)
	})
	t.Run("E5", func(t *testing.T) { // batches run across epochs
		require.Equal(t, [][]int64{{0, 1}, {2, 0}, {1, 2}, {0, 1}, {2}}, labels(count(3).Repeat(3).Batch(2)))
	})
	t.Run("E6", func(t *testing.T) { // a batch larger than the data
		require.Equal(t, [][]int64{{0, 1, 2, 3}}, labels(count(4).Batch(10)))
	})
	t.Run("E7", func(t *testing.T) { // the type of x
		require.ErrorContains(t, datasets.FromTensors([]string{"a", "b"}, nil).Err(), "want a *tensor.Dense or slices")
		require.ErrorContains(t, datasets.FromTensors(map[string]any{}, nil).Err(), "an empty map")
		require.ErrorIs(t, datasets.FromTensors([]float32{}, nil).Err(), datasets.ErrEmpty)
	})
	t.Run("E10", func(t *testing.T) { // y is a map
		x := map[string]any{"a": []int64{1, 2}, "b": []int64{3, 4}}
		all, err := datasets.FromTensors(x, map[string]any{"y1": []int64{5, 6}, "y2": []int64{7, 8}}).Batch(2).Collect(ctx)
		require.NoError(t, err)
		require.Equal(t, []int64{5, 6}, all[0].Labels["y1"].Int64s())
		require.Equal(t, []int64{7, 8}, all[0].Labels["y2"].Int64s())
		require.ErrorContains(t, datasets.FromTensors(x, map[string]any{}).Err(), "labels is an empty map")
		require.ErrorContains(t, datasets.FromTensors(x, x).Err(), "2 names are in both features and labels")
	})
	t.Run("E11", func(t *testing.T) { // x without a name
		for _, x := range []any{[]float32{1, 2}, [][]float32{{1}, {2}}} {
			all, err := datasets.FromTensors(x, nil).Batch(2).Collect(ctx)
			require.NoError(t, err)
			require.Equal(t, []float32{1, 2}, all[0].Features[datasets.DefaultFeature].Float32s())
		}
	})
	t.Run("E12", func(t *testing.T) { // a frame with an index that is not a feature
		path := write(t, "frame.csv", "index,a,b,y\n100,0,32,-32\n101,1,33,-31\n102,2,34,-30\n103,3,35,-29\n")
		schema := datasets.NewSchema(datasets.Category("a"), datasets.Category("b"), datasets.Class("y"))
		all, err := datasets.CSV(path, schema).Batch(2).Collect(ctx)
		require.NoError(t, err)
		require.Len(t, all[0].Features, 2)
		require.Equal(t, []int64{0, 1}, all[0].Features["a"].Int64s())
		require.Equal(t, []int64{32, 33}, all[0].Features["b"].Int64s())
		require.Equal(t, []int64{-32, -31}, all[0].Labels["y"].Int64s())
	})
	t.Run("E14", func(t *testing.T) { // labels with names that features have
		path := write(t, "frame.csv", "a,label_a\n1,2\n")
		schema := datasets.Schema{Columns: []datasets.Column{{Name: "a", Into: "a"}, {Name: "label_a", Into: "a", Role: datasets.RoleLabel}}}
		all, err := datasets.CSV(path, schema).Collect(ctx)
		require.NoError(t, err)
		require.Equal(t, []float32{1}, all[0].Features["a"].Float32s())
		require.Equal(t, []float32{2}, all[0].Labels["a"].Float32s())
	})
	for name, rows := range map[string]int{"E16": 16, "E20": 32} { // endless feeds wrap
		t.Run(name, func(t *testing.T) {
			it := open(t, count(rows).Repeat(-1).Batch(5))
			for range 51 {
				_, err := it.Next(ctx)
				require.NoError(t, err)
			}
			b, err := it.Next(ctx)
			require.NoError(t, err)
			require.Equal(t, []int64{int64(rows) - 1, 0, 1, 2, 3}, numbers(b))
		})
	}
	t.Run("E22", func(t *testing.T) { // a generator of two rows
		all, err := datasets.Func(ySpec, feed(1, io.EOF)).Collect(ctx)
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, []float32{0, 1}, all[0].Features["x"].Float32s())
		require.Equal(t, []int64{0, 1}, all[0].Labels["y"].Int64s())
	})
	t.Run("E25", func(t *testing.T) { // what a generator must not do
		require.ErrorContains(t, datasets.Func(ySpec, nil).Err(), "the function is nil")
		good := feed(2, io.EOF)
		calls := 0
		err := datasets.Func(ySpec, func() (datasets.Batch, error) {
			b, err := good()
			if calls++; calls == 2 {
				b.Features = map[string]*tensor.Dense{"other": b.Features["x"]}
			}
			return b, err
		}).ForEach(ctx, func(datasets.Batch) error { return nil })
		require.ErrorContains(t, err, `call 2: feature "x" is missing`)
	})
	t.Run("E29", func(t *testing.T) { // the epoch of each feed
		it := open(t, count(3).Batch(1).Repeat(-1))
		var epochs []int64
		for range 4 {
			epochs = append(epochs, it.Epoch())
			_, err := it.Next(ctx)
			require.NoError(t, err)
		}
		require.Equal(t, []int64{0, 0, 0, 1}, epochs)
	})
	t.Run("E30", func(t *testing.T) { // a stream of two rows
		require.Equal(t, [][]int64{{0, 1}}, labels(countCSV(t, 2).Batch(2)))
		require.Equal(t, [][]int64{{0, 1}}, labels(countCSV(t, 2).Batch(10)))
	})
	t.Run("E31", func(t *testing.T) { // rows without labels, to predict
		all, err := datasets.FromTensors([][]float32{{1, 2}, {3, 4}, {5, 6}}, nil).Batch(2).Collect(ctx)
		require.NoError(t, err)
		require.Equal(t, "[1 2 3 4] [5 6]", fmt.Sprint(all[0].Features["x"].Float32s(), all[1].Features["x"].Float32s()))
		require.Empty(t, all[0].Labels)
	})
	t.Run("T4", func(t *testing.T) { // an error in the feed reaches the consumer
		broken := errors.New("broken")
		_, err := datasets.Func(ySpec, feed(1, broken)).Prefetch(2).Collect(ctx)
		require.ErrorIs(t, err, broken)
	})
}
