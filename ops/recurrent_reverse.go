package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// ReverseSequence turns the first lengths[b] time steps of row b around and leaves the
// others where they are, as tf.reverse_sequence does: x [batch, time, ...], lengths
// integers [batch] from 0 to time, or nil for the whole time. A length out of range is an
// error of the run that names the row.
func ReverseSequence(g *graph.Graph, x, lengths *gorgonia.Node) *gorgonia.Node {
	const name = "ReverseSequence"
	if bad, ok := check(g, name, x); !ok {
		return bad
	}
	inputs := gorgonia.Nodes{x}
	if lengths != nil {
		if bad, ok := checkAny(g, name, lengths); !ok {
			return bad
		}
		if dt := lengths.Dtype(); !isInteger(dt) {
			return fail(g, name, "lengths %q have dtype %v, want integers: use ops.Cast", lengths.Name(), dt)
		}
		inputs = append(inputs, lengths)
	}
	return apply(g, definition{
		name: name, dtype: x.Dtype(), dims: x.Dims(),
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			if len(in[0]) < 2 {
				return nil, fmt.Errorf("%s: x has shape %v, want [batch, time, ...]", name, in[0])
			}
			if len(in) == 2 && !equal(in[1], in[0][:1]) {
				return nil, fmt.Errorf("%s: lengths have shape %v, want %v", name, in[1], in[0][:1])
			}
			return in[0].Clone(), nil
		},
		run:            pick(x.Dtype(), reverseKernel[float32], reverseKernel[float64]),
		differentiable: []bool{true, false}[:len(inputs)],
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			if len(in) == 1 {
				return gorgonia.Nodes{ReverseSequence(g, grad, nil)}
			}
			return gorgonia.Nodes{ReverseSequence(g, grad, in[1]), nil}
		},
	}, inputs...)
}

func reverseKernel[T float](out gorgonia.Value, in []gorgonia.Value) error {
	y, x, shape := elements[T](out), elements[T](in[0]), out.Shape()
	batch, time, n := shape[0], shape[1], size(shape[2:])
	var given gorgonia.Value
	if len(in) == 2 {
		given = in[1]
	}
	l, err := lengthsOf(given, batch, time)
	if err != nil {
		return err
	}
	for b := range batch {
		row, to := x[b*time*n:(b+1)*time*n], y[b*time*n:(b+1)*time*n]
		steps := l.of(b)
		for t := range steps {
			copy(to[t*n:(t+1)*n], row[(steps-1-t)*n:])
		}
		copy(to[steps*n:], row[steps*n:])
	}
	return nil
}
