package ops_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/session"
)

// In float32 these losses have kernels of their own: they agree with the formula in
// float64, the gradient of a confident prediction included.
func TestLossesInFloat32(t *testing.T) {
	var x, z []float32
	for v := -110.0; v <= 110; v += 0.37 {
		for _, label := range []float32{0, 1, 0.3} {
			x, z = append(x, float32(v)), append(z, label)
		}
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	x, z = append(x, 0, -inf, inf, nan, 1), append(z, 0, 0, 0, 1, nan)
	for name, c := range map[string]struct {
		op                func(*graph.Graph, *gorgonia.Node, *gorgonia.Node) *gorgonia.Node
		value, derivative func(x, z float64) float64
	}{
		"SigmoidCrossEntropy": {
			ops.SigmoidCrossEntropy,
			func(x, z float64) float64 { return max(x, 0) - x*z + math.Log1p(math.Exp(-math.Abs(x))) },
			func(x, z float64) float64 { return 1/(1+math.Exp(-x)) - z },
		},
		"SquaredError": {
			ops.SquaredError,
			func(x, z float64) float64 { return (x - z) * (x - z) },
			func(x, z float64) float64 { return 2 * (x - z) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			logits := g.Placeholder("x", tensor.Float32, len(x))
			labels := g.Placeholder("z", tensor.Float32, len(z))
			y := c.op(g, logits, labels)
			d := g.Gradients(ops.Sum(g, ops.Mul(g, y, g.Constant(vector(slices.Repeat([]float32{3}, len(x))...)))), logits)[0]
			require.NoError(t, g.Err())
			s, err := session.New(g)
			require.NoError(t, err)
			defer s.Close()
			out, err := s.Run(ctx, gorgonia.Nodes{y, d}, graph.Feed{logits: vector(x...), labels: vector(z...)})
			require.NoError(t, err)
			for i := range x {
				x, z := float64(x[i]), float64(z[i])
				message := fmt.Sprint("logit ", x, ", label ", z)
				for k, want := range []float64{c.value(x, z), 3 * c.derivative(x, z)} {
					got := float64(out[k].Data().([]float32)[i])
					if math.IsNaN(want) || math.IsInf(want, 0) {
						require.Equal(t, fmt.Sprint(want), fmt.Sprint(got), message)
						continue
					}
					// The terms of the loss are x and x*z, those of its gradient sigmoid(x) and z; what is below the smallest normal
					// number may be 0.
					require.InDelta(t, want, got, 4e-7*math.Abs(want)+1e-7*math.Abs(x*z)+3e-7*z+4e-38, message)
				}
			}
		})
	}
}
