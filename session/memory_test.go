package session_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/philox"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

// randomGraph adds nodes that read earlier ones at random: element-wise ops, sums, views,
// views of views, and stock ops, which may return their input's memory.
func randomGraph(seed uint64) (g *graph.Graph, x *gorgonia.Node, nodes gorgonia.Nodes) {
	r := philox.New(seed, "graph", 0)
	g = graph.New(graph.Seed(seed))
	x = g.Placeholder("x", tensor.Float64, 4, 6)
	v := g.Variable("v", tensor.Float64, tensor.Shape{4, 6}, nn.RandomNormal(0, 1))
	nodes = gorgonia.Nodes{x, v}
	for i := range uint64(40) {
		a := nodes[r.Intn(3*i, len(nodes))]
		b := nodes[r.Intn(3*i+1, len(nodes))]
		var n *gorgonia.Node
		switch r.Intn(3*i+2, 8) {
		case 0:
			n = ops.Add(g, a, b)
		case 1:
			n = ops.Mul(g, a, ops.Tanh(g, b))
		case 2:
			n = ops.Tanh(g, a)
		case 3:
			n = ops.ReshapeRows(g, ops.ReshapeRows(g, a, 2, 3), 6)
		case 4:
			n = ops.Sub(g, a, ops.Mean(g, b, 0))
		case 5:
			n = ops.Softmax(g, a)
		case 6:
			n = gorgonia.Must(gorgonia.Reshape(gorgonia.Must(gorgonia.Reshape(a, tensor.Shape{24})), tensor.Shape{4, 6}))
		case 7:
			n = gorgonia.Must(gorgonia.Add(a, b))
		}
		nodes = append(nodes, n)
	}
	return g, x, nodes
}

// Memory that is used twice changes no value: each node fetched alone, with few others in
// its program, has the value that it has beside all others.
func TestSharedMemoryChangesNothing(t *testing.T) {
	for seed := range uint64(30) {
		g, x, nodes := randomGraph(seed)
		require.NoError(t, g.Err())
		s := newSession(t, g, session.MaxPrograms(100))
		feed := graph.Feed{x: random64("x", 4, 6)}
		r := philox.New(seed, "fetches", 0)
		var fetches gorgonia.Nodes
		for i, n := range nodes {
			if r.Intn(uint64(i), 3) == 0 || i == len(nodes)-1 {
				fetches = append(fetches, n)
			}
		}
		together := run(t, s, feed, fetches...)
		for i, n := range fetches {
			require.Equal(t, run(t, s, feed, n)[0], together[i], "seed %d, node %d", seed, n.ID())
		}
		require.Equal(t, together, run(t, s, feed, fetches...), "a second run")
	}
}

func random64(name string, shape ...int) *tensor.Dense {
	t := tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(shape...))
	r := philox.New(1, name, 0)
	for i := range t.Float64s() {
		t.Float64s()[i] = r.Normal(uint64(i))
	}
	return t
}

func TestMemoryIsUsedTwice(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float32, 100, 100)
	n := x
	for range 20 {
		n = ops.Tanh(g, n)
	}
	s := newSession(t, g)
	run(t, s, graph.Feed{x: noise("x", 100, 100)}, n)
	const one = 40_000
	stats := s.Stats()
	require.InDelta(t, 20*one, stats.ResultBytes, 20*64)
	require.InDelta(t, 2*one, stats.PlannedBytes, 2*64, "a chain needs two results at a time")
}

// A steady-state step allocates nothing, whichever optimizer, with dropout and clipping.
func TestStepAllocatesNothing(t *testing.T) {
	for name, o := range map[string]optim.Optimizer{
		"SGD": optim.SGD(0.1), "Momentum": optim.Momentum(0.1, 0.9), "Adagrad": optim.Adagrad(0.1), "RMSProp": optim.RMSProp(0.1),
		"Adam": optim.Adam(0.1, optim.ClipByGlobalNorm(1)), "Ftrl": optim.Ftrl(0.1),
	} {
		t.Run(name, func(t *testing.T) {
			g := graph.New(graph.Training(true))
			x := g.Placeholder("x", tensor.Float32, 8, 4)
			y := g.Placeholder("y", tensor.Int64, 8)
			h := nn.Dropout(g, nn.Dense(g, x, 8, nn.WithActivation(nn.ReLU)), 0.5)
			loss := nn.SparseSoftmaxCrossEntropy(g, nn.Dense(g, h, 3), y)
			fetches := gorgonia.Nodes{loss, o.Minimize(g, loss)}
			s := newSession(t, g)
			feed := graph.Feed{x: noise("x", 8, 4), y: classes(8, 3)}
			outputs := make([]gorgonia.Value, len(fetches))
			step := func() {
				if err := s.RunInto(ctx, outputs, fetches, feed, nil); err != nil {
					panic(fmt.Sprint(err))
				}
			}
			step()
			require.Zero(t, testing.AllocsPerRun(20, step))
		})
	}
}

// A value that is used twice has a gradient of two terms, which Gorgonia's op would add.
func TestSumOfGradientsAllocatesNothing(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		g := graph.New()
		w := g.Variable("w", dt, tensor.Shape{3, 4}, nn.Ones())
		h := ops.Tanh(g, w)
		loss := ops.Sum(g, ops.Mul(g, h, ops.Square(g, h)))
		fetches := gorgonia.Nodes{loss, optim.SGD(0.1).Minimize(g, loss)}
		s := newSession(t, g)
		outputs := make([]gorgonia.Value, len(fetches))
		step := func() { require.NoError(t, s.RunInto(ctx, outputs, fetches, nil, nil)) }
		step()
		require.Zero(t, testing.AllocsPerRun(20, step), "%v", dt)
	}
}

// A result that no machine holds is an error: memory that is not there ends a process.
func TestResultsTooLarge(t *testing.T) {
	for _, classes := range []int{1 << 45, 1 << 62} {
		g := graph.New()
		labels := g.Placeholder("labels", tensor.Int64, 4)
		oneHot := ops.OneHot(g, labels, classes, tensor.Float32)
		require.NoError(t, g.Err())
		s, err := session.New(g)
		require.NoError(t, err)
		_, err = s.Run(ctx, gorgonia.Nodes{oneHot}, graph.Feed{labels: tensor.New(tensor.WithBacking([]int64{0, 1, 2, 3}))})
		var named *session.NodeError
		require.ErrorAs(t, err, &named)
		require.Contains(t, named.Op, "OneHot")
		require.ErrorContains(t, err, "too large")
		require.NoError(t, s.Close())
	}
}
