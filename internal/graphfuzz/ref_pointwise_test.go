package graphfuzz

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/philox"
)

// reference computes the results of an op. An error is errValue, or says that shapes do
// not fit, which building has to notice.
type reference func(r *arithmetic, in []array) ([]array, error)

func one(a array, err error) ([]array, error) { return []array{a}, err }

// pointwise is a function of one element.
func pointwise(f func(r *arithmetic, x num) num) reference {
	return func(r *arithmetic, in []array) ([]array, error) {
		return one(in[0].of(func(x num) num { return f(r, x) }), nil)
	}
}

// broadcast is a function of two elements, with NumPy's broadcasting.
func broadcast(f func(a, b num) num) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		a, b := in[0], in[1]
		shape := make([]int, max(len(a.shape), len(b.shape)))
		size := func(s []int, axis int) int { // axis of the result
			if k := axis - len(shape) + len(s); k >= 0 {
				return s[k]
			}
			return 1
		}
		for axis := range shape {
			m, n := size(a.shape, axis), size(b.shape, axis)
			switch {
			case m == n, n == 1:
				shape[axis] = m
			case m == 1:
				shape[axis] = n
			default:
				return nil, wants(false, a, b)
			}
		}
		y := zeros(a.dt, shape...)
		pick := func(s array, at []int) num {
			own := at[len(at)-len(s.shape):]
			k := 0
			for axis, n := range s.shape {
				if k *= n; n > 1 {
					k += own[axis]
				}
			}
			return s.x[k]
		}
		index(shape, func(at []int) { *y.at(at...) = f(pick(a, at), pick(b, at)) })
		return one(y, nil)
	}
}

func abs(r *arithmetic, x num) num {
	switch {
	case r.above(x, exact(0)):
		return x
	case r.above(exact(0), x):
		return x.neg()
	}
	return num{v: math.Abs(x.v), e: x.e} // 0, with derivative 0, or NaN
}

// leaky is x above 0 and alpha*x below.
func leaky(alpha float64) reference {
	return pointwise(func(r *arithmetic, x num) num {
		if r.above(x, exact(0)) {
			return x
		}
		if x.v == 0 || math.IsNaN(x.v) { // the derivative at 0 is alpha
			return num{v: x.v, e: x.e, d: product(alpha, x.d), de: times(alpha, x.de)}
		}
		return exact(alpha).mul(x)
	})
}

func relu(r *arithmetic, x num) num {
	switch {
	case r.above(x, exact(0)), math.IsNaN(x.v):
		return x
	}
	return num{e: x.e} // at 0 too, with derivative 0
}

func relu6(r *arithmetic, x num) num {
	switch {
	case math.IsNaN(x.v):
		return x
	case !r.above(x, exact(0)):
		return exact(0)
	case !r.above(exact(6), x):
		return exact(6)
	}
	return x
}

// elu is scale*x from 0 on and scale*alpha*(exp(x)-1) below.
func elu(scale, alpha float64) reference {
	return pointwise(func(r *arithmetic, x num) num {
		if r.above(exact(0), x) {
			y := x.fn(func(x float64) float64 { return scale * alpha * math.Expm1(x) }, func(x float64) float64 { return scale * alpha * math.Exp(x) })
			y.de += times(scale*alpha, x.d) // the derivative is y + scale*alpha
			return y
		}
		return x.mul(exact(scale))
	})
}

func swish(_ *arithmetic, x num) num { return x.mul(x.sigmoid()) }

func gelu(_ *arithmetic, x num) num {
	return x.mul(x.fn(func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) },
		func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }))
}

func softplus(r *arithmetic, x num) num {
	tail := abs(&arithmetic{}, x).neg().fn(func(x float64) float64 { return math.Log1p(math.Exp(x)) }, logistic)
	v := math.Max(x.v, 0) + tail.v
	return num{v: v, e: times(logistic(x.v), x.e) + 4*math.Abs(v), d: product(logistic(x.v), x.d), de: times(logistic(x.v), x.de) + times(x.e, x.d) + times(1, x.d)}
}

func softsign(r *arithmetic, x num) num {
	return x.fn(func(x float64) float64 { return x / (1 + math.Abs(x)) }, func(x float64) float64 { return 1 / ((1 + math.Abs(x)) * (1 + math.Abs(x))) })
}

// pairs is a loss of a prediction and a label of one shape; labels have no derivative.
func pairs(f func(r *arithmetic, x, z num) num) reference {
	return func(r *arithmetic, in []array) ([]array, error) {
		if err := same(in...); err != nil {
			return nil, err
		}
		y := zeros(in[0].dt, in[0].shape...)
		for i := range y.x {
			y.x[i] = f(r, in[0].x[i], in[1].x[i].stop())
		}
		return one(y, nil)
	}
}

// sigmoidCrossEntropy is softplus(x) - x*z.
func sigmoidCrossEntropy(r *arithmetic, x, z num) num {
	y := softplus(r, x).sub(x.mul(z))
	if math.IsInf(x.v, 0) {
		return anything() // the form max(x, 0) - x*z + ... has Inf - Inf
	}
	return y
}

func squaredError(_ *arithmetic, x, z num) num { e := x.sub(z); return e.mul(e) }

func huber(delta float64) func(r *arithmetic, x, z num) num {
	return func(r *arithmetic, x, z num) num {
		e := abs(r, x.sub(z))
		if r.above(e, exact(delta)) {
			return e.sub(exact(delta / 2)).mul(exact(delta))
		}
		return e.mul(e).mul(exact(0.5))
	}
}

// dropout keeps what the generator says.
func dropout(seed uint64, name string, rate float64) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		stream := philox.New(seed, name, int64(in[1].x[0].v))
		y := zeros(in[0].dt, in[0].shape...)
		for i, x := range in[0].x {
			if float64(stream.Uint32(uint64(i)))/(1<<32) >= rate {
				y.x[i] = x.mul(exact(1 / (1 - rate)))
			}
		}
		return one(y, nil)
	}
}

// cast rounds towards zero; what does not fit is not defined.
func cast(dt tensor.Dtype) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		y := in[0].reshaped(in[0].shape...)
		y.dt = dt
		limit := map[tensor.Dtype]float64{tensor.Int64: 1 << 62, tensor.Int32: 1 << 31}[dt]
		for i, x := range y.x {
			switch {
			case limit == 0 && dt == tensor.Float32: // rounded; overflow is Inf
				y.x[i].e += math.Abs(x.v)
			case limit == 0:
			case !(math.Abs(x.v) < limit):
				y.x[i] = anything()
			default:
				y.x[i] = exact(math.Trunc(x.v))
			}
		}
		return one(y, nil)
	}
}

func unchanged(_ *arithmetic, in []array) ([]array, error) { return one(in[0], nil) }

// pairwise wants a variable and a value of one shape.
func pairwise(f func(v, by num) num) reference {
	return func(_ *arithmetic, in []array) ([]array, error) {
		if err := same(in...); err != nil {
			return nil, fmt.Errorf("the variable and its value: %w", err)
		}
		y := zeros(in[0].dt, in[0].shape...)
		for i := range y.x {
			y.x[i] = f(in[0].x[i], in[1].x[i])
		}
		return one(y, nil)
	}
}
