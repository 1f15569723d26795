package nn

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
)

// Regularizer is a scalar penalty on a variable, such as [L2].
type Regularizer func(g *graph.Graph, w *gorgonia.Node) *gorgonia.Node

// L1 is factor*sum(|w|). Keras' default factor is 0.01.
func L1(factor float64) Regularizer { return L1L2(factor, 0) }

// L2 is factor*sum(w*w), without a half, as in Keras. Keras' default factor is 0.01.
func L2(factor float64) Regularizer { return L1L2(0, factor) }

// L1L2 is l1*sum(|w|) + l2*sum(w*w).
func L1L2(l1, l2 float64) Regularizer {
	return func(g *graph.Graph, w *gorgonia.Node) *gorgonia.Node {
		if !(l1 >= 0 && l2 >= 0) {
			return g.Fail(fmt.Errorf("nn.L1L2: the factors are %v and %v, want at least 0", l1, l2))
		}
		return ops.L1L2(g, w, l1, l2)
	}
}

// Regularize adds the penalty of each of nodes to the collection
// graph.RegularizationLosses. [TotalLoss] adds what is there to a loss.
func Regularize(g *graph.Graph, r Regularizer, nodes ...*gorgonia.Node) {
	for _, n := range nodes {
		if r == nil || n == nil {
			g.Fail(fmt.Errorf("nn.Regularize: the regularizer or a node is nil"))
			return
		}
		if !g.Poisoned(n) {
			g.AddTo(graph.RegularizationLosses, r(g, n))
		}
	}
}

// TotalLoss is loss plus every node of graph.RegularizationLosses, in the order of adding.
// Call it once, after the model is built, and minimise what it returns. Without penalties
// it is loss itself.
func TotalLoss(g *graph.Graph, loss *gorgonia.Node) *gorgonia.Node {
	for _, penalty := range g.Collection(graph.RegularizationLosses) {
		loss = ops.Add(g, loss, penalty)
	}
	return loss
}

// regularizers are the penalties on a layer's variables.
type regularizers struct{ kernel, bias, recurrent Regularizer }

// WithKernelRegularizer puts a penalty on the kernel. The loss has it after [TotalLoss].
func WithKernelRegularizer(r Regularizer) LayerOption {
	return func(l *layer) { l.regularizers.kernel = r; l.given = append(l.given, "WithKernelRegularizer") }
}

// WithBiasRegularizer puts a penalty on the bias. The loss has it after [TotalLoss].
func WithBiasRegularizer(r Regularizer) LayerOption {
	return func(l *layer) { l.regularizers.bias = r; l.given = append(l.given, "WithBiasRegularizer") }
}

// WithRecurrentRegularizer puts a penalty on the recurrent kernel. The loss has it after
// [TotalLoss].
func WithRecurrentRegularizer(r Regularizer) LayerOption {
	return func(l *layer) {
		l.regularizers.recurrent = r
		l.given = append(l.given, "WithRecurrentRegularizer")
	}
}

// regularize adds the penalties on a kernel and on a bias, which may be nil.
func (l *layer) regularize(g *graph.Graph, kernel, bias *gorgonia.Node) {
	if l.regularizers.kernel != nil {
		Regularize(g, l.regularizers.kernel, kernel)
	}
	if l.regularizers.bias != nil && bias != nil {
		Regularize(g, l.regularizers.bias, bias)
	}
}
