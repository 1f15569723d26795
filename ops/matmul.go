package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/blas"
)

// MatMul is the matrix product of a [m, k] and b [k, n], a matrix [m, n].
func MatMul(g *graph.Graph, a, b *gorgonia.Node) *gorgonia.Node {
	return matMul(g, "MatMul", a, b, false, false)
}

// matMul multiplies; transA and transB say that a or b holds the transpose of the
// factor.
func matMul(g *graph.Graph, name string, a, b *gorgonia.Node, transA, transB bool) *gorgonia.Node {
	if bad, ok := check(g, name, a, b); !ok {
		return bad
	}
	return apply(g, definition{
		name: name, attributes: attributes(transA, transB), dtype: a.Dtype(), dims: 2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			if len(in[0]) != 2 || len(in[1]) != 2 {
				return nil, fmt.Errorf("%s: shapes %v and %v, want two matrices", name, in[0], in[1])
			}
			m, k := sides(in[0], transA)
			k2, n := sides(in[1], transB)
			if k != k2 {
				return nil, fmt.Errorf("%s: shapes %v and %v: the inner sizes %d and %d differ", name, in[0], in[1], k, k2)
			}
			return tensor.Shape{m, n}, nil
		},
		run:            pick(a.Dtype(), matMulKernel[float32](transA, transB), matMulKernel[float64](transA, transB)),
		differentiable: []bool{true, true},
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			// For C = A B: dA = dC B' and dB = A' dC; a transposed factor gets the transpose.
			var da, db *gorgonia.Node
			if transA {
				da = matMul(g, name, in[1], grad, transB, true)
			} else {
				da = matMul(g, name, grad, in[1], false, !transB)
			}
			if transB {
				db = matMul(g, name, grad, in[0], true, transA)
			} else {
				db = matMul(g, name, in[0], grad, !transA, false)
			}
			return gorgonia.Nodes{da, db}
		},
	}, a, b)
}

func sides(s tensor.Shape, transposed bool) (rows, columns int) {
	if transposed {
		return s[1], s[0]
	}
	return s[0], s[1]
}

func matMulKernel[T float](transA, transB bool) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		a, b := in[0].Shape(), in[1].Shape()
		m, k := sides(a, transA)
		_, n := sides(b, transB)
		gemm(transA, transB, m, n, k, elements[T](in[0]), a[1], elements[T](in[1]), b[1], 0, elements[T](out), n)
		return nil
	}
}

// gemm sets c to a*b + beta*c.
func gemm[T float](transA, transB bool, m, n, k int, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	switch c := any(c).(type) {
	case []float32:
		blas.Default().Sgemm(transA, transB, m, n, k, 1, any(a).([]float32), lda, any(b).([]float32), ldb, float32(beta), c, ldc)
	case []float64:
		blas.Default().Dgemm(transA, transB, m, n, k, 1, any(a).([]float64), lda, any(b).([]float64), ldb, float64(beta), c, ldc)
	}
}

// Dense is x*kernel + bias over the last axis: x [batch, ..., inputs], kernel
// [inputs, units], bias [units], result [batch, ..., units]. A nil bias is left out.
func Dense(g *graph.Graph, x, kernel, bias *gorgonia.Node) *gorgonia.Node {
	const name = "Dense"
	inputs := gorgonia.Nodes{x, kernel}
	if bias != nil {
		inputs = append(inputs, bias)
	}
	if bad, ok := check(g, name, inputs...); !ok {
		return bad
	}
	return apply(g, definition{
		name: name, dtype: x.Dtype(), dims: x.Dims(),
		shape:          denseShape,
		run:            pick(x.Dtype(), denseKernel[float32], denseKernel[float64]),
		differentiable: []bool{true, true, true}[:len(inputs)],
		gradient: func(in gorgonia.Nodes, _, grad *gorgonia.Node) gorgonia.Nodes {
			return denseGradients(g, in, grad)
		},
	}, inputs...)
}

// denseGradients are those of x, kernel and, where there is one, bias.
func denseGradients(g *graph.Graph, in gorgonia.Nodes, grad *gorgonia.Node) gorgonia.Nodes {
	grads := gorgonia.Nodes{denseInputGradient(g, grad, in[1]), denseKernelGradient(g, in[0], grad)}
	if len(in) == 3 {
		grads = append(grads, sumTo(g, grad, in[2]))
	}
	return grads
}

func denseShape(in []tensor.Shape) (tensor.Shape, error) {
	x, kernel := in[0], in[1]
	if len(x) < 2 {
		return nil, fmt.Errorf("Dense: x has shape %v, want [batch, ..., inputs]", x)
	}
	if len(kernel) != 2 || kernel[0] != x[len(x)-1] {
		return nil, fmt.Errorf("Dense: x has shape %v and the kernel %v, want [%d, units]", x, kernel, x[len(x)-1])
	}
	if len(in) == 3 && (len(in[2]) != 1 || in[2][0] != kernel[1]) {
		return nil, fmt.Errorf("Dense: the bias has shape %v, want [%d]", in[2], kernel[1])
	}
	out := x.Clone()
	out[len(out)-1] = kernel[1]
	return out, nil
}

func denseKernel[T float](out gorgonia.Value, in []gorgonia.Value) error {
	rows, inputs := last(in[0].Shape())
	units := in[1].Shape()[1]
	y := elements[T](out)
	var beta T
	if len(in) == 3 {
		bias := elements[T](in[2])
		for i := range rows {
			copy(y[i*units:(i+1)*units], bias)
		}
		beta = 1
	}
	gemm(false, false, rows, units, inputs, elements[T](in[0]), inputs, elements[T](in[1]), units, beta, y, units)
	return nil
}

// denseInputGradient is grad * kernel'.
func denseInputGradient(g *graph.Graph, grad, kernel *gorgonia.Node) *gorgonia.Node {
	return apply(g, definition{
		name: "DenseInputGrad", dtype: grad.Dtype(), dims: grad.Dims(),
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			out := in[0].Clone()
			out[len(out)-1] = in[1][0]
			return out, nil
		},
		run: pick(grad.Dtype(), denseInputKernel[float32], denseInputKernel[float64]),
	}, grad, kernel)
}

func denseInputKernel[T float](out gorgonia.Value, in []gorgonia.Value) error {
	rows, units := last(in[0].Shape())
	inputs := in[1].Shape()[0]
	gemm(false, true, rows, inputs, units, elements[T](in[0]), units, elements[T](in[1]), units, 0, elements[T](out), inputs)
	return nil
}

// denseKernelGradient is x' * grad, summed over all leading axes.
func denseKernelGradient(g *graph.Graph, x, grad *gorgonia.Node) *gorgonia.Node {
	return apply(g, definition{
		name: "DenseKernelGrad", dtype: x.Dtype(), dims: 2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			return tensor.Shape{in[0][len(in[0])-1], in[1][len(in[1])-1]}, nil
		},
		run: pick(x.Dtype(), denseKernelKernel[float32], denseKernelKernel[float64]),
	}, x, grad)
}

func denseKernelKernel[T float](out gorgonia.Value, in []gorgonia.Value) error {
	rows, inputs := last(in[0].Shape())
	_, units := last(in[1].Shape())
	gemm(true, false, inputs, units, rows, elements[T](in[0]), inputs, elements[T](in[1]), units, 0, elements[T](out), units)
	return nil
}
