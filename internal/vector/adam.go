package vector

import (
	"math"

	"github.com/stheno-ml/stheno/internal/cpu"
)

// Adam is one update by Kingma and Ba's optimizer, in TensorFlow's form: Rate is the
// learning rate times sqrt(1-Beta2^t)/(1-Beta1^t), and Scale multiplies the gradient
// (1 for none).
type Adam struct {
	Rate, Beta1, Beta2, Epsilon, Scale float32
}

// Update sets, for g = Scale*grad: first = Beta1*first + (1-Beta1)*g, second =
// Beta2*second + (1-Beta2)*g*g, and v -= Rate*first/(sqrt(second)+Epsilon), all in one
// pass. grad is not changed.
func (a Adam) Update(v, first, second, grad []float32) {
	n := len(v)
	first, second, grad = first[:n], second[:n], grad[:n]
	c := [7]float32{a.Beta1, 1 - a.Beta1, a.Beta2, 1 - a.Beta2, a.Rate, a.Epsilon, a.Scale}
	set := cpu.Active()
	for n := part(set, len(v)); n > 0; n = part(set, len(v)) {
		adamVector(set, &v[0], &first[0], &second[0], &grad[0], n, &c[0])
		v, first, second, grad = v[n:], first[n:], second[n:], grad[n:]
	}
	v, first, second = v[:len(grad)], first[:len(grad)], second[:len(grad)]
	for i, g := range grad { // the conversions forbid fusing
		g *= c[6]
		m := float32(first[i]*c[0]) + float32(g*c[1])
		q := float32(second[i]*c[2]) + float32(float32(g*c[3])*g)
		first[i], second[i] = m, q
		v[i] -= float32(float32(m*c[4]) / (float32(math.Sqrt(float64(q))) + c[5]))
	}
}
