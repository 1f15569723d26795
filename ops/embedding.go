package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// gatherGrad is the op by which LookupsOf knows the gradient of a Gather.
const gatherGrad = "GatherGrad"

// Gather looks rows up: table is [vocabulary, dim], ids [batch, ...] integers in [0,
// vocabulary), the result [batch, ..., dim]. An id out of range is an error of the run
// that names the row and the id.
//
// The gradient with respect to the table has the table's shape; rows that were looked up
// several times add up in the order of ids. [LookupsOf] has it as those rows
// alone, which is how package optim updates a large table.
func Gather(g *graph.Graph, table, ids *gorgonia.Node) *gorgonia.Node {
	const name = "Gather"
	if bad, ok := check(g, name, table); !ok {
		return bad
	}
	if bad, ok := checkAny(g, name, ids); !ok {
		return bad
	}
	if !isInteger(ids.Dtype()) {
		return fail(g, name, "ids %q have dtype %v, want integers: use ops.Cast", ids.Name(), ids.Dtype())
	}
	dt := table.Dtype()
	return applyWithScratch(g, definition{
		name: name, dtype: dt, dims: ids.Dims() + 1,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			if len(in[0]) != 2 {
				return nil, fmt.Errorf("%s: the table has shape %v, want [vocabulary, dim]", name, in[0])
			}
			return append(in[1].Clone(), in[0][1]), nil
		},
		differentiable: []bool{true, false},
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{applyWithScratch(g, definition{
				name: gatherGrad, dtype: dt, dims: 2,
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
			}, pickScratch(dt, gatherPullKernel[float32], gatherPullKernel[float64]), in[0], in[1], grad), nil}
		},
	}, pickScratch(dt, gatherKernel[float32], gatherKernel[float64]), table, ids)
}

func gatherKernel[T float]() kernel {
	var memory []int
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, table := elements[T](out), elements[T](in[0])
		vocabulary, dim := sides(in[0].Shape(), false)
		ids, err := idsOf(&memory, in[1], vocabulary)
		if err != nil {
			return err
		}
		for i, id := range ids {
			copy(y[i*dim:(i+1)*dim], table[id*dim:])
		}
		return nil
	}
}

// gatherPullKernel: in are the table, of which only the shape matters, the ids, and the
// gradient of the rows that were looked up.
func gatherPullKernel[T float]() kernel {
	var memory []int
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		d, grad := elements[T](out), elements[T](in[2])
		vocabulary, dim := sides(in[0].Shape(), false)
		ids, err := idsOf(&memory, in[1], vocabulary)
		if err != nil {
			return err
		}
		clear(d)
		for i, id := range ids {
			addRun(d[id*dim:], grad[i*dim:(i+1)*dim])
		}
		return nil
	}
}

// idsOf returns ids of any integer dtype, all of them in [0, limit).
func idsOf(memory *[]int, v gorgonia.Value, limit int) ([]int, error) {
	n := size(v.Shape())
	ids := grow(memory, n)
	if n == 0 {
		return ids, nil
	}
	switch {
	case copyIDs[int64](ids, v), copyIDs[int32](ids, v), copyIDs[int](ids, v), copyIDs[uint8](ids, v):
	default:
		return nil, fmt.Errorf("ids are a %T, want integers", v)
	}
	for i, id := range ids {
		if id < 0 || id >= limit {
			rows := 1
			if s := v.Shape(); len(s) > 0 {
				rows = s[0]
			}
			return nil, fmt.Errorf("id %d of row %d is %d, want 0 to %d", i%(n/rows), i/(n/rows), id, limit-1)
		}
	}
	return ids, nil
}

func copyIDs[I integer](ids []int, v gorgonia.Value) bool {
	in := elements[I](v)
	if in == nil {
		return false
	}
	for i := range ids {
		ids[i] = int(in[i])
	}
	return true
}
