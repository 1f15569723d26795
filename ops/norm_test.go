package ops_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/ops/opstest"
	"github.com/stheno-ml/stheno/session"
)

func batchNorm(epsilon float64) build {
	return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		y, _, _ := ops.BatchNorm(g, in[0], in[1], in[2], epsilon)
		return y
	}
}

func layerNorm(epsilon float64) build {
	return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.LayerNorm(g, in[0], in[1], in[2], epsilon)
	}
}

func frozenBatchNorm(epsilon float64) build {
	return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.FrozenBatchNorm(g, in[0], in[1], in[2], in[3], in[4], epsilon)
	}
}

func TestNormGradients(t *testing.T) {
	for _, s := range []tensor.Shape{{4, 3}, {1, 3}, {5, 1}, {1, 1}, {2, 3, 2}, {2, 2, 3, 4}} {
		vectors := tensor.Shape{s[len(s)-1]}
		t.Run(fmt.Sprint("BatchNorm", s), func(t *testing.T) {
			opstest.CheckGradient(t, opstest.Case{Shapes: shapes(s, vectors, vectors), Build: batchNorm(1e-3), Tolerance: 1e-5})
		})
		t.Run(fmt.Sprint("LayerNorm", s), func(t *testing.T) {
			opstest.CheckGradient(t, opstest.Case{Shapes: shapes(s, vectors, vectors), Build: layerNorm(1e-3), Tolerance: 1e-5})
		})
		t.Run(fmt.Sprint("FrozenBatchNorm", s), func(t *testing.T) {
			opstest.CheckGradient(t, opstest.Case{Shapes: shapes(s, vectors, vectors, vectors, vectors), Low: 0.5, High: 2, Fixed: []int{3, 4}, Build: frozenBatchNorm(1e-3)})
		})
	}
}

// normalised is the definition: rows is how many elements share a mean, and at gives the
// i-th element of group k.
func normalised(x, gamma, beta []float64, channels int, byRow bool, epsilon float64) (y, mean, variance []float64) {
	groups, n := channels, len(x)/channels
	position := func(group, i int) int { return i*channels + group }
	if byRow {
		groups, n = n, channels
		position = func(group, i int) int { return group*channels + i }
	}
	y = make([]float64, len(x))
	for k := range groups {
		m, v := 0.0, 0.0
		for i := range n {
			m += x[position(k, i)] / float64(n)
		}
		for i := range n {
			v += math.Pow(x[position(k, i)]-m, 2) / float64(n)
		}
		for i := range n {
			p := position(k, i)
			y[p] = gamma[p%channels]*(x[p]-m)/math.Sqrt(v+epsilon) + beta[p%channels]
		}
		mean, variance = append(mean, m), append(variance, v)
	}
	return y, mean, variance
}

// Values by the definition, in both dtypes, over batches of several sizes through one
// session; far from 0 too, where E[x^2]-E[x]^2 fails.
func TestNormValues(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for range 60 {
			s := tensor.Shape{1 + r.IntN(4)}
			for range r.IntN(3) {
				s = append(s, 1+r.IntN(4))
			}
			channels := 1 + r.IntN(5)
			s = append(s, channels)
			offset, epsilon := []float64{0, 1000}[r.IntN(2)], []float64{1e-3, 0.5}[r.IntN(2)]
			g := graph.New()
			x, gamma, beta := g.Placeholder("x", dt, s...), g.Placeholder("gamma", dt, channels), g.Placeholder("beta", dt, channels)
			y, mean, variance := ops.BatchNorm(g, x, gamma, beta, epsilon)
			frozen := ops.FrozenBatchNorm(g, x, gamma, beta, mean, variance, epsilon)
			layer := ops.LayerNorm(g, x, gamma, beta, epsilon)
			require.NoError(t, g.Err())
			sess, err := session.New(g)
			require.NoError(t, err)
			for _, batch := range []int{s[0], s[0] + 2, 1} {
				shape := s.Clone()
				shape[0] = batch
				xv, gv, bv := randomValues(r, shape.TotalSize()), randomValues(r, channels), randomValues(r, channels)
				for i := range xv {
					xv[i] = float64(float32(xv[i] + offset))
				}
				out, err := sess.Run(ctx, gorgonia.Nodes{y, mean, variance, frozen, layer}, graph.Feed{
					x: ofDtype(dt, shape, xv), gamma: ofDtype(dt, tensor.Shape{channels}, gv), beta: ofDtype(dt, tensor.Shape{channels}, bv)})
				require.NoError(t, err)
				wantY, wantMean, wantVariance := normalised(xv, gv, bv, channels, false, epsilon)
				wantLayer, _, _ := normalised(xv, gv, bv, channels, true, epsilon)
				tolerance := 1e-9
				if dt == tensor.Float32 {
					tolerance = 1e-4
					if offset != 0 {
						tolerance = 2e-3 // a mean of 1000 is off by up to 3e-5
					}
				}
				require.InDeltaSlice(t, wantY, float64s(t, out[0]), tolerance, "%v %v", dt, shape)
				require.InDeltaSlice(t, wantMean, float64s(t, out[1]), tolerance)
				require.InDeltaSlice(t, wantVariance, float64s(t, out[2]), tolerance)
				require.InDeltaSlice(t, wantY, float64s(t, out[3]), tolerance)
				require.InDeltaSlice(t, wantLayer, float64s(t, out[4]), tolerance)
			}
			require.NoError(t, sess.Close())
		}
	}
}

// Gradients in float32, over several batch sizes: those of float64 (checked above).
func TestNormGradientsInFloat32(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for name, b := range map[string]build{"batch": batchNorm(1e-3), "layer": layerNorm(1e-3)} {
		s := shapes(tensor.Shape{3, 2, 5}, tensor.Shape{5}, tensor.Shape{5})
		single := newWeighted(t, tensor.Float32, b, s)
		for _, batch := range []int{3, 7, 1, 3, 7} { // again: in memory that was used
			s[0][0] = batch
			var a, c []*tensor.Dense
			for _, shape := range s {
				v := randomValues(r, shape.TotalSize())
				a, c = append(a, ofDtype(tensor.Float32, shape, v)), append(c, ofDtype(tensor.Float64, shape, v))
			}
			weights := randomValues(r, s[0].TotalSize())
			double := newWeighted(t, tensor.Float64, b, s)
			got, want := single.run(t, ofDtype(tensor.Float32, s[0], weights), a...), double.run(t, ofDtype(tensor.Float64, s[0], weights), c...)
			for i := range want {
				require.InDeltaSlice(t, float64s(t, want[i]), float64s(t, got[i]), 1e-3, "%s, batch %d, %d", name, batch, i)
			}
		}
	}
}

func TestAssignMovingAverage(t *testing.T) {
	g := graph.New()
	v := g.Variable("v", tensor.Float32, tensor.Shape{2}, nil, graph.NotTrainable())
	value := g.Placeholder("value", tensor.Float32, 2)
	update := ops.AssignMovingAverage(g, v, value, 0.75)
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	for _, want := range [][]float32{{1, -2}, {1.75, -3.5}} {
		out, err := s.Run(ctx, gorgonia.Nodes{update, v}, graph.Feed{value: vector(float32(4), -8)})
		require.NoError(t, err)
		require.Equal(t, want, out[0].Data())
		require.NotEqual(t, want, out[1].Data(), "a read is from before the step")
	}
}

func TestNormBadInput(t *testing.T) {
	rows, good, bad := tensor.Shape{4, 3}, tensor.Shape{3}, tensor.Shape{4}
	moving := func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.AssignMovingAverage(g, in[0], in[1], 1)
	}
	for name, c := range map[string]struct {
		build  build
		shapes []tensor.Shape
		want   string
	}{
		"axes":         {batchNorm(1e-3), shapes(good, good, good), "ops.BatchNorm: x has shape (3), want [batch, ..., channels]"},
		"gamma":        {batchNorm(1e-3), shapes(rows, bad, good), "BatchNorm: x has shape (4, 3) and gamma (4), want [3]"},
		"beta":         {layerNorm(1e-3), shapes(rows, good, rows), "LayerNorm: x has shape (4, 3) and beta (4, 3), want [3]"},
		"mean":         {frozenBatchNorm(1e-3), shapes(rows, good, good, bad, good), "and the mean (4), want [3]"},
		"variance":     {frozenBatchNorm(1e-3), shapes(rows, good, good, good, bad), "and the variance (4), want [3]"},
		"epsilon 0":    {batchNorm(0), shapes(rows, good, good), "ops.BatchNorm: epsilon is 0, want more than 0"},
		"epsilon NaN":  {layerNorm(math.NaN()), shapes(rows, good, good), "ops.LayerNorm: epsilon is NaN, want more than 0"},
		"momentum":     {moving, shapes(good, good), "ops.AssignMovingAverage: momentum is 1, want at least 0 and below 1"},
		"layer's axes": {layerNorm(1e-3), shapes(tensor.Shape{}, good, good), "x has shape (), want [batch, ..., channels]"},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			var in gorgonia.Nodes
			for i, s := range c.shapes {
				in = append(in, g.Placeholder(fmt.Sprint("in", i), tensor.Float64, s...))
			}
			require.True(t, g.Poisoned(c.build(g, in...)))
			require.ErrorContains(t, g.Err(), c.want)
		})
	}
	g := graph.New()
	x := g.Placeholder("x", tensor.Float64, 3, 2)
	ops.AssignMovingAverage(g, x, x, 0.5)
	require.ErrorContains(t, g.Err(), "must be a variable of this graph")
}
