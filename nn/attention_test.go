package nn_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/ops/opstest"
)

func TestAttentionVariables(t *testing.T) {
	g := graph.New()
	query, value := g.Placeholder("query", tensor.Float32, 2, 3, 8), g.Placeholder("value", tensor.Float32, 2, 5, 6)
	y := nn.MultiHeadAttention(g, query, value, 4, 2, nn.WithValueDim(3), nn.WithOutputDim(7))
	self := nn.MultiHeadAttention(g, query, query, 2, 4, nn.WithoutBias(), nn.WithCausalMask())
	require.NoError(t, g.Err())
	require.Equal(t, tensor.Shape{2, 3, 7}, y.Shape())
	require.Equal(t, tensor.Shape{2, 3, 8}, self.Shape())
	var names []string
	for _, v := range g.Variables() {
		names = append(names, fmt.Sprint(v.Name, v.Shape))
	}
	require.Equal(t, []string{
		"multi_head_attention/query/kernel(8, 4, 2)", "multi_head_attention/query/bias(4, 2)",
		"multi_head_attention/key/kernel(6, 4, 2)", "multi_head_attention/key/bias(4, 2)",
		"multi_head_attention/value/kernel(6, 4, 3)", "multi_head_attention/value/bias(4, 3)",
		"multi_head_attention/attention_output/kernel(4, 3, 7)", "multi_head_attention/attention_output/bias(7)",
		"multi_head_attention_1/query/kernel(8, 2, 4)", "multi_head_attention_1/key/kernel(8, 2, 4)", "multi_head_attention_1/value/kernel(8, 2, 4)",
		"multi_head_attention_1/attention_output/kernel(2, 4, 8)",
	}, names)
}

// The layer against its formula, written out with einsum's indices as Keras has it.
func TestAttentionAgainstTheFormula(t *testing.T) {
	const batch, queries, keys, dim, heads, size, valueSize = 2, 3, 4, 5, 2, 3, 2
	g := graph.New(graph.Seed(2))
	query, key, value := g.Placeholder("query", tensor.Float64, batch, queries, dim), g.Placeholder("key", tensor.Float64, batch, keys, dim), g.Placeholder("value", tensor.Float64, batch, keys, dim)
	lengths := g.Placeholder("lengths", tensor.Int64, batch)
	mask := ops.SequenceMask(g, lengths, keys, tensor.Float64)
	y := nn.MultiHeadAttention(g, query, value, heads, size, nn.WithKey(key), nn.WithValueDim(valueSize), nn.WithAttentionMask(mask), nn.WithBiasInitializer(nn.RandomNormal(0, 1)))
	feed := graph.Feed{query: random(batch, queries, dim), key: random(batch, keys, dim), value: random(batch, keys, dim), lengths: tensor.New(tensor.WithBacking([]int64{4, 2}))}
	feed[key].(*tensor.Dense).Float64s()[0] = 2 // not the value
	fetches := gorgonia.Nodes{y}
	for _, v := range g.Variables() {
		fetches = append(fetches, v.Node)
	}
	out := run(t, g, feed, fetches...)
	f := func(i int) []float64 { return out[i].([]float64) }
	project := func(x tensor.Tensor, kernel, bias []float64, steps, size int) []float64 { // btd,dhk->bthk
		in, to := x.(*tensor.Dense).Float64s(), make([]float64, batch*steps*heads*size)
		for row := range batch * steps {
			for hk := range heads * size {
				sum := bias[hk]
				for d := range dim {
					sum += in[row*dim+d] * kernel[d*heads*size+hk]
				}
				to[row*heads*size+hk] = sum
			}
		}
		return to
	}
	q, k, v := project(feed[query], f(1), f(2), queries, size), project(feed[key], f(3), f(4), keys, size), project(feed[value], f(5), f(6), keys, valueSize)
	want := make([]float64, batch*queries*dim)
	for b := range batch {
		for i := range queries {
			to := want[(b*queries+i)*dim:][:dim]
			copy(to, f(8))
			for h := range heads {
				var e [keys]float64
				total := 0.0
				for j := range []int{4, 2}[b] {
					for n := range size {
						e[j] += q[((b*queries+i)*heads+h)*size+n] * k[((b*keys+j)*heads+h)*size+n]
					}
					e[j] = math.Exp(e[j] / math.Sqrt(size))
					total += e[j]
				}
				for n := range valueSize {
					seen := 0.0
					for j := range keys {
						seen += e[j] / total * v[((b*keys+j)*heads+h)*valueSize+n]
					}
					for d := range dim {
						to[d] += seen * f(7)[(h*valueSize+n)*dim+d]
					}
				}
			}
		}
	}
	require.InDeltaSlice(t, want, f(0), 1e-12)
}

func TestAttentionLayerGradients(t *testing.T) {
	for name, opts := range map[string][]nn.LayerOption{
		"plain": nil, "causal": {nn.WithCausalMask()}, "dropout": {nn.WithAttentionDropout(0.3)}, "no bias": {nn.WithoutBias(), nn.WithValueDim(1)},
	} {
		t.Run(name, func(t *testing.T) {
			opstest.CheckGradient(t, opstest.Case{Shapes: []tensor.Shape{{2, 3, 4}, {2, 3, 2}}, Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
				return nn.MultiHeadAttention(g, in[0], in[1], 2, 3, opts...)
			}})
		})
	}
	t.Run("self-attention", func(t *testing.T) {
		opstest.CheckGradient(t, opstest.Case{Shapes: []tensor.Shape{{2, 3, 4}}, Build: func(g *graph.Graph, in ...*gorgonia.Node) *gorgonia.Node {
			return nn.MultiHeadAttention(g, in[0], in[0], 2, 2)
		}})
	})
}

// Dropout of the weights is only for training.
func TestAttentionDropout(t *testing.T) {
	value := func(training bool, opts ...nn.LayerOption) any {
		g := graph.New(graph.Seed(1), graph.Training(training))
		x := g.Placeholder("x", tensor.Float64, 2, 3, 4)
		return run(t, g, graph.Feed{x: random(2, 3, 4)}, nn.MultiHeadAttention(g, x, x, 2, 2, opts...))[0]
	}
	require.Equal(t, value(true), value(false, nn.WithAttentionDropout(0.5)))
	require.NotEqual(t, value(true), value(true, nn.WithAttentionDropout(0.5)))
}

func TestAttentionLayerBadInput(t *testing.T) {
	for _, c := range []struct {
		name, want string
		build      func(g *graph.Graph, x, short *gorgonia.Node) *gorgonia.Node
	}{
		{"nil query", "nn.MultiHeadAttention: query is nil", func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node {
			return nn.MultiHeadAttention(g, nil, x, 2, 2)
		}},
		{"nil key", "key is nil", func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node {
			return nn.MultiHeadAttention(g, x, x, 2, 2, nn.WithKey(nil))
		}},
		{"axes", "query has shape (4, 6), want [batch, steps, dim]", func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node {
			return nn.MultiHeadAttention(g, nn.Flatten(g, x), x, 2, 2)
		}},
		{"heads", "heads is 0, want at least 1", func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node { return nn.MultiHeadAttention(g, x, x, 0, 2) }},
		{"value dim", "WithValueDim is 0", func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node {
			return nn.MultiHeadAttention(g, x, x, 2, 2, nn.WithValueDim(0))
		}},
		{"keys", "key has shape (4, 1, 2) and value (4, 3, 2), want as many of both", func(g *graph.Graph, x, short *gorgonia.Node) *gorgonia.Node {
			return nn.MultiHeadAttention(g, x, x, 2, 2, nn.WithKey(short))
		}},
		{"rate", "WithAttentionDropout: 1, want at least 0 and below 1", func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node {
			return nn.MultiHeadAttention(g, x, x, 2, 2, nn.WithAttentionDropout(1))
		}},
		{"mask", "WithAttentionMask: the node is nil", func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node {
			return nn.MultiHeadAttention(g, x, x, 2, 2, nn.WithAttentionMask(nil))
		}},
		{"mask shape", "the mask has shape (4, 2, 2)", func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node {
			return nn.MultiHeadAttention(g, x, x, 2, 2, nn.WithAttentionMask(g.Placeholder("mask", tensor.Float32, 4, 2, 2)))
		}},
		{"option", "nn.MultiHeadAttention: ReturnSequences: it has no meaning here", func(g *graph.Graph, x, _ *gorgonia.Node) *gorgonia.Node {
			return nn.MultiHeadAttention(g, x, x, 2, 2, nn.ReturnSequences())
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			n := c.build(g, g.Placeholder("x", tensor.Float32, 4, 3, 2), g.Placeholder("short", tensor.Float32, 4, 1, 2))
			require.ErrorContains(t, g.Err(), c.want)
			require.True(t, g.Poisoned(n))
		})
	}
}
