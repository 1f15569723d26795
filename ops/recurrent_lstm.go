package ops

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// LSTM is long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate
// of Gers, Schmidhuber and Cummins 2000) over a whole sequence. The columns of the
// kernels and the bias are those of the gates i, f, c, o, in Keras' order, and each step
// is
//
//	i, f, o = sigmoid(x*kernel + h*recurrent + bias)
//	c' = f*c + i*tanh(x*kernel + h*recurrent + bias)
//	h' = o*tanh(c')
//
// sequence [batch, time, units] has the hidden state after each step, h and c [batch,
// units] are the states after each row's last step. There are gradients with respect to
// everything but the lengths. The gates are kept for the backward pass, 7*units numbers
// for each step and row.
func LSTM(g *graph.Graph, in Recurrent) (sequence, h, c *gorgonia.Node) {
	sequence, states := recurrent(g, lstm, in,
		steps[float32]{lstmStep[float32], lstmBack[float32]}, steps[float64]{lstmStep[float64], lstmBack[float64]})
	return sequence, states[0], states[1]
}

// lstm saves the cell state and its tanh.
var lstm = &cell{name: "LSTM", gates: 4, saved: 2, states: 2}

func lstmStep[T float](r *row[T]) {
	n := len(r.h)
	sigmoids(r.gates[:2*n])
	tanhs(r.gates[2*n:3*n], r.gates[2*n:3*n])
	sigmoids(r.gates[3*n:])
	i, f, a, o := r.gates[:n], r.gates[n:][:n], r.gates[2*n:][:n], r.gates[3*n:][:n]
	c, tanhC, before, h := r.saved[:n], r.saved[n:][:n], r.c[:n], r.h[:n]
	for k := range c {
		c[k] = T(f[k]*before[k]) + T(i[k]*a[k])
	}
	tanhs(tanhC, c)
	for k := range h {
		h[k] = o[k] * tanhC[k]
	}
}

func lstmBack[T float](r *row[T]) {
	n := len(r.h)
	i, f, a, o := r.gates[:n], r.gates[n:][:n], r.gates[2*n:][:n], r.gates[3*n:][:n]
	di, df, da, do := r.byX[:n], r.byX[n:][:n], r.byX[2*n:][:n], r.byX[3*n:][:n]
	tanhC, before, dh, dc := r.saved[n:][:n], r.c[:n], r.dh[:n], r.dc[:n]
	for k := range dh {
		d := dc[k] + T(T(dh[k]*o[k])*(1-T(tanhC[k]*tanhC[k])))
		di[k] = T(d*a[k]) * T(i[k]*(1-i[k]))
		df[k] = T(d*before[k]) * T(f[k]*(1-f[k]))
		da[k] = T(d*i[k]) * (1 - T(a[k]*a[k]))
		do[k] = T(dh[k]*tanhC[k]) * T(o[k]*(1-o[k]))
		dc[k] = d * f[k]
		dh[k] = 0
	}
}
