package session

import (
	"fmt"

	gonumblas "gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/blas"
)

// product is a product of matrices, or of each pair of two batches of matrices. A vector
// is a matrix of one column, or of one row on the left of a product of two vectors.
type product struct {
	transA, transB bool
	batch, m, n, k int
}

// fasterProduct returns a kernel for Gorgonia's products. Those of float32 are the
// engine's. Those of float64 stay gonum's, as in Gorgonia, and keep their bits: the
// engines' own are made for checking gradients, not for speed.
func fasterProduct(n *gorgonia.Node) func(gorgonia.Value, []gorgonia.Value) error {
	in := graph.InputsOf(n)
	if in[0].Dtype() != n.Dtype() || in[1].Dtype() != n.Dtype() {
		return nil
	}
	p := product{transA: field(n.Op(), "transA").Bool(), transB: field(n.Op(), "transB").Bool()}
	if _, ok := p.of(in[0].Shape(), in[1].Shape(), n.Shape()); !ok {
		return nil
	}
	return floats(n.Dtype(), productKernel(p, product.multiply32), productKernel(p, product.multiply64))
}

// of returns the product with the sizes of these shapes; false if it is none.
func (p product) of(a, b, out tensor.Shape) (product, bool) {
	if len(a) == 0 || len(b) == 0 {
		return p, false
	}
	switch {
	case len(a) == 1 && len(b) == 1 && len(out) == 0: // a row and a column
		a, b, out = tensor.Shape{1, a[0]}, tensor.Shape{b[0], 1}, tensor.Shape{1, 1}
	case len(a) == 1 && len(b) == 1 && len(out) == 2: // a column and a row
		a, b = tensor.Shape{a[0], 1}, tensor.Shape{1, b[0]}
	case len(a) == 2 && len(b) == 1 && len(out) == 1:
		b, out = tensor.Shape{b[0], 1}, tensor.Shape{out[0], 1}
	}
	lead := len(a) - 2
	if lead < 0 || len(b) != len(a) || len(out) != len(a) {
		return p, false
	}
	p.batch = 1
	for i := range lead {
		if a[i] != b[i] || a[i] != out[i] {
			return p, false
		}
		p.batch *= a[i]
	}
	rows, inner := a[lead], a[lead+1]
	if p.transA {
		rows, inner = inner, rows
	}
	other, columns := b[lead], b[lead+1]
	if p.transB {
		other, columns = columns, other
	}
	p.m, p.n, p.k = rows, columns, inner
	return p, inner == other && rows == out[lead] && columns == out[lead+1] && p.batch*rows*columns*inner > 0
}

func productKernel[T float](p product, multiply func(p product, a, b, c []T)) func(gorgonia.Value, []gorgonia.Value) error {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		c, a, b, err := three[T](out, in[0], in[1])
		if err != nil {
			return err
		}
		p, ok := p.of(in[0].Shape(), in[1].Shape(), out.Shape())
		if !ok {
			return fmt.Errorf("no product of shapes %v and %v has shape %v", in[0].Shape(), in[1].Shape(), out.Shape())
		}
		for i := range p.batch {
			multiply(p, a[i*p.m*p.k:(i+1)*p.m*p.k], b[i*p.k*p.n:(i+1)*p.k*p.n], c[i*p.m*p.n:(i+1)*p.m*p.n])
		}
		return nil
	}
}

// strides are the distances between two rows of a and of b in memory.
func (p product) strides() (a, b int) {
	a, b = p.k, p.n
	if p.transA {
		a = p.m
	}
	if p.transB {
		b = p.k
	}
	return a, b
}

func (p product) multiply32(a, b, c []float32) {
	lda, ldb := p.strides()
	blas.Default().Sgemm(p.transA, p.transB, p.m, p.n, p.k, 1, a, lda, b, ldb, 0, c, p.n)
}

func (p product) multiply64(a, b, c []float64) {
	lda, ldb := p.strides()
	var g gonum.Implementation
	switch {
	case p.k == 1: // one column times one row
		clear(c)
		g.Dger(p.m, p.n, 1, a, 1, b, 1, c, p.n)
	case p.n == 1 && p.m == 1:
		c[0] = g.Ddot(p.k, a, 1, b, 1)
	case p.n == 1:
		rows, columns := p.m, p.k
		if p.transA {
			rows, columns = p.k, p.m
		}
		g.Dgemv(transposed(p.transA), rows, columns, 1, a, lda, b, 1, 0, c, 1)
	default:
		g.Dgemm(transposed(p.transA), transposed(p.transB), p.m, p.n, p.k, 1, a, lda, b, ldb, 0, c, p.n)
	}
}

func transposed(t bool) gonumblas.Transpose {
	if t {
		return gonumblas.Trans
	}
	return gonumblas.NoTrans
}
