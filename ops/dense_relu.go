package ops

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// DenseReLU is [Dense] with max(y, 0) as its last pass, which costs a node, a gradient of
// its own and two passes over the result less than [ReLU] of Dense: x [batch, ..., inputs],
// kernel [inputs, units], bias [units], result [batch, ..., units]. A nil bias is left out.
func DenseReLU(g *graph.Graph, x, kernel, bias *gorgonia.Node) *gorgonia.Node {
	const name = "DenseReLU"
	inputs := gorgonia.Nodes{x, kernel}
	if bias != nil {
		inputs = append(inputs, bias)
	}
	if bad, ok := check(g, name, inputs...); !ok {
		return bad
	}
	return applyWithScratch(g, definition{
		name: name, dtype: x.Dtype(), dims: x.Dims(),
		shape:          denseShape,
		differentiable: []bool{true, true, true}[:len(inputs)],
		gradient: func(in gorgonia.Nodes, out, grad *gorgonia.Node) gorgonia.Nodes {
			return denseGradients(g, in, reluGradient(g, out, grad))
		},
	}, pickScratch(x.Dtype(), denseReLUKernel[float32], denseReLUKernel[float64]), inputs...)
}

func denseReLUKernel[T float]() kernel {
	var y, bias []T
	var units int
	loop := overRows(func(from, to int) { finish(y[from*units:to*units], bias, true) })
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		rows, inputs := last(in[0].Shape())
		y, bias, units = elements[T](out), nil, in[1].Shape()[1]
		if len(in) == 3 {
			bias = elements[T](in[2])
		}
		gemm(false, false, rows, units, inputs, elements[T](in[0]), inputs, elements[T](in[1]), units, 0, y, units)
		loop.run(rows, units)
		y, bias = nil, nil
		return nil
	}
}
