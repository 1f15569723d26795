package ops_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/session"
)

// large are ops on inputs that several goroutines share, forward and backward.
var large = []struct {
	name   string
	shapes []tensor.Shape
	build  build
}{
	{"Conv2D", shapes(tensor.Shape{6, 20, 20, 8}, tensor.Shape{3, 3, 8, 16}, tensor.Shape{16}), conv2D(ops.ConvOptions{ReLU: true})},
	{"Conv2D, padding and strides", shapes(tensor.Shape{7, 31, 30, 8}, tensor.Shape{3, 3, 8, 24}, tensor.Shape{24}), conv2D(ops.ConvOptions{Padding: ops.Same, Strides: []int{2}})},
	{"Conv2D, one channel", shapes(tensor.Shape{30, 30, 28, 1}, tensor.Shape{3, 3, 1, 32}, tensor.Shape{32}), conv2D(ops.ConvOptions{Padding: ops.Same})},
	{"Conv2D, groups", shapes(tensor.Shape{8, 24, 24, 8}, tensor.Shape{3, 3, 4, 16}, tensor.Shape{16}), conv2D(ops.ConvOptions{Groups: 2})},
	{"Conv2D, depthwise", shapes(tensor.Shape{9, 33, 33, 24}, tensor.Shape{3, 3, 1, 24}, tensor.Shape{24}), conv2D(ops.ConvOptions{Groups: 24})},
	{"Conv2D, pointwise", shapes(tensor.Shape{9, 33, 33, 24}, tensor.Shape{1, 1, 24, 32}, tensor.Shape{32}), conv2D(ops.ConvOptions{})},
	{"Conv2D, few large tasks", shapes(tensor.Shape{3, 12, 12, 128}, tensor.Shape{3, 3, 128, 160}, tensor.Shape{160}), conv2D(ops.ConvOptions{Padding: ops.Same})},
	{"Conv1D", shapes(tensor.Shape{30, 300, 16}, tensor.Shape{3, 16, 32}, tensor.Shape{32}), func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.Conv1D(g, in[0], in[1], in[2], ops.ConvOptions{})
	}},
	{"MaxPool2D", shapes(tensor.Shape{9, 33, 33, 24}), func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.MaxPool2D(g, in[0], ops.PoolOptions{})
	}},
	{"MaxPool2D, overlapping", shapes(tensor.Shape{9, 33, 33, 24}), func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.MaxPool2D(g, in[0], ops.PoolOptions{Size: []int{3}, Strides: []int{2}, Padding: ops.Same})
	}},
	{"AvgPool2D", shapes(tensor.Shape{9, 33, 33, 24}), func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.AvgPool2D(g, in[0], ops.PoolOptions{Padding: ops.Same})
	}},
	{"GlobalMaxPool", shapes(tensor.Shape{9, 33, 33, 24}), ofX(ops.GlobalMaxPool)},
	{"GlobalAvgPool", shapes(tensor.Shape{9, 33, 33, 24}), ofX(ops.GlobalAvgPool)},
	{"ReLU", shapes(tensor.Shape{300, 301}), ofX(ops.ReLU)},
	{"Tanh", shapes(tensor.Shape{100, 301}), ofX(ops.Tanh)},
	{"Mul", shapes(tensor.Shape{300, 301}, tensor.Shape{300, 301}), func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return ops.Mul(g, in[0], in[1]) }},
	{"Dense", shapes(tensor.Shape{2100, 70}, tensor.Shape{70, 130}, tensor.Shape{130}), func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.Dense(g, in[0], in[1], in[2])
	}},
	{"Softmax", shapes(tensor.Shape{301, 100}), ofX(ops.Softmax)},
	{"LogSoftmax", shapes(tensor.Shape{301, 100}), ofX(ops.LogSoftmax)},
	{"SparseSoftmaxCrossEntropy", shapes(tensor.Shape{301, 100}), func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.SparseSoftmaxCrossEntropy(g, in[0], g.NamedConstant("labels", tensor.New(tensor.WithShape(301), tensor.WithBacking(make([]int64, 301)))))
	}},
	{"BatchNorm", shapes(tensor.Shape{2100, 130}, tensor.Shape{130}, tensor.Shape{130}), func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		y, _, _ := ops.BatchNorm(g, in[0], in[1], in[2], 1e-3)
		return y
	}},
	{"DenseReLU", shapes(tensor.Shape{2100, 70}, tensor.Shape{70, 130}, tensor.Shape{130}), func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.DenseReLU(g, in[0], in[1], in[2])
	}},
	{"SigmoidCrossEntropy", shapes(tensor.Shape{9000, 30}), ofX(func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node {
		return ops.SigmoidCrossEntropy(g, x, ops.Tanh(g, x))
	})},
	{"LayerNorm", shapes(tensor.Shape{2100, 130}, tensor.Shape{130}, tensor.Shape{130}), func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.LayerNorm(g, in[0], in[1], in[2], 1e-3)
	}},
}

func ofX(f func(g *graph.Graph, x *gorgonia.Node) *gorgonia.Node) build {
	return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node { return f(g, in[0]) }
}

func conv2D(o ops.ConvOptions) build {
	return func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
		return ops.Conv2D(g, in[0], in[1], in[2], o)
	}
}

// runLarge builds an op and its gradients and returns a function that computes them, or
// only what f makes of them.
func runLarge(t *testing.T, dt tensor.Dtype, s []tensor.Shape, b build, f func(*graph.Graph, *gorgonia.Node) *gorgonia.Node, opts ...session.Option) func() []gorgonia.Value {
	t.Helper()
	g := graph.New()
	feed := graph.Feed{}
	r := rand.New(rand.NewPCG(5, 6))
	var in gorgonia.Nodes
	for i, shape := range s {
		n := g.Placeholder(fmt.Sprint("in", i), dt, shape...)
		in = append(in, n)
		feed[n] = ofDtype(dt, shape, randomValues(r, shape.TotalSize()))
	}
	y := b(g, in...)
	require.NoError(t, g.Err())
	weights := g.Placeholder("weights", dt, y.Shape()...)
	feed[weights] = ofDtype(dt, y.Shape(), randomValues(r, y.Shape().TotalSize()))
	fetches := append(gorgonia.Nodes{y}, g.Gradients(ops.Sum(g, ops.Mul(g, y, weights)), in...)...)
	for i, n := range fetches {
		fetches[i] = f(g, n)
	}
	require.NoError(t, g.Err())
	sess, err := session.New(g, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sess.Close()) })
	outputs := make([]gorgonia.Value, len(fetches))
	return func() []gorgonia.Value {
		if err := sess.RunInto(ctx, outputs, fetches, feed, nil); err != nil {
			require.NoError(t, err)
		}
		return outputs
	}
}

func itself(_ *graph.Graph, n *gorgonia.Node) *gorgonia.Node { return n }
func total(g *graph.Graph, n *gorgonia.Node) *gorgonia.Node  { return ops.Sum(g, n) }

func TestSameBitsForAnyNumberOfWorkers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	for _, c := range large {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			if testing.Short() && dt == tensor.Float64 {
				continue
			}
			t.Run(fmt.Sprint(c.name, "/", dt), func(t *testing.T) {
				var want []gorgonia.Value
				check := func(what string, n int, opts ...session.Option) {
					got := runLarge(t, dt, c.shapes, c.build, itself, opts...)()
					if want == nil {
						want = got
					}
					for i := range want {
						require.Equal(t, want[i].Data(), got[i].Data(), "%s %d: value %d", what, n, i)
					}
				}
				check("workers", 3, session.Workers(3))
				if testing.Short() { // the race detector, which is slow, has seen enough
					return
				}
				for _, n := range []int{1, 2, 4, 8} {
					check("workers", n, session.Workers(n))
				}
				for _, n := range []int{1, 2, 4} {
					before := runtime.GOMAXPROCS(n)
					check("GOMAXPROCS", n)
					runtime.GOMAXPROCS(before)
				}
			})
		}
	}
}

// leastAllocs is testing.AllocsPerRun for several processors: the least of some
// measurements, for a helper may come to its first large task late.
func leastAllocs(run func()) uint64 {
	const runs = 10
	least := uint64(math.MaxUint64)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			run()
		}
		runtime.ReadMemStats(&after)
		if least = min(least, (after.Mallocs-before.Mallocs)/runs); least == 0 {
			break
		}
	}
	return least
}

func TestParallelOpsAllocateNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector allocates")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // testing.AllocsPerRun would make it 1
	for _, c := range large {
		run := runLarge(t, tensor.Float32, c.shapes, c.build, total) // copying a fetched tensor allocates
		for range 5 {
			run()
		}
		require.Zero(t, leastAllocs(func() { run() }), c.name)
	}
}
