package ops

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// BatchMatMul is a matrix product for each index of the leading axes, which are equal: a
// [..., m, k], b [..., k, n], the result [..., m, n].
func BatchMatMul(g *graph.Graph, a, b *gorgonia.Node) *gorgonia.Node {
	return batchMatMul(g, a, b, false, false)
}

// batchMatMul multiplies; transA and transB say that a or b holds the transposes.
func batchMatMul(g *graph.Graph, a, b *gorgonia.Node, transA, transB bool) *gorgonia.Node {
	const name = "BatchMatMul"
	if bad, ok := check(g, name, a, b); !ok {
		return bad
	}
	return apply(g, definition{
		name: name, attributes: attributes(transA, transB), dtype: a.Dtype(), dims: a.Dims(),
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			x, y := in[0], in[1]
			lead := len(x) - 2
			if lead < 0 || len(y) != len(x) || !equal(x[:lead], y[:lead]) {
				return nil, fmt.Errorf("%s: shapes %v and %v, want matrices with equal leading axes", name, x, y)
			}
			m, k := sides(x[lead:], transA)
			k2, n := sides(y[lead:], transB)
			if k != k2 {
				return nil, fmt.Errorf("%s: shapes %v and %v: the inner sizes %d and %d differ", name, x, y, k, k2)
			}
			return append(x[:lead].Clone(), m, n), nil
		},
		run:            pick(a.Dtype(), batchMatMulKernel[float32](transA, transB), batchMatMulKernel[float64](transA, transB)),
		differentiable: []bool{true, true},
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			// As for MatMul.
			var da, db *gorgonia.Node
			if transA {
				da = batchMatMul(g, in[1], grad, transB, true)
			} else {
				da = batchMatMul(g, grad, in[1], false, !transB)
			}
			if transB {
				db = batchMatMul(g, grad, in[0], true, transA)
			} else {
				db = batchMatMul(g, in[0], grad, !transA, false)
			}
			return gorgonia.Nodes{da, db}
		},
	}, a, b)
}

func batchMatMulKernel[T float](transA, transB bool) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		s, r := in[0].Shape(), in[1].Shape()
		lead := len(s) - 2
		m, k := sides(s[lead:], transA)
		_, n := sides(r[lead:], transB)
		a, b, c := elements[T](in[0]), elements[T](in[1]), elements[T](out)
		for i := range size(s[:lead]) {
			gemm(transA, transB, m, n, k, a[i*m*k:(i+1)*m*k], s[lead+1], b[i*k*n:(i+1)*k*n], r[lead+1], 0, c[i*m*n:(i+1)*m*n], n)
		}
		return nil
	}
}

// ScaledDotProductAttention is softmax(query*key'/sqrt(size))*value for each head (Vaswani
// et al. 2017): query [batch, heads, queries, size], key [batch, heads, keys, size], value
// [batch, heads, keys, value size], the result [batch, heads, queries, value size].
//
// mask is nil or says with a value that is not 0 which key a query may see: [batch, keys],
// [batch, queries, keys], or [batch, heads, queries, keys], where an axis of size 1 stands
// for any size; of any numeric dtype or bool. causal hides the keys after the query's own
// position, counted from the first of both. A query that sees no key gives zeros. What
// hidden keys and values hold has no effect unless it is Inf or NaN.
//
// There are gradients with respect to query, key and value.
func ScaledDotProductAttention(g *graph.Graph, query, key, value, mask *gorgonia.Node, causal bool) *gorgonia.Node {
	const name = "ScaledDotProductAttention"
	if bad, ok := check(g, name, query, key, value); !ok {
		return bad
	}
	if k, v := key.Shape(), value.Shape(); len(k) != 4 || len(v) != 4 || !equal(k[:3], v[:3]) {
		return fail(g, name, "key has shape %v and value %v, want [batch, heads, keys, size] and [batch, heads, keys, value size]", k, v)
	}
	return batchMatMul(g, attentionWeights(g, name, query, key, mask, causal), value, false, false)
}

// AttentionWeights are the weights that [ScaledDotProductAttention] gives to the values,
// [batch, heads, queries, keys]: its arguments are explained there.
func AttentionWeights(g *graph.Graph, query, key, mask *gorgonia.Node, causal bool) *gorgonia.Node {
	return attentionWeights(g, "AttentionWeights", query, key, mask, causal)
}

// attentionWeights are AttentionWeights; errors have the name of the function called.
func attentionWeights(g *graph.Graph, function string, query, key, mask *gorgonia.Node, causal bool) *gorgonia.Node {
	if bad, ok := check(g, function, query, key); !ok {
		return bad
	}
	if q, k := query.Shape(), key.Shape(); len(q) != 4 || len(k) != 4 || !equal(q[:2], k[:2]) || q[3] != k[3] {
		return fail(g, function, "query has shape %v and key %v, want [batch, heads, queries, size] and [batch, heads, keys, size]", q, k)
	}
	const name = "AttentionWeights"
	scores := batchMatMul(g, query, key, false, true)
	if g.Poisoned(scores) {
		return scores
	}
	scale := 1 / math.Sqrt(float64(query.Shape()[3]))
	inputs := gorgonia.Nodes{scores}
	if mask != nil {
		if bad, ok := checkAny(g, function, mask); !ok {
			return bad
		}
		inputs = append(inputs, Cast(g, mask, query.Dtype()))
	}
	dt := query.Dtype()
	return apply(g, definition{
		name: name, attributes: attributes(scale, causal), dtype: dt, dims: 4,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			if len(in) == 2 {
				if _, err := maskWalk(in[1], in[0]); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
			}
			return in[0].Clone(), nil
		},
		run:            pick(dt, attentionKernel[float32](scale, causal), attentionKernel[float64](scale, causal)),
		differentiable: []bool{true, false}[:len(inputs)],
		gradient: func(in gorgonia.Nodes, out, grad *gorgonia.Node) gorgonia.Nodes {
			grads := make(gorgonia.Nodes, len(in))
			grads[0] = apply(g, definition{
				name: name + "Grad", attributes: attributes(scale), dtype: dt, dims: 4,
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return sameShape(name+"Grad", in) },
				run:   pick(dt, attentionPullKernel[float32](scale), attentionPullKernel[float64](scale)),
			}, out, grad)
			return grads
		},
	}, inputs...)
}

// maskWalk follows the rows of a mask over the rows of scores.
func maskWalk(mask, scores tensor.Shape) (walk, error) {
	full := [4]int{1, 1, 1, 1} // the mask's shape with all axes
	switch len(mask) {
	case 2:
		full[0], full[3] = mask[0], mask[1]
	case 3:
		full[0], full[2], full[3] = mask[0], mask[1], mask[2]
	case 4:
		copy(full[:], mask)
	default:
		return walk{}, fmt.Errorf("the mask has shape %v, want [batch, keys], [batch, queries, keys] or [batch, heads, queries, keys]", mask)
	}
	w := walk{axes: 3}
	stride := full[3]
	for axis := 2; axis >= 0; axis-- {
		w.shape[axis] = scores[axis]
		if full[axis] != 1 {
			w.strides[axis] = stride
		}
		stride *= full[axis]
	}
	for axis, n := range full {
		if n != scores[axis] && n != 1 {
			return walk{}, fmt.Errorf("the mask has shape %v, which does not fit the scores [batch, heads, queries, keys] = %v", mask, scores)
		}
	}
	return w, nil
}

func attentionKernel[T float](scale float64, causal bool) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		y, x, shape := elements[T](out), elements[T](in[0]), out.Shape()
		queries, keys := shape[2], shape[3]
		var mask []T
		var at walk
		step := 1 // from key to key in the mask
		if len(in) == 2 {
			var err error
			if at, err = maskWalk(in[1].Shape(), shape); err != nil {
				return err
			}
			mask = elements[T](in[1])
			if s := in[1].Shape(); s[len(s)-1] == 1 && keys != 1 {
				step = 0
			}
		}
		for i := range size(shape[:3]) {
			seen := keys
			if causal {
				seen = min(keys, i%queries+1)
			}
			to, from := y[i*keys:(i+1)*keys], x[i*keys:(i+1)*keys]
			clear(to[seen:])
			if mask == nil {
				scaledSoftmax(to[:seen], from, T(scale))
				continue
			}
			maskedSoftmax(to[:seen], from, mask[at.offset:], step, T(scale))
			at.next()
		}
		return nil
	}
}

// scaledSoftmax is softmax(scale*x) over as many elements as y has.
func scaledSoftmax[T float](y, x []T, scale T) {
	for k := range y {
		y[k] = x[k] * scale
	}
	softmaxOf(y)
}

// maskedSoftmax is scaledSoftmax over the elements whose mask is not 0. step is the
// distance from one element of the mask to the next.
func maskedSoftmax[T float](y, x, mask []T, step int, scale T) {
	hidden, seen := T(math.Inf(-1)), false
	for k := range y {
		if y[k] = hidden; mask[k*step] != 0 {
			y[k], seen = x[k]*scale, true
		}
	}
	if !seen {
		clear(y)
		return
	}
	softmaxOf(y)
}

// softmaxOf replaces a row by its softmax.
func softmaxOf[T float](y []T) {
	if y32, ok := any(y).([]float32); ok {
		softmaxRow32(y32, y32)
		return
	}
	softmaxRow(y, y)
}

// attentionPullKernel is the gradient of softmax, scaled. Hidden keys have the weight 0 and
// so the gradient 0.
func attentionPullKernel[T float](scale float64) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		d, y, grad := elements[T](out), elements[T](in[0]), elements[T](in[1])
		rows, keys := last(out.Shape())
		for i := range rows {
			row := d[i*keys : (i+1)*keys]
			softmaxPull(row, y[i*keys:(i+1)*keys], grad[i*keys:(i+1)*keys])
			for k := range row {
				row[k] *= T(scale)
			}
		}
		return nil
	}
}
