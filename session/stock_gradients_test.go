package session_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	. "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/philox"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/ops/opstest"
	"github.com/stheno-ml/stheno/session"
)

// A stockCase is one use of a stock Gorgonia op.
type stockCase struct {
	name string
	in   []stockInput
	// build applies the op; input i is a float64 variable, or an int constant.
	build func(x Nodes) (*Node, error)
	// want is the value, for ops whose value could be wrong while the gradient
	// agrees with it.
	want func(x [][]float64) []float64
	// valueOnly is for ops without a gradient.
	valueOnly bool
}

// A stockInput describes one input of a case.
type stockInput struct {
	shape     tensor.Shape
	low, high float64
	values    []float64 // in place of random ones;
	ints      []int     // an int constant: not differentiated
	fixed     bool      // not differentiated
}

func normal(shape ...int) stockInput   { return stockInput{shape: shape, low: -1.5, high: 1.5} }
func positive(shape ...int) stockInput { return stockInput{shape: shape, low: 0.2, high: 1.2} }
func wide(scale float64, shape ...int) stockInput {
	return stockInput{shape: shape, low: -scale, high: scale}
}
func ints(values []int, shape ...int) stockInput {
	return stockInput{shape: shape, ints: values, fixed: true}
}
func labels(shape ...int) stockInput {
	in := stockInput{shape: shape, fixed: true}
	for i := range tensor.Shape(shape).TotalSize() {
		in.values = append(in.values, float64(i*i%3%2))
	}
	return in
}

func (in stockInput) data(position int) []float64 {
	if in.values != nil {
		return in.values
	}
	r := philox.New(5, "stock", int64(position))
	data := make([]float64, in.shape.TotalSize())
	for i := range data {
		data[i] = in.low + (in.high-in.low)*r.Float64(uint64(i))
	}
	return data
}

func single(f func(*Node) (*Node, error)) func(Nodes) (*Node, error) {
	return func(x Nodes) (*Node, error) { return f(x[0]) }
}

func pair(f func(a, b *Node) (*Node, error)) func(Nodes) (*Node, error) {
	return func(x Nodes) (*Node, error) { return f(x[0], x[1]) }
}

func along(f func(*Node, ...int) (*Node, error), axes ...int) func(Nodes) (*Node, error) {
	return func(x Nodes) (*Node, error) { return f(x[0], axes...) }
}

func each(f func(float64) float64) func([][]float64) []float64 {
	return func(x [][]float64) []float64 {
		out := make([]float64, len(x[0]))
		for i, v := range x[0] {
			out[i] = f(v)
		}
		return out
	}
}

// opstestCase returns the case for the finite-difference checker.
func (c stockCase) opstestCase() opstest.Case {
	oc := opstest.Case{Build: func(g *graph.Graph, in ...*Node) *Node { return c.node(g, in) }, Tolerance: 1e-5}
	for i, in := range c.in {
		oc.Shapes = append(oc.Shapes, in.shape)
		oc.Values = append(oc.Values, in.data(i))
		if in.fixed {
			oc.Fixed = append(oc.Fixed, i)
		}
	}
	return oc
}

// node applies the op. Integer inputs take the place of the checker's.
func (c stockCase) node(g *graph.Graph, in Nodes) *Node {
	x := append(Nodes(nil), in...)
	for i, spec := range c.in {
		if spec.ints != nil {
			x[i] = g.NamedConstant(x[i].Name()+"_int", tensor.New(tensor.WithShape(spec.shape...), tensor.WithBacking(append([]int(nil), spec.ints...))))
		}
	}
	n, err := c.build(x)
	if err != nil {
		return g.Fail(err)
	}
	return n
}

// values runs the op in a dtype: its value, and unless it has none its gradients for a
// sum of the result's elements times 1, 2, 3, ...
func (c stockCase) values(t *testing.T, dt tensor.Dtype) [][]float64 {
	t.Helper()
	g := graph.New()
	var in, wrt Nodes
	for i, spec := range c.in {
		data := spec.data(i)
		n := g.Variable(fmt.Sprint("in", i), dt, spec.shape, graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
			copyNumbers(v, data)
			return nil
		}))
		if in = append(in, n); !spec.fixed {
			wrt = append(wrt, n)
		}
	}
	out := c.node(g, in)
	fetches := Nodes{out}
	if !c.valueOnly {
		loss := out
		if out.Dims() > 0 {
			weights := tensor.New(tensor.Of(dt), tensor.WithShape(out.Shape()...))
			copyNumbers(weights, tensor.Range(tensor.Float64, 1, out.Shape().TotalSize()+1).([]float64))
			loss = ops.Sum(g, ops.Mul(g, out, g.NamedConstant("weights", weights)))
		}
		fetches = append(fetches, g.Gradients(loss, wrt...)...)
	}
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	first, second := run(t, s, nil, fetches...), run(t, s, nil, fetches...)
	require.Equal(t, first, second, "a second run differs")
	var values [][]float64
	for _, v := range first {
		values = append(values, numbers(v))
	}
	return values
}

func copyNumbers(t *tensor.Dense, values []float64) {
	for i, v := range values {
		if t.Dtype() == tensor.Float64 {
			t.Float64s()[i] = v
		} else {
			t.Float32s()[i] = float32(v)
		}
	}
}

func numbers(v any) (values []float64) {
	switch v := v.(type) {
	case float64:
		return []float64{v}
	case float32:
		return []float64{float64(v)}
	case []float32:
		for _, f := range v {
			values = append(values, float64(f))
		}
		return values
	}
	return v.([]float64)
}

// Stock ops that a session runs are right: their gradients agree with finite
// differences, and the values of those that could be wrong with a reference. An op
// that fails here belongs into the table of refuse.go.
func TestStockGradients(t *testing.T) {
	for _, c := range append(stockCases(), removingCases()...) {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("panic: %v", r)
				}
			}()
			if c.want != nil {
				data := make([][]float64, len(c.in))
				for i, in := range c.in {
					data[i] = in.data(i)
				}
				got, want := c.values(t, tensor.Float64)[0], c.want(data)
				require.Len(t, got, len(want))
				for i := range want {
					require.InDelta(t, want[i], got[i], 1e-9*math.Max(1, math.Abs(want[i])), "element %d", i)
				}
			}
			if !c.valueOnly {
				opstest.CheckGradient(t, c.opstestCase())
			}
		})
	}
}

// The float32 form of every op agrees with the float64 form.
func TestStockFloat32(t *testing.T) {
	for _, c := range stockCases() {
		t.Run(c.name, func(t *testing.T) {
			exact, got := c.values(t, tensor.Float64), c.values(t, tensor.Float32)
			for k := range exact {
				require.Len(t, got[k], len(exact[k]))
				for i, want := range exact[k] {
					require.InDelta(t, want, got[k][i], 1e-4*math.Max(1, math.Abs(want)), "result %d, element %d", k, i)
				}
			}
		})
	}
}
