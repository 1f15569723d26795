package ops

import (
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/vector"
)

// function is an element-wise function. derivative gets the argument and the value.
type function struct {
	name       string
	value      func(x float64) float64
	derivative func(x, y float64) float64
	// value32 and pull32 take the place of those for float32, if they are set: whole
	// slices at a time. pull32 sets d to grad times the derivative.
	value32 func(y, x []float32)
	pull32  func(d, grad, y []float32)
}

func elementwise(name string, value func(x float64) float64, derivative func(x, y float64) float64) function {
	return function{name: name, value: value, derivative: derivative}
}

func (f *function) run32() kernel {
	if f.value32 == nil {
		return mapKernel[float32](f.value)
	}
	return elementKernel(1, func(y, x, _, _ []float32) { f.value32(y, x) })
}

func (f *function) runPull32() kernel {
	if f.pull32 == nil {
		return pullKernel[float32](f.derivative)
	}
	pull := func(d, grad, y, _ []float32) { f.pull32(d, grad, y) }
	return func(out gorgonia.Value, in []gorgonia.Value) error { // x is not needed
		overElements(pull, 1, elements[float32](out), elements[float32](in[2]), elements[float32](in[1]), nil)
		return nil
	}
}

// unary applies f to every element of x. It computes in float64 and rounds once.
func unary(g *graph.Graph, f function, x *gorgonia.Node, attrs ...any) *gorgonia.Node {
	if bad, ok := check(g, f.name, x); !ok {
		return bad
	}
	return apply(g, definition{
		name: f.name, attributes: attributes(attrs...), dtype: x.Dtype(), dims: x.Dims(),
		shape:          func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
		run:            pick(x.Dtype(), f.run32(), mapKernel[float64](f.value)),
		differentiable: []bool{true},
		gradient: func(in gorgonia.Nodes, out, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{apply(g, definition{
				name: f.name + "Grad", attributes: attributes(attrs...), dtype: x.Dtype(), dims: x.Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return sameShape(f.name+"Grad", in) },
				run:   pick(x.Dtype(), f.runPull32(), pullKernel[float64](f.derivative)),
			}, in[0], out, grad)}
		},
	}, x)
}

// elementKernel applies f to the elements of the result and of one to three inputs.
func elementKernel[T float](cost int, f elementFunc[T]) kernel {
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		var b, c []T
		if len(in) > 1 {
			b = elements[T](in[1])
		}
		if len(in) > 2 {
			c = elements[T](in[2])
		}
		y, a := elements[T](out), elements[T](in[0])
		if len(y)*cost < parallelFrom { // without another call
			f(y, a, b, c)
		} else {
			overElements(f, cost, y, a, b, c)
		}
		return nil
	}
}

func mapKernel[T float](f func(float64) float64) kernel {
	return elementKernel(perFunction, func(y, x, _, _ []T) {
		for i, v := range x {
			y[i] = T(f(float64(v)))
		}
	})
}

func pullKernel[T float](derivative func(x, y float64) float64) kernel {
	return elementKernel(perFunction, func(d, x, y, grad []T) {
		for i := range d {
			d[i] = T(float64(grad[i]) * derivative(float64(x[i]), float64(y[i])))
		}
	})
}

// Neg is -x.
func Neg(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, elementwise("Neg", func(x float64) float64 { return -x }, func(_, _ float64) float64 { return -1 }), x)
}

// Abs is |x|. Its derivative at 0 is taken as 0.
func Abs(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, elementwise("Abs", math.Abs, func(x, _ float64) float64 { return sign(x) }), x)
}

// Square is x*x.
func Square(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, elementwise("Square", func(x float64) float64 { return x * x }, func(x, _ float64) float64 { return 2 * x }), x)
}

// Sqrt is the square root; NaN below 0.
func Sqrt(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, elementwise("Sqrt", math.Sqrt, func(_, y float64) float64 { return 0.5 / y }), x)
}

// Exp is e to the x.
func Exp(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, elementwise("Exp", math.Exp, func(_, y float64) float64 { return y }), x)
}

// Log is the natural logarithm; -Inf at 0 and NaN below.
func Log(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, elementwise("Log", math.Log, func(x, _ float64) float64 { return 1 / x }), x)
}

// Tanh is the hyperbolic tangent.
func Tanh(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, function{name: "Tanh", value: math.Tanh, derivative: func(_, y float64) float64 { return 1 - y*y }, value32: vector.Tanh}, x)
}

// Sigmoid is 1/(1+exp(-x)). In float32 the absolute error is at most 2.5e-7, which for a
// very negative x is all there is.
func Sigmoid(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, function{name: "Sigmoid", value: sigmoid, derivative: func(_, y float64) float64 { return y * (1 - y) }, value32: vector.Sigmoid}, x)
}

// Softplus is log(1+exp(x)), computed without overflow.
func Softplus(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, elementwise("Softplus", softplus, func(x, _ float64) float64 { return sigmoid(x) }), x)
}

// Softsign is x/(1+|x|).
func Softsign(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, elementwise("Softsign", func(x float64) float64 { return x / (1 + math.Abs(x)) }, func(x, _ float64) float64 {
		d := 1 + math.Abs(x)
		return 1 / (d * d)
	}), x)
}

// ReLU is max(x, 0). Its derivative at 0 is taken as 0; NaN stays NaN.
func ReLU(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, function{name: "ReLU", value: func(x float64) float64 {
		if x < 0 {
			return 0
		}
		return x
	}, derivative: func(x, _ float64) float64 { return step(x) }, value32: vector.ReLU, pull32: vector.ReLUGrad}, x)
}

// LeakyReLU is x above 0 and alpha*x below (Maas, Hannun and Ng 2013). alpha is finite.
func LeakyReLU(g *graph.Graph, x *gorgonia.Node, alpha float64) *gorgonia.Node {
	if !finite(alpha) {
		return fail(g, "LeakyReLU", "alpha is %v, want a finite number", alpha)
	}
	return unary(g, elementwise("LeakyReLU", func(x float64) float64 {
		if x < 0 {
			return alpha * x
		}
		return x
	}, func(x, _ float64) float64 {
		if x > 0 {
			return 1
		}
		return alpha
	}), x, alpha)
}

// ReLU6 is min(max(x, 0), 6).
func ReLU6(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, elementwise("ReLU6", func(x float64) float64 { return min(max(x, 0), 6) }, func(x, _ float64) float64 {
		return step(x) * step(6-x)
	}), x)
}

// ELU is x above 0 and alpha*(exp(x)-1) below (Clevert, Unterthiner and Hochreiter
// 2015). alpha is finite.
func ELU(g *graph.Graph, x *gorgonia.Node, alpha float64) *gorgonia.Node {
	if !finite(alpha) {
		return fail(g, "ELU", "alpha is %v, want a finite number", alpha)
	}
	return unary(g, elementwise("ELU", func(x float64) float64 {
		if x < 0 {
			return alpha * math.Expm1(x)
		}
		return x
	}, func(x, y float64) float64 {
		if x < 0 {
			return y + alpha
		}
		return 1
	}), x, alpha)
}

// Constants of SELU (Klambauer, Unterthiner, Mayr and Hochreiter 2017).
const (
	seluAlpha = 1.6732632423543772848170429916717
	seluScale = 1.0507009873554804934193349852946
)

// SELU is the scaled exponential linear unit, which keeps mean 0 and variance 1.
func SELU(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, elementwise("SELU", func(x float64) float64 {
		if x < 0 {
			return seluScale * seluAlpha * math.Expm1(x)
		}
		return seluScale * x
	}, func(x, y float64) float64 {
		if x < 0 {
			return y + seluScale*seluAlpha
		}
		return seluScale
	}), x)
}

// Swish is x*sigmoid(x), also called SiLU (Ramachandran, Zoph and Le 2017).
func Swish(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, elementwise("Swish", func(x float64) float64 { return x * sigmoid(x) }, func(x, y float64) float64 {
		s := sigmoid(x)
		return s + y*(1-s)
	}), x)
}

// GELU is x times the standard normal distribution function of x (Hendrycks and
// Gimpel 2016), exact, not the tanh approximation.
func GELU(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return unary(g, elementwise("GELU", func(x float64) float64 { return x * normalCDF(x) }, func(x, _ float64) float64 {
		return normalCDF(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	}), x)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// sigmoid avoids the overflow of exp(-x) for very negative x.
func sigmoid(x float64) float64 {
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func step(x float64) float64 {
	if x > 0 {
		return 1
	}
	return 0
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}
