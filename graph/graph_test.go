package graph_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
)

func normal() graph.Initializer {
	return graph.InitializerFunc(func(v *tensor.Dense, r graph.Random) error {
		for i := range v.Float32s() {
			v.Float32s()[i] = float32(r.Normal(uint64(i)))
		}
		return nil
	})
}

func TestNamesAreUnique(t *testing.T) {
	for _, c := range []struct {
		name string
		use  func(g *graph.Graph)
		want string
	}{
		{"two placeholders", func(g *graph.Graph) { g.Placeholder("x", tensor.Float32, 2); g.Placeholder("x", tensor.Float32, 2) }, `the name "x" is already taken`},
		{"variable and placeholder", func(g *graph.Graph) {
			g.Variable("x", tensor.Float32, tensor.Shape{2}, nil)
			g.Placeholder("x", tensor.Float32, 3)
		}, `the name "x" is already taken`},
		{"scopes", func(g *graph.Graph) {
			g.Scope("a").Variable("w", tensor.Float32, nil, nil)
			g.Variable("a/w", tensor.Float32, nil, nil)
		}, `the name "a/w" is already taken`},
		{"empty", func(g *graph.Graph) { g.Variable("", tensor.Float32, nil, nil) }, "the name is empty"},
		{"white space", func(g *graph.Graph) { g.Variable("a b", tensor.Float32, nil, nil) }, `"a b"`},
		{"empty part", func(g *graph.Graph) { g.Placeholder("a//b", tensor.Float32) }, "a part between slashes is empty"},
		{"negative shape", func(g *graph.Graph) { g.Placeholder("x", tensor.Float32, 2, -1) }, "axis 1 is -1"},
		{"local variable", func(g *graph.Graph) {
			g.LocalVariable("n", tensor.Int64, nil, nil)
			g.LocalVariable("n", tensor.Int64, nil, nil)
		}, `the name "n" is already taken`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			c.use(g)
			require.ErrorContains(t, g.Err(), c.want)
			require.ErrorContains(t, g.Err(), "graph_test.go:", "the error has the place in the caller's code")
		})
	}
}

func TestUniqueName(t *testing.T) {
	g := graph.New()
	require.Equal(t, "dense", g.UniqueName("dense"))
	require.Equal(t, "dense_1", g.UniqueName("dense"))
	s := g.Scope("head")
	require.Equal(t, "dense", s.UniqueName("dense"))
	require.Equal(t, "head", s.ScopeName())
	require.Equal(t, "dense_2", g.UniqueName("dense"))
}

func TestFirstErrorStays(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float32, -1)
	require.True(t, g.Poisoned(x))
	first := g.Err()
	require.Error(t, first)
	g.Variable("", tensor.Float32, nil, nil)
	require.Equal(t, first, g.Err())
	require.True(t, g.Poisoned(g.Fail(errors.New("later"))))
	require.Equal(t, first, g.Err())
	var build *graph.BuildError
	require.ErrorAs(t, first, &build)
	require.NotEmpty(t, build.Site)
}

func TestVariables(t *testing.T) {
	g := graph.New(graph.Seed(1), graph.Training(true))
	require.True(t, g.Training())
	require.Equal(t, uint64(1), g.Seed())
	w := g.Scope("dnn").Variable("kernel", tensor.Float32, tensor.Shape{2, 3}, normal())
	ema := g.Variable("ema", tensor.Float32, tensor.Shape{3}, nil, graph.NotTrainable())
	n := g.LocalVariable("n", tensor.Int64, nil, nil)
	step := g.GlobalStep()
	require.Same(t, step, g.Scope("other").GlobalStep())
	require.Same(t, step, g.FindGlobalStep())
	require.Nil(t, graph.New().FindGlobalStep())
	require.NoError(t, g.Err())
	require.Equal(t, "dnn/kernel", w.Name())
	require.Equal(t, "global_step", step.Name())
	require.Len(t, g.Variables(), 4)
	require.Len(t, g.TrainableVariables(), 1)
	require.Same(t, w, g.TrainableVariables()[0].Node)
	require.True(t, g.VariableOf(n).Local)
	require.False(t, g.VariableOf(ema).Trainable)
	require.Nil(t, g.VariableOf(g.Placeholder("x", tensor.Float32)))
	require.Same(t, g.VariableOf(w), g.VariableNamed("dnn/kernel"))
}

func TestInitialValuesDependOnSeedAndNameOnly(t *testing.T) {
	initial := func(seed uint64, name string, before int) []float32 {
		g := graph.New(graph.Seed(seed))
		for i := range before {
			g.Variable(fmt.Sprint("v", i), tensor.Float32, tensor.Shape{4}, normal())
		}
		v, err := g.VariableOf(g.Variable(name, tensor.Float32, tensor.Shape{4}, normal())).Initial()
		require.NoError(t, err)
		return v.Float32s()
	}
	require.Equal(t, initial(1, "w", 0), initial(1, "w", 5))
	require.NotEqual(t, initial(1, "w", 0), initial(2, "w", 0))
	require.NotEqual(t, initial(1, "w", 0), initial(1, "u", 0))
}

func TestInitializerError(t *testing.T) {
	g := graph.New()
	v := g.Variable("w", tensor.Float32, tensor.Shape{2}, graph.InitializerFunc(func(*tensor.Dense, graph.Random) error {
		return errors.New("no")
	}))
	_, err := g.VariableOf(v).Initial()
	require.ErrorContains(t, err, `variable "w" float32 (2): no`)
}

func TestCollections(t *testing.T) {
	g := graph.New()
	a := g.Placeholder("a", tensor.Float32)
	b := g.Placeholder("b", tensor.Float32, 3)
	g.AddTo(graph.Losses, a, a)
	require.Equal(t, gorgonia.Nodes{a}, g.Collection(graph.Losses))
	require.Empty(t, g.Collection("none"))
	g.AddTo(graph.Summaries, a, b)
	g.AddSummary("loss", graph.ScalarSummary, a)
	require.Equal(t, []graph.Summary{
		{Tag: "a", Kind: graph.ScalarSummary, Node: a}, {Tag: "b", Kind: graph.HistogramSummary, Node: b},
		{Tag: "loss", Kind: graph.ScalarSummary, Node: a},
	}, g.SummaryList())
	require.NoError(t, g.Err())
	g.AddSummary("loss", graph.ScalarSummary, a)
	require.ErrorContains(t, g.Err(), `summary "loss": the tag is already taken`)
	other := graph.New()
	other.AddSummary("h", graph.ScalarSummary, other.Placeholder("b", tensor.Float32, 3))
	require.ErrorContains(t, other.Err(), "want a scalar")
}

func TestNodes(t *testing.T) {
	g := graph.New()
	a, b := g.Placeholder("a", tensor.Float32), g.Placeholder("b", tensor.Float32)
	require.Same(t, a, graph.Nodes{"x": a}.One())
	require.Nil(t, graph.Nodes{"x": a, "y": b}.One())
	require.Nil(t, graph.Nodes{}.One())
	require.Equal(t, gorgonia.Nodes{b, a}, graph.Nodes{"y": a, "x": b}.Ordered())
}

func TestFromExpr(t *testing.T) {
	expr := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(expr, tensor.Float32, gorgonia.WithName("x"), gorgonia.WithShape(2, 3))
	w := gorgonia.NewMatrix(expr, tensor.Float32, gorgonia.WithName("w"), gorgonia.WithShape(3, 1), gorgonia.WithInit(gorgonia.Ones()))
	bare := gorgonia.NewVector(expr, tensor.Float32, gorgonia.WithName("bare"), gorgonia.WithShape(3))
	y := gorgonia.Must(gorgonia.Mul(x, w))
	g, err := graph.FromExpr(expr, w)
	require.NoError(t, err)
	require.Equal(t, gorgonia.Nodes{x, bare}, g.Placeholders())
	v := g.VariableOf(w)
	require.True(t, v.Trainable)
	initial, err := v.Initial()
	require.NoError(t, err)
	require.Equal(t, []float32{1, 1, 1}, initial.Float32s())
	require.NoError(t, dense.Copy(initial, dense.New(tensor.Float32, tensor.Shape{3, 1})))
	again, _ := v.Initial()
	require.Equal(t, []float32{1, 1, 1}, again.Float32s(), "initial values are copies")

	other := gorgonia.NewMatrix(gorgonia.NewGraph(), tensor.Float32, gorgonia.WithName("w"), gorgonia.WithShape(1, 1))
	for name, c := range map[string]struct {
		expr  *gorgonia.ExprGraph
		nodes []*gorgonia.Node
		want  string
	}{
		"nil graph":   {nil, nil, "expression graph is nil"},
		"nil node":    {expr, []*gorgonia.Node{nil}, "learnable 0 is nil"},
		"foreign":     {expr, []*gorgonia.Node{other}, "another graph"},
		"computed":    {expr, []*gorgonia.Node{y}, "want an input node"},
		"no value":    {expr, []*gorgonia.Node{bare}, `"bare", has no value`},
		"given twice": {expr, []*gorgonia.Node{w, w}, "learnables 0 and 1 are one node"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := graph.FromExpr(c.expr, c.nodes...)
			require.ErrorContains(t, err, c.want)
		})
	}
	gorgonia.NewMatrix(expr, tensor.Float32, gorgonia.WithName("x"), gorgonia.WithShape(4, 3))
	_, err = graph.FromExpr(expr, w)
	require.ErrorContains(t, err, `the name "x" is already taken`)
}

// value evaluates a float64 node with the given inputs by the ops' own Do.
func value(n *gorgonia.Node, inputs map[*gorgonia.Node]gorgonia.Value) float64 {
	values := map[*gorgonia.Node]gorgonia.Value{}
	for _, m := range graph.Topological(n) {
		if v, ok := inputs[m]; ok {
			values[m] = v
			continue
		}
		if m.Value() != nil {
			values[m] = m.Value()
			continue
		}
		var in []gorgonia.Value
		for _, i := range graph.InputsOf(m) {
			in = append(in, values[i])
		}
		v, err := m.Op().Do(in...)
		if err != nil {
			panic(err)
		}
		values[m] = v
	}
	return values[n].Data().(float64)
}

func TestGradients(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float64)
	y := g.Placeholder("y", tensor.Float64)
	// loss = tanh(x*y) + x*x; x is used three times
	loss := gorgonia.Must(gorgonia.Add(
		gorgonia.Must(gorgonia.Tanh(gorgonia.Must(gorgonia.HadamardProd(x, y)))),
		gorgonia.Must(gorgonia.Square(x))))
	// A node without a derivative beside the loss does not matter.
	gorgonia.Must(gorgonia.Gt(x, y, true))
	grads := g.Gradients(loss, x, y)
	require.NoError(t, g.Err())
	in := map[*gorgonia.Node]gorgonia.Value{x: gorgonia.NewF64(0.3), y: gorgonia.NewF64(-0.7)}
	sech := 1 - math.Pow(math.Tanh(0.3*-0.7), 2)
	require.InDelta(t, sech*-0.7+0.6, value(grads[0], in), 1e-12)
	require.InDelta(t, sech*0.3, value(grads[1], in), 1e-12)
	// A second loss in the same graph has gradients of its own.
	second := gorgonia.Must(gorgonia.HadamardProd(x, y))
	require.InDelta(t, -0.7, value(g.Gradients(second, x)[0], in), 1e-12)
}

func TestGradientErrors(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(g *graph.Graph, x, v *gorgonia.Node)
		want string
	}{
		"vector loss": {func(g *graph.Graph, x, v *gorgonia.Node) { g.Gradients(v, x) }, "has shape (3), want a scalar"},
		"independent": {func(g *graph.Graph, x, v *gorgonia.Node) { g.Gradients(gorgonia.Must(gorgonia.Square(x)), v) }, `does not depend on v`},
		"one of two": {func(g *graph.Graph, x, v *gorgonia.Node) { g.Gradients(gorgonia.Must(gorgonia.Square(x)), x, v) },
			`does not depend on "v"`},
		"nil loss": {func(g *graph.Graph, x, v *gorgonia.Node) { g.Gradients(nil, v) }, "the loss is nil"},
		"integer":  {func(g *graph.Graph, x, v *gorgonia.Node) { i := g.Placeholder("i", tensor.Int64); g.Gradients(i, i) }, "dtype int64"},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			x, v := g.Placeholder("x", tensor.Float64), g.Placeholder("v", tensor.Float64, 3)
			c.do(g, x, v)
			require.ErrorContains(t, g.Err(), c.want)
		})
	}
}

func TestApplyErrors(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float64)
	square := gorgonia.Must(gorgonia.Square(x)).Op()
	foreign := graph.New().Placeholder("x", tensor.Float64)
	require.True(t, g.Poisoned(g.Apply(square, nil)))
	require.ErrorContains(t, g.Err(), "input 0 is nil")
	g = graph.New()
	g.Apply(square, foreign)
	require.ErrorContains(t, g.Err(), "belongs to another graph")
	g = graph.New()
	g.Apply(square, g.Placeholder("a", tensor.Float64), g.Placeholder("b", tensor.Float64))
	require.Error(t, g.Err())
}

func TestTopologicalIsDeterministic(t *testing.T) {
	build := func() []int64 {
		g := graph.New()
		x := g.Placeholder("x", tensor.Float64)
		n := x
		for range 20 {
			n = gorgonia.Must(gorgonia.Add(gorgonia.Must(gorgonia.Tanh(n)), x))
		}
		var ids []int64
		for _, m := range graph.Topological(n) {
			ids = append(ids, m.ID())
		}
		return ids
	}
	require.Equal(t, build(), build())
}

func Example() {
	g := graph.New(graph.Seed(42))
	x := g.Placeholder("x", tensor.Float32, 8, 4)
	w := g.Scope("dense").Variable("kernel", tensor.Float32, tensor.Shape{4, 3}, nil)
	y := gorgonia.Must(gorgonia.Mul(x, w)) // stock Gorgonia calls work
	g.SetName(y, "logits")
	g.Variable("dense/kernel", tensor.Float32, tensor.Shape{4, 3}, nil) // a mistake
	fmt.Println(y.Name(), y.Shape(), g.Err() != nil)
	// Output: logits (8, 3) true
}
