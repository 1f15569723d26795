package estimator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// fitted returns an estimator of the classifier after a few steps.
func fitted(t testing.TB, opts ...estimator.Option) *estimator.Estimator {
	est := in(t, t.TempDir(), opts...)
	fit(t, est, endless(), estimator.MaxSteps(5))
	return est
}

// reading counts the batches that are asked for, and fails after n.
func reading(n int, end error, calls *int) *datasets.Dataset {
	spec := datasets.Spec{Features: map[string]datasets.TensorSpec{"x": {Dtype: tensor.Float32, Shape: tensor.Shape{4}}}}
	return datasets.Func(spec, func() (datasets.Batch, error) {
		if *calls++; *calls > n {
			return datasets.Batch{}, end
		}
		return datasets.Batch{Features: map[string]*tensor.Dense{
			"x": tensor.New(tensor.WithShape(2, 4), tensor.WithBacking(make([]float32, 8))),
		}}, nil
	})
}

func TestPredictIsLazy(t *testing.T) {
	est := fitted(t)
	calls := 0
	seq := est.Predict(reading(100, io.EOF, &calls))
	require.Zero(t, calls)
	require.Zero(t, est.Stats(estimator.Infer).Runs)
	var runs []int64
	for _, err := range seq {
		require.NoError(t, err)
		if runs = append(runs, est.Stats(estimator.Infer).Runs); len(runs) == 5 {
			break
		}
	}
	require.Equal(t, []int64{1, 1, 2, 2, 3}, runs, "one run a batch of two rows")
	require.Equal(t, 3, calls)
}

func TestPredictErrorIsTheLastElement(t *testing.T) {
	est := fitted(t)
	calls, n := 0, 0
	broken := errors.New("the disk is gone")
	var last error
	for r, err := range est.Predict(reading(2, broken, &calls)) {
		require.NoError(t, last, "nothing follows an error")
		last = err
		if err == nil {
			require.Contains(t, r, "class")
			n++
		} else {
			require.Nil(t, r)
		}
	}
	require.Equal(t, 4, n)
	require.ErrorIs(t, last, broken)
	calls = 0
	rows, err := est.PredictAll(reading(2, broken, &calls))
	require.ErrorIs(t, err, broken)
	require.Nil(t, rows)
	// Prefetching goroutines end with the loop; goleak looks.
	for range est.Predict(flowers().Batch(2).Prefetch(3)) {
		break
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range est.PredictContext(cancelled, flowers().Batch(2).Prefetch(3)) {
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestPredictRows(t *testing.T) {
	est := fitted(t)
	want, err := est.PredictAll(flowers().Batch(1))
	require.NoError(t, err)
	require.Len(t, want, rows)
	require.IsType(t, int64(0), want[0]["class"])
	require.Equal(t, tensor.Shape{3}, want[0]["probabilities"].(*tensor.Dense).Shape())
	require.Len(t, want[0], 2)
	for _, input := range []*datasets.Dataset{
		flowers().Batch(7), flowers(), flowers().Batch(8).Prefetch(2), flowers().Batch(30),
		flowers().Batch(4).Repeat(1), // with labels, which are ignored
	} {
		var got []estimator.Row
		for r, err := range est.Predict(input) {
			require.NoError(t, err)
			got = append(got, r)
		}
		require.Equal(t, want, got)
	}
	for i := range rows {
		out, err := est.PredictBatch(row(i))
		require.NoError(t, err)
		require.Equal(t, tensor.Shape{1, 3}, out["probabilities"].Shape())
		require.Equal(t, want[i]["probabilities"].(*tensor.Dense).Data(), out["probabilities"].Data())
		require.Equal(t, []int64{want[i]["class"].(int64)}, out["class"].Data())
	}
	// Rows keep their values when the iterator goes on.
	require.NotEqual(t, want[0]["probabilities"], want[1]["probabilities"])
}

// Rows that are a view of a wider matrix are what they look like.
func TestPredictAView(t *testing.T) {
	est := fitted(t)
	wide := tensor.New(tensor.WithShape(2, 8), tensor.WithBacking([]float32{9, 9, 1, 2, 3, 4, 9, 9, 8, 8, 5, 6, 7, 8, 8, 8}))
	view, err := wide.Slice(nil, tensor.S(2, 6))
	require.NoError(t, err)
	got, err := est.PredictBatch(map[string]*tensor.Dense{"x": view.(*tensor.Dense)})
	require.NoError(t, err)
	plain := tensor.New(tensor.WithShape(2, 4), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6, 7, 8}))
	want, err := est.PredictBatch(map[string]*tensor.Dense{"x": plain})
	require.NoError(t, err)
	require.Equal(t, want["probabilities"].Data(), got["probabilities"].Data())
}

// A prediction without a row for each row of the input can be had as a tensor only.
func TestPredictionsOfOtherLengths(t *testing.T) {
	fn := func(g *graph.Graph, features, _ graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		spec, err := counter(g, features, nil, mode)
		constant := g.NamedConstant("table", tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{1, 2, 3})))
		spec.Predictions = graph.Nodes{"x": features.One(), "table": ops.Neg(g, constant)}
		return spec, err
	}
	est := newEstimator(t, fn, estimator.ModelDir(t.TempDir()))
	fit(t, est, numbers(1, 2).Batch(2))
	_, err := est.PredictAll(numbers(1, 2).Batch(2))
	require.ErrorContains(t, err, `batch length of predictions should be same: predictions["table"] has shape (3) for 2 rows`)
	out, err := est.PredictBatch(map[string]*tensor.Dense{"x": tensor.New(tensor.WithBacking([]float32{1, 2}))})
	require.NoError(t, err)
	require.Equal(t, []float32{-1, -2, -3}, out["table"].Data())
	require.Equal(t, []float32{1, 2}, out["x"].Data())
}

// The same bits in memory that stays, for other numbers of rows too, and no allocation.
func TestPredictInto(t *testing.T) {
	predictor, err := fitted(t).Predictor()
	require.NoError(t, err)
	predictions := map[string]*tensor.Dense{}
	var memory *float32
	for i := range 20 {
		require.NoError(t, predictor.PredictInto(ctx, predictions, row(i)))
		want, err := predictor.PredictBatch(ctx, row(i))
		require.NoError(t, err)
		require.Len(t, predictions, len(want))
		for name := range want {
			require.Equal(t, want[name].Shape(), predictions[name].Shape())
			require.Equal(t, want[name].Data(), predictions[name].Data())
		}
		first := &predictions["probabilities"].Float32s()[0]
		require.True(t, memory == nil || memory == first, "row %d is in other memory", i)
		memory = first
	}
	// Tensors of another size or type give way.
	predictions["probabilities"] = tensor.New(tensor.WithBacking([]float64{1, 2}))
	require.NoError(t, predictor.PredictInto(ctx, predictions, row(1)))
	want, err := predictor.PredictBatch(ctx, row(1))
	require.NoError(t, err)
	require.Equal(t, want["probabilities"].Data(), predictions["probabilities"].Data())

	require.ErrorContains(t, predictor.PredictInto(ctx, nil, row(0)), "predictions is nil, want a map")
	if !testing.Short() { // the race detector allocates
		features := row(0)
		allocs := testing.AllocsPerRun(1000, func() { err = predictor.PredictInto(ctx, predictions, features) })
		require.NoError(t, err)
		require.Zero(t, allocs)
	}
}

func TestPredictorFromManyGoroutines(t *testing.T) {
	est := fitted(t)
	predictor, err := est.Predictor()
	require.NoError(t, err)
	want := make([]estimator.Row, rows)
	for i := range want {
		r, err := predictor.Predict(ctx, row(i))
		require.NoError(t, err)
		want[i] = r[0]
	}
	together := func(check func(i int, r estimator.Row)) {
		var group sync.WaitGroup
		for worker := range 16 {
			group.Go(func() {
				for i := range rows {
					i = (i + worker) % rows
					r, err := predictor.Predict(ctx, row(i))
					if err != nil {
						t.Error(err)
						return
					}
					check(i, r[0])
				}
			})
		}
		group.Wait()
	}
	together(func(i int, r estimator.Row) {
		if fmt.Sprint(want[i]) != fmt.Sprint(r) {
			t.Errorf("row %d is %v, want %v", i, r, want[i])
		}
	})
	// While a fit changes the variables: probabilities, whatever they are.
	done := make(chan error, 1)
	stopFit, stop := context.WithCancel(ctx)
	go func() {
		_, err := est.FitContext(stopFit, endless())
		done <- err
	}()
	together(func(_ int, r estimator.Row) {
		sum := float32(0)
		for _, p := range r["probabilities"].(*tensor.Dense).Float32s() {
			sum += p
		}
		if !(sum > 0.999 && sum < 1.001) {
			t.Errorf("probabilities add up to %v", sum)
		}
	})
	_, err = est.Evaluate(flowers().Batch(batch))
	require.NoError(t, err)
	stop()
	require.ErrorIs(t, <-done, context.Canceled)
	require.NoError(t, est.Close())
	require.NoError(t, est.Close())
	_, err = predictor.Predict(ctx, row(0))
	require.ErrorIs(t, err, estimator.ErrClosed)
	_, err = est.PredictBatch(row(0))
	require.ErrorIs(t, err, estimator.ErrClosed)
	_, err = est.Predictor()
	require.ErrorIs(t, err, estimator.ErrClosed)
	for _, err := range est.Predict(flowers()) {
		require.ErrorIs(t, err, estimator.ErrClosed)
	}
}

// Closing in the middle of predictions gives ErrClosed, never another error.
func TestCloseUnderPredictions(t *testing.T) {
	for range 20 {
		est := fitted(t)
		var group sync.WaitGroup
		started := make(chan struct{}, 4)
		for range 4 {
			group.Go(func() {
				for i := 0; ; i++ {
					_, err := est.PredictBatch(row(i % rows))
					if i == 0 {
						started <- struct{}{}
					}
					if err != nil {
						if !errors.Is(err, estimator.ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		for range 4 {
			<-started
		}
		require.NoError(t, est.Close())
		group.Wait()
	}
}
