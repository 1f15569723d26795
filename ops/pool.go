package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// PoolOptions says how a window slides over its input.
type PoolOptions struct {
	// Size is the window's: one number for every axis, or one for each. nil means 2.
	Size []int
	// Strides is the distance between two positions of the window, as Size; nil means
	// Size.
	Strides []int
	// Padding is Valid or Same. Padding never counts: it is not a maximum, and an average
	// is over the elements of the input that the window covers.
	Padding Padding
}

// MaxPool2D is the maximum of every window over images, channel by channel: x [batch,
// height, width, channels], result [batch, out height, out width, channels]. The gradient
// of a window goes to its maximum, the first in row-major order of equal ones; 0 counts as
// larger than -0. A NaN makes its window NaN.
func MaxPool2D(g *graph.Graph, x *gorgonia.Node, o PoolOptions) *gorgonia.Node {
	return pool(g, "MaxPool2D", 2, maxPool, x, o)
}

// MaxPool1D is [MaxPool2D] along one axis: x [batch, steps, channels], result [batch, out
// steps, channels].
func MaxPool1D(g *graph.Graph, x *gorgonia.Node, o PoolOptions) *gorgonia.Node {
	return pool(g, "MaxPool1D", 1, maxPool, x, o)
}

// AvgPool2D is the mean of every window over images, channel by channel: x [batch,
// height, width, channels], result [batch, out height, out width, channels].
func AvgPool2D(g *graph.Graph, x *gorgonia.Node, o PoolOptions) *gorgonia.Node {
	return pool(g, "AvgPool2D", 2, avgPool, x, o)
}

// AvgPool1D is [AvgPool2D] along one axis: x [batch, steps, channels], result [batch, out
// steps, channels].
func AvgPool1D(g *graph.Graph, x *gorgonia.Node, o PoolOptions) *gorgonia.Node {
	return pool(g, "AvgPool1D", 1, avgPool, x, o)
}

// GlobalMaxPool is the maximum over all axes between the first and the last: x [batch,
// ..., channels], result [batch, channels]. Its gradient is that of [MaxPool2D].
func GlobalMaxPool(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return globalPool(g, "GlobalMaxPool", maxPool, x)
}

// GlobalAvgPool is the mean over all axes between the first and the last: x [batch, ...,
// channels], result [batch, channels].
func GlobalAvgPool(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return globalPool(g, "GlobalAvgPool", avgPool, x)
}

// poolKind is what a pooling does with its windows.
type poolKind struct {
	run32 func(s poolSizes, y, x []float32)
	run64 func(s poolSizes, y, x []float64)
	// pull sets dx to the gradients of the windows.
	pull32 func(s poolSizes, dx, x, y, grad []float32)
	pull64 func(s poolSizes, dx, x, y, grad []float64)
}

var (
	maxPool = poolKind{maxWindows[float32], maxWindows[float64], pullMax[float32, uint32], pullMax[float64, uint64]}
	avgPool = poolKind{avgWindows[float32], avgWindows[float64], pullAvg[float32], pullAvg[float64]}
)

func pool(g *graph.Graph, name string, axes int, kind poolKind, x *gorgonia.Node, o PoolOptions) *gorgonia.Node {
	if bad, ok := check(g, name, x); !ok {
		return bad
	}
	size, err := perAxis("Size", o.Size, axes, 2)
	if err != nil {
		return fail(g, name, "%v", err)
	}
	strides := size
	if o.Strides != nil {
		if strides, err = perAxis("Strides", o.Strides, axes, 1); err != nil {
			return fail(g, name, "%v", err)
		}
	}
	if o.Padding != Valid && o.Padding != Same {
		return fail(g, name, "Padding is %v, want Valid or Same", o.Padding)
	}
	p := pooling{
		poolKind: kind, name: name, attributes: attributes(size, strides, o.Padding), dtype: x.Dtype(), dims: x.Dims(),
		sizes: func(x tensor.Shape) (s poolSizes, err error) {
			if len(x) != axes+2 {
				return s, fmt.Errorf("%s: x has shape %v, want %s", name, x, imageAxes(axes))
			}
			s.x = imagesOf(x)
			if s.h, err = slide(s.x.height, size[0], strides[0], 1, o.Padding); err == nil {
				s.w, err = slide(s.x.width, size[1], strides[1], 1, o.Padding)
			}
			if err != nil {
				err = fmt.Errorf("%s: x has shape %v: %w", name, x, err)
			}
			return s, err
		},
		shape: func(s poolSizes) tensor.Shape {
			if axes == 1 {
				return tensor.Shape{s.x.batch, s.w.out, s.x.channels}
			}
			return tensor.Shape{s.x.batch, s.h.out, s.w.out, s.x.channels}
		},
	}
	return p.apply(g, x)
}

func globalPool(g *graph.Graph, name string, kind poolKind, x *gorgonia.Node) *gorgonia.Node {
	if bad, ok := check(g, name, x); !ok {
		return bad
	}
	p := pooling{
		poolKind: kind, name: name, dtype: x.Dtype(), dims: 2,
		sizes: func(x tensor.Shape) (s poolSizes, err error) {
			if len(x) < 3 {
				return s, fmt.Errorf("%s: x has shape %v, want [batch, ..., channels] with at least one axis between", name, x)
			}
			n := size(x[1 : len(x)-1])
			if n == 0 {
				return s, fmt.Errorf("%s: x has shape %v, want at least one element for each channel", name, x)
			}
			s.x = images{x[0], 1, n, x[len(x)-1]}
			s.h = windowAxis{in: 1, size: 1, stride: 1, dilation: 1, out: 1}
			s.w = windowAxis{in: n, size: n, stride: n, dilation: 1, out: 1}
			return s, nil
		},
		shape: func(s poolSizes) tensor.Shape { return tensor.Shape{s.x.batch, s.x.channels} },
	}
	return p.apply(g, x)
}

// pooling is a pooling as it was built.
type pooling struct {
	poolKind
	name, attributes string
	dtype            tensor.Dtype
	dims             int // of the result
	sizes            func(x tensor.Shape) (poolSizes, error)
	shape            func(s poolSizes) tensor.Shape
}

func (p *pooling) apply(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
	return applyWithScratch(g, definition{
		name: p.name, attributes: p.attributes, dtype: p.dtype, dims: p.dims,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			s, err := p.sizes(in[0])
			if err != nil {
				return nil, err
			}
			return p.shape(s), nil
		},
		differentiable: []bool{true},
		gradient: func(in gorgonia.Nodes, out, grad *gorgonia.Node) gorgonia.Nodes {
			return gorgonia.Nodes{applyWithScratch(g, definition{
				name: p.name + "Grad", attributes: p.attributes, dtype: p.dtype, dims: in[0].Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
			}, pickScratch(p.dtype, poolPullKernel(p, p.pull32), poolPullKernel(p, p.pull64)), in[0], out, grad)}
		},
	}, pickScratch(p.dtype, poolKernel(p, p.run32), poolKernel(p, p.run64)), x)
}

// poolKernel does the images one by one, or several at once.
func poolKernel[T float](p *pooling, run func(s poolSizes, y, x []T)) func() kernel {
	return func() kernel {
		var s poolSizes
		var y, x []T
		images := overRows(func(from, to int) {
			n, m := s.imageSizes()
			run(s.images(to-from), y[from*m:to*m], x[from*n:to*n])
		})
		return func(out gorgonia.Value, in []gorgonia.Value) (err error) {
			if s, err = p.sizes(in[0].Shape()); err != nil {
				return err
			}
			y, x = elements[T](out), elements[T](in[0])
			n, _ := s.imageSizes()
			images.run(s.x.batch, n)
			y, x = nil, nil
			return nil
		}
	}
}

func poolPullKernel[T float](p *pooling, pull func(s poolSizes, dx, x, y, grad []T)) func() kernel {
	return func() kernel {
		var s poolSizes
		var dx, x, y, grad []T
		images := overRows(func(from, to int) {
			n, m := s.imageSizes()
			pull(s.images(to-from), dx[from*n:to*n], x[from*n:to*n], y[from*m:to*m], grad[from*m:to*m])
		})
		return func(out gorgonia.Value, in []gorgonia.Value) (err error) {
			if s, err = p.sizes(in[0].Shape()); err != nil {
				return err
			}
			dx, x, y, grad = elements[T](out), elements[T](in[0]), elements[T](in[1]), elements[T](in[2])
			n, _ := s.imageSizes()
			images.run(s.x.batch, n)
			dx, x, y, grad = nil, nil, nil, nil
			return nil
		}
	}
}
