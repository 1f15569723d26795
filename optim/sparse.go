package optim

import (
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/raw"
	"github.com/stheno-ml/stheno/ops"
)

// Lazy updates only the rows of a table that the step looked up, where the gradient of
// the table comes from lookups alone ([ops.LookupsOf]), as tf.train's sparse updates and
// tf.contrib.opt.LazyAdamOptimizer do. Momenta and means of squares of the other rows do
// not decay, and weight decay spares them: the results differ from those without Lazy,
// and the time of a step does not depend on the size of the table.
//
// [SGD], [Adagrad], and [ProximalGradientDescent] and [ProximalAdagrad] without
// penalties, need no Lazy: with them, and with parts that keep a 0 as it is, a row that
// was not looked up stays the same to the bit anyway, and such rows are always left out.
//
// Other variables are updated as without Lazy. With Accumulate the rows are those whose
// accumulated gradient is not 0. Averages follow all rows. Parts that look at a whole
// variable, ClipByNorm and ScaleByTrustRatio, do not go with Lazy; a rule or a part of
// your own gets one row at a time.
func Lazy() Option { return func(s *settings) { s.lazy = true } }

// checkLazy reports a part that rows of a table do not suffice for.
func (s *settings) checkLazy() {
	if !s.lazy {
		return
	}
	for _, t := range s.parts {
		if sharingOf(t) == byVariable {
			s.fail("Lazy: it updates single rows, but %s looks at whole variables", t.Name())
		}
	}
}

// zeroSkipper is implemented by rules and parts that need not see elements whose gradient
// is 0: the variable and the slots keep their bits, and a part leaves the 0 as it is.
type zeroSkipper interface {
	skipsZeros(variable string) bool
}

// positive tells whether a slot, which only grows, never makes a denominator of 0: one
// that is too small for a float32 would.
func positive(s Slot) bool { return float32(s.Initial) > 0 }

// skipsZeros reports whether rows without a gradient can be left out exactly.
func (r *recipe) skipsZeros(variable string) bool {
	skips := func(x any) bool {
		s, ok := x.(zeroSkipper)
		return ok && s.skipsZeros(variable)
	}
	for _, t := range r.parts {
		if !skips(t) {
			return false
		}
	}
	return skips(r.rule)
}

// source is a gradient as the train op reads it. With indices, it is sparse and the node
// that of its values: see ops.IndexedSlices.
type source struct {
	Gradient
	indices *gorgonia.Node
}

// rowsOf returns the row of each lookup.
func rowsOf(indices gorgonia.Value) []int64 {
	both := raw.Slice[int64](indices)
	return both[:len(both)/2]
}

// sources chooses, for each gradient, between the dense and the sparse form.
func (o *optimizer) sources(g *graph.Graph, r *recipe, gradients []Gradient) []source {
	sources := make([]source, len(gradients))
	for i, gradient := range gradients {
		sources[i] = source{Gradient: gradient}
		v := gradient.Variable
		lookups, ok := ops.LookupsOf(gradient.Node, v.Node)
		if !ok || v.Shape.TotalSize() == 0 {
			continue
		}
		// Where the results are the same, less work decides.
		if o.lazy || r.skipsZeros(v.Name) && lookups.Len() < v.Shape[0] {
			s := lookups.Slices(g)
			sources[i] = source{Gradient{v, s.Values}, s.Indices}
		}
	}
	return sources
}

// lookedUp updates a part of the rows that were looked up, or adds their gradients to
// the sums.
func (w *worker[T]) lookedUp(p phase, x *span, rows []int64, block []gorgonia.Value, s *Step, m *spanMemory[T]) {
	values := floats[T](block[1])
	dim := block[0].Shape()[1]
	for k := len(rows) * x.from / x.parts; k < len(rows)*x.to/x.parts; k++ {
		if k > 0 && rows[k] == rows[k-1] {
			continue // the first of equal rows has the sum
		}
		g := values[k*dim : (k+1)*dim]
		row := span{variable: x.variable, from: int(rows[k]) * dim, to: int(rows[k]+1) * dim}
		if p == accumulating {
			w.accumulate(&row, block, g)
		} else {
			w.update(&row, block, g, s, m)
		}
	}
}

// accumulated updates those rows of a span whose accumulated gradient is not 0.
func (w *worker[T]) accumulated(x *span, block []gorgonia.Value, s *Step, m *spanMemory[T]) {
	sums := floats[T](block[w.recipe.accumulator()])
	dim := block[0].Shape()[1]
	for from := x.from; from < x.to; from += dim {
		row := span{variable: x.variable, from: from, to: from + dim}
		if g := sums[row.from:row.to]; !allZero(g) {
			w.update(&row, block, g, s, m)
		}
	}
}

func allZero[T float](x []T) bool {
	for _, v := range x {
		if v != 0 {
			return false
		}
	}
	return true
}

// squaresOfRows is squares of the dense gradient of so many elements, to the bit: the
// rows come in order, and zeros add nothing to its sums.
func squaresOfRows[T float](rows []int64, values []T, elements int) float64 {
	if len(rows) == 0 {
		return 0
	}
	dim := len(values) / len(rows)
	var sum float64
	var sums [4]float64 // of a span, as in squaresOf
	current := 0
	for k, row := range rows {
		if k > 0 && row == rows[k-1] {
			continue
		}
		for i, v := range values[k*dim : (k+1)*dim] {
			at := int(row)*dim + i
			if at/spanElements != current {
				sum += (sums[0] + sums[1]) + (sums[2] + sums[3])
				sums, current = [4]float64{}, at/spanElements
			}
			lane := at & 3
			if at >= elements&^3 {
				lane = 0 // the last few elements of the last span
			}
			sums[lane] += float64(float64(v) * float64(v))
		}
	}
	return sum + ((sums[0] + sums[1]) + (sums[2] + sums[3]))
}
