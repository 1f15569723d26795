package ops_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/ops/opstest"
)

type poolCase struct {
	batch, h, w, channels int
	oneAxis, avg          bool
	o                     ops.PoolOptions
}

func (c poolCase) String() string {
	return fmt.Sprintf("%dx%dx%dx%d average %v %+v", c.batch, c.h, c.w, c.channels, c.avg, c.o)
}

func (c poolCase) shape(batch int) tensor.Shape {
	if c.oneAxis {
		return tensor.Shape{batch, c.w, c.channels}
	}
	return tensor.Shape{batch, c.h, c.w, c.channels}
}

func (c poolCase) build(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
	switch {
	case c.oneAxis && c.avg:
		return ops.AvgPool1D(g, in[0], c.o)
	case c.oneAxis:
		return ops.MaxPool1D(g, in[0], c.o)
	case c.avg:
		return ops.AvgPool2D(g, in[0], c.o)
	}
	return ops.MaxPool2D(g, in[0], c.o)
}

func (c poolCase) geometry() (kh, kw, sh, sw, oh, ow, top, left int) {
	kh, kw = at(c.o.Size, 0, 2), at(c.o.Size, 1, 2)
	sh, sw = kh, kw
	if c.o.Strides != nil {
		sh, sw = at(c.o.Strides, 0, 1), at(c.o.Strides, 1, 1)
	}
	if c.oneAxis {
		kw, sw = kh, sh
		kh, sh = 1, 1
	}
	oh, top = outSize(c.h, kh, sh, 1, c.o.Padding)
	ow, left = outSize(c.w, kw, sw, 1, c.o.Padding)
	return
}

// naive returns the result and the gradient of sum(result*weights).
func (c poolCase) naive(batch int, x, weights []float64) (y, dx []float64) {
	kh, kw, sh, sw, oh, ow, top, left := c.geometry()
	dx = make([]float64, len(x))
	for b := range batch {
		for i := range oh {
			for j := range ow {
				for k := range c.channels {
					var covered []int
					for p := range kh {
						for q := range kw {
							if a, b2 := i*sh+p-top, j*sw+q-left; a >= 0 && a < c.h && b2 >= 0 && b2 < c.w {
								covered = append(covered, ((b*c.h+a)*c.w+b2)*c.channels+k)
							}
						}
					}
					share := weights[len(y)]
					if c.avg {
						sum := 0.0
						for _, n := range covered {
							sum += x[n]
							dx[n] += share / float64(len(covered))
						}
						y = append(y, sum/float64(len(covered)))
						continue
					}
					first := covered[0]
					for _, n := range covered {
						if x[n] > x[first] {
							first = n
						}
					}
					dx[first] += share
					y = append(y, x[first])
				}
			}
		}
	}
	return y, dx
}

// The result and the gradient agree with the definition, in both dtypes, for another
// batch size through the same session, and with many ties.
func TestPoolAgreesWithItsDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	cases := []poolCase{
		{batch: 2, h: 8, w: 8, channels: 150},
		{batch: 2, h: 9, w: 7, channels: 130, o: ops.PoolOptions{Size: []int{3}, Strides: []int{2}}},
		{batch: 1, h: 1, w: 1, channels: 1, o: ops.PoolOptions{Padding: ops.Same}},
	}
	for range 300 {
		c := poolCase{
			batch: 1 + r.IntN(3), h: 1 + r.IntN(8), w: 1 + r.IntN(8), channels: 1 + r.IntN(5),
			oneAxis: r.IntN(4) == 0, avg: r.IntN(2) == 0, o: ops.PoolOptions{Padding: ops.Padding(r.IntN(2))},
		}
		axes := 2
		if c.oneAxis {
			axes, c.h = 1, 1
		}
		for range r.IntN(axes + 1) {
			c.o.Size = append(c.o.Size, 1+r.IntN(4))
		}
		for range r.IntN(axes + 1) {
			c.o.Strides = append(c.o.Strides, 1+r.IntN(4))
		}
		if _, _, _, _, oh, ow, _, _ := c.geometry(); oh < 1 || ow < 1 {
			continue
		}
		cases = append(cases, c)
	}
	require.Greater(t, len(cases), 200)
	for _, c := range cases {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			w := newWeighted(t, dt, c.build, []tensor.Shape{c.shape(c.batch)})
			for _, batch := range []int{c.batch, c.batch + 1, 1} {
				x := randomValues(r, c.shape(batch).TotalSize())
				for i := range x {
					x[i] = math.Round(2*x[i]) + 0 // ties; no -0
				}
				shape := w.out.Shape().Clone()
				shape[0] = batch
				weights := randomValues(r, shape.TotalSize())
				y, dx := c.naive(batch, x, weights)
				out := w.run(t, ofDtype(dt, shape, weights), ofDtype(dt, c.shape(batch), x))
				require.Equal(t, shape, out[0].Shape(), "%v", c)
				require.InDeltaSlice(t, y, float64s(t, out[0]), 1e-6, "%v: the result", c)
				require.InDeltaSlice(t, dx, float64s(t, out[1]), 1e-6, "%v: the gradient", c)
			}
		}
	}
}

func TestPoolGradients(t *testing.T) {
	for name, c := range map[string]opstest.Case{
		"max": {Shapes: shapes(tensor.Shape{2, 4, 6, 2}), Build: poolCase{}.build},
		"max, overlapping": {Shapes: shapes(tensor.Shape{1, 5, 4, 1}), Build: poolCase{o: ops.PoolOptions{
			Size: []int{3, 2}, Strides: []int{2, 1}, Padding: ops.Same}}.build},
		"max, one axis": {Shapes: shapes(tensor.Shape{2, 7, 3}), Build: poolCase{oneAxis: true}.build},
		"average":       {Shapes: shapes(tensor.Shape{2, 4, 6, 2}), Build: poolCase{avg: true}.build},
		"average, padded": {Shapes: shapes(tensor.Shape{1, 5, 4, 3}), Build: poolCase{avg: true, o: ops.PoolOptions{
			Size: []int{3}, Strides: []int{2, 1}, Padding: ops.Same}}.build},
		"average, one axis":         {Shapes: shapes(tensor.Shape{2, 7, 3}), Build: poolCase{avg: true, oneAxis: true}.build},
		"stride larger than window": {Shapes: shapes(tensor.Shape{1, 7, 7, 1}), Build: poolCase{o: ops.PoolOptions{Strides: []int{3}}}.build},
		"global max":                {Shapes: shapes(tensor.Shape{2, 3, 4, 3}), Build: one(ops.GlobalMaxPool)},
		"global average":            {Shapes: shapes(tensor.Shape{2, 3, 4, 3}), Build: one(ops.GlobalAvgPool)},
		"global max, one axis":      {Shapes: shapes(tensor.Shape{1, 5, 1}), Build: one(ops.GlobalMaxPool)},
		"global average, one axis":  {Shapes: shapes(tensor.Shape{1, 5, 1}), Build: one(ops.GlobalAvgPool)},
		"global average, volumes":   {Shapes: shapes(tensor.Shape{2, 2, 2, 2, 2}), Build: one(ops.GlobalAvgPool)},
	} {
		t.Run(name, func(t *testing.T) { opstest.CheckGradient(t, c) })
	}
}

func TestGlobalPools(t *testing.T) {
	x := matrix(tensor.Shape{2, 3, 2}, 1.0, -1, 5, -2, 3, -3, 7, 0, 8, 9, 0, 0)
	require.Equal(t, []float64{5, -1, 8, 9}, evaluate(t, one(ops.GlobalMaxPool), x).Data())
	got := evaluate(t, one(ops.GlobalAvgPool), x)
	require.Equal(t, tensor.Shape{2, 2}, got.Shape())
	require.InDeltaSlice(t, []float64{3, -2, 5, 3}, got.Data(), 1e-12)
}

// A NaN makes its window NaN, wherever it is.
func TestMaxPoolKeepsNaN(t *testing.T) {
	for i := range 4 {
		x := []float64{1, 2, 3, 4}
		x[i] = math.NaN()
		for _, c := range []poolCase{{}, {o: ops.PoolOptions{Size: []int{2}, Padding: ops.Same, Strides: []int{1}}}} {
			got := float64s(t, evaluate(t, c.build, matrix(tensor.Shape{1, 2, 2, 1}, x...)))
			require.True(t, math.IsNaN(got[0]), i)
		}
	}
}

func TestPoolBadInput(t *testing.T) {
	image := tensor.Shape{2, 5, 5, 4}
	for name, c := range map[string]struct {
		build build
		shape tensor.Shape
		want  string
	}{
		"axes":              {poolCase{}.build, tensor.Shape{2, 5, 4}, "MaxPool2D: x has shape (2, 5, 4), want [batch, height, width, channels]"},
		"axes, one":         {poolCase{oneAxis: true, avg: true}.build, image, "AvgPool1D: x has shape (2, 5, 5, 4), want [batch, steps, channels]"},
		"window":            {poolCase{o: ops.PoolOptions{Size: []int{2, 6}}}.build, image, "MaxPool2D: x has shape (2, 5, 5, 4): the window is 6 wide, the input only 5"},
		"size":              {poolCase{avg: true, o: ops.PoolOptions{Size: []int{0}}}.build, image, "ops.AvgPool2D: Size is [0], want at least 1"},
		"number of sizes":   {poolCase{oneAxis: true, o: ops.PoolOptions{Size: []int{2, 2}}}.build, tensor.Shape{2, 5, 4}, "ops.MaxPool1D: Size is [2 2], want one number or one for each of 1 axes"},
		"strides":           {poolCase{o: ops.PoolOptions{Strides: []int{1, -1}}}.build, image, "ops.MaxPool2D: Strides is [1 -1], want at least 1"},
		"padding":           {poolCase{o: ops.PoolOptions{Padding: -1}}.build, image, "ops.MaxPool2D: Padding is Padding(-1), want Valid or Same"},
		"global of rows":    {one(ops.GlobalMaxPool), tensor.Shape{2, 5}, "GlobalMaxPool: x has shape (2, 5), want [batch, ..., channels] with at least one axis between"},
		"global of nothing": {one(ops.GlobalAvgPool), tensor.Shape{2, 0, 5}, "want at least one element for each channel"},
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New()
			require.True(t, g.Poisoned(c.build(g, g.Placeholder("x", tensor.Float32, c.shape...))))
			require.ErrorContains(t, g.Err(), c.want)
		})
	}
	g := graph.New()
	ops.GlobalAvgPool(g, g.Placeholder("x", tensor.Int32, 2, 3, 4))
	require.ErrorContains(t, g.Err(), `ops.GlobalAvgPool: input 0, "x", has dtype int32`)
}
