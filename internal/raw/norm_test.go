package raw_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/raw"
)

func TestNorm(t *testing.T) {
	vector := func(x any) gorgonia.Value { return tensor.New(tensor.WithBacking(x)) }
	for name, row := range map[string]struct {
		v    gorgonia.Value
		want float64
	}{
		"float32":         {vector([]float32{3, -4}), 5},
		"float64":         {vector([]float64{-6, 8}), 10},
		"a scalar":        {gorgonia.NewF32(-2), 2},
		"a large number":  {vector([]float64{1e300}), 1e150},
		"a negative one":  {vector([]float64{-1e300}), 1e150},
		"nothing":         {vector([]float32{0}), 0},
		"an infinite one": {vector([]float32{1, float32(math.Inf(-1))}), math.Inf(1)},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := raw.Norm(row.v)
			require.True(t, ok)
			require.Equal(t, row.want, got)
		})
	}
	nan, ok := raw.Norm(vector([]float64{1, math.NaN(), math.Inf(1)}))
	require.True(t, ok)
	require.True(t, math.IsNaN(nan))
	_, ok = raw.Norm(vector([]int64{3}))
	require.False(t, ok)
}
