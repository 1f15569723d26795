package graphfuzz

import "math"

// num is a number of the interpreter.
type num struct {
	v float64 // the value
	// e bounds how far a computation in floating point may be from v, in units of the
	// machine's epsilon: running error analysis (Higham, Accuracy and Stability of Numerical
	// Algorithms, section 3.3), generous about the order of sums.
	e float64
	// d is the derivative with respect to one element of one input, de its bound.
	d, de float64
	// undefined says that the result may be anything.
	undefined bool
}

func exact(v float64) num { return num{v: v} }

// anything is a result that is not defined.
func anything() num { return num{undefined: true} }

// times is a product for bounds, where 0 times Inf is 0.
func times(a, b float64) float64 {
	if a == 0 || b == 0 {
		return 0
	}
	return math.Abs(a * b)
}

func (a num) neg() num { return num{v: -a.v, e: a.e, d: -a.d, de: a.de} }

func (a num) add(b num) num { return sum(a, b) }

func (a num) sub(b num) num { return sum(a, b.neg()) }

// sum adds up in an order that is not known.
func sum(terms ...num) (s num) {
	for _, t := range terms {
		s.v += t.v
		s.d += t.d
		s.e += t.e + 2*math.Abs(t.v)
		s.de += t.de + 2*math.Abs(t.d)
	}
	return s
}

func (a num) mul(b num) num {
	return num{
		v:  a.v * b.v,
		e:  times(a.e, b.v) + times(a.v, b.e) + math.Abs(a.v*b.v),
		d:  product(a.d, b.v) + product(a.v, b.d),
		de: times(a.de, b.v) + times(a.d, b.e) + times(a.e, b.d) + times(a.v, b.de) + times(a.d, b.v) + times(a.v, b.d),
	}
}

// product is a*b, where a derivative that is 0 stays 0.
func product(a, b float64) float64 {
	if a == 0 || b == 0 {
		return 0
	}
	return a * b
}

func (a num) div(b num) num {
	q := a.v / b.v
	e := math.Abs(1/b.v)*(a.e+times(q, b.e)) + math.Abs(q)
	return num{
		v:  q,
		e:  e,
		d:  product(a.d, 1/b.v) - product(product(q, b.d), 1/b.v),
		de: times(1/b.v, a.de+times(q, b.de)+times(e, b.d)+times(a.d, 1)+times(q, b.d)) + times(times(a.d, 1)+times(q, b.d), times(b.e, 1/(b.v*b.v))),
	}
}

// fn is a smooth function with its derivative.
func (a num) fn(f, df func(float64) float64) num {
	slope := df(a.v)
	h := 1e-4 * (1 + math.Abs(a.v))
	bend := 0.0
	if a.e != 0 {
		bend = (df(a.v+h) - df(a.v-h)) / (2 * h)
	}
	v, d := f(a.v), product(slope, a.d)
	return num{
		v: v, e: times(slope, a.e) + math.Abs(v),
		d: d, de: times(slope, a.de) + times(times(bend, a.e), a.d) + math.Abs(d),
	}
}

func (a num) exp() num { return a.fn(math.Exp, math.Exp) }
func (a num) log() num { return a.fn(math.Log, func(x float64) float64 { return 1 / x }) }
func (a num) sqrt() num {
	return a.fn(math.Sqrt, func(x float64) float64 { return 0.5 / math.Sqrt(x) })
}

// tanh has a derivative that is computed from the value, with an absolute error.
func (a num) tanh() num {
	y := a.fn(math.Tanh, func(x float64) float64 { t := math.Tanh(x); return 1 - t*t })
	y.de += math.Abs(a.d)
	return y
}

// sigmoid has an absolute error, as in float32, and so has its derivative.
func (a num) sigmoid() num {
	y := a.fn(logistic, func(x float64) float64 { return logistic(x) * logistic(-x) })
	y.e++
	y.de += math.Abs(a.d)
	return y
}

func logistic(x float64) float64 {
	if x < 0 {
		return math.Exp(x) / (1 + math.Exp(x))
	}
	return 1 / (1 + math.Exp(-x))
}

// stop is a without a derivative.
func (a num) stop() num { return num{v: a.v, e: a.e} }

// arithmetic is what the numbers of one run have in common.
type arithmetic struct {
	epsilon float64 // of the floating-point type
	// ambiguous says that a comparison could go either way in floating point: then
	// derivatives, and what depends on the branch taken, cannot be compared.
	ambiguous bool
}

// above reports whether a > b.
func (r *arithmetic) above(a, b num) bool {
	if a.e+b.e > 0 && !(math.Abs(a.v-b.v) > 1000*r.epsilon*(a.e+b.e)) {
		r.ambiguous = true
	}
	return a.v > b.v
}
