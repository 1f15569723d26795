package ops

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

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
