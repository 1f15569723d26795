package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/philox"
)

// Dropout sets elements of x to 0 with probability rate and multiplies the others by
// 1/(1-rate) (Srivastava et al. 2014, inverted). Which elements is a function of the
// graph's seed, name and the value of step, an int64 scalar such as the global step:
// nothing is saved to resume a run, and the gradient finds the same elements. Give
// each dropout of a model a name of its own.
//
// rate is at least 0 and below 1.
func Dropout(g *graph.Graph, x, step *gorgonia.Node, rate float64, name string) *gorgonia.Node {
	const function = "Dropout"
	if bad, ok := check(g, function, x); !ok {
		return bad
	}
	if bad, ok := checkAny(g, function, step); !ok {
		return bad
	}
	if !(rate >= 0 && rate < 1) {
		return fail(g, function, "rate is %v, want at least 0 and below 1", rate)
	}
	if step.Dtype() != tensor.Int64 || step.Dims() != 0 {
		return fail(g, function, "step %q is %v %v, want an int64 scalar", step.Name(), step.Dtype(), step.Shape())
	}
	if rate == 0 {
		return x
	}
	return dropout(g, x, step, rate, name)
}

func dropout(g *graph.Graph, x, step *gorgonia.Node, rate float64, name string) *gorgonia.Node {
	seed := g.Seed()
	return apply(g, definition{
		name: "Dropout", attributes: fmt.Sprintf("%v,%q", rate, name), dtype: x.Dtype(), dims: x.Dims(),
		shape:          func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
		run:            pick(x.Dtype(), dropoutKernel[float32](seed, name, rate), dropoutKernel[float64](seed, name, rate)),
		differentiable: []bool{true, false},
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{dropout(g, grad, in[1], rate, name), nil}
		},
	}, x, step)
}

func dropoutKernel[T float](seed uint64, name string, rate float64) kernel {
	// A word below the threshold drops its element.
	threshold := uint64(rate * (1 << 32))
	scale := T(1 / (1 - rate))
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, x := elements[T](out), elements[T](in[0])
		stream := philox.New(seed, name, elements[int64](in[1])[0])
		for i := 0; i < len(x); i += 4 {
			words := stream.Block(uint64(i / 4))
			for k := i; k < min(i+4, len(x)); k++ {
				if uint64(words[k-i]) < threshold {
					y[k] = 0
				} else {
					y[k] = x[k] * scale
				}
			}
		}
		return nil
	}
}
