package ops

import (
	"math"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/vector"
)

// SigmoidCrossEntropy is, element by element, the cross-entropy of a label in [0, 1]
// and sigmoid(logit), in the form max(x, 0) - x*z + log(1 + exp(-|x|)), which does not
// overflow. logits and labels have one shape; there is no gradient with respect to the
// labels. In float32 the error is about one unit in the last place of the largest term.
func SigmoidCrossEntropy(g *graph.Graph, logits, labels *gorgonia.Node) *gorgonia.Node {
	return pairLoss(g, pair{
		name:       "SigmoidCrossEntropy",
		value:      func(x, z float64) float64 { return max(x, 0) - x*z + math.Log1p(math.Exp(-math.Abs(x))) },
		derivative: func(x, z float64) float64 { return sigmoid(x) - z },
		value32:    sigmoidLoss32,
		pull32:     sigmoidLossPull32,
	}, logits, labels)
}

func sigmoidLoss32(y, x, z []float32) {
	expOfMinusAbs(y, x)
	for i, u := range y {
		y[i] = max(x[i], 0) - float32(x[i]*z[i]) + log1p32(u)
	}
}

func sigmoidLossPull32(d, x, z, grad []float32) {
	expOfMinusAbs(d, x)
	for i, u := range d {
		top := u
		if x[i] >= 0 {
			top = 1
		}
		d[i] = (top/(1+u) - z[i]) * grad[i]
	}
}

// expOfMinusAbs sets y to exp(-|x|).
func expOfMinusAbs(y, x []float32) {
	for i, v := range x {
		y[i] = math.Float32frombits(math.Float32bits(v) | 1<<31)
	}
	vector.ExpSum(y, y, 0)
}

// log1p32 is log(1+u) for u in [0, 1], to 2e-7 relative: twice the series of atanh(s) with
// s = u/(2+u), at most 1/3, whose terms after the eighth are below half a unit in the last
// place. The conversions forbid fusing, so that the bits are the same everywhere.
func log1p32(u float32) float32 {
	s := u / (2 + u)
	q := s * s
	p := float32(q*(2.0/15)) + 2.0/13
	p = float32(p*q) + 2.0/11
	p = float32(p*q) + 2.0/9
	p = float32(p*q) + 2.0/7
	p = float32(p*q) + 2.0/5
	p = float32(p*q) + 2.0/3
	return float32(float32(p*q)*s) + 2*s
}
