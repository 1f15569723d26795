package session_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	. "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/session"
)

// special returns a tensor that holds the numbers that arithmetic treats apart.
func special(dt tensor.Dtype, turn int, shape ...int) *tensor.Dense {
	t := made(dt, "special", 1, shape...)
	values := []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), 1e30, -1e30, 1e-30}
	for i := range tensor.Shape(shape).TotalSize() {
		if k := i % 13; k < len(values) {
			v := values[(k+turn*(i/13+1))%len(values)]
			if dt == tensor.Float32 {
				t.Float32s()[i] = float32(v)
			} else {
				t.Float64s()[i] = v
			}
		}
	}
	return t
}

// onBoth returns the values of a node on Gorgonia's machine and on ours.
func onBoth(t *testing.T, build func(g *ExprGraph) *Node) (stock, ours []float64) {
	t.Helper()
	for i, machine := range []func(*ExprGraph) VM{
		func(g *ExprGraph) VM { return NewTapeMachine(g) },
		func(g *ExprGraph) VM { return session.NewVM(g) },
	} {
		g := NewGraph()
		v := new(Value)
		Read(build(g), v)
		vm := machine(g)
		require.NoError(t, vm.RunAll())
		if i == 0 {
			stock = numbers((*v).Data())
		} else {
			ours = numbers((*v).Data())
		}
		require.NoError(t, vm.Close())
	}
	return stock, ours
}

func requireSameBits(t *testing.T, build func(g *ExprGraph) *Node) {
	t.Helper()
	stock, ours := onBoth(t, build)
	require.Len(t, ours, len(stock))
	for i := range stock {
		if math.Float64bits(stock[i]) != math.Float64bits(ours[i]) && !(math.IsNaN(stock[i]) && math.IsNaN(ours[i])) {
			t.Errorf("element %d is %v, Gorgonia has %v", i, ours[i], stock[i])
		}
	}
}

// Kernels are found by names and fields of Gorgonia's that are not exported.
func TestKernelsAreFound(t *testing.T) {
	found := map[string]bool{}
	for _, c := range networks {
		for _, n := range c.build(c.small).graph.AllNodes() {
			if session.HasKernel(n) {
				found[fmt.Sprintf("%T", n.Op())] = true
			}
		}
	}
	for _, name := range []string{
		"gorgonia.elemBinOp", "gorgonia.elemUnaryOp", "gorgonia.linAlgBinOp", "gorgonia.reshapeOp", "gorgonia.transposeOp",
		"gorgonia.im2colOp", "gorgonia.col2imOp", "*gorgonia.maxPoolOp", "*gorgonia.maxPoolDiffOp",
	} {
		require.True(t, found[name], "no %s has a kernel", name)
	}
}

var dtypes = []tensor.Dtype{tensor.Float32, tensor.Float64}

// Kernels in place of stock elementwise ops have their bits, for NaN and infinities too.
func TestPointwiseKernelsHaveStockBits(t *testing.T) {
	comparison := func(f func(a, b *Node, same bool) (*Node, error)) func(a, b *Node) (*Node, error) {
		return func(a, b *Node) (*Node, error) { return f(a, b, true) }
	}
	for name, f := range map[string]func(a, b *Node) (*Node, error){
		"Add": Add, "Sub": Sub, "HadamardProd": HadamardProd,
		"Gt": comparison(Gt), "Gte": comparison(Gte), "Lt": comparison(Lt), "Lte": comparison(Lte), "Eq": comparison(Eq),
	} {
		for _, dt := range dtypes {
			for _, shapes := range [][2][]int{{{70}, {70}}, {{3, 7}, {3, 7}}, {{3, 7}, {}}, {{}, {2, 600}}, {{}, {}}, {{1}, {1}}} {
				t.Run(fmt.Sprint(name, dt, shapes), func(t *testing.T) {
					requireSameBits(t, func(g *ExprGraph) *Node {
						var in Nodes
						for k, s := range shapes {
							value := special(dt, k, s...)
							if len(s) > 0 {
								in = append(in, given(g, fmt.Sprint("in", k), value))
							} else {
								in = append(in, NewScalar(g, dt, WithName(fmt.Sprint("in", k)), WithValue(value.ScalarValue())))
							}
						}
						return Must(f(in[0], in[1]))
					})
				})
			}
		}
	}
	for name, f := range map[string]func(*Node) (*Node, error){
		"Abs": Abs, "Sign": Sign, "Ceil": Ceil, "Floor": Floor, "Sin": Sin, "Cos": Cos, "Exp": Exp, "Log": Log, "Log2": Log2,
		"Neg": Neg, "Square": Square, "Sqrt": Sqrt, "Inverse": Inverse, "InverseSqrt": InverseSqrt, "Cube": Cube,
		"Sigmoid": Sigmoid, "Log1p": Log1p, "Expm1": Expm1, "Softplus": Softplus,
	} {
		for _, dt := range dtypes {
			t.Run(fmt.Sprint(name, dt), func(t *testing.T) {
				requireSameBits(t, func(g *ExprGraph) *Node { return Must(f(given(g, "x", special(dt, 1, 4, 26)))) })
			})
		}
	}
}

// A division by zero is IEEE 754's, and float32's Tanh is rounded from float64.
func TestDivisionAndTanhKernels(t *testing.T) {
	x, y := special(tensor.Float64, 0, 50), special(tensor.Float64, 1, 50)
	_, quotient := onBoth(t, func(g *ExprGraph) *Node { return Must(HadamardDiv(given(g, "x", x), given(g, "y", y))) })
	x32 := special(tensor.Float32, 0, 50)
	_, tanh := onBoth(t, func(g *ExprGraph) *Node { return Must(Tanh(given(g, "x", x32))) })
	for i := range quotient {
		require.Equal(t, fmt.Sprint(x.Float64s()[i]/y.Float64s()[i]), fmt.Sprint(quotient[i]))
		require.Equal(t, fmt.Sprint(float32(math.Tanh(float64(x32.Float32s()[i])))), fmt.Sprint(float32(tanh[i])))
	}
}

// Kernels that move elements have stock bits; products are rounded in another order.
func TestShapeAndProductKernels(t *testing.T) {
	for _, dt := range dtypes {
		for name, build := range map[string]func(x func(shape ...int) *Node) *Node{
			"Transpose":           func(x func(...int) *Node) *Node { return Must(Transpose(x(3, 5))) },
			"Transpose 0 2 1":     func(x func(...int) *Node) *Node { return Must(Transpose(x(2, 3, 5), 0, 2, 1)) },
			"Transpose 3 1 0 2":   func(x func(...int) *Node) *Node { return Must(Transpose(x(2, 3, 5, 4), 3, 1, 0, 2)) },
			"Transpose to itself": func(x func(...int) *Node) *Node { return Must(Transpose(x(2, 3, 5), 0, 1, 2)) },
			"Reshape of an input": func(x func(...int) *Node) *Node { return Must(Reshape(x(2, 6), tensor.Shape{3, 4})) },
			"Reshape of a result": func(x func(...int) *Node) *Node { return Must(Reshape(Must(Neg(x(2, 6))), tensor.Shape{12})) },
			"Reshape of a transpose": func(x func(...int) *Node) *Node {
				return Must(Reshape(Must(Transpose(x(2, 6))), tensor.Shape{3, 4}))
			},
			"MaxPool2D": func(x func(...int) *Node) *Node {
				return Must(MaxPool2D(Must(Square(x(2, 3, 6, 6))), tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
			},
		} {
			t.Run(fmt.Sprint(name, dt), func(t *testing.T) {
				requireSameBits(t, func(g *ExprGraph) *Node {
					return build(func(shape ...int) *Node { return given(g, "x", made(dt, "x", 1, shape...)) })
				})
			})
		}
		for name, c := range map[string]struct {
			a, b []int
			f    func(a, b *Node) (*Node, error)
		}{
			"matrix matrix":   {[]int{7, 40}, []int{40, 33}, Mul},
			"row matrix":      {[]int{1, 40}, []int{40, 33}, Mul},
			"matrix column":   {[]int{7, 40}, []int{40, 1}, Mul},
			"column row":      {[]int{7, 1}, []int{1, 5}, Mul},
			"matrix vector":   {[]int{7, 40}, []int{40}, Mul},
			"square vector":   {[]int{7, 7}, []int{7}, Mul},
			"vector vector":   {[]int{40}, []int{40}, Mul},
			"outer":           {[]int{4}, []int{6}, OuterProd},
			"transposed left": {[]int{40, 7}, []int{40, 33}, func(a, b *Node) (*Node, error) { return Mul(Must(Transpose(a)), b) }},
			"batched":         {[]int{3, 5, 4}, []int{3, 4, 2}, func(a, b *Node) (*Node, error) { return BatchedMatMul(a, b) }},
			"batched, transposed": {[]int{3, 4, 5}, []int{3, 2, 4}, func(a, b *Node) (*Node, error) {
				return BatchedMatMul(a, b, true, true)
			}},
			"convolution": {[]int{3, 2, 6, 5}, []int{4, 2, 3, 2}, func(a, b *Node) (*Node, error) {
				return Conv2d(a, b, tensor.Shape{3, 2}, []int{1, 1}, []int{2, 1}, []int{1, 2})
			}},
		} {
			t.Run(fmt.Sprint(name, dt), func(t *testing.T) {
				for _, wrt := range []int{-1, 0, 1} { // the product, and its gradients
					stock, ours := onBoth(t, func(g *ExprGraph) *Node {
						in := Nodes{given(g, "a", made(dt, "a", 1, c.a...)), given(g, "b", made(dt, "b", 1, c.b...))}
						y := Must(c.f(in[0], in[1]))
						if wrt < 0 || name == "outer" { // whose gradient is wrong
							return y
						}
						gradients, err := Grad(Must(Sum(Must(Square(y)))), in[wrt])
						require.NoError(t, err)
						return gradients[0]
					})
					require.InDeltaSlice(t, stock, ours, map[tensor.Dtype]float64{tensor.Float32: 1e-3, tensor.Float64: 1e-11}[dt])
				}
			})
		}
	}
}
