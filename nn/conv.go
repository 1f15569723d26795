package nn

import (
	"fmt"
	"reflect"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// Padding says what a window may cover beside the input.
type Padding = ops.Padding

// Paddings: Valid keeps windows inside the input, Same makes ceil(in/stride) of them.
const (
	Valid = ops.Valid
	Same  = ops.Same
)

// spatial is how a window slides.
type spatial struct {
	size, strides, dilation []int
	padding                 Padding
	groups                  int
}

// WithSize gives the window a size of its own for each axis, such as height and width;
// the layer's size argument must then be 0.
func WithSize(sizes ...int) LayerOption {
	return func(l *layer) {
		l.spatial.size = slices.Clone(sizes)
		l.given = append(l.given, "WithSize")
	}
}

// WithStrides sets the distance between two positions of the window: one number for every
// axis or one for each. The default is 1 for convolutions and the window's size for
// pooling.
func WithStrides(strides ...int) LayerOption {
	return func(l *layer) {
		l.spatial.strides = slices.Clone(strides)
		l.given = append(l.given, "WithStrides")
	}
}

// WithDilation sets the distance between two elements of a kernel, default 1: one number
// for every axis or one for each.
func WithDilation(rates ...int) LayerOption {
	return func(l *layer) {
		l.spatial.dilation = slices.Clone(rates)
		l.given = append(l.given, "WithDilation")
	}
}

// WithPadding replaces Valid.
func WithPadding(p Padding) LayerOption {
	return func(l *layer) { l.spatial.padding = p; l.given = append(l.given, "WithPadding") }
}

// WithGroups cuts the channels into n groups that are convolved apart, default 1. As many
// groups as channels make a depthwise convolution.
func WithGroups(n int) LayerOption {
	return func(l *layer) { l.spatial.groups = n; l.given = append(l.given, "WithGroups") }
}

// window returns the window's size for each of axes.
func (s *spatial) window(size, axes int) ([]int, error) {
	if s.size == nil {
		if size < 1 {
			return nil, fmt.Errorf("the size is %d, want at least 1", size)
		}
		return slices.Repeat([]int{size}, axes), nil
	}
	if size != 0 {
		return nil, fmt.Errorf("WithSize: the size is given twice, as %d and %v: want 0 and WithSize", size, s.size)
	}
	if len(s.size) != axes || slices.Min(s.size) < 1 {
		return nil, fmt.Errorf("WithSize: %v, want %d numbers of at least 1", s.size, axes)
	}
	return s.size, nil
}

// Conv2D is a convolution over images, activation(conv(x, kernel) + bias): x [batch,
// height, width, channels], result [batch, out height, out width, filters]. size is the
// height and the width of the kernel. Its variables are kernel [size, size,
// channels/groups, filters], GlorotUniform, and bias [filters], zeros. By default the
// stride is 1, the padding Valid, and there is no activation. The activation [ReLU] is
// computed together with the convolution.
//
// Options: WithActivation, WithName, WithKernelInitializer, WithBiasInitializer,
// WithoutBias, WithSize, WithStrides, WithPadding, WithDilation, WithGroups,
// WithKernelRegularizer, WithBiasRegularizer.
func Conv2D(g *graph.Graph, x *gorgonia.Node, filters, size int, opts ...LayerOption) *gorgonia.Node {
	return conv(g, "Conv2D", "conv2d", ops.Conv2D, 2, x, filters, size, opts)
}

// Conv1D is [Conv2D] along one axis: x [batch, steps, channels], kernel [size,
// channels/groups, filters], result [batch, out steps, filters].
func Conv1D(g *graph.Graph, x *gorgonia.Node, filters, size int, opts ...LayerOption) *gorgonia.Node {
	return conv(g, "Conv1D", "conv1d", ops.Conv1D, 1, x, filters, size, opts)
}

type convOp func(g *graph.Graph, x, kernel, bias *gorgonia.Node, o ops.ConvOptions) *gorgonia.Node

func conv(g *graph.Graph, name, defaultName string, op convOp, axes int, x *gorgonia.Node, filters, size int, opts []LayerOption) *gorgonia.Node {
	l := newLayer(opts)
	err := l.only("WithActivation", "WithName", "WithKernelInitializer", "WithBiasInitializer", "WithoutBias",
		"WithSize", "WithStrides", "WithPadding", "WithDilation", "WithGroups", "WithKernelRegularizer", "WithBiasRegularizer")
	var window []int
	if err == nil {
		window, err = l.spatial.window(size, axes)
	}
	if err != nil {
		return g.Fail(fmt.Errorf("nn.%s: %w", name, err))
	}
	if bad, ok := layerInput(g, name, x, axes+2); !ok {
		return bad
	}
	groups := l.spatial.groups
	if !slices.Contains(l.given, "WithGroups") {
		groups = 1
	}
	channels := x.Shape()[x.Dims()-1]
	switch {
	case filters < 1:
		return g.Fail(fmt.Errorf("nn.%s: filters is %d, want at least 1", name, filters))
	case groups < 1:
		return g.Fail(fmt.Errorf("nn.%s: WithGroups: %d, want at least 1", name, groups))
	case channels%groups != 0 || filters%groups != 0:
		return g.Fail(fmt.Errorf("nn.%s: WithGroups: %d channels and %d filters are not both divisible by %d", name, channels, filters, groups))
	}
	scope := l.scope(g, defaultName)
	kernel := scope.Variable("kernel", x.Dtype(), append(tensor.Shape(slices.Clone(window)), channels/groups, filters), l.kernelInitializer)
	var bias *gorgonia.Node
	if !l.noBias {
		bias = scope.Variable("bias", x.Dtype(), tensor.Shape{filters}, l.biasInitializer)
	}
	l.regularize(g, kernel, bias)
	fused := isReLU(l.activation)
	y := scope.SetName(op(g, x, kernel, bias, ops.ConvOptions{
		Strides: l.spatial.strides, Dilations: l.spatial.dilation, Padding: l.spatial.padding, Groups: groups, ReLU: fused,
	}), map[bool]string{false: "BiasAdd", true: "Relu"}[fused])
	if l.activation != nil && !fused && !g.Poisoned(y) {
		y = l.activation(g, y)
	}
	return y
}

// isReLU reports whether a is ReLU, which an op may compute in its own last pass. A wrong
// no costs nothing but time.
func isReLU(a Activation) bool {
	return a != nil && reflect.ValueOf(a).Pointer() == reflect.ValueOf(ReLU).Pointer()
}

// layerInput reports an input that a layer cannot take: nil, of a wrong number of axes
// (any from 2 on if dims is 0) or not of floats.
func layerInput(g *graph.Graph, name string, x *gorgonia.Node, dims int) (bad *gorgonia.Node, ok bool) {
	switch {
	case x == nil:
		return g.Fail(fmt.Errorf("nn.%s: x is nil", name)), false
	case g.Poisoned(x):
		return x, false
	}
	if dt := x.Dtype(); dt != tensor.Float32 && dt != tensor.Float64 {
		return g.Fail(fmt.Errorf("nn.%s: x has dtype %v, want float32 or float64: use ops.Cast", name, dt)), false
	}
	want := map[int]string{0: "[batch, ..., channels]", 3: "[batch, steps, channels]", 4: "[batch, height, width, channels]"}[dims]
	if dims == 0 && x.Dims() < 2 || dims != 0 && x.Dims() != dims {
		return g.Fail(fmt.Errorf("nn.%s: x has shape %v, want %s: ops.ReshapeRows adds an axis", name, x.Shape(), want)), false
	}
	return nil, true
}
