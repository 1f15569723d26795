package session_test

import (
	"math"

	. "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// like returns a constant scalar of x's dtype.
func like(x *Node, v float64) *Node {
	if x.Dtype() == Float32 {
		return NewConstant(float32(v))
	}
	return NewConstant(v)
}

// stockCases lists uses of stock ops that are right on this package's executor.
func stockCases() []stockCase {
	var all []stockCase
	for _, part := range [][]stockCase{pointwiseCases(), linearCases(), reductionCases(), shapeCases(), networkCases(), composedCases()} {
		all = append(all, part...)
	}
	return all
}

func pointwiseCases() []stockCase {
	m := []stockInput{normal(3, 4)}
	mm := []stockInput{normal(3, 4), normal(3, 4)}
	p := []stockInput{positive(3, 4)}
	return []stockCase{
		{name: "Add", in: mm, build: pair(Add)},
		{name: "Sub", in: mm, build: pair(Sub)},
		{name: "HadamardProd", in: mm, build: pair(HadamardProd)},
		{name: "HadamardDiv", in: []stockInput{normal(3, 4), positive(3, 4)}, build: pair(HadamardDiv)},
		{name: "Pow", in: []stockInput{positive(3, 4), positive(3, 4)}, build: pair(Pow)},
		{name: "MaxBetween", in: mm, build: pair(MaxBetween)},
		{name: "MinBetween", in: mm, build: pair(MinBetween)},
		{name: "Add scalar", in: []stockInput{normal(3, 4), normal()}, build: pair(Add)},
		{name: "HadamardProd scalar", in: []stockInput{normal(3, 4), normal()}, build: pair(HadamardProd)},
		{name: "Mul constant", in: m, build: func(x Nodes) (*Node, error) { return Mul(like(x[0], 3), x[0]) }},
		{name: "Sub constant", in: m, build: func(x Nodes) (*Node, error) { return Sub(like(x[0], 1), x[0]) }},
		{name: "HadamardDiv by constant", in: m, build: func(x Nodes) (*Node, error) { return HadamardDiv(x[0], like(x[0], 3)) }},
		{name: "HadamardDiv of constant", in: p, build: func(x Nodes) (*Node, error) { return HadamardDiv(like(x[0], 3), x[0]) }},
		{name: "Pow constant", in: p, build: func(x Nodes) (*Node, error) { return Pow(x[0], like(x[0], 3)) }},
		{name: "Pow 2 of negative", in: m, build: func(x Nodes) (*Node, error) { return Pow(x[0], like(x[0], 2)) }},
		{name: "HadamardProd with itself", in: m, build: func(x Nodes) (*Node, error) { return HadamardProd(x[0], x[0]) }},
		{name: "Gt as mask", in: m, build: func(x Nodes) (*Node, error) { return HadamardProd(x[0], Must(Gt(x[0], like(x[0], 0), true))) }},
		{name: "Abs", in: m, build: single(Abs), want: each(math.Abs)},
		{name: "Neg", in: m, build: single(Neg)},
		{name: "Exp", in: m, build: single(Exp), want: each(math.Exp)},
		{name: "Log", in: p, build: single(Log), want: each(math.Log)},
		{name: "Sqrt", in: p, build: single(Sqrt), want: each(math.Sqrt)},
		{name: "Log2", in: p, build: single(Log2), want: each(math.Log2)},
		{name: "InverseSqrt", in: p, build: single(InverseSqrt)},
		{name: "Square", in: m, build: single(Square)},
		{name: "Cube", in: m, build: single(Cube)},
		{name: "Inverse", in: p, build: single(Inverse)},
		{name: "Sin", in: m, build: single(Sin), want: each(math.Sin)},
		{name: "Cos", in: m, build: single(Cos), want: each(math.Cos)},
		{name: "Tanh", in: m, build: single(Tanh), want: each(math.Tanh)},
		{name: "Sigmoid", in: m, build: single(Sigmoid), want: each(func(v float64) float64 { return 1 / (1 + math.Exp(-v)) })},
		{name: "Sigmoid of large", in: []stockInput{wide(100, 3, 4)}, build: single(Sigmoid), want: each(func(v float64) float64 { return 1 / (1 + math.Exp(-v)) })},
		{name: "Log1p", in: p, build: single(Log1p), want: each(math.Log1p)},
		{name: "Expm1", in: m, build: single(Expm1), want: each(math.Expm1)},
		{name: "Softplus", in: m, build: single(Softplus), want: each(softplus)},
		{name: "Softplus of large", in: []stockInput{wide(800, 3, 4)}, build: single(Softplus), want: each(softplus)},
		{name: "Rectify", in: m, build: single(Rectify), want: each(func(v float64) float64 { return math.Max(v, 0) })},
		{name: "LeakyRelu", in: m, build: func(x Nodes) (*Node, error) { return LeakyRelu(x[0], 0.1) }, want: each(func(v float64) float64 { return math.Max(v, 0.1*v) })},
		{name: "Mish", in: m, build: single(Mish), want: each(func(v float64) float64 { return v * math.Tanh(softplus(v)) })},
		{name: "Log of Sigmoid", in: m, build: func(x Nodes) (*Node, error) { return Log(Must(Sigmoid(x[0]))) }, want: each(func(v float64) float64 { return -softplus(-v) })},
	}
}

func softplus(v float64) float64 { return math.Max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))) }

func linearCases() []stockCase {
	matmul := func(m, k, n int) func([][]float64) []float64 { return batchedProduct(1, m, k, n, false, false) }
	return []stockCase{
		{name: "Mul matrix matrix", in: []stockInput{normal(3, 4), normal(4, 5)}, build: pair(Mul), want: matmul(3, 4, 5)},
		{name: "Mul matrix vector", in: []stockInput{normal(3, 4), normal(4)}, build: pair(Mul), want: matmul(3, 4, 1)},
		{name: "Mul square matrix vector", in: []stockInput{normal(4, 4), normal(4)}, build: pair(Mul), want: matmul(4, 4, 1)},
		{name: "Mul vector matrix", in: []stockInput{normal(3), normal(3, 4)}, build: pair(Mul), want: matmul(1, 3, 4)},
		{name: "Mul vector square matrix", in: []stockInput{normal(4), normal(4, 4)}, build: pair(Mul), want: matmul(1, 4, 4)},
		{name: "Mul vector vector", in: []stockInput{normal(4), normal(4)}, build: pair(Mul), want: matmul(1, 4, 1)},
		{name: "Mul row matrix", in: []stockInput{normal(1, 4), normal(4, 5)}, build: pair(Mul), want: matmul(1, 4, 5)},
		{name: "Mul matrix column", in: []stockInput{normal(3, 4), normal(4, 1)}, build: pair(Mul), want: matmul(3, 4, 1)},
		{name: "BatchedMatMul", in: []stockInput{normal(2, 3, 4), normal(2, 4, 5)}, build: func(x Nodes) (*Node, error) { return BatchedMatMul(x[0], x[1]) }, want: batchedProduct(2, 3, 4, 5, false, false)},
		{name: "BatchedMatMul b transposed", in: []stockInput{normal(2, 3, 4), normal(2, 5, 4)}, build: func(x Nodes) (*Node, error) { return BatchedMatMul(x[0], x[1], false, true) }, want: batchedProduct(2, 3, 4, 5, false, true)},
		{name: "BatchedMatMul a transposed", in: []stockInput{normal(2, 4, 3), normal(2, 4, 5)}, build: func(x Nodes) (*Node, error) { return BatchedMatMul(x[0], x[1], true, false) }, want: batchedProduct(2, 3, 4, 5, true, false)},
		{name: "Tensordot", in: []stockInput{normal(2, 3, 4), normal(4, 5)}, build: func(x Nodes) (*Node, error) { return Tensordot([]int{2}, []int{0}, x[0], x[1]) }, want: matmul(6, 4, 5)},
		broadcastCase("BroadcastAdd row", BroadcastAdd, plus, tensor.Shape{3, 4}, tensor.Shape{1, 4}, 0),
		broadcastCase("BroadcastAdd vector", BroadcastAdd, plus, tensor.Shape{3, 4}, tensor.Shape{4}, 0),
		broadcastCase("BroadcastAdd column", BroadcastAdd, plus, tensor.Shape{3, 4}, tensor.Shape{3, 1}, 1),
		broadcastCase("BroadcastAdd one column", BroadcastAdd, plus, tensor.Shape{3, 1}, tensor.Shape{1, 1}, 0),
		broadcastCase("BroadcastAdd one row", BroadcastAdd, plus, tensor.Shape{1, 4}, tensor.Shape{1, 4}, 0),
		broadcastCase("BroadcastAdd 3-D", BroadcastAdd, plus, tensor.Shape{2, 3, 4}, tensor.Shape{1, 1, 4}, 0, 1),
		broadcastCase("BroadcastAdd 3-D middle", BroadcastAdd, plus, tensor.Shape{2, 3, 4}, tensor.Shape{2, 1, 4}, 1),
		broadcastCase("BroadcastAdd 4-D channel", BroadcastAdd, plus, tensor.Shape{2, 3, 4, 5}, tensor.Shape{1, 3, 1, 1}, 0, 2, 3),
		broadcastCase("BroadcastAdd 4-D axis 2", BroadcastAdd, plus, tensor.Shape{2, 3, 4, 5}, tensor.Shape{2, 3, 1, 5}, 2),
		broadcastCase("BroadcastAdd 4-D axis 1", BroadcastAdd, plus, tensor.Shape{2, 3, 4, 5}, tensor.Shape{2, 1, 4, 5}, 1),
		broadcastCase("BroadcastHadamardProd row", BroadcastHadamardProd, func(a, b float64) float64 { return a * b }, tensor.Shape{3, 4}, tensor.Shape{1, 4}, 0),
		broadcastCase("BroadcastSub column", BroadcastSub, func(a, b float64) float64 { return a - b }, tensor.Shape{3, 4}, tensor.Shape{3, 1}, 1),
		broadcastCase("BroadcastHadamardDiv column", BroadcastHadamardDiv, func(a, b float64) float64 { return a / b }, tensor.Shape{3, 4}, tensor.Shape{3, 1}, 1),
		broadcastCase("BroadcastPow column", BroadcastPow, math.Pow, tensor.Shape{3, 4}, tensor.Shape{3, 1}, 1),
	}
}

func plus(a, b float64) float64 { return a + b }

func broadcastCase(name string, f func(a, b *Node, left, right []byte) (*Node, error), one func(a, b float64) float64, a, b tensor.Shape, right ...byte) stockCase {
	return stockCase{
		name: name, in: []stockInput{positive(a...), positive(b...)},
		build: func(x Nodes) (*Node, error) { return f(x[0], x[1], nil, right) },
		want:  broadcasted(a, b, one),
	}
}

func reductionCases() []stockCase {
	m := []stockInput{normal(3, 4)}
	cases := []stockCase{
		{name: "Max all", in: m, build: along(Max)},
		{name: "Norm 2", in: m, build: func(x Nodes) (*Node, error) { return Norm(x[0], 1, 2) }, want: reducedBy(tensor.Shape{3, 4}, 1, math.Abs, 2)},
		{name: "Norm 1", in: []stockInput{positive(3, 4)}, build: func(x Nodes) (*Node, error) { return Norm(x[0], 1, 1) }, want: reducedBy(tensor.Shape{3, 4}, 1, math.Abs, 1)},
		{name: "KeepDims of Mean", in: m, build: func(x Nodes) (*Node, error) {
			return KeepDims(x[0], false, func(a *Node) (*Node, error) { return Mean(a, 1) })
		}},
	}
	shapes := []tensor.Shape{{5}, {3, 4}, {1, 4}, {4, 1}, {1, 1}, {2, 3, 4}, {2, 3, 4, 5}, {2, 3, 4, 4}, {1, 3, 4, 4}, {2, 1, 3, 3}, {2, 1, 2, 3, 2}}
	for _, shape := range shapes {
		for mask := 0; mask < 1<<len(shape); mask++ {
			var axes []int
			for i := range shape {
				if mask>>i&1 == 1 {
					axes = append(axes, i)
				}
			}
			in := []stockInput{normal(shape...)}
			name := " " + tensorText(shape) + axesText(axes)
			cases = append(cases,
				stockCase{name: "Sum" + name, in: in, build: along(Sum, axes...), want: reduced(shape, axes, "sum")},
				stockCase{name: "Mean" + name, in: in, build: along(Mean, axes...), want: reduced(shape, axes, "mean")},
				stockCase{name: "Max" + name, in: in, build: along(Max, axes...), want: reduced(shape, axes, "max"),
					valueOnly: len(shape) > 4}) // Max of more than four axes has no gradient, and says so
		}
	}
	return cases
}

func shapeCases() []stockCase {
	reshape := func(x *Node, shape ...int) *Node { return Must(Reshape(x, shape)) }
	return []stockCase{
		{name: "Concat 1", in: []stockInput{normal(3, 2), normal(3, 4)}, build: func(x Nodes) (*Node, error) { return Concat(1, x...) }, want: joined(3, 2, 4)},
		{name: "Concat 0", in: []stockInput{normal(2, 3), normal(4, 3)}, build: func(x Nodes) (*Node, error) { return Concat(0, x...) }, want: joined(1, 6, 12)},
		{name: "Concat one of width 1", in: []stockInput{normal(3, 2), normal(3, 1), normal(3, 4)}, build: func(x Nodes) (*Node, error) { return Concat(1, x...) }, want: joined(3, 2, 1, 4)},
		{name: "Concat one row", in: []stockInput{normal(1, 2), normal(1, 4)}, build: func(x Nodes) (*Node, error) { return Concat(1, x...) }, want: joined(1, 2, 4)},
		{name: "Concat 3-D", in: []stockInput{normal(2, 3, 2), normal(2, 3, 4)}, build: func(x Nodes) (*Node, error) { return Concat(2, x...) }, want: joined(6, 2, 4)},
		{name: "Slice rows", in: []stockInput{normal(4, 3)}, build: func(x Nodes) (*Node, error) { return Slice(x[0], S(1, 3)) }, want: sliced(tensor.Shape{4, 3}, [2]int{1, 3}, [2]int{0, 3})},
		{name: "Slice columns", in: []stockInput{normal(4, 3)}, build: func(x Nodes) (*Node, error) { return Slice(x[0], nil, S(1, 3)) }, want: sliced(tensor.Shape{4, 3}, [2]int{0, 4}, [2]int{1, 3})},
		{name: "Slice row", in: []stockInput{normal(4, 3)}, build: func(x Nodes) (*Node, error) { return Slice(x[0], S(1)) }, want: sliced(tensor.Shape{4, 3}, [2]int{1, 2}, [2]int{0, 3})},
		{name: "Slice column", in: []stockInput{normal(4, 3)}, build: func(x Nodes) (*Node, error) { return Slice(x[0], nil, S(1)) }, want: sliced(tensor.Shape{4, 3}, [2]int{0, 4}, [2]int{1, 2})},
		{name: "Slice 3-D", in: []stockInput{normal(2, 3, 4)}, build: func(x Nodes) (*Node, error) { return Slice(x[0], nil, S(1)) }, want: sliced(tensor.Shape{2, 3, 4}, [2]int{0, 2}, [2]int{1, 2}, [2]int{0, 4})},
		{name: "Slices that overlap", in: []stockInput{normal(4, 3)}, build: func(x Nodes) (*Node, error) {
			return HadamardProd(Must(Slice(x[0], nil, S(0, 2))), Must(Slice(x[0], nil, S(1, 3))))
		}},
		{name: "Slice above 256", in: []stockInput{normal(300, 2)}, build: func(x Nodes) (*Node, error) { return Slice(x[0], S(256, 258)) }, want: sliced(tensor.Shape{300, 2}, [2]int{256, 258}, [2]int{0, 2})},
		{name: "Ravel", in: []stockInput{normal(3, 4)}, build: single(Ravel), want: each(func(v float64) float64 { return v })},
		{name: "Unconcat", in: []stockInput{normal(3, 4)}, build: func(x Nodes) (*Node, error) {
			parts, err := Unconcat(x[0], 1, 2)
			if err != nil {
				return nil, err
			}
			return HadamardProd(parts[0], parts[1])
		}},
		{name: "Reshape", in: []stockInput{normal(3, 4)}, build: func(x Nodes) (*Node, error) { return Reshape(x[0], tensor.Shape{2, 6}) }, want: each(func(v float64) float64 { return v })},
		{name: "Tanh of Reshape", in: []stockInput{normal(3, 4)}, build: func(x Nodes) (*Node, error) { return Tanh(reshape(x[0], 2, 6)) }},
		{name: "Square of Reshape", in: []stockInput{normal(3, 4)}, build: func(x Nodes) (*Node, error) { return Square(reshape(x[0], 2, 6)) }},
		{name: "HadamardProd of Reshape", in: []stockInput{normal(4), normal(2, 2)}, build: func(x Nodes) (*Node, error) { return HadamardProd(reshape(x[0], 2, 2), x[1]) }},
		{name: "Reshape of a product read twice", in: []stockInput{normal(3, 4), normal(4, 4)}, build: func(x Nodes) (*Node, error) {
			m := Must(Mul(x[0], x[1]))
			return HadamardProd(reshape(Must(Tanh(reshape(m, 12))), 3, 4), m)
		}},
		{name: "Reshape of Tanh then HadamardProd", in: []stockInput{normal(2, 3, 2, 2), normal(2, 12)}, build: func(x Nodes) (*Node, error) {
			return HadamardProd(reshape(Must(Tanh(x[0])), 2, 12), x[1])
		}},
		{name: "Transpose 2-D", in: []stockInput{normal(3, 4)}, build: along(Transpose, 1, 0), want: transposed(tensor.Shape{3, 4}, 1, 0)},
		{name: "Transpose 3-D", in: []stockInput{normal(2, 3, 4)}, build: along(Transpose, 1, 0, 2), want: transposed(tensor.Shape{2, 3, 4}, 1, 0, 2)},
		{name: "Transpose 3-D cycle", in: []stockInput{normal(2, 3, 4)}, build: along(Transpose, 2, 0, 1), want: transposed(tensor.Shape{2, 3, 4}, 2, 0, 1)},
		{name: "Mul of Transpose", in: []stockInput{normal(4, 3), normal(4, 5)}, build: func(x Nodes) (*Node, error) { return Mul(Must(Transpose(x[0], 1, 0)), x[1]) }},
		{name: "ByIndices", in: []stockInput{normal(5, 3), ints([]int{0, 2, 4, 1}, 4)}, build: byIndices(0), want: selected(tensor.Shape{5, 3}, 0, 0, 2, 4, 1)},
		{name: "ByIndices repeated", in: []stockInput{normal(5, 3), ints([]int{2, 2, 4, 2}, 4)}, build: byIndices(0), want: selected(tensor.Shape{5, 3}, 0, 2, 2, 4, 2)},
		{name: "ByIndices more than rows", in: []stockInput{normal(3, 2), ints([]int{2, 2, 0, 2, 1, 1}, 6)}, build: byIndices(0), want: selected(tensor.Shape{3, 2}, 0, 2, 2, 0, 2, 1, 1)},
		{name: "ByIndices axis 1", in: []stockInput{normal(3, 5), ints([]int{0, 3}, 2)}, build: byIndices(1), want: selected(tensor.Shape{3, 5}, 1, 0, 3)},
		{name: "ByIndices 3-D axis 1", in: []stockInput{normal(2, 3, 4), ints([]int{2, 0, 2}, 3)}, build: byIndices(1), want: selected(tensor.Shape{2, 3, 4}, 1, 2, 0, 2)},
		{name: "ByIndices 3-D axis 2", in: []stockInput{normal(2, 3, 4), ints([]int{2, 0, 2}, 3)}, build: byIndices(2), want: selected(tensor.Shape{2, 3, 4}, 2, 2, 0, 2)},
	}
}

func byIndices(axis int) func(Nodes) (*Node, error) {
	return func(x Nodes) (*Node, error) { return ByIndices(x[0], x[1], axis) }
}

func softmaxOf(rows, cols int, log bool) func([][]float64) []float64 {
	return func(x [][]float64) []float64 {
		out := make([]float64, len(x[0]))
		for r := range rows {
			row := x[0][r*cols : (r+1)*cols]
			largest, sum := math.Inf(-1), 0.0
			for _, v := range row {
				largest = math.Max(largest, v)
			}
			for _, v := range row {
				sum += math.Exp(v - largest)
			}
			for c, v := range row {
				out[r*cols+c] = v - largest - math.Log(sum)
				if !log {
					out[r*cols+c] = math.Exp(out[r*cols+c])
				}
			}
		}
		return out
	}
}

func networkCases() []stockCase {
	conv := func(pad, stride int) func(Nodes) (*Node, error) {
		return func(x Nodes) (*Node, error) {
			return Conv2d(x[0], x[1], tensor.Shape{3, 3}, []int{pad, pad}, []int{stride, stride}, []int{1, 1})
		}
	}
	return []stockCase{
		{name: "SoftMax", in: []stockInput{normal(3, 4)}, build: along(SoftMax), want: softmaxOf(3, 4, false)},
		{name: "SoftMax axis 1", in: []stockInput{normal(3, 4)}, build: along(SoftMax, 1), want: softmaxOf(3, 4, false)},
		{name: "SoftMax axis 0", in: []stockInput{normal(3, 4)}, build: along(SoftMax, 0)},
		{name: "SoftMax 3-D", in: []stockInput{normal(2, 3, 4)}, build: along(SoftMax, 2), want: softmaxOf(6, 4, false)},
		{name: "SoftMax 3-D axis 1", in: []stockInput{normal(2, 3, 4)}, build: along(SoftMax, 1)},
		{name: "SoftMax 3-D default axis", in: []stockInput{normal(2, 3, 4)}, build: along(SoftMax), want: softmaxOf(6, 4, false)},
		{name: "SoftMax column", in: []stockInput{normal(4, 1)}, build: along(SoftMax), want: softmaxOf(1, 4, false), valueOnly: true},
		{name: "SoftMax column axis 0", in: []stockInput{normal(4, 1)}, build: along(SoftMax, 0), want: softmaxOf(1, 4, false)},
		{name: "SoftMax row", in: []stockInput{normal(1, 4)}, build: along(SoftMax), want: softmaxOf(1, 4, false)},
		{name: "LogSoftMax 3-D default axis", in: []stockInput{normal(2, 3, 4)}, build: along(LogSoftMax), want: softmaxOf(6, 4, true)},
		{name: "SoftMax vector", in: []stockInput{normal(5)}, build: along(SoftMax), want: softmaxOf(1, 5, false)},
		{name: "LogSoftMax", in: []stockInput{normal(3, 4)}, build: along(LogSoftMax), want: softmaxOf(3, 4, true)},
		{name: "LogSoftMax axis 1", in: []stockInput{normal(3, 4)}, build: along(LogSoftMax, 1), want: softmaxOf(3, 4, true)},
		{name: "LogSoftMax of large", in: []stockInput{wide(300, 3, 4)}, build: along(LogSoftMax, 1), want: softmaxOf(3, 4, true)},
		{name: "Sparsemax", in: []stockInput{normal(3, 4)}, build: along(Sparsemax, 1)},
		{name: "Sparsemax last", in: []stockInput{normal(3, 4)}, build: along(Sparsemax)},
		{name: "Conv2d", in: []stockInput{normal(2, 2, 5, 5), normal(3, 2, 3, 3)}, build: conv(1, 1), want: convolved(2, 2, 5, 3, 1, 1)},
		{name: "Conv2d stride 2", in: []stockInput{normal(2, 2, 5, 5), normal(3, 2, 3, 3)}, build: conv(0, 2), want: convolved(2, 2, 5, 3, 0, 2)},
		{name: "Conv2d batch 1", in: []stockInput{normal(1, 2, 5, 5), normal(3, 2, 3, 3)}, build: conv(1, 1), want: convolved(1, 2, 5, 3, 1, 1)},
		{name: "Conv2d one filter", in: []stockInput{normal(2, 2, 5, 5), normal(1, 2, 3, 3)}, build: conv(1, 1), want: convolved(2, 2, 5, 1, 1, 1)},
		{name: "Conv2d one channel", in: []stockInput{normal(2, 1, 5, 5), normal(3, 1, 3, 3)}, build: conv(1, 1), want: convolved(2, 1, 5, 3, 1, 1)},
		{name: "Conv1d", in: []stockInput{normal(2, 2, 1, 6), normal(3, 2, 1, 3)}, build: func(x Nodes) (*Node, error) { return Conv1d(x[0], x[1], 3, 1, 1, 1) }},
		{name: "MaxPool2D", in: []stockInput{normal(2, 2, 4, 4)}, build: func(x Nodes) (*Node, error) {
			return MaxPool2D(x[0], tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2})
		}, want: pooled(4, 4, 2, 0, 2, false)},
		{name: "Conv2d 1x1", in: []stockInput{normal(2, 3, 4, 4), normal(2, 3, 1, 1)}, build: func(x Nodes) (*Node, error) {
			return Conv2d(x[0], x[1], tensor.Shape{1, 1}, []int{0, 0}, []int{1, 1}, []int{1, 1})
		}},
		{name: "Conv2d dilated", in: []stockInput{normal(1, 1, 5, 5), normal(1, 1, 2, 2)}, build: func(x Nodes) (*Node, error) {
			return Conv2d(x[0], x[1], tensor.Shape{2, 2}, []int{0, 0}, []int{1, 1}, []int{2, 2})
		}},
		{name: "Conv2d not square", in: []stockInput{normal(2, 2, 4, 6), normal(2, 2, 2, 3)}, build: func(x Nodes) (*Node, error) {
			return Conv2d(x[0], x[1], tensor.Shape{2, 3}, []int{1, 0}, []int{1, 2}, []int{1, 1})
		}},
		{name: "MaxPool2D four pads", in: []stockInput{normal(1, 2, 4, 4)}, build: func(x Nodes) (*Node, error) {
			return MaxPool2D(x[0], tensor.Shape{2, 2}, []int{0, 1, 0, 1}, []int{2, 2})
		}},
		{name: "MaxPool2D overlapping", in: []stockInput{normal(1, 2, 5, 5)}, build: func(x Nodes) (*Node, error) {
			return MaxPool2D(x[0], tensor.Shape{3, 3}, []int{0, 0}, []int{1, 1})
		}, want: pooled(2, 5, 3, 0, 1, false)},
		{name: "MaxPool2D padded", in: []stockInput{normal(2, 2, 5, 5)}, build: func(x Nodes) (*Node, error) {
			return MaxPool2D(x[0], tensor.Shape{3, 3}, []int{1, 1}, []int{2, 2})
		}, want: pooled(4, 5, 3, 1, 2, false)},
		{name: "MaxPool1D", in: []stockInput{normal(2, 2, 1, 6)}, build: func(x Nodes) (*Node, error) { return MaxPool1D(x[0], 2, 0, 2) }},
		{name: "AveragePool2D", in: []stockInput{normal(2, 2, 4, 4)}, build: func(x Nodes) (*Node, error) {
			return AveragePool2D(x[0], tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2})
		}, want: pooled(4, 4, 2, 0, 2, true), valueOnly: true},
		{name: "GlobalAveragePool2D", in: []stockInput{normal(2, 3, 4, 4)}, build: single(GlobalAveragePool2D), want: reduced(tensor.Shape{2, 3, 4, 4}, []int{2, 3}, "mean"), valueOnly: true},
		{name: "OuterProd", in: []stockInput{normal(3), normal(4)}, build: pair(OuterProd), want: batchedProduct(1, 3, 1, 4, false, false), valueOnly: true},
		{name: "At", in: []stockInput{normal(3, 4)}, build: func(x Nodes) (*Node, error) { return At(x[0], 1, 2) }, want: sliced(tensor.Shape{3, 4}, [2]int{1, 2}, [2]int{2, 3}), valueOnly: true},
		{name: "CTCLoss", in: []stockInput{wide(1, 5, 2, 4)}, build: ctcCase(ReductionMean, 5, 5), want: ctcReference(false, 5, 5), valueOnly: true},
		{name: "CTCLoss sum", in: []stockInput{wide(1, 5, 2, 4)}, build: ctcCase(ReductionSum, 5, 5), want: ctcReference(true, 5, 5), valueOnly: true},
		{name: "CTCLoss short", in: []stockInput{wide(1, 5, 2, 4)}, build: ctcCase(ReductionSum, 5, 3), want: ctcReference(true, 5, 3), valueOnly: true},
		{name: "Upsample2D", in: []stockInput{normal(2, 2, 3, 3)}, build: func(x Nodes) (*Node, error) { return Upsample2D(x[0], 1) }},
		{name: "GroupNorm", in: []stockInput{normal(2, 4, 3, 3), normal(1, 4, 1, 1), normal(1, 4, 1, 1)}, build: func(x Nodes) (*Node, error) {
			return GroupNorm(x[0], x[1], x[2], 2, 4, 1e-5)
		}},
	}
}

func ctcCase(r Reduction, lengths ...int) func(Nodes) (*Node, error) {
	ints := func(shape tensor.Shape, name string, values ...int) *Node {
		return NewConstant(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values)), WithName(name))
	}
	return func(x Nodes) (*Node, error) {
		return CTCLoss(Must(LogSoftMax(x[0], 2)), ints(tensor.Shape{2, 2}, "targets", 1, 2, 3, 1), ints(tensor.Shape{2}, "lengths", lengths...), ints(tensor.Shape{2}, "target lengths", 2, 1), r)
	}
}

func composedCases() []stockCase {
	layerNorm := func(x Nodes) (*Node, error) {
		mean := Must(Reshape(Must(Mean(x[0], 1)), tensor.Shape{3, 1}))
		centered := Must(BroadcastSub(x[0], mean, nil, []byte{1}))
		variance := Must(Reshape(Must(Mean(Must(Square(centered)), 1)), tensor.Shape{3, 1}))
		return BroadcastHadamardDiv(centered, Must(Sqrt(Must(Add(variance, like(x[0], 1e-5))))), nil, []byte{1})
	}
	return []stockCase{
		{name: "mean squared error", in: []stockInput{normal(3, 4), normal(3, 4)}, build: func(x Nodes) (*Node, error) {
			return Mean(Must(Square(Must(Sub(x[0], x[1])))))
		}},
		{name: "cross entropy with logits", in: []stockInput{normal(3, 1), labels(3, 1)}, build: func(x Nodes) (*Node, error) {
			return Mean(Must(Sub(Must(Softplus(x[0])), Must(HadamardProd(x[0], x[1])))))
		}},
		{name: "layer norm", in: []stockInput{normal(3, 4)}, build: layerNorm},
		{name: "attention", in: []stockInput{normal(2, 3, 4), normal(2, 3, 4), normal(2, 3, 4)}, build: func(x Nodes) (*Node, error) {
			scores := Must(Mul(Must(BatchedMatMul(x[0], x[1], false, true)), like(x[0], 0.5)))
			return BatchedMatMul(Must(SoftMax(scores, 2)), x[2])
		}},
		{name: "residual", in: []stockInput{normal(3, 4), normal(4, 4)}, build: func(x Nodes) (*Node, error) {
			return Add(x[0], Must(Tanh(Must(Mul(x[0], x[1])))))
		}},
		{name: "recurrent", in: []stockInput{normal(2, 3), normal(3, 3)}, build: func(x Nodes) (*Node, error) {
			h := x[0]
			for range 3 {
				h = Must(Tanh(Must(Mul(h, x[1]))))
			}
			return h, nil
		}},
		{name: "gates", in: []stockInput{normal(2, 12), normal(2, 3)}, build: func(x Nodes) (*Node, error) {
			i := Must(Sigmoid(Must(Slice(x[0], nil, S(0, 3)))))
			f := Must(Sigmoid(Must(Slice(x[0], nil, S(3, 6)))))
			o := Must(Sigmoid(Must(Slice(x[0], nil, S(6, 9)))))
			c := Must(Tanh(Must(Slice(x[0], nil, S(9, 12)))))
			return HadamardProd(o, Must(Tanh(Must(Add(Must(HadamardProd(f, x[1])), Must(HadamardProd(i, c)))))))
		}},
		{name: "ReduceAdd", in: []stockInput{normal(3), normal(3), normal(3)}, build: func(x Nodes) (*Node, error) { return ReduceAdd(x) }},
		{name: "ReduceMul", in: []stockInput{normal(3), normal(3), normal(3)}, build: func(x Nodes) (*Node, error) { return ReduceMul(x) }},
		{name: "weight decay", in: []stockInput{normal(3, 4), normal(4)}, build: func(x Nodes) (*Node, error) {
			return Add(Must(Sum(Must(Square(x[0])))), Must(Sum(Must(Square(x[1])))))
		}},
	}
}

// removingCases are those in which Gorgonia takes a node out of the graph.
func removingCases() []stockCase {
	return []stockCase{
		{name: "BinaryXent", in: []stockInput{{shape: tensor.Shape{3, 4}, low: 0.1, high: 0.9}, labels(3, 4)}, build: pair(BinaryXent)},
		{name: "BinaryXent of Sigmoid", in: []stockInput{normal(3, 4), labels(3, 4)}, build: func(x Nodes) (*Node, error) {
			return BinaryXent(Must(Sigmoid(x[0])), x[1])
		}},
		{name: "Log of 1-x", in: []stockInput{{shape: tensor.Shape{3, 4}, low: 0.1, high: 0.9}}, build: func(x Nodes) (*Node, error) {
			return HadamardProd(Must(Log(Must(Sub(like(x[0], 1), x[0])))), Must(Square(x[0])))
		}},
	}
}
