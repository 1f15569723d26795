package ops_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/ops/opstest"
	"github.com/stheno-ml/stheno/session"
)

// convCase is a convolution over images. One without height is along one axis.
type convCase struct {
	batch, h, w, channels, filters, kh, kw int
	oneAxis, bias                          bool
	o                                      ops.ConvOptions
}

func (c convCase) String() string {
	return fmt.Sprintf("%dx%dx%dx%d kernel %dx%dx%d bias %v %+v", c.batch, c.h, c.w, c.channels, c.kh, c.kw, c.filters, c.bias, c.o)
}

func at(n []int, i, fallback int) int {
	switch len(n) {
	case 0:
		return fallback
	case 1:
		return n[0]
	}
	return n[i]
}

func (c convCase) groups() int { return max(c.o.Groups, 1) }

func (c convCase) shapes(batch int) []tensor.Shape {
	x, k := tensor.Shape{batch, c.h, c.w, c.channels}, tensor.Shape{c.kh, c.kw, c.channels / c.groups(), c.filters}
	if c.oneAxis {
		x, k = tensor.Shape{batch, c.w, c.channels}, k[1:]
	}
	if c.bias {
		return []tensor.Shape{x, k, {c.filters}}
	}
	return []tensor.Shape{x, k}
}

func (c convCase) build(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
	var bias *gorgonia.Node
	if c.bias {
		bias = in[2]
	}
	if c.oneAxis {
		return ops.Conv1D(g, in[0], in[1], bias, c.o)
	}
	return ops.Conv2D(g, in[0], in[1], bias, c.o)
}

// outSize is TensorFlow's rule, written as its documentation has it.
func outSize(in, k, stride, dilation int, p ops.Padding) (out, before int) {
	effective := (k-1)*dilation + 1
	if p == ops.Valid {
		for out*stride+effective <= in {
			out++
		}
		return out, 0
	}
	total := max(effective-in%stride, 0)
	if in%stride == 0 {
		total = max(effective-stride, 0)
	}
	return (in + stride - 1) / stride, total / 2
}

func (c convCase) outSizes() (oh, ow, top, left int) {
	strides, dilations := c.o.Strides, c.o.Dilations
	if c.oneAxis {
		oh, top = 1, 0
		ow, left = outSize(c.w, c.kw, at(strides, 0, 1), at(dilations, 0, 1), c.o.Padding)
		return
	}
	oh, top = outSize(c.h, c.kh, at(strides, 0, 1), at(dilations, 0, 1), c.o.Padding)
	ow, left = outSize(c.w, c.kw, at(strides, 1, 1), at(dilations, 1, 1), c.o.Padding)
	return
}

// taps visits every product of the definition: offsets in y, x and the kernel.
func (c convCase) taps(batch int, f func(y, x, k int)) {
	oh, ow, top, left := c.outSizes()
	sh, sw, dh, dw := at(c.o.Strides, 0, 1), at(c.o.Strides, 1, 1), at(c.o.Dilations, 0, 1), at(c.o.Dilations, 1, 1)
	if c.oneAxis {
		sw, dw, sh, dh = sh, dh, 1, 1
	}
	inputs, filters := c.channels/c.groups(), c.filters/c.groups()
	for b := range batch {
		for i := range oh {
			for j := range ow {
				for o := range c.filters {
					for p := range c.kh {
						for q := range c.kw {
							y, x := i*sh+p*dh-top, j*sw+q*dw-left
							if y < 0 || y >= c.h || x < 0 || x >= c.w {
								continue
							}
							for k := range inputs {
								f(((b*oh+i)*ow+j)*c.filters+o,
									((b*c.h+y)*c.w+x)*c.channels+o/filters*inputs+k,
									((p*c.kw+q)*inputs+k)*c.filters+o)
							}
						}
					}
				}
			}
		}
	}
}

func randomValues(r *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 2*r.Float64() - 1
	}
	return v
}

// naive returns the result, and the gradients of sum(result*weights).
func (c convCase) naive(batch int, in [][]float64, weights []float64) (y []float64, grads [][]float64) {
	oh, ow, _, _ := c.outSizes()
	y = make([]float64, batch*oh*ow*c.filters)
	if c.bias {
		for i := range y {
			y[i] = in[2][i%c.filters]
		}
	}
	c.taps(batch, func(yi, xi, ki int) { y[yi] += in[0][xi] * in[1][ki] })
	z := append([]float64(nil), weights...)
	for i := range y {
		if c.o.ReLU && y[i] < 0 {
			y[i], z[i] = 0, 0
		}
	}
	grads = [][]float64{make([]float64, len(in[0])), make([]float64, len(in[1])), make([]float64, c.filters)}
	c.taps(batch, func(yi, xi, ki int) {
		grads[0][xi] += in[1][ki] * z[yi]
		grads[1][ki] += in[0][xi] * z[yi]
	})
	for i, v := range z {
		grads[2][i%c.filters] += v
	}
	return y, grads[:len(in)]
}

func ofDtype(dt tensor.Dtype, s tensor.Shape, values []float64) *tensor.Dense {
	if dt == tensor.Float64 {
		return matrix(s, values...)
	}
	x := make([]float32, len(values))
	for i, v := range values {
		x[i] = float32(v)
	}
	return matrix(s, x...)
}

func float64s(t testing.TB, v gorgonia.Value) []float64 {
	t.Helper()
	switch d := v.Data().(type) {
	case []float64:
		return d
	case []float32:
		x := make([]float64, len(d))
		for i, v := range d {
			x[i] = float64(v)
		}
		return x
	}
	require.Fail(t, "not floats", "%T", v.Data())
	return nil
}

// weighted builds an op over placeholders, the sum of its result times weights, and the
// gradients of that.
type weighted struct {
	in        gorgonia.Nodes
	weights   *gorgonia.Node
	out       *gorgonia.Node
	gradients gorgonia.Nodes
	session   *session.Session
}

func newWeighted(t testing.TB, dt tensor.Dtype, b build, shapes []tensor.Shape) *weighted {
	t.Helper()
	g := graph.New()
	w := &weighted{}
	for i, s := range shapes {
		w.in = append(w.in, g.Placeholder(fmt.Sprint("in", i), dt, s...))
	}
	w.out = b(g, w.in...)
	require.NoError(t, g.Err())
	w.weights = g.Placeholder("weights", dt, w.out.Shape()...)
	w.gradients = g.Gradients(ops.Sum(g, ops.Mul(g, w.out, w.weights)), w.in...)
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	w.session = s
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return w
}

// run returns the result and the gradients.
func (w *weighted) run(t testing.TB, weights *tensor.Dense, in ...*tensor.Dense) []gorgonia.Value {
	t.Helper()
	feed := graph.Feed{w.weights: weights}
	for i, v := range in {
		feed[w.in[i]] = v
	}
	values, err := w.session.Run(ctx, append(gorgonia.Nodes{w.out}, w.gradients...), feed)
	require.NoError(t, err)
	return values
}

func randomConv(r *rand.Rand) convCase {
	for {
		c := convCase{
			batch: 1 + r.IntN(3), h: 1 + r.IntN(9), w: 1 + r.IntN(9), kh: 1 + r.IntN(4), kw: 1 + r.IntN(4),
			oneAxis: r.IntN(4) == 0, bias: r.IntN(2) == 0,
			o: ops.ConvOptions{Groups: r.IntN(4), Padding: ops.Padding(r.IntN(2)), ReLU: r.IntN(3) == 0},
		}
		axes := 2
		if c.oneAxis {
			axes, c.h, c.kh = 1, 1, 1
		}
		random := func(n int) (all []int) {
			for range r.IntN(axes + 1) {
				all = append(all, 1+r.IntN(n))
			}
			return all
		}
		c.o.Strides, c.o.Dilations = random(3), random(2)
		c.channels, c.filters = c.groups()*(1+r.IntN(3)), c.groups()*(1+r.IntN(3))
		if oh, ow, _, _ := c.outSizes(); oh > 0 && ow > 0 {
			return c
		}
	}
}

// The result and every gradient agree with the definition, in both dtypes, for another
// batch size through the same session too.
func TestConvAgreesWithItsDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cases := []convCase{
		// Several blocks, whose sizes do not divide the number of rows.
		{batch: 3, h: 40, w: 40, channels: 8, filters: 5, kh: 3, kw: 3, bias: true, o: ops.ConvOptions{Padding: ops.Same, ReLU: true}},
		{batch: 2, h: 60, w: 61, channels: 6, filters: 12, kh: 5, kw: 3, bias: true, o: ops.ConvOptions{Groups: 6}},
		{batch: 2, h: 90, w: 90, channels: 10, filters: 4, kh: 1, kw: 1, bias: true},
		{batch: 5, w: 5000, h: 1, channels: 4, filters: 2, kh: 1, kw: 5, oneAxis: true, o: ops.ConvOptions{Groups: 2}},
		{batch: 1, h: 7, w: 7, channels: 20, filters: 2, kh: 3, kw: 3}, // long runs
		{batch: 1, h: 1, w: 1, channels: 1, filters: 1, kh: 1, kw: 1},
		{batch: 1, h: 2, w: 3, channels: 1, filters: 2, kh: 4, kw: 6, o: ops.ConvOptions{Padding: ops.Same, Dilations: []int{2, 3}}}, // mostly padding
	}
	for range 300 {
		cases = append(cases, randomConv(r))
	}
	for _, c := range cases {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			w := newWeighted(t, dt, c.build, c.shapes(c.batch))
			for _, batch := range []int{c.batch, c.batch + 1, 1} {
				var in [][]float64
				var tensors []*tensor.Dense
				for _, s := range c.shapes(batch) {
					in = append(in, randomValues(r, s.TotalSize()))
					tensors = append(tensors, ofDtype(dt, s, in[len(in)-1]))
				}
				shape := w.out.Shape().Clone()
				shape[0] = batch
				weights := randomValues(r, shape.TotalSize())
				y, grads := c.naive(batch, in, weights)
				out := w.run(t, ofDtype(dt, shape, weights), tensors...)
				tolerance := 1e-10
				if dt == tensor.Float32 {
					tolerance = 2e-3
				}
				require.Equal(t, shape, out[0].Shape(), "%v", c)
				require.InDeltaSlice(t, y, float64s(t, out[0]), tolerance, "%v: the result", c)
				if dt == tensor.Float32 && c.o.ReLU {
					continue // rounding may move a sum across 0
				}
				for i := range grads {
					require.InDeltaSlice(t, grads[i], float64s(t, out[1+i]), tolerance, "%v: gradient %d", c, i)
				}
			}
		}
	}
}

func TestConvGradients(t *testing.T) {
	for name, c := range map[string]convCase{
		"one of everything":        {batch: 1, h: 1, w: 1, channels: 1, filters: 1, kh: 1, kw: 1, bias: true},
		"plain":                    {batch: 2, h: 5, w: 4, channels: 2, filters: 3, kh: 3, kw: 2, bias: true},
		"relu":                     {batch: 2, h: 4, w: 4, channels: 2, filters: 3, kh: 3, kw: 3, bias: true, o: ops.ConvOptions{ReLU: true}},
		"no bias":                  {batch: 1, h: 4, w: 4, channels: 1, filters: 2, kh: 2, kw: 2},
		"same, even kernel":        {batch: 1, h: 4, w: 5, channels: 2, filters: 2, kh: 2, kw: 4, o: ops.ConvOptions{Padding: ops.Same}},
		"same, stride over window": {batch: 1, h: 7, w: 8, channels: 1, filters: 2, kh: 2, kw: 2, o: ops.ConvOptions{Padding: ops.Same, Strides: []int{3, 4}}},
		"valid, rest at the end":   {batch: 1, h: 7, w: 8, channels: 1, filters: 2, kh: 3, kw: 2, o: ops.ConvOptions{Strides: []int{3}}},
		"dilation 2":               {batch: 1, h: 6, w: 7, channels: 2, filters: 1, kh: 3, kw: 2, o: ops.ConvOptions{Dilations: []int{2}, Padding: ops.Same}},
		"groups":                   {batch: 2, h: 4, w: 3, channels: 4, filters: 6, kh: 2, kw: 2, bias: true, o: ops.ConvOptions{Groups: 2}},
		"depthwise":                {batch: 2, h: 4, w: 3, channels: 3, filters: 3, kh: 2, kw: 2, bias: true, o: ops.ConvOptions{Groups: 3, Padding: ops.Same}},
		"depthwise, two filters":   {batch: 1, h: 4, w: 3, channels: 3, filters: 6, kh: 3, kw: 2, o: ops.ConvOptions{Groups: 3}},
		"pointwise":                {batch: 2, h: 3, w: 3, channels: 4, filters: 2, kh: 1, kw: 1, bias: true},
		"pointwise groups":         {batch: 2, h: 3, w: 3, channels: 4, filters: 2, kh: 1, kw: 1, o: ops.ConvOptions{Groups: 2}},
		"one axis":                 {batch: 2, h: 1, w: 7, channels: 2, filters: 3, kh: 1, kw: 3, bias: true, oneAxis: true, o: ops.ConvOptions{Strides: []int{2}, Padding: ops.Same}},
	} {
		t.Run(name, func(t *testing.T) {
			opstest.CheckGradient(t, opstest.Case{Shapes: c.shapes(c.batch), Build: c.build})
		})
	}
}

// Where the sum is 0 or NaN: the derivative at 0 is 0, NaN stays.
func TestConvReLUAtItsEdge(t *testing.T) {
	c := convCase{batch: 1, h: 1, w: 3, channels: 1, filters: 1, kh: 1, kw: 1, o: ops.ConvOptions{ReLU: true}}
	w := newWeighted(t, tensor.Float32, c.build, c.shapes(1))
	x := []float64{0, -1, 2}
	out := w.run(t, ofDtype(tensor.Float32, w.out.Shape(), []float64{1, 1, 1}), ofDtype(tensor.Float32, w.in[0].Shape(), x), ofDtype(tensor.Float32, w.in[1].Shape(), []float64{3}))
	require.Equal(t, []float32{0, 0, 6}, out[0].Data())
	require.Equal(t, []float32{0, 0, 3}, out[1].Data())
}

// The same inputs give the same bits, in whatever program and on however many processors.
func TestConvIsDeterministic(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	c := convCase{batch: 4, h: 20, w: 20, channels: 8, filters: 16, kh: 3, kw: 3, bias: true, o: ops.ConvOptions{Padding: ops.Same, ReLU: true}}
	var tensors []*tensor.Dense
	for _, s := range c.shapes(c.batch) {
		tensors = append(tensors, ofDtype(tensor.Float32, s, randomValues(r, s.TotalSize())))
	}
	var first []gorgonia.Value
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, processors := range []int{1, 2, 4, 4} {
		runtime.GOMAXPROCS(processors)
		w := newWeighted(t, tensor.Float32, c.build, c.shapes(c.batch))
		weights := tensor.Ones(tensor.Float32, w.out.Shape()...)
		out := w.run(t, weights, tensors...)
		if first == nil {
			first = out
		}
		for i := range out {
			require.Equal(t, first[i].Data(), out[i].Data(), i)
		}
	}
}

func TestConvBadInput(t *testing.T) {
	conv := func(o ops.ConvOptions) build {
		return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			if len(in) == 3 {
				return ops.Conv2D(g, in[0], in[1], in[2], o)
			}
			return ops.Conv2D(g, in[0], in[1], nil, o)
		}
	}
	image := tensor.Shape{2, 5, 5, 4}
	for name, c := range map[string]struct {
		o      ops.ConvOptions
		shapes []tensor.Shape
		want   string
	}{
		"axes of x":           {ops.ConvOptions{}, shapes(tensor.Shape{2, 5}, tensor.Shape{3, 3, 4, 2}), "x has shape (2, 5), want [batch, height, width, channels]"},
		"axes of the kernel":  {ops.ConvOptions{}, shapes(image, tensor.Shape{3, 4, 2}), "the kernel has shape (3, 4, 2), want 2 sizes, channels and filters"},
		"channels":            {ops.ConvOptions{}, shapes(image, tensor.Shape{3, 3, 3, 2}), "x has shape (2, 5, 5, 4) and the kernel (3, 3, 3, 2): want 4 channels in the kernel, not 3"},
		"channels of a group": {ops.ConvOptions{Groups: 2}, shapes(image, tensor.Shape{3, 3, 4, 2}), "want 2 channels in the kernel, not 4"},
		"groups and channels": {ops.ConvOptions{Groups: 3}, shapes(image, tensor.Shape{3, 3, 1, 3}), "its 4 channels are not divisible by 3 groups"},
		"groups and filters":  {ops.ConvOptions{Groups: 2}, shapes(image, tensor.Shape{3, 3, 2, 3}), "its 3 filters are not divisible by 2 groups"},
		"groups":              {ops.ConvOptions{Groups: -1}, shapes(image, tensor.Shape{3, 3, 4, 2}), "ops.Conv2D: option Groups is -1, want at least 1"},
		"bias":                {ops.ConvOptions{}, shapes(image, tensor.Shape{3, 3, 4, 2}, tensor.Shape{3}), "the bias has shape (3), want [2]"},
		"window":              {ops.ConvOptions{}, shapes(image, tensor.Shape{6, 3, 4, 2}), "the window is 6 wide, the input only 5"},
		"dilated window":      {ops.ConvOptions{Dilations: []int{1, 3}}, shapes(image, tensor.Shape{3, 3, 4, 2}), "the window is 7 wide, the input only 5"},
		"empty kernel":        {ops.ConvOptions{}, shapes(image, tensor.Shape{0, 3, 4, 2}), "want sizes of at least 1"},
		"strides":             {ops.ConvOptions{Strides: []int{0}}, shapes(image, tensor.Shape{3, 3, 4, 2}), "ops.Conv2D: Strides is [0], want at least 1"},
		"number of strides":   {ops.ConvOptions{Strides: []int{1, 1, 1}}, shapes(image, tensor.Shape{3, 3, 4, 2}), "Strides is [1 1 1], want one number or one for each of 2 axes"},
		"dilations":           {ops.ConvOptions{Dilations: []int{1, -2}}, shapes(image, tensor.Shape{3, 3, 4, 2}), "Dilations is [1 -2], want at least 1"},
		"padding":             {ops.ConvOptions{Padding: 7}, shapes(image, tensor.Shape{3, 3, 4, 2}), "Padding is Padding(7), want Valid or Same"},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			var in gorgonia.Nodes
			for i, s := range c.shapes {
				in = append(in, g.Placeholder(fmt.Sprint("in", i), tensor.Float32, s...))
			}
			require.True(t, g.Poisoned(conv(c.o)(g, in...)))
			require.ErrorContains(t, g.Err(), c.want)
		})
	}
	g := graph.New()
	x := g.Placeholder("x", tensor.Int64, 2, 5, 5, 4)
	ops.Conv2D(g, x, x, nil, ops.ConvOptions{})
	require.ErrorContains(t, g.Err(), `ops.Conv2D: input 0, "x", has dtype int64, want float32 or float64`)
	g = graph.New()
	ops.Conv1D(g, nil, nil, nil, ops.ConvOptions{})
	require.ErrorContains(t, g.Err(), "ops.Conv1D: input 0 is nil")
	require.Equal(t, "same valid", fmt.Sprint(ops.Same, " ", ops.Valid))
}
