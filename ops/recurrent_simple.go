package ops

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

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
