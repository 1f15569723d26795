package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// Recurrent is what [LSTM], [GRU] and [SimpleRNN] read. gates is 4, 3 and 1.
//
// A graph is built for one number of time steps: sequences of other lengths are padded
// to it at the end, and Lengths says how long each is. Batches may have any size.
type Recurrent struct {
	// X is the sequence, [batch, time, inputs].
	X *gorgonia.Node
	// Kernel is [inputs, gates*units].
	Kernel *gorgonia.Node
	// RecurrentKernel is [units, gates*units].
	RecurrentKernel *gorgonia.Node
	// Bias is [gates*units], for GRU [2, 3*units]. nil leaves it out.
	Bias *gorgonia.Node
	// Lengths are integers [batch] from 0 to time, the number of steps of each row that
	// count. nil means all. A length out of range is an error of the run that names the
	// row.
	//
	// Steps beyond the length copy the state forward and give the output 0, as Keras does
	// with zero_output_for_mask, TensorFlow's dynamic_rnn and PyTorch's packed sequences.
	// Whatever x holds there changes nothing, not even NaN, and gets the gradient 0.
	Lengths *gorgonia.Node
	// H and C are the initial states, [batch, units]. nil means zeros. Only LSTM has C.
	H, C *gorgonia.Node
}

// cell is what tells one recurrent op from another.
type cell struct {
	name string
	// gates is the number of columns of a kernel for each unit.
	gates int
	// saved is the number of values for each unit and step that the backward pass needs
	// beside the gates and the hidden states.
	saved int
	// states is the number of states: 2 if there is a cell state C.
	states int
	// apart says that the products with x and with h are not simply added (GRU's
	// candidate): then the bias has a row for each of them.
	apart bool
}

// unrolled is the numbers of one run. The result of a recurrent op is one vector that holds
// everything, section after section: the hidden states [batch, time, units], the last
// states [states, batch, units], the gates [batch, time, gates*units] and what else is
// saved [batch, time, saved*units]. Of a gradient with respect to it only the first two
// sections exist: nobody else reads the others. The result of the backward pass is a
// vector of the gradients of the product with x [batch, time, gates*units], of the
// product with h where that differs, and of the initial states [states, batch, units].
type unrolled struct {
	*cell
	batch, time, inputs, units int
}

func (c *cell) of(x, recurrentKernel tensor.Shape) unrolled {
	return unrolled{c, x[0], x[1], x[2], recurrentKernel[0]}
}

func (r *unrolled) width() int   { return r.gates * r.units }
func (r *unrolled) hidden() int  { return r.batch * r.time * r.units }
func (r *unrolled) outputs() int { return r.hidden() + r.states*r.batch*r.units }
func (r *unrolled) results() int {
	return r.outputs() + r.batch*r.time*(r.gates+r.saved)*r.units
}

func (r *unrolled) products() int {
	if r.apart {
		return 2
	}
	return 1
}

func (r *unrolled) gradients() int {
	return (r.products()*r.time*r.width() + r.states*r.units) * r.batch
}

// sections cuts the result into its sections.
func sections[T float](r *unrolled, result []T) (hidden, last, gates, saved []T) {
	hidden, result = result[:r.hidden()], result[r.hidden():]
	n := r.states * r.batch * r.units
	last, result = result[:n], result[n:]
	n = r.batch * r.time * r.width()
	return hidden, last, result[:n], result[n:]
}

// pulled cuts the result of the backward pass into its sections. byH is byX where the
// products are simply added.
func pulled[T float](r *unrolled, d []T) (byX, byH, states []T) {
	n := r.batch * r.time * r.width()
	byX = d[:n]
	return byX, d[(r.products()-1)*n:][:n], d[r.products()*n:]
}

// state returns state k of a section of states.
func state[T float](r *unrolled, states []T, k int) []T {
	n := r.batch * r.units
	return states[k*n : (k+1)*n]
}

// positions of the optional inputs, 0 for those that are missing.
type positions struct{ bias, lengths, h, c int }

// recurrent adds the nodes of a recurrent op: the one that computes everything, and those
// that cut the hidden states and the last states out of it.
func recurrent(g *graph.Graph, c *cell, in Recurrent, f32 steps[float32], f64 steps[float64]) (sequence *gorgonia.Node, states gorgonia.Nodes) {
	bad := func(n *gorgonia.Node) (*gorgonia.Node, gorgonia.Nodes) { return n, gorgonia.Nodes{n, n} }
	inputs := gorgonia.Nodes{in.X, in.Kernel, in.RecurrentKernel}
	var at positions
	optional := func(position *int, n *gorgonia.Node) {
		if n != nil {
			*position = len(inputs)
			inputs = append(inputs, n)
		}
	}
	optional(&at.bias, in.Bias)
	optional(&at.h, in.H)
	optional(&at.c, in.C)
	if n, ok := check(g, c.name, inputs...); !ok {
		return bad(n)
	}
	if in.Lengths != nil {
		if n, ok := checkAny(g, c.name, in.Lengths); !ok {
			return bad(n)
		}
		if dt := in.Lengths.Dtype(); !isInteger(dt) {
			return bad(fail(g, c.name, "lengths %q have dtype %v, want integers: use ops.Cast", in.Lengths.Name(), dt))
		}
	}
	if in.C != nil && c.states < 2 {
		return bad(fail(g, c.name, "C is given, but there is no cell state"))
	}
	optional(&at.lengths, in.Lengths)

	dt := in.X.Dtype()
	differentiable := make([]bool, len(inputs))
	for i := range differentiable {
		differentiable[i] = at.lengths == 0 || i != at.lengths
	}
	all := applyWithScratch(g, definition{
		name: c.name, attributes: attributes(at), dtype: dt, dims: 1,
		shape:          func(shapes []tensor.Shape) (tensor.Shape, error) { return c.shape(at, shapes) },
		differentiable: differentiable,
		gradient: func(in gorgonia.Nodes, out, grad *gorgonia.Node) gorgonia.Nodes {
			return recurrentGradients(g, c, at, in, out, grad, f32.back, f64.back)
		},
	}, pickScratch(dt, forward(c, at, f32.step), forward(c, at, f64.step)), inputs...)
	if g.Poisoned(all) {
		return bad(all)
	}
	sequence = cutOut(g, c, c.name+"Sequence", 3, all, in.X, in.RecurrentKernel,
		func(r unrolled) (from, to int) { return 0, r.hidden() })
	for k := range c.states {
		states = append(states, cutOut(g, c, fmt.Sprint(c.name, "State", k), 2, all, in.X, in.RecurrentKernel,
			func(r unrolled) (from, to int) {
				n := r.batch * r.units
				return r.hidden() + k*n, r.hidden() + (k+1)*n
			}))
	}
	return sequence, states
}

// shape checks every shape and returns that of the result.
func (c *cell) shape(at positions, in []tensor.Shape) (tensor.Shape, error) {
	x, kernel, recurrentKernel := in[0], in[1], in[2]
	switch {
	case len(x) != 3 || x[1] == 0:
		return nil, fmt.Errorf("%s: x has shape %v, want [batch, time, inputs] with at least 1 time step", c.name, x)
	case len(recurrentKernel) != 2 || recurrentKernel[1] != c.gates*recurrentKernel[0]:
		return nil, fmt.Errorf("%s: the recurrent kernel has shape %v, want [units, %d*units]", c.name, recurrentKernel, c.gates)
	}
	r := c.of(x, recurrentKernel)
	want := func(what string, position int, shape ...int) error {
		if position > 0 && !equal(in[position], shape) {
			return fmt.Errorf("%s: %s has shape %v, want %v", c.name, what, in[position], tensor.Shape(shape))
		}
		return nil
	}
	if !equal(kernel, tensor.Shape{r.inputs, r.width()}) {
		return nil, fmt.Errorf("%s: the kernel has shape %v, want (%d, %d) for x of shape %v and %d units", c.name, kernel, r.inputs, r.width(), x, r.units)
	}
	bias := []int{r.width()}
	if c.apart {
		bias = []int{2, r.width()}
	}
	for _, err := range []error{
		want("the bias", at.bias, bias...), want("lengths", at.lengths, r.batch),
		want("the initial state H", at.h, r.batch, r.units), want("the initial state C", at.c, r.batch, r.units),
	} {
		if err != nil {
			return nil, err
		}
	}
	return tensor.Shape{r.results()}, nil
}

// cutOut copies a section of the result of a recurrent op, one with a row of units for
// each step (dims 3) or for each sequence (dims 2).
func cutOut(g *graph.Graph, c *cell, name string, dims int, all, x, recurrentKernel *gorgonia.Node, section func(r unrolled) (from, to int)) *gorgonia.Node {
	dt := all.Dtype()
	return apply(g, definition{
		name: name, dtype: dt, dims: dims,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			return append(in[1][:dims-1].Clone(), in[2][0]), nil
		},
		run:            pick(dt, cutKernel[float32](c, section), cutKernel[float64](c, section)),
		differentiable: []bool{true, false, false},
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{apply(g, definition{
				name: name + "Grad", dtype: dt, dims: 1,
				shape: func(in []tensor.Shape) (tensor.Shape, error) {
					r := c.of(in[1], in[2])
					return tensor.Shape{r.outputs()}, nil
				},
				run: pick(dt, pasteKernel[float32](c, section), pasteKernel[float64](c, section)),
			}, grad, in[1], in[2]), nil, nil}
		},
	}, all, x, recurrentKernel)
}

func cutKernel[T float](c *cell, section func(unrolled) (from, to int)) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		r := c.of(in[1].Shape(), in[2].Shape())
		from, to := section(r)
		copy(elements[T](out), elements[T](in[0])[from:to])
		return nil
	}
}

func pasteKernel[T float](c *cell, section func(unrolled) (from, to int)) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		r := c.of(in[1].Shape(), in[2].Shape())
		from, to := section(r)
		d := elements[T](out)
		clear(d[:from])
		copy(d[from:to], elements[T](in[0]))
		clear(d[to:])
		return nil
	}
}

// lengths are how many steps of each row count.
type lengths struct {
	given bool
	steps classes
	time  int
	most  int // the largest
}

// lengthsOf checks the lengths; v nil means the whole time.
func lengthsOf(v gorgonia.Value, batch, time int) (lengths, error) {
	if v == nil {
		return lengths{time: time, most: time}, nil
	}
	l := lengths{given: true, steps: classesOf(v)}
	for b := range batch {
		n := l.steps.at(b)
		if n < 0 || n > int64(time) {
			return l, fmt.Errorf("the length of row %d is %d, want 0 to %d", b, n, time)
		}
		l.most = max(l.most, int(n))
	}
	return l, nil
}

func (l *lengths) of(b int) int {
	if !l.given {
		return l.time
	}
	return int(l.steps.at(b))
}

// at returns an optional input, nil when it is missing.
func (at positions) value(position int, in []gorgonia.Value) gorgonia.Value {
	if position == 0 {
		return nil
	}
	return in[position]
}
