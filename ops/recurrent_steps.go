package ops

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// steps are the two functions of a cell, called for each row of the batch at each time
// step.
type steps[T float] struct {
	// step computes gates, saved and h.
	step func(r *row[T])
	// back computes the gradients byX and byH, and replaces dh and dc by the parts of the
	// previous state's gradients that do not pass through byH.
	back func(r *row[T])
}

// row is one sequence at one time step.
type row[T float] struct {
	// gates [gates*units] holds the product with x and the bias, when the cell is apart;
	// else the product with h too. step leaves there what back needs.
	gates []T
	// rec [gates*units] is the product with h and its bias, when the cell is apart.
	rec []T
	// saved [saved*units] is for back.
	saved []T
	// h and previous [units] are the hidden states after and before the step, c the cell
	// state before it.
	h, previous, c []T
	// byX and byH [gates*units] are the gradients of the products with x and h; the same
	// memory unless the cell is apart.
	byX, byH []T
	// dh and dc [units] are the gradients of the states after the step.
	dh, dc []T
}

// forward computes the whole sequence: one product for x at all steps, then, for each shard
// of the batch, at each step one product with h and the gates.
func forward[T float](c *cell, at positions, step func(*row[T])) func() kernel {
	return func() kernel {
		f := &unrolling[T]{at: at, call: step}
		f.loop = overRows(f.forward)
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			if err := f.set(c, elements[T](out), in[0].Shape(), in); err != nil || f.batch == 0 {
				return err
			}
			f.kernel, f.bias = elements[T](in[2]), nil
			if at.bias > 0 {
				f.bias = elements[T](in[at.bias])
			}
			r := &f.unrolled
			width := r.width()
			gemm(false, false, r.batch*r.time, width, r.inputs, elements[T](in[0]), r.inputs, elements[T](in[1]), width,
				fillRows(f.gates, f.bias, width), f.gates, width)
			if c.apart {
				f.rec = grow(&f.recMemory, r.batch*width)
			}
			f.run()
			lastStates(r, &f.lengths, at, in, f.hidden, f.saved, f.last)
			f.release()
			return nil
		}
	}
}

// forward computes rows [from, to) of the batch.
func (f *unrolling[T]) forward(from, to int) {
	r, s := &f.unrolled, f.rowFor(from)
	width, units := r.width(), r.units
	most := 0
	for b := from; b < to; b++ {
		n := f.lengths.of(b)
		most = max(most, n)
		clear(f.hidden[(b*r.time+n)*units : (b+1)*r.time*units]) // outputs of rows that have ended
	}
	for t := range most {
		h, c := f.statesBefore(t)
		product, stride := f.gates[(from*r.time+t)*width:], r.time*width
		beta := T(1)
		if r.apart {
			product, stride = f.rec[from*width:to*width], width
			if beta = 0; f.bias != nil {
				beta = fillRows(product, f.bias[width:], width)
			}
		}
		if t > 0 || f.h0 != nil {
			gemm(false, false, to-from, width, units, h.from(from), h.stride, f.kernel, width, beta, product, stride)
		} else if beta == 0 {
			clear(product)
		}
		for b := from; b < to; b++ {
			if t >= f.lengths.of(b) {
				continue
			}
			i := b*r.time + t
			*s = row[T]{
				gates: f.gates[i*width : (i+1)*width], saved: f.saved[i*r.saved*units : (i+1)*r.saved*units],
				h: f.hidden[i*units : (i+1)*units], previous: h.from(b)[:units], c: c.from(b)[:units],
			}
			if r.apart {
				s.rec = f.rec[b*width : (b+1)*width]
			}
			f.call(s)
		}
	}
}

// fillRows puts the bias into every row. It returns what the old content counts in a
// product that is added: nothing without a bias.
func fillRows[T float](x, bias []T, width int) (beta T) {
	if bias == nil {
		return 0
	}
	for i := 0; i < len(x); i += width {
		copy(x[i:i+width], bias)
	}
	return 1
}

// lastStates copies the states after each row's last step.
func lastStates[T float](r *unrolled, l *lengths, at positions, in []gorgonia.Value, hidden, saved, last []T) {
	clear(last)
	for k := range r.states {
		values, stride, position := hidden, r.units, at.h
		if k > 0 {
			values, stride, position = saved, r.saved*r.units, at.c
		}
		for b := range r.batch {
			to := state(r, last, k)[b*r.units : (b+1)*r.units]
			if n := l.of(b); n > 0 {
				copy(to, values[(b*r.time+n-1)*stride:])
			} else if position > 0 {
				copy(to, elements[T](in[position])[b*r.units:])
			}
		}
	}
}

// backward goes through the steps from the last to the first, for each shard of the batch.
// Its inputs are the result of forward, the gradient, the recurrent kernel, x (for its
// shape), then the optional inputs.
func backward[T float](c *cell, at positions, back func(*row[T])) func() kernel {
	return func() kernel {
		f := &unrolling[T]{at: at, call: back}
		f.loop = overRows(f.backward)
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			if err := f.set(c, elements[T](in[0]), in[3].Shape(), in); err != nil || f.batch == 0 {
				return err
			}
			f.grad = elements[T](in[1])
			r := &f.unrolled
			f.byX, f.byH, f.dh = pulled(r, elements[T](out))
			copy(f.dh, f.grad[r.hidden():])
			if c.states > 1 {
				f.dc = state(r, f.dh, 1)
			}
			f.dh = state(r, f.dh, 0)
			f.kernel = transposed(&f.recMemory, elements[T](in[2]), r.units, r.width())
			f.run()
			f.release()
			return nil
		}
	}
}

// backward computes rows [from, to) of the batch.
func (f *unrolling[T]) backward(from, to int) {
	r, s := &f.unrolled, f.rowFor(from)
	width, units := r.width(), r.units
	most := 0
	for b := from; b < to; b++ {
		n := f.lengths.of(b)
		most = max(most, n)
		clear(f.byX[(b*r.time+n)*width : (b+1)*r.time*width]) // of steps that do not count
		if r.apart {
			clear(f.byH[(b*r.time+n)*width : (b+1)*r.time*width])
		}
	}
	for t := most - 1; t >= 0; t-- {
		h, c := f.statesBefore(t)
		for b := from; b < to; b++ {
			i := b*r.time + t
			if t >= f.lengths.of(b) {
				continue
			}
			*s = row[T]{
				gates: f.gates[i*width : (i+1)*width], saved: f.saved[i*r.saved*units : (i+1)*r.saved*units],
				h: f.hidden[i*units : (i+1)*units], previous: h.from(b)[:units], c: c.from(b)[:units],
				byX: f.byX[i*width : (i+1)*width], byH: f.byH[i*width : (i+1)*width],
				dh: f.dh[b*units : (b+1)*units],
			}
			if f.dc != nil {
				s.dc = f.dc[b*units : (b+1)*units]
			}
			for k, v := range f.grad[i*units : (i+1)*units] {
				s.dh[k] += v
			}
			f.call(s)
		}
		if t > 0 || f.h0 != nil {
			gemm(false, false, to-from, units, width, f.byH[(from*r.time+t)*width:], r.time*width, f.kernel, units, 1, f.dh[from*units:], units)
		}
	}
}

// recurrentGradients adds the nodes of every gradient.
func recurrentGradients(g *graph.Graph, c *cell, at positions, in gorgonia.Nodes, out, grad *gorgonia.Node,
	f32 func(*row[float32]), f64 func(*row[float64])) gorgonia.Nodes {
	dt := out.Dtype()
	x, inputKernel, recurrentKernel := in[0], in[1], in[2]
	inputs := gorgonia.Nodes{out, grad, recurrentKernel, x}
	var now positions // of the optional inputs among these
	for _, o := range []struct {
		from int
		to   *int
	}{{at.h, &now.h}, {at.c, &now.c}, {at.lengths, &now.lengths}} {
		if o.from > 0 {
			*o.to = len(inputs)
			inputs = append(inputs, in[o.from])
		}
	}
	d := applyWithScratch(g, definition{
		name: c.name + "Grad", attributes: attributes(now), dtype: dt, dims: 1,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			r := c.of(in[3], in[2])
			return tensor.Shape{r.gradients()}, nil
		},
	}, pickScratch(dt, backward(c, now, f32), backward(c, now, f64)), inputs...)

	// part adds a node of the shape of like.
	part := func(name string, like *gorgonia.Node, make32, make64 func() kernel, inputs ...*gorgonia.Node) *gorgonia.Node {
		k := len(inputs)
		return applyWithScratch(g, definition{
			name: c.name + name, attributes: attributes(k), dtype: dt, dims: like.Dims(),
			shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[k].Clone(), nil },
		}, pickScratch(dt, make32, make64), append(inputs, like)...)
	}
	optional := func(position int) (nodes gorgonia.Nodes) {
		if position > 0 {
			nodes = append(nodes, in[position])
		}
		return nodes
	}
	grads := make(gorgonia.Nodes, len(in))
	grads[0] = part("InputGrad", x, inputPull[float32](c), inputPull[float64](c), d, inputKernel, recurrentKernel)
	grads[1] = part("KernelGrad", inputKernel, kernelPull[float32](c), kernelPull[float64](c), append(gorgonia.Nodes{d, x, recurrentKernel}, optional(at.lengths)...)...)
	grads[2] = part("RecurrentKernelGrad", recurrentKernel, recurrentPull[float32](c), recurrentPull[float64](c), append(gorgonia.Nodes{d, x, out}, optional(at.h)...)...)
	if at.bias > 0 {
		grads[at.bias] = part("BiasGrad", in[at.bias], biasPull[float32](c), biasPull[float64](c), d, x, recurrentKernel)
	}
	if at.h > 0 {
		grads[at.h] = part("StateGrad0", in[at.h], statePull[float32](c, 0), statePull[float64](c, 0), d, x, recurrentKernel)
	}
	if at.c > 0 {
		grads[at.c] = part("StateGrad1", in[at.c], statePull[float32](c, 1), statePull[float64](c, 1), d, x, recurrentKernel)
	}
	return grads
}

// inputPull: dx = byX * kernel'.
func inputPull[T float](c *cell) func() kernel {
	return func() kernel {
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			r := c.of(out.Shape(), in[2].Shape())
			byX, _, _ := pulled(&r, elements[T](in[0]))
			gemm(false, true, r.batch*r.time, r.inputs, r.width(), byX, r.width(), elements[T](in[1]), r.width(), 0, elements[T](out), r.inputs)
			return nil
		}
	}
}

// kernelPull: dkernel = x' * byX. What x holds beyond the lengths is taken as 0.
func kernelPull[T float](c *cell) func() kernel {
	return func() kernel {
		var memory []T
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			r := c.of(in[1].Shape(), in[2].Shape())
			byX, _, _ := pulled(&r, elements[T](in[0]))
			x := elements[T](in[1])
			if len(in) == 5 {
				l, err := lengthsOf(in[3], r.batch, r.time)
				if err != nil {
					return err
				}
				copied := grow(&memory, len(x))
				clear(copied)
				for b := range r.batch {
					from := b * r.time * r.inputs
					copy(copied[from:from+l.of(b)*r.inputs], x[from:])
				}
				x = copied
			}
			gemm(true, false, r.inputs, r.width(), r.batch*r.time, x, r.inputs, byX, r.width(), 0, elements[T](out), r.width())
			return nil
		}
	}
}

// recurrentPull: drecurrent = h' * byH, with the hidden states before each step.
func recurrentPull[T float](c *cell) func() kernel {
	return func() kernel {
		var memory []T
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			r := c.of(in[1].Shape(), out.Shape())
			_, byH, _ := pulled(&r, elements[T](in[0]))
			hidden, _, _, _ := sections(&r, elements[T](in[2]))
			before := grow(&memory, len(hidden))
			for b := range r.batch {
				row := before[b*r.time*r.units : (b+1)*r.time*r.units]
				copy(row[r.units:], hidden[b*r.time*r.units:])
				if clear(row[:r.units]); len(in) == 5 {
					copy(row[:r.units], elements[T](in[3])[b*r.units:])
				}
			}
			gemm(true, false, r.units, r.width(), r.batch*r.time, before, r.units, byH, r.width(), 0, elements[T](out), r.width())
			return nil
		}
	}
}

// biasPull adds up the rows of byX and, where the bias has a second row, of byH.
func biasPull[T float](c *cell) func() kernel {
	return func() kernel {
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			r := c.of(in[1].Shape(), in[2].Shape())
			d := elements[T](out)
			clear(d)
			byX, byH, _ := pulled(&r, elements[T](in[0]))
			addRows(d[:r.width()], byX)
			if c.apart {
				addRows(d[r.width():], byH)
			}
			return nil
		}
	}
}

// statePull copies the gradient of an initial state.
func statePull[T float](c *cell, k int) func() kernel {
	return func() kernel {
		return func(out gorgonia.Value, in []gorgonia.Value) error {
			r := c.of(in[1].Shape(), in[2].Shape())
			_, _, states := pulled(&r, elements[T](in[0]))
			copy(elements[T](out), state(&r, states, k))
			return nil
		}
	}
}
