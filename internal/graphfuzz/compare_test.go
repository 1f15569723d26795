package graphfuzz

import (
	"math"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// compare compares one value.
func (c *check) compare(e *entry, values, feed map[*entry]array) {
	c.t.Helper()
	got := values[e]
	want := array{}
	var in []array
	if e.ref == nil {
		want = c.leafValue(e, feed)
	} else {
		for _, from := range e.in {
			in = append(in, values[from])
		}
		out, err := e.ref(&arithmetic{}, in)
		if err != nil {
			c.t.Fatalf("%s of %s: %v", e.name, describe(in), err)
		}
		want = out[e.out]
	}
	if got.dt != want.dt || !slices.Equal(got.shape, want.shape) {
		c.t.Fatalf("%s of %s is %v %v, want %v %v", e.name, describe(in), got.dt, got.shape, want.dt, want.shape)
	}
	largest := 0.0
	for _, a := range in {
		for _, x := range a.x {
			if finite(x.v) {
				largest = max(largest, math.Abs(x.v))
			}
		}
	}
	for i, w := range want.x {
		if !close(got.dt, got.x[i].v, w, largest) {
			c.t.Fatalf("%s (%v) of %s: element %d is %v, want %v within %v; beside it the first input has %v", e.name, e.node.Op(), describe(in), i, got.x[i].v, w.v, w.e*epsilon(got.dt), around(in, i))
		}
	}
}

// around are the elements of the first input beside the i-th.
func around(in []array, i int) (values []float64) {
	for k := i - 3; len(in) > 0 && k <= i+3 && k < len(in[0].x); k++ {
		values = append(values, in[0].x[max(k, 0)].v)
	}
	return values
}

func epsilon(dt tensor.Dtype) float64 {
	if dt == tensor.Float32 {
		return 1. / (1 << 23)
	}
	return 1. / (1 << 52)
}

// close compares a value of a run with the interpreter's. largest is that of its inputs.
func close(dt tensor.Dtype, got float64, want num, largest float64) bool {
	if want.undefined {
		return true
	}
	if dt != tensor.Float32 && dt != tensor.Float64 {
		return got == want.v
	}
	// What may overflow on the way, and where, is not specified.
	safe, most, tiny := 1e75, math.MaxFloat64, 1e-300
	if dt == tensor.Float32 {
		safe, most, tiny = 1e9, math.MaxFloat32, 1e-36
	}
	switch {
	case math.IsNaN(want.v):
		return math.IsNaN(got) || largest > safe
	case math.IsInf(want.v, 0):
		return got == want.v || largest > safe
	case !(math.Abs(want.v)+want.e < most):
		return true
	}
	return math.Abs(got-want.v) <= 64*epsilon(dt)*want.e+tiny || largest > safe
}

// sameBits reports whether two values are equal to the last bit.
func sameBits(a, b gorgonia.Value) bool {
	x, y := arrayOf(a), arrayOf(b)
	return x.dt == y.dt && slices.Equal(x.shape, y.shape) && slices.EqualFunc(x.x, y.x, func(p, q num) bool {
		return math.Float64bits(p.v) == math.Float64bits(q.v) || math.IsNaN(p.v) && math.IsNaN(q.v)
	})
}
