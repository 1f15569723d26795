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

var ySpec = datasets.Spec{
	Features: map[string]datasets.TensorSpec{"x": {Dtype: tensor.Float32, Shape: tensor.Shape{}}},
	Labels:   map[string]datasets.TensorSpec{"y": {Dtype: tensor.Int64, Shape: tensor.Shape{}}},
}

// feed returns a function that gives n batches of 2 rows in the same memory each time.
func feed(n int, end error) func() (datasets.Batch, error) {
	x := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(2))
	y := tensor.New(tensor.Of(tensor.Int64), tensor.WithShape(2))
	calls := 0
	return func() (datasets.Batch, error) {
		if calls == n {
			return datasets.Batch{}, end
		}
		for i := range 2 {
			y.Int64s()[i] = int64(2*calls + i)
			x.Float32s()[i] = float32(2*calls + i)
		}
		calls++
		return datasets.Batch{Features: map[string]*tensor.Dense{"x": x}, Labels: map[string]*tensor.Dense{"y": y}}, nil
	}
}

func TestFunc(t *testing.T) {
	for name, of := range map[string]func(*datasets.Dataset) *datasets.Dataset{
		"plain":    func(d *datasets.Dataset) *datasets.Dataset { return d },
		"prefetch": func(d *datasets.Dataset) *datasets.Dataset { return d.Prefetch(2) },
		"map":      func(d *datasets.Dataset) *datasets.Dataset { return d.Map(double) },
		"unbatch":  func(d *datasets.Dataset) *datasets.Dataset { return d.Unbatch().Batch(2) },
	} {
		got := batches(t, of(datasets.Func(ySpec, feed(3, fmt.Errorf("over: %w", io.EOF)))))
		require.Equal(t, [][]int64{{0, 1}, {2, 3}, {4, 5}}, got, name)
	}
	require.Equal(t, [][]int64{{0, 1, 2}, {3, 4, 5}}, batches(t, datasets.Func(ySpec, feed(3, io.EOF)).Unbatch().Batch(3)))
	shuffled := batches(t, datasets.Func(ySpec, feed(9, io.EOF)).Unbatch().Shuffle(5).Batch(4))
	seen := map[int64]bool{}
	for _, n := range flat(shuffled) {
		require.False(t, seen[n], "the function's memory is copied")
		seen[n] = true
	}
	require.Len(t, seen, 18)
}

func TestFuncHasNoPosition(t *testing.T) {
	ds := datasets.Func(ySpec, feed(3, io.EOF))
	require.Equal(t, "unknown", ds.Cardinality().String())
	require.EqualValues(t, -1, ds.BatchesPerEpoch())
	it := open(t, ds)
	require.False(t, it.Resumable())
	require.EqualValues(t, -1, it.Epoch())
	_, err := it.Position()
	require.ErrorContains(t, err, "Func")
	require.ErrorContains(t, it.Restore([]byte("{}")), "Func")
	_, err = it.Next(ctx)
	require.NoError(t, err, "a refused Restore leaves it usable")
}

// An error comes after the batches before it, with and without a goroutine, and stays.
func TestErrorsComeInOrder(t *testing.T) {
	broken := errors.New("broken")
	for _, ahead := range []int{0, 1, 5} {
		it := open(t, datasets.Func(ySpec, feed(2, broken)).Prefetch(ahead))
		for range 2 {
			_, err := it.Next(ctx)
			require.NoError(t, err)
		}
		for range 2 {
			_, err := it.Next(ctx)
			require.ErrorIs(t, err, broken)
			require.ErrorContains(t, err, "call 3")
		}
	}
}

func TestErrorsOfMapAndFilter(t *testing.T) {
	late := func(b datasets.Batch) (datasets.Batch, error) {
		if numbers(b)[0] == 2 {
			panic(errors.New("two"))
		}
		return b, nil
	}
	for _, ds := range []*datasets.Dataset{count(4).Map(late), count(4).Map(late).Prefetch(2)} {
		err := ds.ForEach(ctx, func(datasets.Batch) error { return nil })
		var p *datasets.PanicError
		require.ErrorAs(t, err, &p)
		require.ErrorContains(t, err, "Map (operation 1): panic: two")
	}
	// io.EOF of a function that has no say about the end is not taken for it.
	err := count(4).Map(func(b datasets.Batch) (datasets.Batch, error) {
		if numbers(b)[0] > 0 {
			return b, io.EOF
		}
		return b, nil
	}).ForEach(ctx, func(datasets.Batch) error { return nil })
	require.Error(t, err)
	require.NotErrorIs(t, err, io.EOF)
	err = count(4).Filter(func(datasets.Batch) (bool, error) { panic("f") }).ForEach(ctx, func(datasets.Batch) error { return nil })
	require.ErrorContains(t, err, "Filter: panic: f")
	// What a Map gives must not change from batch to batch.
	err = count(4).Map(func(b datasets.Batch) (datasets.Batch, error) {
		if numbers(b)[0] > 0 {
			delete(b.Labels, "y")
		}
		return b, nil
	}).ForEach(ctx, func(datasets.Batch) error { return nil })
	require.ErrorContains(t, err, `label "y" is missing`)
}
