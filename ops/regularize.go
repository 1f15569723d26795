package ops

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// L1L2 is the scalar l1*sum(|x|) + l2*sum(x*x), a penalty on large weights, in one pass.
// The derivative of |x| at 0 is taken as 0. Sums are accumulated in float64. l1 and l2 are
// finite.
func L1L2(g *graph.Graph, x *gorgonia.Node, l1, l2 float64) *gorgonia.Node {
	const name = "L1L2"
	if bad, ok := check(g, name, x); !ok {
		return bad
	}
	if !finite(l1) || !finite(l2) {
		return fail(g, name, "l1 is %v and l2 %v, want finite numbers", l1, l2)
	}
	return apply(g, definition{
		name: name, attributes: attributes(l1, l2), dtype: x.Dtype(),
		shape:          func([]tensor.Shape) (tensor.Shape, error) { return tensor.ScalarShape(), nil },
		run:            pick(x.Dtype(), l1l2Kernel[float32](l1, l2), l1l2Kernel[float64](l1, l2)),
		differentiable: []bool{true},
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{apply(g, definition{
				name: name + "Grad", attributes: attributes(l1, l2), dtype: x.Dtype(), dims: x.Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
				run:   pick(x.Dtype(), l1l2PullKernel[float32](l1, l2), l1l2PullKernel[float64](l1, l2)),
			}, in[0], grad)}
		},
	}, x)
}

func l1l2Kernel[T float](l1, l2 float64) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		absolute, square := 0.0, 0.0
		for _, v := range elements[T](in[0]) {
			x := float64(v)
			square += x * x
			if x < 0 {
				x = -x
			}
			absolute += x
		}
		elements[T](out)[0] = T(l1*absolute + l2*square)
		return nil
	}
}

func l1l2PullKernel[T float](l1, l2 float64) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		d, x, grad := elements[T](out), elements[T](in[0]), elements[T](in[1])[0]
		linear, quadratic := T(l1)*grad, T(2*l2)*grad
		for i, v := range x {
			d[i] = quadratic * v
			switch {
			case v > 0:
				d[i] += linear
			case v < 0:
				d[i] -= linear
			}
		}
		return nil
	}
}
