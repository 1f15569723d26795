package session_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/session"
)

// fixed returns a float64 variable of given values.
func fixed(g *graph.Graph, name string, shape tensor.Shape, values ...float64) *gorgonia.Node {
	return g.Variable(name, tensor.Float64, shape, graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
		copy(v.Float64s(), values)
		return nil
	}))
}

func must(n *gorgonia.Node, err error) *gorgonia.Node { return gorgonia.Must(n, err) }

// gradient returns the gradient of the sum of n's elements times 1, 2, 3, ...
func gradient(g *graph.Graph, n, wrt *gorgonia.Node) *gorgonia.Node {
	if n.Dims() > 0 {
		weights := tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(tensor.Range(tensor.Float64, 1, n.Shape().TotalSize()+1)))
		n = must(gorgonia.Sum(must(gorgonia.HadamardProd(n, g.NamedConstant("weights", weights)))))
	}
	return g.Gradients(n, wrt)[0]
}

func largest(values []float64) float64 { return slices.Max(values) }

// wrongOps are uses of stock ops that a session replaces or refuses: what Gorgonia
// computes, and what it should.
var wrongOps = []struct {
	rule    string
	dtype   tensor.Dtype
	build   func(g *graph.Graph) *gorgonia.Node
	measure func([]float64) float64 // default: the first element
	stock   float64                 // NaN: refused whatever it is
	right   float64
}{
	{
		rule: "Dropout", stock: 5, right: 1.25, measure: largest,
		build: func(g *graph.Graph) *gorgonia.Node {
			x := g.NamedConstant("one", tensor.New(tensor.WithShape(1, 64), tensor.WithBacking(slices.Repeat([]float64{1}, 64))))
			w := fixed(g, "w", tensor.Shape{1, 64})
			y := must(gorgonia.Dropout(must(gorgonia.Add(w, x)), 0.2))
			return g.Gradients(must(gorgonia.Sum(y)), w)[0]
		},
	},
	{
		rule: "UniformRandomNode, GaussianRandomNode and BinomialRandomNode", stock: math.NaN(),
		build: func(g *graph.Graph) *gorgonia.Node {
			return gorgonia.GaussianRandomNode(g.ExprGraph, tensor.Float64, 0, 1, 2)
		},
	},
	{
		rule: "UniformRandomNode, GaussianRandomNode and BinomialRandomNode", stock: math.NaN(),
		build: func(g *graph.Graph) *gorgonia.Node {
			return gorgonia.UniformRandomNode(g.ExprGraph, tensor.Float64, 0, 1, 2)
		},
	},
	{
		rule: "UniformRandomNode, GaussianRandomNode and BinomialRandomNode", stock: math.NaN(),
		build: func(g *graph.Graph) *gorgonia.Node {
			return gorgonia.BinomialRandomNode(g.ExprGraph, tensor.Float64, 3, 0.5, 2)
		},
	},
	{
		rule: "BatchNorm", stock: math.NaN(),
		build: func(g *graph.Graph) *gorgonia.Node {
			x := fixed(g, "x", tensor.Shape{2, 1}, 1, 3)
			y, _, _, _, err := gorgonia.BatchNorm(x, fixed(g, "scale", tensor.Shape{1, 1}, 1), fixed(g, "bias", tensor.Shape{1, 1}), 0.1, 1e-5)
			return must(y, err)
		},
	},
	{
		rule: "AveragePool2D with padding", stock: 0.8, right: 4. / 9, // of the 9 elements of the first window, 4 are in the image
		build: func(g *graph.Graph) *gorgonia.Node {
			x := fixed(g, "x", tensor.Shape{1, 1, 5, 5}, slices.Repeat([]float64{1}, 25)...)
			return must(gorgonia.AveragePool2D(x, tensor.Shape{3, 3}, []int{1, 1}, []int{2, 2}))
		},
	},
	{
		rule: "AveragePool2D gradient", stock: 0, right: 1, measure: func(v []float64) float64 { return v[3] },
		build: func(g *graph.Graph) *gorgonia.Node {
			x := fixed(g, "x", tensor.Shape{1, 1, 4, 4})
			return g.Gradients(must(gorgonia.Sum(must(gorgonia.AveragePool2D(x, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2})))), x)[0]
		},
	},
	{ // the gradient of a is G·b = [1 2; 3 4]·[3 4]
		rule: "OuterProd gradient", stock: 7, right: 11,
		build: func(g *graph.Graph) *gorgonia.Node {
			a := fixed(g, "a", tensor.Shape{2}, 1, 2)
			return gradient(g, must(gorgonia.OuterProd(a, fixed(g, "b", tensor.Shape{2}, 3, 4))), a)
		},
	},
	{ // the second column, [0.3 0.4], becomes [0.45 0.55]
		rule: "Sparsemax along another axis than the last", stock: 0.75, right: 0.45, measure: func(v []float64) float64 { return v[1] },
		build: func(g *graph.Graph) *gorgonia.Node {
			return must(gorgonia.Sparsemax(fixed(g, "x", tensor.Shape{2, 2}, 0.2, 0.3, 0.7, 0.4), 0))
		},
	},
	{
		rule: "SoftMax gradient of a column", stock: math.NaN(),
		build: func(g *graph.Graph) *gorgonia.Node {
			x := fixed(g, "x", tensor.Shape{2, 1}, 1, 2)
			return gradient(g, must(gorgonia.SoftMax(x)), x)
		},
	},
	{
		rule: "LogSumExp", stock: math.Log(3), right: 1 + math.Ln2,
		build: func(g *graph.Graph) *gorgonia.Node {
			return must(gorgonia.LogSumExp(fixed(g, "x", tensor.Shape{2}, 1, 1), 0))
		},
	},
	{
		rule: "CTCLoss gradient", stock: math.NaN(),
		build: func(g *graph.Graph) *gorgonia.Node {
			return g.Gradients(ctcLoss(g, gorgonia.ReductionMean, 5, 4), g.Variables()[0].Node)[0]
		},
	},
	{
		rule: "Sum", dtype: tensor.Int16, stock: math.NaN(),
		build: func(g *graph.Graph) *gorgonia.Node {
			return must(gorgonia.Sum(g.Placeholder("x", tensor.Int16, 2, 2), 0))
		},
	},
	{
		rule: "Max", dtype: tensor.Int16, stock: math.NaN(),
		build: func(g *graph.Graph) *gorgonia.Node {
			return must(gorgonia.Max(g.Placeholder("x", tensor.Int16, 2, 2), 0))
		},
	},
}

// ctcLoss is the loss of two targets, [1 2] and [3], over five steps of four labels.
func ctcLoss(g *graph.Graph, r gorgonia.Reduction, lengths ...int) *gorgonia.Node {
	logits := stockInput{shape: tensor.Shape{5, 2, 4}, low: -1, high: 1}
	x := fixed(g, "x", logits.shape, logits.data(0)...)
	ints := func(name string, shape tensor.Shape, values ...int) *gorgonia.Node {
		return g.NamedConstant(name, tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values)))
	}
	return must(gorgonia.CTCLoss(must(gorgonia.LogSoftMax(x, 2)), ints("targets", tensor.Shape{2, 2}, 1, 2, 3, 1),
		ints("lengths", tensor.Shape{2}, lengths...), ints("target lengths", tensor.Shape{2}, 2, 1), r))
}

// Every refused op is refused when the program is compiled, with an error that names the
// node, the op and what to use; and Gorgonia still computes the wrong value that
// docs/from-gorgonia.md gives, which AllowBrokenOps lets through.
func TestRefusedOps(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range wrongOps {
		seen[c.rule] = true
		t.Run(c.rule, func(t *testing.T) {
			g := graph.New()
			n := c.build(g)
			require.NoError(t, g.Err())
			s, err := session.New(g)
			require.NoError(t, err)
			defer s.Close()
			feed := graph.Feed{}
			for _, in := range g.AllNodes() {
				if in.Op() == nil && g.VariableOf(in) == nil {
					feed[in] = tensor.New(tensor.Of(c.dtype), tensor.WithShape(in.Shape()...))
				}
			}
			rule := ruleOf(t, c.rule)
			err = s.Compile(gorgonia.Nodes{n}, feed)
			var refused *session.RefusedOpError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, c.rule, refused.Op)
			require.Equal(t, rule.Why, refused.Why)
			require.Equal(t, rule.Use, refused.Use)
			require.NotEmpty(t, refused.Node)
			require.Contains(t, err.Error(), `node "`+refused.Node+`"`)
			require.Contains(t, err.Error(), "Gorgonia's "+rule.Op+" "+rule.Why+": "+rule.Use)
			if c.dtype != (tensor.Dtype{}) {
				return
			}
			broken, err := session.New(g, session.AllowBrokenOps())
			require.NoError(t, err)
			defer broken.Close()
			require.NoError(t, broken.Compile(gorgonia.Nodes{n}, feed))
			if math.IsNaN(c.stock) {
				return
			}
			measure := c.measure
			if measure == nil {
				measure = func(v []float64) float64 { return v[0] }
			}
			require.InDelta(t, c.stock, measure(numbers(run(t, broken, feed, n)[0])), 1e-12)
			require.NotEqual(t, c.stock, c.right)
		})
	}
	for _, r := range session.StockRules() {
		if !r.Replaced {
			require.True(t, seen[r.Op], "no case refuses %s", r.Op)
		}
	}
}

func ruleOf(t *testing.T, op string) session.StockRule {
	t.Helper()
	for _, r := range session.StockRules() {
		if r.Op == op {
			return r
		}
	}
	require.Fail(t, "there is no rule "+op)
	return session.StockRule{}
}

// The page says that the value of BatchNorm in training is right.
func TestBatchNormInTraining(t *testing.T) {
	for _, c := range []struct {
		x, scale tensor.Shape
		want     func([][]float64) []float64
	}{
		{tensor.Shape{6, 3}, tensor.Shape{1, 3}, normalized(6, 3, 1)},
		{tensor.Shape{3, 2, 3, 3}, tensor.Shape{1, 2, 1, 1}, normalized(3, 2, 9)},
	} {
		g := graph.New()
		var data [][]float64
		var in gorgonia.Nodes
		for i, shape := range []tensor.Shape{c.x, c.scale, c.scale} {
			data = append(data, normal(shape...).data(i))
			in = append(in, fixed(g, string(rune('a'+i)), shape, data[i]...))
		}
		y, _, _, _, err := gorgonia.BatchNorm(in[0], in[1], in[2], 0.1, 1e-5)
		require.NoError(t, err)
		s, err := session.New(g, session.AllowBrokenOps())
		require.NoError(t, err)
		require.InDeltaSlice(t, c.want(data), run(t, s, nil, y)[0], 1e-9)
		require.NoError(t, s.Close())
	}
}

// The page says what is wrong with the gradient of CTCLoss: it needs the loss to have
// run, which is not one of its inputs, and is NaN for short inputs.
func TestCTCGradient(t *testing.T) {
	gradient := func(withLoss bool, lengths ...int) ([]float64, error) {
		g := graph.New()
		loss := ctcLoss(g, gorgonia.ReductionMean, lengths...)
		fetches := g.Gradients(loss, g.Variables()[0].Node)
		if withLoss {
			fetches = append(fetches, loss)
		}
		s, err := session.New(g, session.AllowBrokenOps())
		require.NoError(t, err)
		defer s.Close()
		values, err := s.Run(ctx, fetches, nil)
		if err != nil {
			return nil, err
		}
		return numbers(values[0].Data()), nil
	}
	_, err := gradient(false, 5, 5)
	require.ErrorContains(t, err, "nil pointer")
	full, err := gradient(true, 5, 5)
	require.NoError(t, err)
	require.False(t, slices.ContainsFunc(full, math.IsNaN))
	short, err := gradient(true, 5, 4)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(short, math.IsNaN))
}

// A machine refuses as a session does, unless it was told.
func TestVMRefuses(t *testing.T) {
	build := func() *gorgonia.ExprGraph {
		g := gorgonia.NewGraph()
		x := gorgonia.NewVector(g, tensor.Float64, gorgonia.WithName("x"), gorgonia.WithShape(2),
			gorgonia.WithValue(tensor.New(tensor.WithBacking([]float64{1, 1}))))
		must(gorgonia.LogSumExp(x, 0))
		return g
	}
	vm := session.NewVM(build())
	var refused *session.RefusedOpError
	require.ErrorAs(t, vm.RunAll(), &refused)
	require.Equal(t, "LogSumExp", refused.Op)
	require.NoError(t, vm.Close())
	vm = session.NewVM(build()).AllowBrokenOps()
	require.NoError(t, vm.RunAll())
	require.NoError(t, vm.Close())
}

// The error says where the node was built, where the graph knows.
func TestRefusedOpErrorSite(t *testing.T) {
	e := &session.RefusedOpError{Node: "x", Op: "Log2", Site: "main.go:7", Why: "has a wrong gradient", Use: "use ops.Log"}
	require.EqualError(t, e, `session: node "x" (built at main.go:7): Gorgonia's Log2 has a wrong gradient: use ops.Log`)
	e.Site = ""
	require.EqualError(t, e, `session: node "x": Gorgonia's Log2 has a wrong gradient: use ops.Log`)
	require.False(t, errors.Is(e, session.ErrClosed))
}
