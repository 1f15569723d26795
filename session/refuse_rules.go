package session

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/internal/dense"

	"github.com/stheno-ml/stheno/graph"
)

// A stockRule is one way in which Gorgonia is wrong, how to recognise it in a program,
// and what to do about it. docs/from-gorgonia.md lists every rule; a test compares.
type stockRule struct {
	// Op is the name in errors and in the documentation.
	Op string
	// Types are the op's Go types as %T prints them.
	Types []string
	// match looks closer, at fields or at the nodes around; nil for every op of the type.
	match func(n *gorgonia.Node) bool
	// replace returns a right op, nil where there is none for n's dtype.
	replace func(n *gorgonia.Node) gorgonia.Op
	// Why says what is wrong, after "Gorgonia's <Op>"; Use what to build instead.
	Why, Use string
}

// stockRules lists what is known to be wrong in Gorgonia v0.9.18, after the executor
// made right what it can: reads before writes, memory of its own for every result, and
// copies for ops that write over an input. TestStockGradients checks all other ops.
var stockRules = []stockRule{
	{
		Op: "Sum", Types: []string{"gorgonia.sumOp"}, replace: replaceReduction,
		Why: "adds up the wrong elements along a middle axis of more than three",
		Use: "use ops.Sum",
	},
	{
		Op: "Max", Types: []string{"*gorgonia.maxOp"}, replace: replaceReduction,
		Why: "compares the wrong elements along a middle axis of more than three",
		Use: "there is no replacement for this dtype: reshape to two axes",
	},
	{
		Op: "Log2 gradient", Types: []string{"gorgonia.elemBinOp"}, match: isLog2Gradient, replace: replaceLog2Gradient,
		Why: "multiplies by ln 2 where it should divide",
		Use: "use ops.Log and divide by math.Ln2",
	},
	{
		Op: "InverseSqrt gradient", Types: []string{"gorgonia.elemBinOp"}, match: isInverseSqrtGradient, replace: replaceInverseSqrtGradient,
		Why: "divides by 2y³ where it should multiply by y³/2",
		Use: "use ops.Div of 1 by ops.Sqrt",
	},
	{
		Op: "HadamardDiv", Types: []string{"gorgonia.elemBinOp"}, match: isDivision, replace: replaceDivision,
		Why: "is +Inf wherever the divisor is 0",
		Use: "use ops.Div",
	},
	{
		Op: "ByIndices", Types: []string{"*gorgonia.byIndicesOp"}, replace: replaceByIndices,
		Why: "reads the wrong elements along a middle axis",
		Use: "transpose so that the axis comes first",
	},
	{
		Op: "ByIndices gradient", Types: []string{"*gorgonia.byIndicesOpDiffOp"}, replace: replaceByIndicesGradient,
		Why: "adds to the wrong elements on any axis but the first",
		Use: "transpose so that the axis comes first",
	},
	{
		Op: "Dropout", Types: []string{"*gorgonia.dropoutOp", "*gorgonia.dropoutDiffOp"},
		Why: "divides the gradient by the rate dropped instead of the rate kept, draws from the clock, and two of one input become one",
		Use: "use nn.Dropout",
	},
	{
		Op: "UniformRandomNode, GaussianRandomNode and BinomialRandomNode", Types: []string{"gorgonia.randomOp"},
		Why: "draw from the clock, so that a run cannot be repeated or resumed, and two of one shape and range become one",
		Use: "feed the draws, or use ops.Dropout or a variable with nn.RandomNormal or nn.RandomUniform",
	},
	{
		Op: "BatchNorm", Types: []string{"*gorgonia.BatchNormOp", "*gorgonia.batchnormDiffOp"},
		Why: "keeps its mode and its running averages in the op, where no checkpoint, no other graph and no evaluation finds them",
		Use: "use ops.BatchNorm",
	},
	{
		Op: "AveragePool2D with padding", Types: []string{"*gorgonia.avgPoolOp"}, match: isPadded,
		Why: "reads elements of other windows where the window leaves the image",
		Use: "use ops.AvgPool2D",
	},
	{
		Op: "AveragePool2D gradient", Types: []string{"*gorgonia.avgPoolDiffOp"},
		Why: "gives most elements of a window nothing",
		Use: "use ops.AvgPool2D",
	},
	{
		Op: "OuterProd gradient", Types: []string{"gorgonia.linAlgBinOp"}, match: isOuterGradient,
		Why: "multiplies each vector by the wrong side of the gradient",
		Use: "use ops.Mul of a column [n, 1] and a row [1, m]",
	},
	{
		Op: "Sparsemax along another axis than the last", Types: []string{"*gorgonia.sparsemaxOp"}, match: isSparsemaxAlongOther,
		Why: "transposes its input and not its result",
		Use: "transpose so that the axis comes last, and transpose the result back",
	},
	{
		Op: "SoftMax and LogSoftMax", Types: []string{"*gorgonia.softmaxOp"}, replace: replaceSoftmax,
		Why: "subtract the first element of the tensor in place of each row's, so that rows far from it are NaN",
		Use: "use ops.Softmax or ops.LogSoftmax",
	},
	{
		Op: "SoftMax gradient of a column", Types: []string{"*gorgonia.softmaxDiffOp"}, match: isColumnSoftmaxGradient,
		Why: "is along the last axis where SoftMax and LogSoftMax, given no axis, went along the first",
		Use: "name the axis, or use ops.Softmax or ops.LogSoftmax",
	},
	{
		Op: "LogSumExp", Types: []string{"gorgonia.elemUnaryOp"}, match: isLogSumExp,
		Why: "takes the logarithm of Σexp(x-max)+max instead of adding max to the logarithm",
		Use: "build it from the elements: ops.Log of ops.Sum of ops.Exp of x minus a bound that you know, plus that bound",
	},
	{
		Op: "CTCLoss gradient", Types: []string{"*gorgonia.ctcLossDiffOp"},
		Why: "reads what the last run of the loss left in the op, and is NaN for inputs shorter than the batch",
		Use: "there is no replacement: compute this loss outside the graph",
	},
}

// elementwise reports whether n is computed by the stock elementwise op of this name.
func elementwise(n *gorgonia.Node, name string) bool {
	switch op := n.Op(); fmt.Sprintf("%T", op) {
	case "gorgonia.elemBinOp", "gorgonia.elemUnaryOp":
		return op.String() == name
	}
	return false
}

const (
	add      = "+ false"
	subtract = "- false"
	multiply = "⊙ false"
	divide   = "÷ false"
)

// constantIs reports whether n is a constant scalar of that value.
func constantIs(n *gorgonia.Node, want float64) bool {
	c, ok := n.Op().(interface{ Value() gorgonia.Value })
	if !ok {
		return false
	}
	switch v := c.Value().(type) {
	case *gorgonia.F64:
		return float64(*v) == want
	case *gorgonia.F32:
		return float32(*v) == float32(want)
	}
	return false
}

// anyNode reports whether a node of n's graph satisfies is.
func anyNode(n *gorgonia.Node, is func(*gorgonia.Node) bool) bool {
	return slices.ContainsFunc(n.Graph().AllNodes(), is)
}

// isLog2Gradient recognises gradient÷(x÷ln2), made while log2(x) was differentiated.
func isLog2Gradient(n *gorgonia.Node) bool {
	in := graph.InputsOf(n)
	if !elementwise(n, divide) || !isGradient(n) || !elementwise(in[1], divide) || !isGradient(in[1]) {
		return false
	}
	quotient := graph.InputsOf(in[1])
	return constantIs(quotient[1], math.Ln2) &&
		anyNode(n, func(m *gorgonia.Node) bool { return elementwise(m, "log2") && graph.InputsOf(m)[0] == quotient[0] })
}

// isInverseSqrtGradient recognises gradient÷(2⊙y³), y = invSqrt(x), whose negative is the
// gradient of x.
func isInverseSqrtGradient(n *gorgonia.Node) bool {
	if in := graph.InputsOf(n); !elementwise(n, divide) || len(in) != 2 || !isTwoCubes(in[1]) {
		return false
	}
	return anyNode(n, func(m *gorgonia.Node) bool {
		return elementwise(m, "neg") && isGradient(m) && graph.InputsOf(m)[0] == n
	})
}

func isTwoCubes(n *gorgonia.Node) bool {
	in := graph.InputsOf(n)
	if !elementwise(n, multiply) || len(in) != 2 || !constantIs(in[0], 2) || !elementwise(in[1], "cube") {
		return false
	}
	return elementwise(graph.InputsOf(in[1])[0], "invSqrt")
}

// isDivision recognises a division of floats for which there is a kernel.
func isDivision(n *gorgonia.Node) bool { return elementwise(n, divide) && replaceDivision(n) != nil }

// isOuterGradient recognises Gᵀ×a, where G is the gradient of an outer product of a.
func isOuterGradient(n *gorgonia.Node) bool {
	if n.Op().String() != "Aᵀ × b" || !isGradient(n) {
		return false
	}
	in := graph.InputsOf(n)
	return anyNode(n, func(m *gorgonia.Node) bool {
		return fmt.Sprintf("%T", m.Op()) == "gorgonia.linAlgBinOp" && m.Op().String() == "a ⊗ b" && !isGradient(m) &&
			slices.Contains(graph.InputsOf(m), in[1]) && dense.SameShape(m.Shape(), in[0].Shape())
	})
}

// isLogSumExp recognises ln(Σexp(x-max) + max).
func isLogSumExp(n *gorgonia.Node) bool {
	if !elementwise(n, "ln") {
		return false
	}
	total := graph.InputsOf(n)[0]
	if !elementwise(total, add) {
		return false
	}
	sum, largest := graph.InputsOf(total)[0], graph.InputsOf(total)[1]
	if fmt.Sprintf("%T", sum.Op()) != "gorgonia.sumOp" || fmt.Sprintf("%T", largest.Op()) != "*gorgonia.maxOp" {
		return false
	}
	exp := graph.InputsOf(sum)[0]
	if !elementwise(exp, "exp") {
		return false
	}
	shifted := graph.InputsOf(exp)[0]
	return elementwise(shifted, subtract) && graph.InputsOf(shifted)[1] == largest && graph.InputsOf(shifted)[0] == graph.InputsOf(largest)[0]
}

// isPadded reports whether a pooling op pads, or does not say.
func isPadded(n *gorgonia.Node) bool {
	for _, side := range []string{"padNorth", "padSouth", "padWest", "padEast"} {
		if intField(n.Op(), side) != 0 {
			return true
		}
	}
	return false
}

func isColumnSoftmaxGradient(n *gorgonia.Node) bool {
	return intField(n.Op(), "axis") == -1 && n.Shape().IsColVec()
}

func isSparsemaxAlongOther(n *gorgonia.Node) bool {
	axis := intField(n.Op(), "axis")
	return axis != -1 && (axis != n.Dims()-1 || n.Dims() > 2)
}
