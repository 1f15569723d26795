package session_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	. "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/session"
)

// Solvers scale gradients and set them to zero. That must reach neither a constant nor the
// gradient of another variable, whose memory Gorgonia's graph may share.
func TestVMGradientsAreTheSolvers(t *testing.T) {
	type build func(w, b, c *Node) *Node
	same := func(w, b, c *Node) *Node { return Must(Sum(Must(Square(Must(Add(w, b)))))) }
	// Gorgonia's machine writes over an input that is reshaped, so there the graph for it has
	// no reshape.
	for name, builds := range map[string]struct{ stock, ours build }{
		"a constant":    {ours: func(w, b, c *Node) *Node { return Must(Add(Must(Sum(Must(Square(w)))), c)) }},
		"the same node": {ours: same},
		"a view": {stock: same, ours: func(w, b, c *Node) *Node {
			return Must(Sum(Must(Square(Must(Add(Must(Reshape(w, tensor.Shape{2, 2})), Must(Reshape(b, tensor.Shape{2, 2}))))))))
		}},
		"an input": {ours: func(w, b, c *Node) *Node { return Must(Mul(c, Must(Sum(Must(HadamardProd(w, b)))))) }},
	} {
		t.Run(name, func(t *testing.T) {
			var results [2][][]float64
			for i, machine := range []func(*ExprGraph, ...VMOpt) VM{
				func(g *ExprGraph, o ...VMOpt) VM { return NewTapeMachine(g, o...) },
				func(g *ExprGraph, o ...VMOpt) VM { return session.NewVM(g, o...) },
			} {
				g := NewGraph()
				w, b := given(g, "w", made(tensor.Float64, "w", 1, 4)), given(g, "b", made(tensor.Float64, "b", 1, 4))
				c := NewScalar(g, Float64, WithName("c"), WithValue(2.0))
				build := builds.ours
				if i == 0 && builds.stock != nil {
					build = builds.stock
				}
				cost := build(w, b, c)
				learnables := Nodes{w, b, c}
				learnables = slices.DeleteFunc(learnables, func(n *Node) bool { return !reaches(cost, n) })
				_, err := Grad(cost, learnables...)
				require.NoError(t, err)
				vm, solver := machine(g, BindDualValues(learnables...)), NewVanillaSolver(WithLearnRate(0.1))
				for range 4 {
					require.NoError(t, vm.RunAll())
					require.NoError(t, solver.Step(NodesToValueGrads(learnables)))
					for _, n := range learnables {
						results[i] = append(results[i], append([]float64(nil), numbers(n.Value().Data())...))
					}
					vm.Reset()
				}
				require.NoError(t, vm.Close())
			}
			require.Len(t, results[1], len(results[0]))
			for i := range results[0] {
				require.InDeltaSlice(t, results[0][i], results[1][i], 1e-12, "value %d", i)
			}
		})
	}
}

// reaches reports whether n is computed from an input.
func reaches(n, input *Node) bool {
	return n == input || slices.ContainsFunc(graph.InputsOf(n), func(in *Node) bool { return reaches(in, input) })
}

// A graph that Gorgonia's machine has run holds gradients of that run.
func TestVMAfterTapeMachine(t *testing.T) {
	g, w, _ := regression()
	stock := NewTapeMachine(g, BindDualValues(w))
	require.NoError(t, stock.RunAll())
	before, err := w.Grad()
	require.NoError(t, err)
	want := append([]float64(nil), numbers(before.Data())...)
	require.NoError(t, NewVanillaSolver(WithLearnRate(0)).Step(NodesToValueGrads(Nodes{w})))
	require.NoError(t, stock.Close())
	vm := session.NewVM(g)
	for range 2 {
		require.NoError(t, vm.RunAll())
		after, err := w.Grad()
		require.NoError(t, err)
		require.Equal(t, want, numbers(after.Data()))
	}
	require.NoError(t, vm.Close())
}

// A loop may bind a result of the graph to an input, as machine.Set does: the result's
// memory is written over while others still read the input.
func TestVMTakesItsOwnResults(t *testing.T) {
	g := NewGraph()
	w := given(g, "w", made(tensor.Float64, "w", 1, 3))
	next := Must(Add(w, NewConstant(1.0)))
	square := Must(Square(w)) // reads w after next was computed
	vm := session.NewVM(g)
	first := append([]float64(nil), numbers(w.Value().Data())...)
	for step := range 3 {
		require.NoError(t, vm.RunAll())
		for i, v := range first {
			v += float64(step)
			require.InDelta(t, v+1, numbers(next.Value().Data())[i], 1e-12)
			require.InDelta(t, v*v, numbers(square.Value().Data())[i], 1e-12)
		}
		require.NoError(t, Let(w, next.Value()))
	}
	require.NoError(t, vm.Close())
}

// Gorgonia's YOLOv3 returns its input's memory, transposed and through a sigmoid.
func TestYOLOLeavesItsInput(t *testing.T) {
	g := NewGraph()
	x := given(g, "x", made(tensor.Float32, "x", 1, 1, 18, 2, 2))
	doubled := Must(Add(x, x))
	boxes := Must(YOLOv3(doubled, []float32{10, 20, 30, 40, 50, 60}, []int{0, 1, 2}, 32, 1, 0.5))
	after := Must(Neg(doubled))
	vm := session.NewVM(g)
	var first []float64
	for range 2 {
		require.NoError(t, vm.RunAll())
		require.Equal(t, tensor.Shape{1, 12, 6}, boxes.Value().Shape())
		for i, v := range numbers(x.Value().Data()) {
			require.InDelta(t, -2*v, numbers(after.Value().Data())[i], 1e-6)
		}
		if first == nil {
			first = append(first, numbers(boxes.Value().Data())...)
		}
		require.Equal(t, first, numbers(boxes.Value().Data()))
	}
	require.NoError(t, vm.Close())
}
