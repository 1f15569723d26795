package session_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	. "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/session"
)

// input returns an input of a bare Gorgonia graph that counts up from first.
func input(g *ExprGraph, name string, first int, shape ...int) *Node {
	values := tensor.Range(tensor.Float64, first, first+tensor.Shape(shape).TotalSize())
	return NewTensor(g, Float64, len(shape), WithName(name), WithShape(shape...),
		WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))))
}

// derivative returns the gradient of the sum of n with respect to x, by gorgonia.Grad.
func derivative(n, x *Node) *Node {
	weights := NewConstant(tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(tensor.Range(tensor.Float64, 1, n.Shape().TotalSize()+1))))
	gradients, err := Grad(Must(Sum(Must(HadamardProd(n, weights)))), x)
	if err != nil {
		panic(err)
	}
	return gradients[0]
}

// replacedOps are computed right here and wrong by Gorgonia's own machine.
var replacedOps = []struct {
	rule  string
	build func(g *ExprGraph) *Node
	at    int // the element looked at
	stock float64
	right float64
}{
	{"Sum", func(g *ExprGraph) *Node { return Must(Sum(input(g, "x", 0, 1, 2, 3, 2), 2)) }, 2, 18, 24},
	{"Max", func(g *ExprGraph) *Node { return Must(Max(input(g, "x", 0, 1, 2, 3, 2), 2)) }, 2, 8, 10},
	{"Log2 gradient", func(g *ExprGraph) *Node {
		x := input(g, "x", 2, 1)
		return derivative(Must(Log2(x)), x)
	}, 0, math.Ln2 / 2, 1 / (2 * math.Ln2)},
	{"InverseSqrt gradient", func(g *ExprGraph) *Node {
		x := input(g, "x", 4, 1)
		return derivative(Must(InverseSqrt(x)), x)
	}, 0, -4, -1. / 16},
	{"HadamardDiv", func(g *ExprGraph) *Node {
		return Must(HadamardDiv(input(g, "x", -1, 2), input(g, "y", 0, 2)))
	}, 0, math.Inf(1), math.Inf(-1)},
	{"SoftMax and LogSoftMax", func(g *ExprGraph) *Node {
		x := NewMatrix(g, Float64, WithName("x"), WithShape(2, 2), WithValue(tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float64{1000, 0, 0, 1}))))
		return Must(SoftMax(x))
	}, 2, math.NaN(), 1 / (1 + math.E)},
	{"ByIndices", func(g *ExprGraph) *Node {
		return Must(ByIndices(input(g, "x", 0, 2, 3, 2), NewVector(g, Int, WithName("i"), WithShape(2), WithValue(tensor.New(tensor.WithBacking([]int{2, 0})))), 1))
	}, 6, 4, 6},
	{"ByIndices gradient", func(g *ExprGraph) *Node {
		x := input(g, "x", 0, 2, 3)
		return derivative(Must(ByIndices(x, NewVector(g, Int, WithName("i"), WithShape(2), WithValue(tensor.New(tensor.WithBacking([]int{0, 2})))), 1)), x)
	}, 2, 0, 2},
}

func TestReplacedOps(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range replacedOps {
		seen[c.rule] = true
		t.Run(c.rule, func(t *testing.T) {
			require.True(t, ruleOf(t, c.rule).Replaced)
			var got [2]float64
			for i, machine := range []func(*ExprGraph) VM{
				func(g *ExprGraph) VM { return NewTapeMachine(g) },
				func(g *ExprGraph) VM { return session.NewVM(g) },
			} {
				g := NewGraph()
				n := c.build(g)
				var v Value
				Read(n, &v)
				vm := machine(g)
				require.NoError(t, vm.RunAll())
				got[i] = numbers(v.Data())[c.at]
				require.NoError(t, vm.Close())
			}
			require.InDelta(t, c.stock, got[0], 1e-12, "Gorgonia's machine has another value than docs/from-gorgonia.md says")
			require.InDelta(t, c.right, got[1], 1e-12)
		})
	}
	for _, r := range session.StockRules() {
		if r.Replaced {
			require.True(t, seen[r.Op], "no case replaces %s", r.Op)
		}
	}
}

// What only looks like a wrong gradient is left alone.
func TestLookalikesAreNotReplaced(t *testing.T) {
	for name, c := range map[string]struct {
		build func(x *Node) *Node
		want  float64 // at 4
	}{
		"log2 by hand, differentiated": {func(x *Node) *Node {
			return derivative(Must(HadamardDiv(Must(Log(x)), NewConstant(math.Ln2))), x)
		}, 1 / (4 * math.Ln2)},
		"division by ln 2 beside log2": {func(x *Node) *Node {
			return Must(Add(Must(Log2(x)), Must(HadamardDiv(x, NewConstant(math.Ln2)))))
		}, 2 + 4/math.Ln2},
		"division by ln 2 beside log2, differentiated": {func(x *Node) *Node {
			return Must(Add(derivative(Must(Log2(x)), x), Must(HadamardDiv(x, NewConstant(math.Ln2)))))
		}, 1/(4*math.Ln2) + 4/math.Ln2},
		"division by two cubes of invSqrt": {func(x *Node) *Node {
			return Must(HadamardDiv(x, Must(HadamardProd(NewConstant(2.0), Must(Cube(Must(InverseSqrt(x))))))))
		}, 16},
	} {
		g := NewGraph()
		var v Value
		Read(c.build(input(g, "x", 4, 1)), &v)
		vm := session.NewVM(g)
		require.NoError(t, vm.RunAll(), name)
		require.InDelta(t, c.want, numbers(v.Data())[0], 1e-12, name)
		require.NoError(t, vm.Close())
	}
}

// Replacements serve the dtypes that the stock op serves.
func TestReplacedDtypes(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64, tensor.Int, tensor.Int64, tensor.Int32, tensor.Uint8} {
		g := graph.New()
		x := g.Placeholder("x", dt, 2, 3, 2)
		i := g.Placeholder("i", tensor.Int, 2)
		s, err := session.New(g)
		require.NoError(t, err)
		feed := graph.Feed{
			x: tensor.New(tensor.WithShape(2, 3, 2), tensor.WithBacking(tensor.Range(dt, 0, 12))),
			i: tensor.New(tensor.WithBacking([]int{2, 0})),
		}
		out := run(t, s, feed, Must(Sum(x, 1)), Must(Max(x, 1)), Must(ByIndices(x, i, 1)), Must(Sum(x)))
		require.Equal(t, "[6 9 24 27]", fmt.Sprint(out[0]), dt)
		require.Equal(t, "[4 5 10 11]", fmt.Sprint(out[1]), dt)
		require.Equal(t, "[4 5 0 1 10 11 6 7]", fmt.Sprint(out[2]), dt)
		require.Equal(t, "66", fmt.Sprint(out[3]), dt)
		feed[i] = tensor.New(tensor.WithBacking([]int{3, 0}))
		_, err = s.Run(ctx, Nodes{Must(ByIndices(x, i, 1))}, feed)
		require.ErrorContains(t, err, "index 0 is 3, want 0 to 2")
		require.NoError(t, s.Close())
	}
}

// A maximum over NaN is NaN, so that the guard against NaN sees it.
func TestMaxKeepsNaN(t *testing.T) {
	g := graph.New()
	x := fixed(g, "x", tensor.Shape{3}, 1, math.NaN(), 2)
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	require.True(t, math.IsNaN(numbers(run(t, s, nil, Must(Max(x)))[0])[0]))
}

// The rules' type names and fields are those of the pinned version of Gorgonia.
func TestStockRulesKnowGorgonia(t *testing.T) {
	types := map[string]bool{}
	collect := func(g *ExprGraph) {
		for _, n := range g.AllNodes() {
			types[fmt.Sprintf("%T", n.Op())] = true
		}
	}
	for _, c := range wrongOps {
		g := graph.New()
		c.build(g)
		collect(g.ExprGraph)
	}
	for _, c := range replacedOps {
		g := NewGraph()
		c.build(g)
		collect(g)
	}
	g := graph.New()
	x := fixed(g, "x", tensor.Shape{2, 2}, 1, 2, 3, 4)
	y, _, _, _, err := BatchNorm(x, fixed(g, "scale", tensor.Shape{1, 2}), fixed(g, "bias", tensor.Shape{1, 2}), 0.1, 1e-5)
	require.NoError(t, err)
	g.Gradients(Must(Sum(y)), x)
	collect(g.ExprGraph)
	for _, r := range session.StockRules() {
		for _, name := range r.Types {
			require.True(t, types[name], "rule %s: no constructor makes a %s", r.Op, name)
		}
	}
}
