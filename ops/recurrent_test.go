package ops_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/philox"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/ops/opstest"
	"github.com/stheno-ml/stheno/session"
)

// cellOp is a recurrent op with the formula of one step, written as it is in the books.
type cellOp struct {
	name         string
	gates, biasN int
	build        func(g *graph.Graph, r ops.Recurrent) gorgonia.Nodes // sequence, h, and c where there is one
	step         func(byX, byH []float64, h, c []float64)
}

var cells = []cellOp{
	{"LSTM", 4, 1, func(g *graph.Graph, r ops.Recurrent) gorgonia.Nodes {
		sequence, h, c := ops.LSTM(g, r)
		return gorgonia.Nodes{sequence, h, c}
	}, func(byX, byH, h, c []float64) {
		n := len(h)
		for k := range h {
			z := func(gate int) float64 { return byX[gate*n+k] + byH[gate*n+k] }
			c[k] = logistic(z(1))*c[k] + logistic(z(0))*math.Tanh(z(2))
			h[k] = logistic(z(3)) * math.Tanh(c[k])
		}
	}},
	{"GRU", 3, 2, func(g *graph.Graph, r ops.Recurrent) gorgonia.Nodes {
		sequence, h := ops.GRU(g, r)
		return gorgonia.Nodes{sequence, h}
	}, func(byX, byH, h, _ []float64) {
		n := len(h)
		for k := range h {
			z, r := logistic(byX[k]+byH[k]), logistic(byX[n+k]+byH[n+k])
			h[k] = z*h[k] + (1-z)*math.Tanh(byX[2*n+k]+r*byH[2*n+k])
		}
	}},
	{"SimpleRNN", 1, 1, func(g *graph.Graph, r ops.Recurrent) gorgonia.Nodes {
		sequence, h := ops.SimpleRNN(g, r)
		return gorgonia.Nodes{sequence, h}
	}, func(byX, byH, h, _ []float64) {
		for k := range h {
			h[k] = math.Tanh(byX[k] + byH[k])
		}
	}},
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func (c *cellOp) biasShape(units int) tensor.Shape {
	if c.biasN == 2 {
		return tensor.Shape{2, c.gates * units}
	}
	return tensor.Shape{c.gates * units}
}

// recurrentCase is one size of a recurrent op and which optional inputs it has.
type recurrentCase struct {
	batch, time, inputs, units int
	bias, states               bool
	lengths                    []int64
}

func (s recurrentCase) String() string {
	return fmt.Sprintf("%dx%dx%d,%d units,bias %v,states %v,lengths %v", s.batch, s.time, s.inputs, s.units, s.bias, s.states, s.lengths)
}

var recurrentCases = []recurrentCase{
	{2, 3, 2, 3, false, false, nil},
	{2, 3, 2, 3, true, false, []int64{3, 1}},
	{3, 4, 2, 2, true, true, []int64{0, 4, 2}},
	{2, 3, 2, 2, false, true, []int64{0, 0}},
	{3, 2, 1, 2, true, true, nil},
	{1, 1, 1, 1, true, true, nil},
	{1, 1, 2, 1, true, true, []int64{0}},
	{2, 1, 3, 1, true, false, []int64{1, 1}},
}

func (s recurrentCase) shapes(c *cellOp) []tensor.Shape {
	all := []tensor.Shape{{s.batch, s.time, s.inputs}, {s.inputs, c.gates * s.units}, {s.units, c.gates * s.units}}
	if s.bias {
		all = append(all, c.biasShape(s.units))
	}
	if s.states {
		all = append(all, tensor.Shape{s.batch, s.units})
		if c.name == "LSTM" {
			all = append(all, tensor.Shape{s.batch, s.units})
		}
	}
	return all
}

// input gives the nodes of shapes their places.
func (s recurrentCase) input(g *graph.Graph, c *cellOp, in gorgonia.Nodes) ops.Recurrent {
	r := ops.Recurrent{X: in[0], Kernel: in[1], RecurrentKernel: in[2]}
	in = in[3:]
	if s.bias {
		r.Bias, in = in[0], in[1:]
	}
	if s.states {
		if r.H = in[0]; c.name == "LSTM" {
			r.C = in[1]
		}
	}
	if s.lengths != nil {
		r.Lengths = g.NamedConstant("lengths", vector(s.lengths...))
	}
	return r
}

func TestRecurrentGradients(t *testing.T) {
	for _, c := range cells {
		for _, s := range recurrentCases {
			for out, name := range []string{"sequence", "h", "c"} {
				if name == "c" && c.name != "LSTM" {
					continue
				}
				t.Run(fmt.Sprint(c.name, s, name), func(t *testing.T) {
					if s.lengths != nil && sum(s.lengths) == 0 && name == "sequence" {
						t.Skip("the output is 0 everywhere")
					}
					opstest.CheckGradient(t, opstest.Case{Shapes: s.shapes(&c), Low: -1.5, High: 1.5, Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
						return c.build(g, s.input(g, &c, in))[out]
					}})
				})
			}
			t.Run(fmt.Sprint(c.name, s, "all together"), func(t *testing.T) {
				opstest.CheckGradient(t, opstest.Case{Shapes: s.shapes(&c), Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
					outs := c.build(g, s.input(g, &c, in))
					loss := ops.Sum(g, ops.Square(g, outs[0]))
					for _, out := range outs[1:] {
						loss = ops.Add(g, loss, ops.Mean(g, ops.Exp(g, out)))
					}
					return loss
				}})
			})
		}
	}
	for _, lengths := range [][]int64{nil, {3, 0, 2}} {
		t.Run(fmt.Sprint("ReverseSequence", lengths), func(t *testing.T) {
			opstest.CheckGradient(t, opstest.Case{Shapes: shapes(tensor.Shape{3, 3, 2}), Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
				var n *gorgonia.Node
				if lengths != nil {
					n = g.NamedConstant("lengths", vector(lengths...))
				}
				return ops.ReverseSequence(g, ops.Square(g, in[0]), n)
			}})
		})
	}
}

func sum(x []int64) (n int64) {
	for _, v := range x {
		n += v
	}
	return n
}

// noise returns values that depend on the name alone.
func noise(name string, shape tensor.Shape) *tensor.Dense {
	r, x := philox.New(3, name, 0), make([]float64, shape.TotalSize())
	for i := range x {
		x[i] = r.Normal(uint64(i))
	}
	return matrix(shape, x...)
}

// naive runs the formula row by row and step by step.
func (s recurrentCase) naive(c *cellOp, in []*tensor.Dense) (sequence, h, cell []float64) {
	width := c.gates * s.units
	x, kernel, recurrent := in[0].Float64s(), in[1].Float64s(), in[2].Float64s()
	biasX, biasH := make([]float64, width), make([]float64, width)
	rest := in[3:]
	if s.bias {
		copy(biasX, rest[0].Float64s())
		if c.biasN == 2 {
			copy(biasH, rest[0].Float64s()[width:])
		}
		rest = rest[1:]
	}
	h, cell = make([]float64, s.batch*s.units), make([]float64, s.batch*s.units)
	for i, state := range [][]float64{h, cell} {
		if s.states && i < len(rest) {
			copy(state, rest[i].Float64s())
		}
	}
	sequence = make([]float64, s.batch*s.time*s.units)
	times := func(row, matrix, bias []float64) []float64 {
		out := append([]float64(nil), bias...)
		for i, v := range row {
			for k := range out {
				out[k] += v * matrix[i*width+k]
			}
		}
		return out
	}
	for b := range s.batch {
		steps := s.time
		if s.lengths != nil {
			steps = int(s.lengths[b])
		}
		hb, cb := h[b*s.units:(b+1)*s.units], cell[b*s.units:(b+1)*s.units]
		for t := range steps {
			at := b*s.time + t
			c.step(times(x[at*s.inputs:(at+1)*s.inputs], kernel, biasX), times(hb, recurrent, biasH), hb, cb)
			copy(sequence[at*s.units:], hb)
		}
	}
	return sequence, h, cell
}

func TestRecurrentAgainstTheFormula(t *testing.T) {
	cases := append([]recurrentCase{{5, 17, 7, 9, true, true, []int64{17, 3, 0, 16, 1}}, {4, 6, 5, 33, true, false, nil}}, recurrentCases...)
	for _, c := range cells {
		for _, s := range cases {
			t.Run(fmt.Sprint(c.name, s), func(t *testing.T) {
				var in []*tensor.Dense
				for i, shape := range s.shapes(&c) {
					in = append(in, noise(fmt.Sprint(c.name, i), shape))
					if i == 1 || i == 2 { // kernels of this size do not amplify errors
						for k := range in[i].Float64s() {
							in[i].Float64s()[k] /= math.Sqrt(float64(shape[0]))
						}
					}
				}
				sequence, h, cell := s.naive(&c, in)
				for i, want := range [][]float64{sequence, h, cell} {
					if i == 2 && c.name != "LSTM" {
						continue
					}
					build := func(g *graph.Graph, n ...*gorgonia.Node) *gorgonia.Node { return c.build(g, s.input(g, &c, n))[i] }
					require.InDeltaSlice(t, want, evaluate(t, build, in...).Data(), 1e-12)
					require.InDeltaSlice(t, want, evaluate(t, build, float32s(in)...).Data(), 3e-6)
				}
			})
		}
	}
}

func float32s(in []*tensor.Dense) (out []*tensor.Dense) {
	for _, d := range in {
		x := make([]float32, d.Shape().TotalSize())
		for i, v := range d.Float64s() {
			x[i] = float32(v)
		}
		out = append(out, matrix(d.Shape(), x...))
	}
	return out
}

// Keras' formulas, written out in NumPy: testdata/README.md.
func TestRecurrentGolden(t *testing.T) {
	var golden map[string]map[string][]float64
	data, err := os.ReadFile("testdata/recurrent.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &golden))
	for _, c := range cells {
		want := golden[c.name]
		require.NotEmpty(t, want)
		s := recurrentCase{batch: 3, time: 5, inputs: 4, units: 3, bias: true, states: true}
		for _, n := range want["lengths"] {
			s.lengths = append(s.lengths, int64(n))
		}
		var in []*tensor.Dense
		for i, shape := range s.shapes(&c) {
			in = append(in, matrix(shape, want[[]string{"x", "kernel", "recurrent", "bias", "h0", "c0"}[i]]...))
		}
		for i, name := range []string{"sequence", "h", "c"}[:len(in)-3] {
			build := func(g *graph.Graph, n ...*gorgonia.Node) *gorgonia.Node { return c.build(g, s.input(g, &c, n))[i] }
			require.InDeltaSlice(t, want[name], evaluate(t, build, in...).Data(), 1e-12, "%s %s", c.name, name)
			require.InDeltaSlice(t, want[name], evaluate(t, build, float32s(in)...).Data(), 2e-6, "%s %s", c.name, name)
		}
	}
}

// Whatever stands beyond the lengths changes no output and no gradient, not even NaN.
func TestPaddingChangesNothing(t *testing.T) {
	for _, c := range cells {
		t.Run(c.name, func(t *testing.T) {
			s := recurrentCase{batch: 3, time: 4, inputs: 2, units: 3, bias: true, lengths: []int64{2, 0, 3}}
			in := func(padding float64) (in []*tensor.Dense) {
				for i, shape := range s.shapes(&c) {
					in = append(in, noise(fmt.Sprint(c.name, i), shape))
				}
				x := in[0].Float64s()
				for b, n := range s.lengths {
					for i := int(n) * s.inputs; i < s.time*s.inputs; i++ {
						x[b*s.time*s.inputs+i] = padding
					}
				}
				return in
			}
			g := graph.New()
			feed, nodes := graph.Feed{}, gorgonia.Nodes{}
			for i, shape := range s.shapes(&c) {
				nodes = append(nodes, g.Placeholder(fmt.Sprint("in", i), tensor.Float64, shape...))
			}
			outs := c.build(g, s.input(g, &c, nodes))
			loss := ops.Add(g, ops.Sum(g, ops.Exp(g, outs[0])), ops.Sum(g, ops.Square(g, outs[1])))
			fetches := append(append(outs, loss), g.Gradients(loss, nodes...)...)
			require.NoError(t, g.Err())
			sess, err := session.New(g)
			require.NoError(t, err)
			defer sess.Close()
			run := func(padding float64) (data []any) {
				for i, d := range in(padding) {
					feed[nodes[i]] = d
				}
				values, err := sess.Run(ctx, fetches, feed)
				require.NoError(t, err)
				for _, v := range values {
					data = append(data, v.Data())
				}
				return data
			}
			want := run(0)
			for _, padding := range []float64{7, math.Inf(1), math.NaN()} {
				require.Equal(t, want, run(padding))
			}
			sequence, dx := want[0].([]float64), want[len(outs)+1].([]float64)
			for b, n := range s.lengths {
				for step := range s.time {
					past := step >= int(n)
					require.Equal(t, past, sequence[(b*s.time+step)*s.units] == 0, "outputs are 0 past the length and nowhere else")
					require.Equal(t, past, dx[(b*s.time+step)*s.inputs] == 0)
				}
			}
		})
	}
}

// One graph serves batches of any size; the number of time steps is fixed.
func TestRecurrentOtherBatchSizes(t *testing.T) {
	for _, c := range cells {
		g := graph.New()
		x := g.Placeholder("x", tensor.Float32, 4, 3, 2)
		n := g.Placeholder("lengths", tensor.Int32, 4)
		variable := func(name string, shape tensor.Shape) *gorgonia.Node {
			return g.Variable(name, tensor.Float32, shape, graph.InitializerFunc(func(v *tensor.Dense, r graph.Random) error {
				for i := range v.Float32s() {
					v.Float32s()[i] = float32(r.Normal(uint64(i)))
				}
				return nil
			}))
		}
		kernel, recurrent := variable("kernel", tensor.Shape{2, c.gates * 5}), variable("recurrent", tensor.Shape{5, c.gates * 5})
		outs := c.build(g, ops.Recurrent{X: x, Kernel: kernel, RecurrentKernel: recurrent, Bias: variable("bias", c.biasShape(5)), Lengths: n})
		fetches := append(gorgonia.Nodes{outs[0], outs[1]}, g.Gradients(ops.Sum(g, ops.Square(g, outs[0])), kernel, recurrent, x)...)
		s, err := session.New(g)
		require.NoError(t, err)
		var first []float32
		for _, batch := range []int{4, 1, 7, 4} {
			lengths := make([]int32, batch)
			for i := range lengths {
				lengths[i] = int32(3 - i%4)
			}
			values := make([]float32, batch*6)
			for i := range values {
				values[i] = float32(i%6) / 3
			}
			out, err := s.Run(ctx, fetches, graph.Feed{x: matrix(tensor.Shape{batch, 3, 2}, values...), n: vector(lengths...)})
			require.NoError(t, err)
			require.Equal(t, tensor.Shape{batch, 3, 5}, out[0].Shape())
			require.Equal(t, tensor.Shape{batch, 5}, out[1].Shape())
			require.Equal(t, tensor.Shape{2, c.gates * 5}, out[2].Shape())
			require.Equal(t, tensor.Shape{batch, 3, 2}, out[4].Shape())
			row := out[0].Data().([]float32)[:15]
			if first == nil {
				first = append(first, row...)
			}
			require.InDeltaSlice(t, first, row, 1e-6, "the first row is the same in every batch")
		}
		require.Zero(t, s.Stats().Rebuilds)
		_, err = s.Run(ctx, fetches, graph.Feed{x: matrix(tensor.Shape{1, 2, 2}, make([]float32, 4)...), n: vector(int32(1))})
		require.ErrorContains(t, err, "only the leading dimension may differ")
		require.NoError(t, s.Close())
	}
}

func TestRecurrentAllocatesNothing(t *testing.T) {
	for _, c := range cells {
		s := recurrentCase{batch: 3, time: 4, inputs: 2, units: 5, bias: true, states: true}
		g := graph.New()
		feed, nodes := graph.Feed{}, gorgonia.Nodes{}
		for i, shape := range s.shapes(&c) {
			n := g.Placeholder(fmt.Sprint("in", i), tensor.Float32, shape...)
			nodes, feed[n] = append(nodes, n), float32s([]*tensor.Dense{noise(fmt.Sprint(i), shape)})[0]
		}
		lengths := g.Placeholder("lengths", tensor.Int64, s.batch)
		feed[lengths] = vector(int64(4), 0, 2)
		in := s.input(g, &c, nodes)
		in.Lengths = lengths
		outs := c.build(g, in)
		fetches := append(outs, g.Gradients(ops.Sum(g, ops.Square(g, outs[0])), nodes...)...)
		fetches = gorgonia.Nodes{ops.Group(g, "all", append(fetches, ops.ReverseSequence(g, outs[0], lengths))...)}
		sess, err := session.New(g)
		require.NoError(t, err)
		outputs := make([]gorgonia.Value, len(fetches))
		run := func() { require.NoError(t, sess.RunInto(ctx, outputs, fetches, feed, nil)) }
		run()
		require.Zero(t, testing.AllocsPerRun(20, run), c.name)
		require.NoError(t, sess.Close())
	}
}

func TestReverseSequence(t *testing.T) {
	x := matrix(tensor.Shape{3, 3, 1}, 1.0, 2, 3, 4, 5, 6, 7, 8, 9)
	reversed := evaluate(t, func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return ops.ReverseSequence(g, in[0], in[1]) }, x, vector(int32(2), 0, 3))
	require.Equal(t, []float64{2, 1, 3, 4, 5, 6, 9, 8, 7}, reversed.Data())
	reversed = evaluate(t, func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return ops.ReverseSequence(g, in[0], nil) }, x)
	require.Equal(t, []float64{3, 2, 1, 6, 5, 4, 9, 8, 7}, reversed.Data())
}

func TestRecurrentBadInput(t *testing.T) {
	f64 := func(s ...int) *tensor.Dense { return tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(s...)) }
	recurrent := func(change func(r *ops.Recurrent, extra *gorgonia.Node)) build {
		return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			r := ops.Recurrent{X: in[0], Kernel: in[1], RecurrentKernel: in[2]}
			change(&r, in[len(in)-1])
			sequence, _, _ := ops.LSTM(g, r)
			return sequence
		}
	}
	plain := recurrent(func(*ops.Recurrent, *gorgonia.Node) {})
	x, kernel, rec := f64(2, 3, 4), f64(4, 8), f64(2, 8)
	for _, c := range []struct {
		name, want string
		build      build
		in         []*tensor.Dense
	}{
		{"x", "LSTM: x has shape (2, 4), want [batch, time, inputs]", plain, []*tensor.Dense{f64(2, 4), kernel, rec}},
		{"kernel", "LSTM: the kernel has shape (3, 8), want (4, 8) for x of shape (2, 3, 4) and 2 units", plain, []*tensor.Dense{x, f64(3, 8), rec}},
		{"recurrent kernel", "LSTM: the recurrent kernel has shape (2, 6), want [units, 4*units]", plain, []*tensor.Dense{x, kernel, f64(2, 6)}},
		{"bias", "LSTM: the bias has shape (2), want (8)", recurrent(func(r *ops.Recurrent, n *gorgonia.Node) { r.Bias = n }), []*tensor.Dense{x, kernel, rec, f64(2)}},
		{"state", "LSTM: the initial state H has shape (2, 3), want (2, 2)", recurrent(func(r *ops.Recurrent, n *gorgonia.Node) { r.H = n }), []*tensor.Dense{x, kernel, rec, f64(2, 3)}},
		{"cell state", "LSTM: the initial state C has shape (1, 2), want (2, 2)", recurrent(func(r *ops.Recurrent, n *gorgonia.Node) { r.C = n }), []*tensor.Dense{x, kernel, rec, f64(1, 2)}},
		{"lengths", "LSTM: lengths has shape (3), want (2)", recurrent(func(r *ops.Recurrent, n *gorgonia.Node) { r.Lengths = n }), []*tensor.Dense{x, kernel, rec, vector(int64(1), 2, 3)}},
		{"float lengths", `ops.LSTM: lengths "in3" have dtype float64, want integers`, recurrent(func(r *ops.Recurrent, n *gorgonia.Node) { r.Lengths = n }), []*tensor.Dense{x, kernel, rec, f64(2)}},
		{"a length too large", "the length of row 1 is 4, want 0 to 3", recurrent(func(r *ops.Recurrent, n *gorgonia.Node) { r.Lengths = n }), []*tensor.Dense{x, kernel, rec, vector(int64(1), 4)}},
		{"a negative length", "the length of row 0 is -1, want 0 to 3", recurrent(func(r *ops.Recurrent, n *gorgonia.Node) { r.Lengths = n }), []*tensor.Dense{x, kernel, rec, vector(int64(-1), 1)}},
		{"nil kernel", "ops.LSTM: input 1 is nil", recurrent(func(r *ops.Recurrent, _ *gorgonia.Node) { r.Kernel = nil }), []*tensor.Dense{x, kernel, rec}},
		{"dtypes", "have dtypes float64 and float32", plain, []*tensor.Dense{x, vector(float32(1)), rec}},
		{"GRU bias", "GRU: the bias has shape (6), want (2, 6)", func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			sequence, _ := ops.GRU(g, ops.Recurrent{X: in[0], Kernel: in[1], RecurrentKernel: in[2], Bias: in[3]})
			return sequence
		}, []*tensor.Dense{x, f64(4, 6), f64(2, 6), f64(6)}},
		{"a cell state of GRU", "ops.GRU: C is given, but there is no cell state", func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			_, h := ops.GRU(g, ops.Recurrent{X: in[0], Kernel: in[1], RecurrentKernel: in[2], C: in[3]})
			return h
		}, []*tensor.Dense{x, f64(4, 6), f64(2, 6), f64(2, 2)}},
		{"reversing a vector", "ReverseSequence: x has shape (3), want [batch, time, ...]", func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			return ops.ReverseSequence(g, in[0], nil)
		}, []*tensor.Dense{f64(3)}},
		{"reversing other lengths", "ReverseSequence: lengths have shape (3), want (2)", func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			return ops.ReverseSequence(g, in[0], in[1])
		}, []*tensor.Dense{f64(2, 3), vector(int64(1), 2, 3)}},
		{"reversing by floats", "want integers", two(ops.ReverseSequence), []*tensor.Dense{f64(2, 3), f64(2)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := try(c.build, c.in...)
			require.ErrorContains(t, err, c.want)
		})
	}
}
