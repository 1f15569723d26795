package session_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// Results of stock ops may be views whose elements are not one run of memory; kernels and
// sums read their elements all the same.
func TestKernelsReadViews(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		g := graph.New()
		x := g.Placeholder("x", dt, 3, 4)
		columns := gorgonia.Must(gorgonia.Slice(x, nil, gorgonia.S(1, 3)))
		others := gorgonia.Must(gorgonia.Slice(x, nil, gorgonia.S(2, 4)))
		turned := gorgonia.Must(gorgonia.Transpose(x, 1, 0))
		turned2 := gorgonia.Must(gorgonia.Transpose(gorgonia.Must(gorgonia.Add(x, x)), 1, 0))
		fetches := gorgonia.Nodes{
			ops.Neg(g, columns), gorgonia.Must(gorgonia.Add(columns, others)), ops.Neg(g, turned),
			gorgonia.Must(gorgonia.Add(turned, turned2)), columns, turned, ops.Sum(g, columns, 0),
		}
		require.NoError(t, g.Err())
		in := tensor.New(tensor.Of(dt), tensor.WithShape(3, 4))
		for i := range 12 {
			if dt == tensor.Float32 {
				in.Float32s()[i] = float32(i)
			} else {
				in.Float64s()[i] = float64(i)
			}
		}
		s := newSession(t, g)
		for range 2 {
			got := run(t, s, graph.Feed{x: in}, fetches...)
			for i, want := range [][]float64{
				{-1, -2, -5, -6, -9, -10}, {3, 5, 11, 13, 19, 21}, {-0, -4, -8, -1, -5, -9, -2, -6, -10, -3, -7, -11},
				{0, 12, 24, 3, 15, 27, 6, 18, 30, 9, 21, 33}, {1, 2, 5, 6, 9, 10}, {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}, {15, 18},
			} {
				require.InDeltaSlice(t, want, got[i], 0, "%v, fetch %d", dt, i)
			}
		}
	}
}
