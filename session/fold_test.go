package session_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/session"
)

// What depends on constants alone is computed when the program is compiled.
func TestConstantsAreFolded(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float32, 2)
	two := g.Constant(tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{2, 3})))
	square := ops.Mul(g, two, two)
	y := ops.Add(g, ops.Mul(g, square, square), ops.Tanh(g, x))
	s := newSession(t, g, session.Profiling())
	feed := func(x *gorgonia.Node, a, b float32) graph.Feed {
		return graph.Feed{x: tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{a, b}))}
	}
	for range 2 {
		out, err := s.Run(ctx, gorgonia.Nodes{y, square}, feed(x, 0, 0))
		require.NoError(t, err)
		require.Equal(t, []float32{16, 81}, out[0].Data())
		require.Equal(t, []float32{4, 9}, out[1].Data())
		out[1].Data().([]float32)[0] = 5 // the caller's own
	}
	for _, op := range s.Profile().Ops {
		require.NotEqual(t, "Mul", op.Op, "it is computed once and for all")
	}
	// A constant that is fed is one no more, in that run.
	out, err := s.Run(ctx, gorgonia.Nodes{y}, graph.Feed{x: feed(x, 0, 0)[x], two: feed(x, 1, 1)[x]})
	require.NoError(t, err)
	require.Equal(t, []float32{1, 1}, out[0].Data())
}

func TestErrorsOfConstants(t *testing.T) {
	g := graph.New()
	table := g.Constant(tensor.New(tensor.WithShape(2, 1), tensor.WithBacking([]float32{2, 3})))
	y := ops.Gather(g, table, g.Constant(tensor.New(tensor.WithShape(1), tensor.WithBacking([]int64{7}))))
	require.NoError(t, g.Err())
	require.ErrorContains(t, newSession(t, g).Compile(gorgonia.Nodes{y}, nil), "7")
}
