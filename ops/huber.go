package ops

import (
	"math"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// Huber is, element by element, e*e/2 where the error e = prediction-label is at most delta
// and delta*(|e| - delta/2) beyond, so that outliers count linearly (Huber 1964). delta is
// above 0. predictions and labels have one shape; there is no gradient with respect to the
// labels.
func Huber(g *graph.Graph, predictions, labels *gorgonia.Node, delta float64) *gorgonia.Node {
	if !(delta > 0) {
		return fail(g, "Huber", "delta is %v, want above 0", delta)
	}
	// The name tells losses of different deltas apart.
	return pairLoss(g, "Huber{"+attributes(delta)+"}", predictions, labels,
		func(x, z float64) float64 {
			e := math.Abs(x - z)
			if e <= delta {
				return e * e / 2
			}
			return delta * (e - delta/2)
		},
		func(x, z float64) float64 { return max(-delta, min(delta, x-z)) })
}
