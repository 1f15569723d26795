package graphfuzz

import "slices"

// recurrentInputs say at which positions optional inputs are, 0 where they are missing.
type recurrentInputs struct{ bias, lengths, h, c int }

// step computes new states from the products of x and of h with the kernels, the biases
// already added to each.
type step func(byX, byH, h, c []num) (newH, newC []num)

// recurrent goes through a sequence: in are x, kernel, recurrent kernel and what is
// optional. The bias has one row, or two where the products stay apart. The results are
// the sequence and the states.
func recurrent(gates, biases, states int, at recurrentInputs, f step) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		x, kernel, again := in[0], in[1], in[2]
		if len(x.shape) != 3 || x.shape[1] == 0 || len(again.shape) != 2 {
			return nil, wants(false, in...)
		}
		batch, time, inputs, units := x.shape[0], x.shape[1], x.shape[2], again.shape[0]
		width := gates * units
		bias := []int{width}
		if biases == 2 {
			bias = []int{2, width}
		}
		fits := slices.Equal(kernel.shape, []int{inputs, width}) && again.shape[1] == width
		for position, shape := range map[int][]int{at.bias: bias, at.lengths: {batch}, at.h: {batch, units}, at.c: {batch, units}} {
			fits = fits && (position == 0 || slices.Equal(in[position].shape, shape))
		}
		if !fits {
			return nil, wants(false, in...)
		}
		sequence := zeros(x.dt, batch, time, units)
		last := []array{zeros(x.dt, batch, units), zeros(x.dt, batch, units)}
		var lengths []array
		if at.lengths > 0 {
			lengths = in[at.lengths : at.lengths+1]
		}
		var wrong error
		for b := range batch {
			steps, err := stepsOf(lengths, b, time)
			if err != nil {
				wrong = err
				continue
			}
			h, c := initialState(in, at.h, b, units), initialState(in, at.c, b, units)
			for t := range steps {
				byX := timesMatrix(x.x[(b*time+t)*inputs:(b*time+t+1)*inputs], kernel)
				byH := make([]num, width)
				if t > 0 || at.h > 0 { // a missing state is 0, whatever the kernel holds
					byH = timesMatrix(h, again)
				}
				if at.bias > 0 {
					for k := range width {
						byX[k] = byX[k].add(in[at.bias].x[k])
						if biases == 2 {
							byH[k] = byH[k].add(in[at.bias].x[width+k])
						}
					}
				}
				h, c = f(byX, byH, h, c)
				copy(sequence.x[(b*time+t)*units:], h)
			}
			copy(last[0].x[b*units:], h)
			copy(last[1].x[b*units:], c)
		}
		results := append([]array{sequence}, last[:states]...)
		for position, a := range in[1:] { // a gate may be 0 or nearly 0, times Inf
			if position+1 != at.lengths && !allFinite(a) {
				for i := range results {
					results[i] = results[i].of(func(num) num { return anything() })
				}
			}
		}
		return results, wrong
	}
}

func initialState(in []array, position, row, units int) []num {
	if position == 0 {
		return make([]num, units)
	}
	return slices.Clone(in[position].x[row*units : (row+1)*units])
}

// timesMatrix is a row times a matrix.
func timesMatrix(row []num, m array) []num {
	return product2(array{m.dt, []int{1, len(row)}, row}, m).x
}

func lstmStep(byX, byH, h, c []num) (newH, newC []num) {
	n := len(h)
	for k := range n {
		gate := func(i int) num { return byX[i*n+k].add(byH[i*n+k]) }
		i, f, a, o := gate(0).sigmoid(), gate(1).sigmoid(), gate(2).tanh(), gate(3).sigmoid()
		newC = append(newC, f.mul(c[k]).add(i.mul(a)))
		newH = append(newH, o.mul(newC[k].tanh()))
	}
	return newH, newC
}

func gruStep(byX, byH, h, c []num) (newH, newC []num) {
	n := len(h)
	for k := range n {
		z, r := byX[k].add(byH[k]).sigmoid(), byX[n+k].add(byH[n+k]).sigmoid()
		a := byX[2*n+k].add(r.mul(byH[2*n+k])).tanh()
		newH = append(newH, z.mul(h[k]).add(exact(1).sub(z).mul(a)))
	}
	return newH, c
}

func simpleStep(byX, byH, h, c []num) (newH, newC []num) {
	for k := range h {
		newH = append(newH, byX[k].add(byH[k]).tanh())
	}
	return newH, c
}
