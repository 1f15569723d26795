package metrics_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/metrics"
)

func TestValuesOfMetrics(t *testing.T) {
	y, p := vector(1.0, 2, 3, 5), vector(2.0, 2, 5, 1)
	binary, guess := vector(1.0, 0, 1, 1), vector(1.0, 1, 0, 1)
	w := vector(1.0, 2, 0, 1)
	for _, row := range []struct {
		name   string
		values []gorgonia.Value
		want   float64
	}{
		{"Mean", []gorgonia.Value{p}, 2.5},
		{"Mean", []gorgonia.Value{p, w}, 7.0 / 4},
		{"Accuracy", []gorgonia.Value{y, p}, 0.25},
		{"Accuracy", []gorgonia.Value{y, p, w}, 0.5},
		{"MeanSquaredError", []gorgonia.Value{y, p}, 21.0 / 4},
		{"MeanSquaredError", []gorgonia.Value{y, p, w}, 17.0 / 4},
		{"RootMeanSquaredError", []gorgonia.Value{y, p}, math.Sqrt(21) / 2},
		{"RootMeanSquaredError", []gorgonia.Value{y, p, w}, math.Sqrt(17) / 2},
		{"MeanAbsoluteError", []gorgonia.Value{y, p}, 7.0 / 4},
		{"MeanAbsoluteError", []gorgonia.Value{y, p, w}, 5.0 / 4},
		{"Precision", []gorgonia.Value{binary, guess}, 2.0 / 3},
		{"Precision", []gorgonia.Value{binary, guess, w}, 0.5},
		{"Recall", []gorgonia.Value{binary, guess}, 2.0 / 3},
		{"Recall", []gorgonia.Value{binary, guess, w}, 1},
	} {
		var opts []metrics.Option
		if n := len(standard[row.name]().Nodes()); len(row.values) > n {
			opts = append(opts, weighted)
		}
		m := update(t, standard[row.name](opts...), row.values...)
		require.InDelta(t, row.want, m.Value(), 1e-12, row.name)
	}
}

func TestWeightsAreBroadcast(t *testing.T) {
	values := shaped(tensor.Shape{2, 3}, 1.0, 2, 3, 4, 5, 6)
	cube := shaped(tensor.Shape{2, 2, 2}, 1.0, 2, 3, 4, 5, 6, 7, 8)
	for _, row := range []struct {
		name            string
		values, weights gorgonia.Value
		want            float64
	}{
		{"scalar", values, gorgonia.NewF64(3), 3.5},
		{"one", values, vector(3.0), 3.5},
		{"rows", values, vector(1.0, 3), (6 + 3*15.0) / 12},
		{"rows as a column", values, shaped(tensor.Shape{2, 1}, 1.0, 3), (6 + 3*15.0) / 12},
		{"columns", values, shaped(tensor.Shape{1, 3}, 1.0, 0, 2), (5 + 2*9.0) / 6},
		{"elements with an axis more", values, shaped(tensor.Shape{2, 3, 1}, 1.0, 0, 0, 0, 0, 1), 3.5},
		{"elements", values, shaped(tensor.Shape{2, 3}, 1.0, 0, 0, 0, 0, 1), 3.5},
		{"the middle axis", cube, shaped(tensor.Shape{1, 2, 1}, 1.0, 0), (1 + 2 + 5 + 6) / 4.0},
		{"two axes", cube, shaped(tensor.Shape{2, 1, 2}, 1.0, 0, 0, 1), (1 + 3 + 6 + 8) / 4.0},
	} {
		m := update(t, metrics.Mean(node, weighted), row.values, row.weights)
		require.InDelta(t, row.want, m.Value(), 1e-12, row.name)
	}
}

func TestDtypes(t *testing.T) {
	view := shaped(tensor.Shape{3, 2}, 1.0, 100, 2, 100, 6, 100).(*tensor.Dense)
	column, err := view.Slice(nil, gorgonia.S(0))
	require.NoError(t, err)
	for _, v := range []gorgonia.Value{
		vector[float32](1, 2, 6), vector[float64](1, 2, 6), vector[int64](1, 2, 6), vector[int32](1, 2, 6), vector(1, 2, 6),
		vector[uint8](1, 2, 6), column.(*tensor.Dense), gorgonia.NewF32(3), gorgonia.NewF64(3), gorgonia.NewI64(3), gorgonia.NewI32(3), gorgonia.NewI(3), gorgonia.NewU8(3),
	} {
		require.Equal(t, 3.0, update(t, metrics.Mean(node), v).Value(), "%T", v.Data())
	}
	require.Equal(t, 0.5, update(t, metrics.Mean(node), vector(true, false)).Value())
	require.Equal(t, 1.0, update(t, metrics.Mean(node), gorgonia.NewB(true)).Value())
}

func TestNames(t *testing.T) {
	require.Equal(t, []string{"a", "b", "c"}, metrics.Names(map[string]metrics.Metric{"c": nil, "a": nil, "b": nil}))
}
