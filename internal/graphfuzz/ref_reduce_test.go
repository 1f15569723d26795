package graphfuzz

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/tensor"
)

// axesOf returns which axes are meant; none are all. Negative ones count from the last.
func axesOf(shape, axes []int) ([]bool, error) {
	gone := make([]bool, len(shape))
	for _, axis := range axes {
		if axis < 0 {
			axis += len(shape)
		}
		if axis < 0 || axis >= len(shape) || gone[axis] {
			return nil, fmt.Errorf("axes %v of shape %v", axes, shape)
		}
		gone[axis] = true
	}
	if len(axes) == 0 {
		for i := range gone {
			gone[i] = true
		}
	}
	return gone, nil
}

// reduced puts together the elements along axes, which the result lacks.
func reduced(axes []int, f func(r *arithmetic, terms []num) num) reference {
	return func(r *arithmetic, in []array) ([]array, error) {
		gone, err := axesOf(in[0].shape, axes)
		if err != nil {
			return nil, err
		}
		var kept []int
		for axis, n := range in[0].shape {
			if !gone[axis] {
				kept = append(kept, n)
			}
		}
		y := zeros(in[0].dt, kept...)
		terms := make([][]num, len(y.x))
		index(in[0].shape, func(at []int) {
			var to []int
			for axis, i := range at {
				if !gone[axis] {
					to = append(to, i)
				}
			}
			k := offset(kept, to)
			terms[k] = append(terms[k], *in[0].at(at...))
		})
		for i := range y.x {
			y.x[i] = f(r, terms[i])
		}
		return one(y, nil)
	}
}

func total(_ *arithmetic, terms []num) num { return sum(terms...) }

func mean(_ *arithmetic, terms []num) num { return sum(terms...).div(exact(float64(len(terms)))) }

// largest is the first of the largest, NaN if there is one. Whether 0 is above -0 is open.
func largest(r *arithmetic, terms []num) num {
	best := exact(math.Inf(-1))
	for i, x := range terms {
		if math.IsNaN(x.v) {
			return x
		}
		if i == 0 || r.above(x, best) {
			best = x
		} else if x.v == 0 && best.v == 0 && math.Signbit(x.v) != math.Signbit(best.v) {
			r.ambiguous = true
		}
	}
	return best
}

func logSumExp(r *arithmetic, terms []num) num {
	m := largest(&arithmetic{}, terms)
	if math.IsInf(m.v, 0) || math.IsNaN(m.v) {
		return num{v: m.v}
	}
	return softmaxed(terms).logTotal
}

// softmaxed is what softmax and its logarithm need of a row.
type soft struct {
	shifted  []num // x - max
	total    num   // of their exponentials
	logTotal num   // log of the sum of exp(x)
}

func softmaxed(row []num) (s soft) {
	m := largest(&arithmetic{}, row).stop()
	m.e = 0 // which one is subtracted makes no difference but to rounding
	var terms []num
	for _, x := range row {
		s.shifted = append(s.shifted, x.sub(m))
		terms = append(terms, s.shifted[len(s.shifted)-1].exp())
	}
	s.total = sum(terms...)
	s.logTotal = s.total.log().add(m)
	return s
}

// alongAxis applies f to every run of elements along an axis.
func alongAxis(axis int, f func(row []num) []num) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		x := in[0]
		at := axis
		if at < 0 {
			at += len(x.shape)
		}
		if at < 0 || at >= len(x.shape) {
			return nil, fmt.Errorf("axis %d of shape %v", axis, x.shape)
		}
		y := zeros(x.dt, x.shape...)
		inner, n := elements(x.shape[at+1:]), x.shape[at]
		for start := range len(x.x) {
			if inner == 0 || start/inner%n != 0 {
				continue // not the first of a run
			}
			var row []num
			for k := range n {
				row = append(row, x.x[start+k*inner])
			}
			for k, v := range f(row) {
				y.x[start+k*inner] = v
			}
		}
		return one(y, nil)
	}
}

func softmax(row []num) (y []num) {
	s := softmaxed(row)
	for _, x := range s.shifted {
		y = append(y, x.exp().div(s.total))
	}
	return y
}

func logSoftmax(row []num) (y []num) {
	s := softmaxed(row)
	for _, x := range s.shifted {
		y = append(y, x.sub(s.total.log()))
	}
	return y
}

// sparseCrossEntropy is -log(softmax)[label] of each row.
func sparseCrossEntropy(_ *arithmetic, in []array) ([]array, error) {
	logits, labels := in[0], in[1]
	if len(logits.shape) == 0 || !slices.Equal(logits.shape[:len(logits.shape)-1], labels.shape) {
		return nil, wants(false, in...)
	}
	rows, classes := logits.rows()
	y := zeros(logits.dt, labels.shape...)
	for i := range rows {
		k := int(labels.x[i].v)
		if k < 0 || k >= classes {
			return one(y, errValue)
		}
		y.x[i] = logSoftmax(logits.x[i*classes : (i+1)*classes])[k].neg()
	}
	return one(y, nil)
}

// crossEntropy is -sum(labels*log(softmax)) of each row, 0 where the label is 0.
func crossEntropy(_ *arithmetic, in []array) ([]array, error) {
	logits, labels := in[0], in[1]
	if err := same(in...); err != nil || len(logits.shape) == 0 {
		return nil, wants(false, in...)
	}
	rows, classes := logits.rows()
	y := zeros(logits.dt, logits.shape[:len(logits.shape)-1]...)
	for i := range rows {
		var terms []num
		for k, v := range logSoftmax(logits.x[i*classes : (i+1)*classes]) {
			if label := labels.x[i*classes+k].stop(); label.v != 0 {
				terms = append(terms, v.mul(label).neg())
			}
		}
		y.x[i] = sum(terms...)
	}
	return one(y, nil)
}

// weightedMean divides by the number of weights that are not 0.
func weightedMean(_ *arithmetic, in []array) ([]array, error) {
	values, weights := in[0], in[1]
	shape := weights.shape
	leads := func(s []int) bool { return len(s) <= len(values.shape) && slices.Equal(s, values.shape[:len(s)]) }
	if !leads(shape) {
		if n := len(shape) - 1; n < 0 || shape[n] != 1 || !leads(shape[:n]) {
			return nil, wants(false, in...)
		}
		shape = shape[:len(shape)-1]
	}
	each := elements(values.shape[len(shape):])
	var terms []num
	for i, w := range weights.x {
		if w.v == 0 {
			continue
		}
		for _, v := range values.x[i*each : (i+1)*each] {
			terms = append(terms, v.mul(w.stop()))
		}
	}
	y := zeros(values.dt)
	if len(terms) > 0 {
		y.x[0] = sum(terms...).div(exact(float64(len(terms))))
	}
	return one(y, nil)
}

func l1l2(l1, l2 float64) reference {
	return func(r *arithmetic, in []array) ([]array, error) {
		var a, b []num
		for _, x := range in[0].x {
			a, b = append(a, abs(r, x)), append(b, x.mul(x))
		}
		y := zeros(in[0].dt)
		y.x[0] = exact(l1).mul(sum(a...)).add(exact(l2).mul(sum(b...)))
		return one(y, nil)
	}
}

// argMax is the first of the largest; beside NaN it is not defined.
func argMax(_ *arithmetic, in []array) ([]array, error) {
	x := in[0]
	if len(x.shape) == 0 || x.shape[len(x.shape)-1] == 0 {
		return nil, wants(false, x)
	}
	rows, width := x.rows()
	y := zeros(tensor.Int64, x.shape[:len(x.shape)-1]...)
	for i := range rows {
		best := 0
		for k, v := range x.x[i*width : (i+1)*width] {
			if v.v > x.x[i*width+best].v {
				best = k
			}
		}
		y.x[i] = exact(float64(best))
		if slices.ContainsFunc(x.x[i*width:(i+1)*width], func(v num) bool { return math.IsNaN(v.v) }) {
			y.x[i] = anything()
		}
	}
	return one(y, nil)
}

// topK returns values and indices; NaN comes last.
func topK(k int) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		x := in[0]
		if k < 1 || len(x.shape) == 0 || x.shape[len(x.shape)-1] < k {
			return nil, wants(false, x)
		}
		rows, width := x.rows()
		shape := append(slices.Clone(x.shape[:len(x.shape)-1]), k)
		values, indices := zeros(x.dt, shape...), zeros(tensor.Int64, shape...)
		for i := range rows {
			order := make([]int, width)
			for n := range order {
				order[n] = n
			}
			row := x.x[i*width : (i+1)*width]
			slices.SortStableFunc(order, func(a, b int) int {
				va, vb := row[a].v, row[b].v
				switch {
				case va > vb, math.IsNaN(vb) && !math.IsNaN(va):
					return -1
				case vb > va, math.IsNaN(va) && !math.IsNaN(vb):
					return 1
				}
				return 0
			})
			for n := range k {
				values.x[i*k+n], indices.x[i*k+n] = row[order[n]].stop(), exact(float64(order[n]))
			}
		}
		return []array{values, indices}, nil
	}
}
