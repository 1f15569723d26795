package metrics

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// layout is how the values of a batch belong together.
type layout int

const (
	// elements: all nodes have one shape and are taken element by element.
	elements layout = iota
	// rows: all nodes have one shape [..., n] and are taken row by row.
	rows
	// ranked: labels [...], [..., 1] or [..., n], and [..., classes] for each of their
	// rows.
	ranked
)

// batch is what one update brings, as float64 in row-major order. Its memory is used
// again for the next one.
type batch struct {
	x       [][]float64  // the nodes but the weights
	single  []bool       // whether a node is float32
	shape   tensor.Shape // of what is weighed: the elements, or the rows
	width   []int        // how many elements of each node a weight is for
	weights []float64    // one for each of shape

	own     [][]float64  // memory for x
	scratch [2][]float64 // memory for what a rule needs of one row
}

// read takes the values of a batch.
func (b *batch) read(r *rule, values []gorgonia.Value) error {
	if b.own == nil {
		b.x, b.single, b.width = make([][]float64, r.fixed), make([]bool, r.fixed), make([]int, r.fixed)
		b.own = make([][]float64, len(values))
	}
	for i, v := range values[:r.fixed] {
		x, err := floats(v, &b.own[i])
		if err != nil {
			return fmt.Errorf("value %d: %w", i, err)
		}
		b.x[i], b.single[i], b.width[i] = x, v.Dtype() == tensor.Float32, 1
	}
	if err := b.arrange(r, values); err != nil {
		return err
	}
	if err := b.weigh(values[r.fixed:]); err != nil {
		return err
	}
	if r.class >= 0 && r.layout == elements {
		return b.pick(r.class)
	}
	return nil
}

// arrange checks the shapes against the layout and says what is weighed.
func (b *batch) arrange(r *rule, values []gorgonia.Value) error {
	last := values[r.fixed-1].Shape()
	if r.layout == ranked {
		return b.arrangeRanked(values[0].Shape(), last)
	}
	b.shape = values[0].Shape()
	for _, v := range values[1:r.fixed] {
		if s := v.Shape(); !dense.SameShape(squeezed(b.shape), squeezed(s)) {
			return fmt.Errorf("shapes %v and %v do not match", b.shape, s)
		}
	}
	if r.layout == elements {
		return nil
	}
	axis := r.axis
	if axis < 0 {
		axis += len(b.shape)
	}
	if len(b.shape) < 2 || axis < 0 || axis >= len(b.shape) {
		return fmt.Errorf("the shape is %v, want [batch, n] or more axes, among them axis %d", b.shape, r.axis)
	}
	inner := b.shape[axis+1:].TotalSize()
	for i := range b.x {
		b.width[i] = b.shape[axis]
		if inner > 1 {
			b.x[i] = gathered(b.x[i], b.shape[axis], inner)
		}
	}
	b.shape = append(b.shape[:axis:axis], b.shape[axis+1:]...)
	return nil
}

// gathered puts n elements that are inner apart beside one another.
func gathered(x []float64, n, inner int) []float64 {
	y := make([]float64, 0, len(x))
	for start := 0; start < len(x); start += n * inner {
		for i := range inner {
			for j := range n {
				y = append(y, x[start+j*inner+i])
			}
		}
	}
	return y
}

func (b *batch) arrangeRanked(labels, scores tensor.Shape) error {
	if len(scores) < 2 {
		return fmt.Errorf("predictions have shape %v, want [batch, classes]", scores)
	}
	b.shape = scores[:len(scores)-1]
	b.width[1] = scores[len(scores)-1]
	switch {
	case dense.SameShape(squeezed(labels), squeezed(b.shape)):
	case len(labels) == len(scores) && dense.SameShape(labels[:len(labels)-1], b.shape):
		b.width[0] = labels[len(labels)-1]
	default:
		return fmt.Errorf("labels of shape %v do not match predictions of %v: want %v or %v and an axis of labels", labels, scores, b.shape, b.shape)
	}
	return nil
}

// weigh gives each element or row its weight.
func (b *batch) weigh(weights []gorgonia.Value) error {
	n := b.shape.TotalSize()
	if cap(b.weights) < n {
		b.weights = make([]float64, n)
	}
	b.weights = b.weights[:n]
	if len(weights) == 0 {
		for i := range b.weights {
			b.weights[i] = 1
		}
		return nil
	}
	w, err := floats(weights[0], &b.own[len(b.own)-1])
	if err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	shape := weights[0].Shape()
	if !broadcast(b.weights, w, shape, b.shape) {
		return fmt.Errorf("weights can not be broadcast to values: weights have shape %v, values %v", shape, b.shape)
	}
	for i, x := range w {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("weight %d is %v, want a finite number", i, x)
		}
	}
	return nil
}

// pick leaves column k of what was [..., classes].
func (b *batch) pick(k int) error {
	if len(b.shape) < 2 {
		return fmt.Errorf("ClassID: the shape is %v, want [batch, classes]", b.shape)
	}
	classes := b.shape[len(b.shape)-1]
	if k >= classes {
		return fmt.Errorf("ClassID: %d, but there are %d classes in shape %v", k, classes, b.shape)
	}
	column := func(to, from []float64) []float64 {
		to = to[:0]
		for i := k; i < len(from); i += classes {
			to = append(to, from[i])
		}
		return to
	}
	for i := range b.x {
		// In place where the memory is ours: what is read is never behind what is written.
		b.own[i] = column(b.own[i], b.x[i])
		b.x[i] = b.own[i]
	}
	b.weights = column(b.weights, b.weights)
	b.shape = b.shape[:len(b.shape)-1]
	return nil
}

// row returns row i of a node, of layouts rows and ranked.
func (b *batch) row(node, i int) []float64 { return b.x[node][i*b.width[node] : (i+1)*b.width[node]] }

// cut returns a threshold for a node: in float32 when the node is, so that a prediction
// that was given as the same constant is not above it.
func (b *batch) cut(node int, threshold float64) float64 {
	if b.single[node] {
		return float64(float32(threshold))
	}
	return threshold
}
