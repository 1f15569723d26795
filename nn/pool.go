package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// MaxPool2D is the maximum of every window, channel by channel: x [batch, height, width,
// channels], result [batch, out height, out width, channels]. size is the height and the
// width of the window; Keras' default is 2. By default the stride is the size and the
// padding Valid. The gradient of a window goes to its first maximum.
//
// Options: WithName, WithSize, WithStrides, WithPadding.
func MaxPool2D(g *graph.Graph, x *gorgonia.Node, size int, opts ...LayerOption) *gorgonia.Node {
	return pool(g, "MaxPool2D", "max_pooling2d", ops.MaxPool2D, 2, x, size, opts)
}

// MaxPool1D is [MaxPool2D] along one axis: x [batch, steps, channels].
func MaxPool1D(g *graph.Graph, x *gorgonia.Node, size int, opts ...LayerOption) *gorgonia.Node {
	return pool(g, "MaxPool1D", "max_pooling1d", ops.MaxPool1D, 1, x, size, opts)
}

// AvgPool2D is the mean of every window, channel by channel: x [batch, height, width,
// channels], result [batch, out height, out width, channels]. Padding does not count.
// Size, defaults and options are those of [MaxPool2D].
func AvgPool2D(g *graph.Graph, x *gorgonia.Node, size int, opts ...LayerOption) *gorgonia.Node {
	return pool(g, "AvgPool2D", "average_pooling2d", ops.AvgPool2D, 2, x, size, opts)
}

// AvgPool1D is [AvgPool2D] along one axis: x [batch, steps, channels].
func AvgPool1D(g *graph.Graph, x *gorgonia.Node, size int, opts ...LayerOption) *gorgonia.Node {
	return pool(g, "AvgPool1D", "average_pooling1d", ops.AvgPool1D, 1, x, size, opts)
}

type poolOp func(g *graph.Graph, x *gorgonia.Node, o ops.PoolOptions) *gorgonia.Node

func pool(g *graph.Graph, name, defaultName string, op poolOp, axes int, x *gorgonia.Node, size int, opts []LayerOption) *gorgonia.Node {
	l := newLayer(opts)
	err := l.only("WithName", "WithSize", "WithStrides", "WithPadding")
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
	y := op(g, x, ops.PoolOptions{Size: window, Strides: l.spatial.strides, Padding: l.spatial.padding})
	return l.scope(g, defaultName).SetName(y, "Pool")
}

// GlobalAvgPool2D is the mean of each channel: x [batch, height, width, channels], result
// [batch, channels].
//
// Option: WithName.
func GlobalAvgPool2D(g *graph.Graph, x *gorgonia.Node, opts ...LayerOption) *gorgonia.Node {
	return globalPool(g, "GlobalAvgPool2D", "global_average_pooling2d", ops.GlobalAvgPool, 2, x, opts)
}

// GlobalAvgPool1D is the mean of each channel: x [batch, steps, channels], result [batch,
// channels].
//
// Option: WithName.
func GlobalAvgPool1D(g *graph.Graph, x *gorgonia.Node, opts ...LayerOption) *gorgonia.Node {
	return globalPool(g, "GlobalAvgPool1D", "global_average_pooling1d", ops.GlobalAvgPool, 1, x, opts)
}

// GlobalMaxPool2D is the maximum of each channel: x [batch, height, width, channels],
// result [batch, channels].
//
// Option: WithName.
func GlobalMaxPool2D(g *graph.Graph, x *gorgonia.Node, opts ...LayerOption) *gorgonia.Node {
	return globalPool(g, "GlobalMaxPool2D", "global_max_pooling2d", ops.GlobalMaxPool, 2, x, opts)
}

// GlobalMaxPool1D is the maximum of each channel: x [batch, steps, channels], result
// [batch, channels].
//
// Option: WithName.
func GlobalMaxPool1D(g *graph.Graph, x *gorgonia.Node, opts ...LayerOption) *gorgonia.Node {
	return globalPool(g, "GlobalMaxPool1D", "global_max_pooling1d", ops.GlobalMaxPool, 1, x, opts)
}

func globalPool(g *graph.Graph, name, defaultName string, op Activation, axes int, x *gorgonia.Node, opts []LayerOption) *gorgonia.Node {
	l := newLayer(opts)
	if err := l.only("WithName"); err != nil {
		return g.Fail(fmt.Errorf("nn.%s: %w", name, err))
	}
	if bad, ok := layerInput(g, name, x, axes+2); !ok {
		return bad
	}
	return l.scope(g, defaultName).SetName(op(g, x), "Pool")
}
