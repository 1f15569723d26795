package optim

import (
	"math"

	"gorgonia.org/gorgonia"
)

// microStep is the name of the variable that counts runs since the last update.
const microStep = "micro_step"

// Accumulate makes one update of every n runs of the train op, with the mean of the n
// gradients: n small batches take the place of one that does not fit into memory. The
// global step, and with it every schedule, counts updates; the runs in between leave it
// and all variables but the sums as they are. Clipping and parts see the mean. With n =
// 1 nothing is accumulated. Slots: <variable>/Accumulator, the sum so far. State:
// micro_step, an int64 that counts runs since the last update.
func Accumulate(n int) Option {
	return func(s *settings) {
		if n < 1 {
			s.fail("Accumulate: %d, want at least 1", n)
		}
		s.micro = n
	}
}

// RunsPerStep returns how many runs of a train op make one update, which is when the
// global step increases: n where the op, or one that it depends on, was made with
// Accumulate(n), else 1.
func RunsPerStep(trainOp *gorgonia.Node) int {
	runs := 1
	for _, u := range updatesOf(trainOp) {
		runs = max(runs, u.micro)
	}
	return runs
}

// lastRun counts a run and tells whether it is the last one before an update.
func lastRun(r *recipe, in []gorgonia.Value) bool {
	runs := in[3].(*gorgonia.I64)
	*runs++
	if int(*runs) < r.micro {
		return false
	}
	*runs = 0
	return true
}

// scaleOfSums is the factor that makes the sums the mean gradients, clipped where that
// is wanted.
func (w *worker[T]) scaleOfSums(r *recipe, in []gorgonia.Value) float64 {
	scale := 1 / float64(r.micro)
	if r.clipNorm == 0 {
		return scale
	}
	sum := 0.0
	for i := range r.names {
		sum += squares(floats[T](r.block(in, i)[r.accumulator()]))
	}
	return scale * clipFactor(r.clipNorm, scale*math.Sqrt(sum))
}
