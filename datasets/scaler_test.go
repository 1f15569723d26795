package datasets_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
)

func TestScaler(t *testing.T) {
	ds := datasets.FromTensors(map[string]any{
		"a": [][]float32{{1, 7}, {2, 7}, {3, 7}, {6, 7}}, "b": []float64{0, 0, 0, 8}, "id": []int64{1, 2, 3, 4},
	}, []float32{1, 2, 3, 4})
	s, err := datasets.FitScaler(ctx, ds.Shuffle(4).Repeat(-1)) // one pass, in the rows' order
	require.NoError(t, err)
	require.Equal(t, map[string][]float64{"a": {3, 7}, "b": {2}}, s.Mean)
	require.InDelta(t, math.Sqrt(14.0/4), s.Std["a"][0], 1e-12)
	require.Equal(t, 1.0, s.Std["a"][1], "a column of equal numbers")
	all, err := ds.Map(s.Apply).Batch(4).Collect(ctx)
	require.NoError(t, err)
	require.InDeltaSlice(t, []float32{-1.0690, 0, -0.5345, 0, 0, 0, 1.6036, 0}, all[0].Features["a"].Float32s(), 1e-4)
	require.Equal(t, []int64{1, 2, 3, 4}, all[0].Features["id"].Int64s())
	require.Equal(t, []float32{1, 2, 3, 4}, all[0].Labels["y"].Float32s())
	own, err := ds.Standardize().Batch(4).Collect(ctx)
	require.NoError(t, err)
	require.Equal(t, all, own)
	require.Equal(t, ds.Spec(), ds.Standardize().Spec())

	text, err := json.Marshal(s)
	require.NoError(t, err)
	var back datasets.Scaler
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, *s, back)

	raw, err := ds.Batch(4).Collect(ctx)
	require.NoError(t, err)
	before := firstOf(raw[0])
	_, err = s.Apply(raw[0])
	require.NoError(t, err)
	require.Equal(t, before, firstOf(raw[0]), "Apply changes nothing")
}

func firstOf(b datasets.Batch) float32 { return b.Features["a"].Float32s()[0] }

func TestScalerRefuses(t *testing.T) {
	s, err := datasets.FitScaler(ctx, count(3))
	require.NoError(t, err)
	require.ErrorContains(t, datasets.FromTensors(map[string]any{"z": []float32{1}}, nil).Map(s.Apply).Err(), `"z" is unknown, want [x]`)
	require.ErrorContains(t, datasets.FromTensors([]float32{1}, nil).Map(s.Apply).Err(), "want 2 numbers a row")
	_, err = datasets.FitScaler(ctx, count(3).Skip(3))
	require.ErrorIs(t, err, datasets.ErrEmpty)
	_, err = datasets.FitScaler(ctx, datasets.FromTensors([][]float64{{1, 1}, {1, math.NaN()}}, nil))
	require.ErrorContains(t, err, `feature "x", row 1, element 1 is NaN`)
	_, err = datasets.FitScaler(ctx, count(3).Batch(0))
	require.ErrorContains(t, err, "Batch")
}
