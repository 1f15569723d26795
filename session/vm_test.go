package session_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/session"
)

// regression builds a stock Gorgonia program: predictions, loss, gradients.
func regression() (g *gorgonia.ExprGraph, w *gorgonia.Node, loss *gorgonia.Value) {
	g = gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float64, gorgonia.WithName("x"), gorgonia.WithShape(4, 2),
		gorgonia.WithValue(tensor.New(tensor.WithShape(4, 2), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6, 7, 9}))))
	y := gorgonia.NewMatrix(g, tensor.Float64, gorgonia.WithName("y"), gorgonia.WithShape(4, 1),
		gorgonia.WithValue(tensor.New(tensor.WithShape(4, 1), tensor.WithBacking([]float64{5, 11, 17, 25}))))
	w = gorgonia.NewMatrix(g, tensor.Float64, gorgonia.WithName("w"), gorgonia.WithShape(2, 1), gorgonia.WithInit(gorgonia.Zeroes()))
	diff := gorgonia.Must(gorgonia.Sub(gorgonia.Must(gorgonia.Mul(x, w)), y))
	cost := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(diff))))
	loss = new(gorgonia.Value)
	gorgonia.Read(cost, loss)
	if _, err := gorgonia.Grad(cost, w); err != nil {
		panic(err)
	}
	return g, w, loss
}

func losses(t *testing.T, vm gorgonia.VM, w *gorgonia.Node, loss *gorgonia.Value) []float64 {
	t.Helper()
	solver := gorgonia.NewVanillaSolver(gorgonia.WithLearnRate(0.01))
	var got []float64
	for range 20 {
		require.NoError(t, vm.RunAll())
		got = append(got, (*loss).Data().(float64))
		require.NoError(t, solver.Step(gorgonia.NodesToValueGrads(gorgonia.Nodes{w})))
		vm.Reset()
	}
	require.NoError(t, vm.Close())
	return got
}

func TestVMDoesWhatTheTapeMachineDoes(t *testing.T) {
	g, w, loss := regression()
	stock := losses(t, gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(w)), w, loss)
	g, w, loss = regression()
	ours := losses(t, session.NewVM(g, gorgonia.BindDualValues(w)), w, loss)
	require.Equal(t, stock, ours)
	require.Less(t, ours[19], ours[0]/10)
}

func TestVMErrors(t *testing.T) {
	g := gorgonia.NewGraph()
	vm := session.NewVM(g)
	require.ErrorContains(t, vm.RunAll(), "no nodes")
	x := gorgonia.NewVector(g, tensor.Float64, gorgonia.WithName("x"), gorgonia.WithShape(2))
	y := gorgonia.Must(gorgonia.Square(x))
	require.ErrorContains(t, vm.RunAll(), `input "x" of shape (2) has no value`)
	require.NoError(t, gorgonia.Let(x, tensor.New(tensor.WithBacking([]float64{3, 4}))))
	require.NoError(t, vm.RunAll())
	require.Equal(t, []float64{9, 16}, y.Value().Data())
	require.NoError(t, gorgonia.Let(x, tensor.New(tensor.WithBacking([]float64{1, 2}))))
	require.NoError(t, vm.Run(ctx))
	require.Equal(t, []float64{1, 4}, y.Value().Data())
	require.NoError(t, vm.Close())
	require.ErrorIs(t, vm.RunAll(), session.ErrClosed)
}

// A stock op that returns a view of its input must not let an update through.
func TestVMKeepsInputs(t *testing.T) {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float64, gorgonia.WithName("x"), gorgonia.WithShape(2, 2),
		gorgonia.WithValue(tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float64{1, 2, 3, 4}))))
	two := gorgonia.NewConstant(2.0)
	doubled := gorgonia.Must(gorgonia.Mul(gorgonia.Must(gorgonia.Reshape(x, tensor.Shape{4})), two))
	sum := gorgonia.Must(gorgonia.Sum(x, 0))
	vm := session.NewVM(g)
	for range 2 {
		require.NoError(t, vm.RunAll())
		require.Equal(t, []float64{2, 4, 6, 8}, doubled.Value().Data())
		require.Equal(t, []float64{4, 6}, sum.Value().Data())
		require.Equal(t, []float64{1, 2, 3, 4}, x.Value().Data())
	}
	require.NoError(t, vm.Close())
}
