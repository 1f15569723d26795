package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// ConvOptions says how a kernel slides over its input. The zero value is stride 1, no
// dilation, no padding, one group, no activation.
type ConvOptions struct {
	// Strides is the distance between two positions of the kernel: one number for every
	// axis, or one for each; nil means 1.
	Strides []int
	// Dilations is the distance between two elements of the kernel, as Strides.
	Dilations []int
	// Padding is Valid or Same.
	Padding Padding
	// Groups cuts the channels into that many groups of their own: output channel group
	// i sees input channel group i alone. 0 means 1; as many groups as channels make a
	// depthwise convolution.
	Groups int
	// ReLU applies max(y, 0) to the result while it is in the cache.
	ReLU bool
}

// Conv2D slides a kernel over images:
//
//	y[b,i,j,o] = bias[o] + sum over p,q,c of x[b, i*stride+p*dilation-pad, j*stride+q*dilation-pad, c] * kernel[p,q,c,o]
//
// x is [batch, height, width, channels], kernel [kernel height, kernel width,
// channels/groups, filters], bias [filters] or nil, the result [batch, out height, out
// width, filters]; sizes and padding are TensorFlow's, see [Padding]. (It is a
// cross-correlation, as in every framework.)
func Conv2D(g *graph.Graph, x, kernel, bias *gorgonia.Node, o ConvOptions) *gorgonia.Node {
	return conv(g, "Conv2D", 2, x, kernel, bias, o)
}

// Conv1D is [Conv2D] along one axis: x [batch, steps, channels], kernel [size,
// channels/groups, filters], bias [filters] or nil, result [batch, out steps, filters].
func Conv1D(g *graph.Graph, x, kernel, bias *gorgonia.Node, o ConvOptions) *gorgonia.Node {
	return conv(g, "Conv1D", 1, x, kernel, bias, o)
}

// convolution is what a convolution keeps from building: nothing that depends on sizes.
type convolution struct {
	name              string
	axes              int
	strides, dilation [2]int
	padding           Padding
	groups            int
	relu              bool
}

func conv(g *graph.Graph, name string, axes int, x, kernel, bias *gorgonia.Node, o ConvOptions) *gorgonia.Node {
	inputs := gorgonia.Nodes{x, kernel}
	if bias != nil {
		inputs = append(inputs, bias)
	}
	if bad, ok := check(g, name, inputs...); !ok {
		return bad
	}
	c, err := newConvolution(name, axes, o)
	if err != nil {
		return fail(g, name, "%v", err)
	}
	dt := x.Dtype()
	return applyWithScratch(g, definition{
		name: name, attributes: c.attributes(), dtype: dt, dims: x.Dims(),
		shape:          c.shape,
		differentiable: []bool{true, true, true}[:len(inputs)],
		gradient:       c.gradient(g),
	}, pickScratch(dt, convKernel[float32](c), convKernel[float64](c)), inputs...)
}

func newConvolution(name string, axes int, o ConvOptions) (*convolution, error) {
	c := &convolution{name: name, axes: axes, padding: o.Padding, groups: o.Groups, relu: o.ReLU}
	var err error
	if c.strides, err = perAxis("Strides", o.Strides, axes, 1); err != nil {
		return nil, err
	}
	if c.dilation, err = perAxis("Dilations", o.Dilations, axes, 1); err != nil {
		return nil, err
	}
	if c.groups == 0 {
		c.groups = 1
	}
	switch {
	case c.groups < 0:
		return nil, fmt.Errorf("option Groups is %d, want at least 1", o.Groups)
	case o.Padding != Valid && o.Padding != Same:
		return nil, fmt.Errorf("option Padding is %v, want Valid or Same", o.Padding)
	}
	return c, nil
}

func (c *convolution) attributes() string {
	return attributes(c.strides, c.dilation, c.padding, c.groups, c.relu)
}

// convSizes is a convolution of given shapes.
type convSizes struct {
	x, y    images
	h, w    windowAxis
	groups  int
	inputs  int // channels of one group
	filters int // of one group
}

// terms is the number of products that are added up for one element of the result.
func (s *convSizes) terms() int { return s.h.size * s.w.size * s.inputs }

// pointwise says that a window is one element and visits each in turn, so that x is its
// own matrix of windows.
func (s *convSizes) pointwise() bool {
	return s.h.size == 1 && s.w.size == 1 && s.h.stride == 1 && s.w.stride == 1
}

// depthwise says that every group is one channel.
func (s *convSizes) depthwise() bool { return s.groups > 1 && s.inputs == 1 }

// sizes checks the shapes of x and kernel.
func (c *convolution) sizes(x, kernel tensor.Shape) (s convSizes, err error) {
	if len(x) != c.axes+2 {
		return s, fmt.Errorf("%s: x has shape %v, want %s", c.name, x, imageAxes(c.axes))
	}
	if len(kernel) != c.axes+2 {
		return s, fmt.Errorf("%s: the kernel has shape %v, want %d sizes, channels and filters", c.name, kernel, c.axes)
	}
	height, width := 1, kernel[0]
	if c.axes == 2 {
		height, width = kernel[0], kernel[1]
	}
	s = convSizes{x: imagesOf(x), groups: c.groups, inputs: kernel[c.axes]}
	filters := kernel[c.axes+1]
	switch {
	case s.x.channels%c.groups != 0:
		return s, fmt.Errorf("%s: x has shape %v: its %d channels are not divisible by %d groups", c.name, x, s.x.channels, c.groups)
	case s.inputs*c.groups != s.x.channels:
		return s, fmt.Errorf("%s: x has shape %v and the kernel %v: want %d channels in the kernel, not %d", c.name, x, kernel, s.x.channels/c.groups, s.inputs)
	case filters%c.groups != 0:
		return s, fmt.Errorf("%s: the kernel has shape %v: its %d filters are not divisible by %d groups", c.name, kernel, filters, c.groups)
	case height < 1 || width < 1 || s.inputs < 1 || filters < 1:
		return s, fmt.Errorf("%s: the kernel has shape %v, want sizes of at least 1", c.name, kernel)
	}
	s.filters = filters / c.groups
	if s.h, err = slide(s.x.height, height, c.strides[0], c.dilation[0], c.padding); err == nil {
		s.w, err = slide(s.x.width, width, c.strides[1], c.dilation[1], c.padding)
	}
	if err != nil {
		return s, fmt.Errorf("%s: x has shape %v and the kernel %v: %w", c.name, x, kernel, err)
	}
	s.y = images{s.x.batch, s.h.out, s.w.out, filters}
	return s, nil
}

// shape is the shape of the result.
func (c *convolution) shape(in []tensor.Shape) (tensor.Shape, error) {
	s, err := c.sizes(in[0], in[1])
	if err != nil {
		return nil, err
	}
	if len(in) == 3 && (len(in[2]) != 1 || in[2][0] != s.y.channels) {
		return nil, fmt.Errorf("%s: the bias has shape %v, want [%d]", c.name, in[2], s.y.channels)
	}
	if c.axes == 1 {
		return tensor.Shape{s.y.batch, s.y.width, s.y.channels}, nil
	}
	return tensor.Shape{s.y.batch, s.y.height, s.y.width, s.y.channels}, nil
}

// gradient: with z the gradient of the sum before the activation, dx is z spread by the
// kernel, dkernel the windows of x times z, dbias the sum of z.
func (c *convolution) gradient(g *graph.Graph) gradient {
	return func(in gorgonia.Nodes, out, grad *gorgonia.Node) gorgonia.Nodes {
		z := grad
		if c.relu {
			z = reluGradient(g, out, grad)
		}
		dt := z.Dtype()
		grads := gorgonia.Nodes{
			applyWithScratch(g, definition{
				name: c.name + "InputGrad", attributes: c.attributes(), dtype: dt, dims: in[0].Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil },
			}, pickScratch(dt, convInputKernel[float32](c), convInputKernel[float64](c)), in[0], in[1], z),
			applyWithScratch(g, definition{
				name: c.name + "KernelGrad", attributes: c.attributes(), dtype: dt, dims: in[1].Dims(),
				shape: func(in []tensor.Shape) (tensor.Shape, error) { return in[1].Clone(), nil },
			}, pickScratch(dt, convKernelKernel[float32](c), convKernelKernel[float64](c)), in[0], in[1], z),
		}
		if len(in) == 3 {
			grads = append(grads, sumTo(g, z, in[2]))
		}
		return grads
	}
}
