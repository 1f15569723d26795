package session

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
)

// Stock ops that keep no size from building: shape inference and execution both
// look at the inputs alone.
var stockSizedByInputs = map[string]bool{
	"gorgonia.elemBinOp":   true,
	"gorgonia.elemUnaryOp": true,
	"gorgonia.linAlgBinOp": true,
	"gorgonia.sizeOp":      true,
}

// inferShapes sets each step's shape. Where a feed has another size than the graph
// was built with, shapes downstream are inferred again, which needs ops that are
// sized by their inputs; the first other op is reported.
func (p *program) inferShapes() error {
	p.steps = make([]step, len(p.nodes))
	changed := make([]bool, len(p.nodes))
	var cause *gorgonia.Node
	for i, n := range p.nodes {
		p.current = i
		st := &p.steps[i]
		st.shape = n.Shape()
		if shape, ok := p.shapes[n]; ok {
			changed[i] = !dense.SameShape(shape, st.shape)
			st.shape = shape
			if changed[i] {
				cause, p.resized = n, true
			}
			continue
		}
		if n.Op() == nil {
			continue
		}
		inputs := p.inputs(n)
		sizes := make([]gorgonia.DimSizer, len(inputs))
		affected := false
		for k, in := range inputs {
			j := p.index[in]
			sizes[k] = p.steps[j].shape
			affected = affected || changed[j]
		}
		if !affected {
			continue
		}
		_, update := n.Op().(graph.Update)
		_, ours := n.Op().(graph.SizedByInputs)
		if !update && !ours && !stockSizedByInputs[fmt.Sprintf("%T", n.Op())] {
			return p.fixedSize(n, cause)
		}
		shape, err := inferShape(n.Op(), sizes)
		if err != nil {
			return p.fixedSize(n, cause)
		}
		changed[i] = !dense.SameShape(shape, st.shape)
		st.shape = shape
	}
	return nil
}

func inferShape(op gorgonia.Op, sizes []gorgonia.DimSizer) (shape tensor.Shape, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return op.InferShape(sizes...)
}

func (p *program) fixedSize(n, cause *gorgonia.Node) error {
	return &FixedSizeError{
		Node: n.Name(), Op: fmt.Sprint(n.Op()), Site: p.graph.Site(n),
		Feed: cause.Name(), Built: cause.Shape(), Fed: p.shapes[cause],
	}
}
