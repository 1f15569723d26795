package ops_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/session"
)

// What internal/graphfuzz found, one test for each.

// A graph built for one row and fed several repeats a variable of one row; a graph built
// for several and fed one repeats the row. The gradients add up accordingly.
func TestGradientsOfWhatIsRepeatedInAnotherBatch(t *testing.T) {
	f64 := func(rows int, values ...float64) *tensor.Dense {
		return tensor.New(tensor.WithShape(rows, 2), tensor.WithBacking(values))
	}
	for name, c := range map[string]struct {
		built int
		fed   *tensor.Dense
		ofX   []float64
		ofV   []float64
	}{
		"one row built, three fed": {1, f64(3, 1, 2, 3, 4, 5, 6), []float64{10, 20, 10, 20, 10, 20}, []float64{9, 12}},
		"two rows built, one fed":  {2, f64(1, 1, 2), []float64{40, 60}, []float64{1, 2, 1, 2}},
		"as built":                 {2, f64(2, 1, 2, 3, 4), []float64{10, 20, 30, 40}, []float64{1, 2, 3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			x := g.Placeholder("x", tensor.Float64, c.built, 2)
			v := g.Variable("v", tensor.Float64, tensor.Shape{c.built, 2}, graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
				copy(v.Float64s(), []float64{10, 20, 30, 40})
				return nil
			}))
			gradients := g.Gradients(ops.Sum(g, ops.Mul(g, x, v)), x, v)
			require.NoError(t, g.Err())
			s, err := session.New(g)
			require.NoError(t, err)
			defer s.Close()
			out, err := s.Run(context.Background(), gradients, graph.Feed{x: c.fed})
			require.NoError(t, err)
			require.Equal(t, c.fed.Shape(), out[0].Shape())
			require.Equal(t, c.ofX, out[0].Data())
			require.Equal(t, tensor.Shape{c.built, 2}, out[1].Shape())
			require.Equal(t, c.ofV, out[1].Data())
		})
	}
}

func TestRecurrentOpsOfNoRows(t *testing.T) {
	g := graph.New()
	x := g.Variable("x", tensor.Float32, tensor.Shape{0, 3, 2}, nil)
	kernel := func(name string, rows, columns int) *gorgonia.Node {
		return g.Variable(name, tensor.Float32, tensor.Shape{rows, columns}, nil)
	}
	sequence, h, c := ops.LSTM(g, ops.Recurrent{X: x, Kernel: kernel("k", 2, 8), RecurrentKernel: kernel("r", 2, 8), Bias: g.Variable("b", tensor.Float32, tensor.Shape{8}, nil)})
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	out, err := s.Run(context.Background(), gorgonia.Nodes{sequence, h, c}, nil)
	require.NoError(t, err)
	require.Equal(t, tensor.Shape{0, 3, 2}, out[0].Shape())
}

// The gradient alone looks at the labels too: the loss does not run where it is not
// fetched.
func TestLabelsOutOfRangeInTheGradientAlone(t *testing.T) {
	g := graph.New()
	logits, labels := g.Placeholder("logits", tensor.Float32, 2, 3), g.Placeholder("labels", tensor.Int64, 2)
	gradient := g.Gradients(ops.Sum(g, ops.SparseSoftmaxCrossEntropy(g, logits, labels)), logits)
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(context.Background(), gradient, graph.Feed{
		logits: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(2, 3)), labels: tensor.New(tensor.WithBacking([]int64{0, 3})),
	})
	require.ErrorContains(t, err, "the label of row 1 is 3, want 0 to 2")
}

func TestConvolutionOfNoSteps(t *testing.T) {
	g := graph.New()
	x := g.Variable("x", tensor.Float64, tensor.Shape{2, 0, 4}, nil)
	kernel := g.Variable("kernel", tensor.Float64, tensor.Shape{3, 2, 4}, nil)
	y := ops.Conv1D(g, x, kernel, nil, ops.ConvOptions{Padding: ops.Same, Groups: 2})
	gradients := g.Gradients(ops.Sum(g, y), x, kernel)
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	out, err := s.Run(context.Background(), append(gradients, y), nil)
	require.NoError(t, err)
	require.Equal(t, make([]float64, 24), out[1].Data())
	require.Equal(t, tensor.Shape{2, 0, 4}, out[2].Shape())
}

func TestArgumentsThatWereNotChecked(t *testing.T) {
	f32 := func(s ...int) *tensor.Dense { return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(s...)) }
	inf := func(f func(g *graph.Graph, x *gorgonia.Node, alpha float64) *gorgonia.Node) build {
		return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			zero := 0.0
			return f(g, in[0], 1/zero)
		}
	}
	for want, c := range map[string]struct {
		build build
		in    []*tensor.Dense
	}{
		"ops.ReshapeRows: rows of shape (-3, -1), want sizes of at least 0": {func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			return ops.ReshapeRows(g, in[0], -3, -1)
		}, []*tensor.Dense{f32(2, 3)}},
		"ops.LeakyReLU: alpha is +Inf": {inf(ops.LeakyReLU), []*tensor.Dense{f32(2)}},
		"ops.ELU: alpha is +Inf":       {inf(ops.ELU), []*tensor.Dense{f32(2)}},
		"ops.Huber: delta is +Inf": {inf(func(g *graph.Graph, x *gorgonia.Node, delta float64) *gorgonia.Node {
			return ops.Huber(g, x, x, delta)
		}), []*tensor.Dense{f32(2)}},
		"ops.L1L2: l1 is +Inf and l2 0": {inf(func(g *graph.Graph, x *gorgonia.Node, l1 float64) *gorgonia.Node {
			return ops.L1L2(g, x, l1, 0)
		}), []*tensor.Dense{f32(2)}},
	} {
		t.Run(want, func(t *testing.T) {
			_, err := try(c.build, c.in...)
			require.ErrorContains(t, err, want)
		})
	}
}

// The derivative above 0 was alpha + (1 - alpha), which is 0 for a large alpha.
func TestLeakyReLUOfALargeSlope(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float64, 2)
	gradient := g.Gradients(ops.Sum(g, ops.LeakyReLU(g, x, 1e30)), x)
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	out, err := s.Run(context.Background(), gradient, graph.Feed{x: tensor.New(tensor.WithBacking([]float64{1, -1}))})
	require.NoError(t, err)
	require.Equal(t, []float64{1, 1e30}, out[0].Data())
}
