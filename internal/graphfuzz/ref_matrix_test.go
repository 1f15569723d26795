package graphfuzz

import (
	"math"
	"slices"
)

// product2 multiplies matrices [m, k] and [k, n].
func product2(a, b array) array {
	m, k, n := a.shape[0], a.shape[1], b.shape[1]
	y := zeros(a.dt, m, n)
	for i := range m {
		for j := range n {
			var terms []num
			for l := range k {
				terms = append(terms, a.at(i, l).mul(*b.at(l, j)))
			}
			*y.at(i, j) = sum(terms...)
		}
	}
	return y
}

func matMul(_ *arithmetic, in []array) ([]array, error) {
	a, b := in[0], in[1]
	if len(a.shape) != 2 || len(b.shape) != 2 || a.shape[1] != b.shape[0] {
		return nil, wants(false, a, b)
	}
	return one(product2(a, b), nil)
}

// matrices are the matrices of the last two axes.
func (a array) matrices() (all []array) {
	lead := len(a.shape) - 2
	n := elements(a.shape[lead:])
	for i := range elements(a.shape[:lead]) {
		all = append(all, array{a.dt, a.shape[lead:], a.x[i*n : (i+1)*n]})
	}
	return all
}

func batchMatMul(_ *arithmetic, in []array) ([]array, error) {
	a, b := in[0], in[1]
	lead := len(a.shape) - 2
	if lead < 0 || len(a.shape) != len(b.shape) || !slices.Equal(a.shape[:lead], b.shape[:lead]) || a.shape[lead+1] != b.shape[lead] {
		return nil, wants(false, a, b)
	}
	y := array{dt: a.dt, shape: append(slices.Clone(a.shape[:lead+1]), b.shape[lead+1])}
	right := b.matrices()
	for i, left := range a.matrices() {
		y.x = append(y.x, product2(left, right[i]).x...)
	}
	return one(y, nil)
}

// denseLayer is x*kernel + bias over the last axis; the bias may be missing.
func denseLayer(_ *arithmetic, in []array) ([]array, error) {
	x, kernel := in[0], in[1]
	if len(x.shape) < 2 || len(kernel.shape) != 2 || kernel.shape[0] != x.shape[len(x.shape)-1] ||
		len(in) == 3 && !slices.Equal(in[2].shape, kernel.shape[1:]) {
		return nil, wants(false, in...)
	}
	rows, width := x.rows()
	y := product2(array{x.dt, []int{rows, width}, x.x}, kernel)
	if len(in) == 3 {
		for i := range y.x {
			y.x[i] = y.x[i].add(in[2].x[i%kernel.shape[1]])
		}
	}
	return one(y.reshaped(append(slices.Clone(x.shape[:len(x.shape)-1]), kernel.shape[1])...), nil)
}

func denseReLU(r *arithmetic, in []array) ([]array, error) {
	y, err := denseLayer(r, in)
	if err != nil {
		return nil, err
	}
	return pointwise(relu)(r, y)
}

// attentionWeights are softmax(query*key'/sqrt(size)) of the keys that a query may see.
// in[2], if there, is the mask.
func attentionWeights(causal bool) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		q, k := in[0], in[1]
		if len(q.shape) != 4 || len(k.shape) != 4 || !slices.Equal(q.shape[:2], k.shape[:2]) || q.shape[3] != k.shape[3] {
			return nil, wants(false, in...)
		}
		batch, heads, queries, keys, size := q.shape[0], q.shape[1], q.shape[2], k.shape[2], q.shape[3]
		sees := func(b, h, i, j int) bool { return true }
		if len(in) == 3 {
			m := in[2]
			full := []int{batch, heads, queries, keys}
			axes := map[int][]int{2: {0, 3}, 3: {0, 2, 3}, 4: {0, 1, 2, 3}}[len(m.shape)]
			if axes == nil {
				return nil, wants(false, in...)
			}
			for i, axis := range axes {
				if m.shape[i] != 1 && m.shape[i] != full[axis] {
					return nil, wants(false, in...)
				}
			}
			sees = func(b, h, i, j int) bool {
				at := []int{b, h, i, j}
				own := make([]int, len(axes))
				for n, axis := range axes {
					if m.shape[n] > 1 {
						own[n] = at[axis]
					}
				}
				return m.at(own...).v != 0
			}
		}
		y := zeros(q.dt, batch, heads, queries, keys)
		index([]int{batch, heads, queries}, func(at []int) {
			b, h, i := at[0], at[1], at[2]
			var scores []num
			var seen []int
			for j := range keys {
				var terms []num
				for l := range size {
					terms = append(terms, q.at(b, h, i, l).mul(*k.at(b, h, j, l)))
				}
				if score := sum(terms...).mul(exact(1 / math.Sqrt(float64(size)))); sees(b, h, i, j) && (!causal || j <= i) {
					scores, seen = append(scores, score), append(seen, j)
				}
			}
			if len(seen) == 0 {
				return
			}
			for n, w := range softmax(scores) {
				*y.at(b, h, i, seen[n]) = w
				for j := 0; j < keys && math.IsNaN(w.v); j++ { // hidden ones too may be NaN then
					if !slices.Contains(seen, j) {
						*y.at(b, h, i, j) = anything()
					}
				}
			}
		})
		return one(y, nil)
	}
}

// attention gives the values of in[2] the weights of in[0] and in[1]; in[3] is the mask.
func attention(causal bool) reference {
	return func(r *arithmetic, in []array) ([]array, error) {
		weights, err := attentionWeights(causal)(r, append(slices.Clone(in[:2]), in[3:]...))
		if err != nil {
			return nil, err
		}
		y, err := batchMatMul(r, []array{weights[0], in[2]})
		if err == nil && !allFinite(in[2]) { // a weight may be 0 or nearly 0, times Inf
			y[0] = y[0].of(func(num) num { return anything() })
		}
		return y, err
	}
}
