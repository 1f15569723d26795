package session_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	. "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/session"
)

// merged lists pairs of calls that Gorgonia takes for one: it compares hashes that leave
// out what tells the two apart, or it changes the op of the first. The second call
// returns the first one's node, and nothing in the graph shows that it was made: no
// session can refuse these. docs/from-gorgonia.md lists them by these names.
var merged = []struct {
	name          string
	first, second func(x *Node) (*Node, error)
}{
	{"SoftMax and LogSoftMax of one node",
		func(x *Node) (*Node, error) { return SoftMax(x, 1) },
		func(x *Node) (*Node, error) { return LogSoftMax(x, 1) }},
	{"Sparsemax of one node along two axes",
		func(x *Node) (*Node, error) { return Sparsemax(x, 1) },
		func(x *Node) (*Node, error) { return Sparsemax(x, 0) }},
	{"Slice with bounds that differ by 256",
		func(x *Node) (*Node, error) { return Slice(x, S(0, 2)) },
		func(x *Node) (*Node, error) { return Slice(x, S(256, 258)) }},
	{"two constants of one printed value",
		func(x *Node) (*Node, error) { return x.Graph().AddNode(large(0)), nil },
		func(x *Node) (*Node, error) { return x.Graph().AddNode(large(7)), nil }},
	{"two inputs of one name and shape",
		func(x *Node) (*Node, error) { return NewVector(x.Graph(), Float64, WithName("w"), WithShape(3)), nil },
		func(x *Node) (*Node, error) { return NewVector(x.Graph(), Float64, WithName("w"), WithShape(3)), nil }},
	{"AveragePool1D", // it is MaxPool1D
		func(x *Node) (*Node, error) { return MaxPool1D(images(x), 2, 0, 2) },
		func(x *Node) (*Node, error) { return AveragePool1D(images(x), 2, 0, 2) }},
	{"CTCLoss with both reductions",
		func(x *Node) (*Node, error) { return ctcLoss(graph.Wrap(x.Graph()), ReductionMean, 5, 5), nil },
		func(x *Node) (*Node, error) { return ctcLoss(graph.Wrap(x.Graph()), ReductionSum, 5, 5), nil }},
	{"Conv2d with two dilations",
		func(x *Node) (*Node, error) {
			return Im2Col(images(x), tensor.Shape{1, 1}, tensor.Shape{0, 0}, tensor.Shape{1, 1}, tensor.Shape{1, 1})
		},
		func(x *Node) (*Node, error) {
			return Im2Col(images(x), tensor.Shape{1, 1}, tensor.Shape{0, 0}, tensor.Shape{1, 1}, tensor.Shape{2, 2})
		}},
}

func large(middle float64) *Node {
	values := make([]float64, 2000)
	values[1000] = middle
	return NewConstant(tensor.New(tensor.WithBacking(values)))
}

func images(x *Node) *Node { return Must(Reshape(x, tensor.Shape{1, 1, 1, 600})) }

// If this fails, Gorgonia has mended something: strike it from the page.
func TestMergedWhileBuilding(t *testing.T) {
	for _, c := range merged {
		t.Run(c.name, func(t *testing.T) {
			x := NewMatrix(NewGraph(), Float64, WithName("x"), WithShape(300, 2))
			require.Same(t, Must(c.first(x)), Must(c.second(x)))
		})
	}
}

// Log(SoftMax(x)) makes the SoftMax node itself return logarithms.
func TestLogOfSoftMaxIsSoftMax(t *testing.T) {
	g := graph.New()
	x := fixed(g, "x", tensor.Shape{1, 2})
	p := Must(SoftMax(x, 1))
	require.Same(t, p, Must(Log(p)))
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	require.Equal(t, []float64{-math.Ln2, -math.Ln2}, run(t, s, nil, p)[0])
}

// BinaryXent of exactly 0 and 1 is 0·log 0, NaN; between them it is right.
func TestBinaryXentOfCertainty(t *testing.T) {
	g := graph.New()
	p, y := g.Placeholder("p", tensor.Float64, 2), g.Placeholder("y", tensor.Float64, 2)
	loss := Must(BinaryXent(p, y))
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	feed := func(values ...float64) graph.Feed {
		return graph.Feed{p: tensor.New(tensor.WithBacking(values)), y: tensor.New(tensor.WithBacking([]float64{0, 1}))}
	}
	// Log(1-x), inside, takes a node out of the graph; its index of inputs is then wrong.
	values, err := s.Run(ctx, Nodes{loss}, feed(0.25, 0.5))
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{-math.Log(0.75), -math.Log(0.5)}, values[0].Data(), 1e-12)
	require.True(t, math.IsNaN(numbers(run(t, s, feed(0, 1), loss)[0])[0]))
}

// An op that Gorgonia's machine computes in place leaves what it read alone.
func TestVariablesAreNotOverwritten(t *testing.T) {
	g := graph.New()
	w := fixed(g, "w", tensor.Shape{4}, 1, 2, 3, 4)
	c := fixed(g, "c", tensor.Shape{2, 2}, 10, 10, 10, 10)
	product := Must(HadamardProd(Must(Reshape(w, tensor.Shape{2, 2})), c))
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	for range 2 {
		require.Equal(t, []float64{10, 20, 30, 40}, run(t, s, nil, product)[0])
		require.Equal(t, []float64{1, 2, 3, 4}, run(t, s, nil, w)[0])
	}
}

// noGradient lists ops through which Gorgonia cannot differentiate.
var noGradient = []struct {
	name  string
	shape tensor.Shape
	build func(x *Node) (*Node, error)
}{
	{"At", tensor.Shape{2}, func(x *Node) (*Node, error) { return At(x, 1) }},
	{"DiagFlat", tensor.Shape{2}, DiagFlat},
	{"GlobalAveragePool2D", tensor.Shape{1, 1, 2, 2}, GlobalAveragePool2D},
	{"Ceil", tensor.Shape{2}, Ceil},
	{"Floor", tensor.Shape{2}, Floor},
	{"Sign", tensor.Shape{2}, Sign},
	{"Gt", tensor.Shape{2}, func(x *Node) (*Node, error) { return Gt(x, NewConstant(0.0), true) }},
}

// What has no derivative says so where the loss depends on nothing else.
func TestNoGradient(t *testing.T) {
	for _, c := range noGradient {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			x := fixed(g, "x", c.shape)
			loss := Must(c.build(x))
			if loss.Dims() > 0 {
				loss = ops.Sum(g, loss)
			}
			g.Gradients(loss, x)
			require.Error(t, g.Err())
			require.Regexp(t, "does not depend on|has no gradient", g.Err().Error())
		})
	}
}

// What Gorgonia refuses while building says so.
func TestRefusedByGorgonia(t *testing.T) {
	x := NewMatrix(NewGraph(), Float64, WithName("x"), WithShape(3, 4))
	for name, build := range map[string]func() (*Node, error){
		"LogSumExp":            func() (*Node, error) { return LogSumExp(x, 1) },
		"MaxBetween, constant": func() (*Node, error) { return MaxBetween(x, NewConstant(0.5)) },
		"MinBetween, constant": func() (*Node, error) { return MinBetween(x, NewConstant(0.5)) },
	} {
		_, err := build()
		require.Error(t, err, name)
	}
}
