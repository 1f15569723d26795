package nn

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// attentionOptions are what only attention has a use for.
type attentionOptions struct {
	key, mask *gorgonia.Node
	causal    bool
	valueDim  int
	outputDim int
	dropout   float64
}

// WithKey gives attention keys that are not the values: [batch, keys, dim].
func WithKey(key *gorgonia.Node) LayerOption {
	return func(l *layer) { l.attention.key = key; l.given = append(l.given, "WithKey") }
}

// WithAttentionMask says with 1 or true which value a query may see: [batch, queries,
// keys], [batch, keys], such as ops.SequenceMask makes of lengths, or [batch, heads,
// queries, keys]. A query that sees nothing gets zeros.
func WithAttentionMask(mask *gorgonia.Node) LayerOption {
	return func(l *layer) { l.attention.mask = mask; l.given = append(l.given, "WithAttentionMask") }
}

// WithCausalMask hides from each query what comes after its own position.
func WithCausalMask() LayerOption {
	return func(l *layer) { l.attention.causal = true; l.given = append(l.given, "WithCausalMask") }
}

// WithValueDim sets the size of each head's value, by default that of its key.
func WithValueDim(n int) LayerOption {
	return func(l *layer) { l.attention.valueDim = n; l.given = append(l.given, "WithValueDim") }
}

// WithOutputDim sets the size of the result, by default that of the query.
func WithOutputDim(n int) LayerOption {
	return func(l *layer) { l.attention.outputDim = n; l.given = append(l.given, "WithOutputDim") }
}

// WithAttentionDropout drops weights of values at this rate in a graph built to train.
func WithAttentionDropout(rate float64) LayerOption {
	return func(l *layer) { l.attention.dropout = rate; l.given = append(l.given, "WithAttentionDropout") }
}

// MultiHeadAttention lets each query look at the values whose keys fit it, with several
// heads side by side (Vaswani et al. 2017): query [batch, queries, dim], value [batch,
// keys, value dim], the result [batch, queries, dim]. Each head projects query, key and
// value to keyDim numbers, see [ops.ScaledDotProductAttention], and the heads' results are
// projected together to the result. The variables are those of Keras: query/kernel, key/
// kernel and value/kernel [dim, heads, keyDim] with bias [heads, keyDim], and
// attention_output/kernel [heads, keyDim, dim] with bias [dim]; kernels GlorotUniform,
// biases zeros. Self-attention has the same node as query and value.
//
// Options: WithName, WithKey, WithAttentionMask, WithCausalMask, WithValueDim,
// WithOutputDim, WithAttentionDropout, WithKernelInitializer, WithBiasInitializer,
// WithoutBias, WithKernelRegularizer, WithBiasRegularizer.
func MultiHeadAttention(g *graph.Graph, query, value *gorgonia.Node, heads, keyDim int, opts ...LayerOption) *gorgonia.Node {
	l := newLayer(opts)
	key := l.attention.key
	if !slices.Contains(l.given, "WithKey") {
		key = value
	}
	if err := l.checkAttention(query, key, value, heads, keyDim); err != nil {
		return g.Fail(fmt.Errorf("nn.MultiHeadAttention: %w", err))
	}
	if g.Poisoned(query) || g.Poisoned(key) || g.Poisoned(value) {
		return g.Fail(nil)
	}
	valueDim, outputDim := keyDim, query.Shape()[2]
	if slices.Contains(l.given, "WithValueDim") {
		valueDim = l.attention.valueDim
	}
	if slices.Contains(l.given, "WithOutputDim") {
		outputDim = l.attention.outputDim
	}
	scope := l.scope(g, "multi_head_attention")
	q := l.toHeads(scope.Scope("query"), query, heads, keyDim)
	k := l.toHeads(scope.Scope("key"), key, heads, keyDim)
	v := l.toHeads(scope.Scope("value"), value, heads, valueDim)
	weights := ops.AttentionWeights(g, q, k, l.attention.mask, l.attention.causal)
	if l.attention.dropout > 0 && g.Training() {
		weights = ops.Dropout(g, weights, g.GlobalStep(), l.attention.dropout, scope.ScopeName())
	}
	seen := ops.Transpose(g, ops.BatchMatMul(g, weights, v), 0, 2, 1, 3) // [batch, queries, heads, valueDim]

	out := scope.Scope("attention_output")
	kernel, bias := l.projection(out, query.Dtype(), tensor.Shape{heads, valueDim, outputDim}, tensor.Shape{outputDim})
	joined := ops.ReshapeRows(g, seen, query.Shape()[1], heads*valueDim)
	return out.SetName(ops.Dense(g, joined, ops.MergeAxes(g, kernel, 2), bias), "BiasAdd")
}

func (l *layer) checkAttention(query, key, value *gorgonia.Node, heads, keyDim int) error {
	if err := l.only("WithName", "WithKey", "WithAttentionMask", "WithCausalMask", "WithValueDim", "WithOutputDim", "WithAttentionDropout",
		"WithKernelInitializer", "WithBiasInitializer", "WithoutBias", "WithKernelRegularizer", "WithBiasRegularizer"); err != nil {
		return err
	}
	for _, in := range []struct {
		name string
		node *gorgonia.Node
	}{{"query", query}, {"key", key}, {"value", value}} {
		switch {
		case in.node == nil:
			return fmt.Errorf("%s is nil", in.name)
		case in.node.Dims() != 3:
			return fmt.Errorf("%s has shape %v, want [batch, steps, dim]", in.name, in.node.Shape())
		case in.node.Dtype() != tensor.Float32 && in.node.Dtype() != tensor.Float64:
			return fmt.Errorf("%s has dtype %v, want float32 or float64: use ops.Cast", in.name, in.node.Dtype())
		}
	}
	for _, size := range []struct {
		name  string
		value int
		given bool
	}{
		{"heads", heads, true}, {"keyDim", keyDim, true},
		{"WithValueDim", l.attention.valueDim, slices.Contains(l.given, "WithValueDim")},
		{"WithOutputDim", l.attention.outputDim, slices.Contains(l.given, "WithOutputDim")},
	} {
		if size.given && size.value < 1 {
			return fmt.Errorf("%s is %d, want at least 1", size.name, size.value)
		}
	}
	switch {
	case slices.Contains(l.given, "WithAttentionMask") && l.attention.mask == nil:
		return fmt.Errorf("WithAttentionMask: the node is nil")
	case !(l.attention.dropout >= 0 && l.attention.dropout < 1):
		return fmt.Errorf("WithAttentionDropout: %v, want at least 0 and below 1", l.attention.dropout)
	case key.Shape()[1] != value.Shape()[1]:
		return fmt.Errorf("key has shape %v and value %v, want as many of both", key.Shape(), value.Shape())
	}
	return nil
}

// toHeads projects x [batch, steps, dim] to [batch, heads, steps, size].
func (l *layer) toHeads(scope *graph.Graph, x *gorgonia.Node, heads, size int) *gorgonia.Node {
	kernel, bias := l.projection(scope, x.Dtype(), tensor.Shape{x.Shape()[2], heads, size}, tensor.Shape{heads, size})
	if bias != nil {
		bias = ops.MergeAxes(scope, bias, 2)
	}
	projected := scope.SetName(ops.Dense(scope, x, ops.ReshapeRows(scope, kernel, heads*size), bias), "BiasAdd")
	return ops.Transpose(scope, ops.ReshapeRows(scope, projected, x.Shape()[1], heads, size), 0, 2, 1, 3)
}

// projection makes a kernel and, unless the layer has none, a bias.
func (l *layer) projection(scope *graph.Graph, dt tensor.Dtype, kernelShape, biasShape tensor.Shape) (kernel, bias *gorgonia.Node) {
	kernel = scope.Variable("kernel", dt, kernelShape, l.kernelInitializer)
	if !l.noBias {
		bias = scope.Variable("bias", dt, biasShape, l.biasInitializer)
	}
	l.regularize(scope, kernel, bias)
	return kernel, bias
}
