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

// GRU is the gated recurrent unit (Cho et al. 2014) over a whole sequence, in the form
// that cuDNN, Keras (reset_after) and PyTorch compute, where the reset gate acts after
// the product with h. The columns of the kernels and the bias are those of the gates z,
// r, h, in Keras' order. The bias [2, 3*units] has a row for the product with x and one
// for the product with h. Each step is
//
//	z, r = sigmoid(x*kernel + bias[0] + h*recurrent + bias[1])
//	a = tanh(x*kernel + bias[0] + r*(h*recurrent + bias[1]))
//	h' = z*h + (1-z)*a
//
// sequence [batch, time, units] has the hidden state after each step, h [batch, units]
// the one after each row's last step. There are gradients with respect to everything but
// the lengths.
func GRU(g *graph.Graph, in Recurrent) (sequence, h *gorgonia.Node) {
	sequence, states := recurrent(g, gru, in,
		steps[float32]{gruStep[float32], gruBack[float32]}, steps[float64]{gruStep[float64], gruBack[float64]})
	return sequence, states[0]
}

// gru saves the candidate's product with h.
var gru = &cell{name: "GRU", gates: 3, saved: 1, states: 1, apart: true}

func gruStep[T float](s *row[T]) {
	n := len(s.h)
	gates := s.gates[:2*n]
	for k, v := range s.rec[:2*n] {
		gates[k] += v
	}
	sigmoids(gates)
	z, r, a := s.gates[:n], s.gates[n:][:n], s.gates[2*n:][:n]
	saved, before, h := s.saved[:n], s.previous[:n], s.h[:n]
	copy(saved, s.rec[2*n:])
	for k := range a {
		a[k] += T(r[k] * saved[k])
	}
	tanhs(a, a)
	for k := range h {
		h[k] = T(z[k]*before[k]) + T((1-z[k])*a[k])
	}
}

func gruBack[T float](s *row[T]) {
	n := len(s.h)
	z, r, a := s.gates[:n], s.gates[n:][:n], s.gates[2*n:][:n]
	dz, dr, da := s.byX[:n], s.byX[n:][:n], s.byX[2*n:][:n]
	saved, before, dh := s.saved[:n], s.previous[:n], s.dh[:n]
	byH := s.byH[2*n:][:n]
	for k := range dh {
		d := dh[k]
		da[k] = T(d*(1-z[k])) * (1 - T(a[k]*a[k]))
		dz[k] = T(d*(before[k]-a[k])) * T(z[k]*(1-z[k]))
		dr[k] = T(da[k]*saved[k]) * T(r[k]*(1-r[k]))
		byH[k] = da[k] * r[k]
		dh[k] = d * z[k]
	}
	copy(s.byH[:2*n], s.byX)
}

// SimpleRNN is the fully connected recurrent network (Elman 1990) over a whole sequence,
// each step being
//
//	h' = tanh(x*kernel + h*recurrent + bias)
//
// sequence [batch, time, units] has the hidden state after each step, h [batch, units]
// the one after each row's last step. There are gradients with respect to everything but
// the lengths.
func SimpleRNN(g *graph.Graph, in Recurrent) (sequence, h *gorgonia.Node) {
	sequence, states := recurrent(g, simple, in,
		steps[float32]{simpleStep[float32], simpleBack[float32]}, steps[float64]{simpleStep[float64], simpleBack[float64]})
	return sequence, states[0]
}

var simple = &cell{name: "SimpleRNN", gates: 1, states: 1}

func simpleStep[T float](r *row[T]) { tanhs(r.h, r.gates) }

func simpleBack[T float](r *row[T]) {
	h, d, dh := r.h, r.byX[:len(r.h)], r.dh[:len(r.h)]
	for k, v := range h {
		d[k] = dh[k] * (1 - T(v*v))
		dh[k] = 0
	}
}
