package session

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

// fasterOp returns a kernel for a stock op that is right, nil where there is none. What
// is gained is memory: stock ops make their result anew in every run, and many write over
// an input, which then has to be copied. Products of float32 gain their engine too.
//
// Element by element the bits are those of the stock op, but for a last digit of a float32
// Tanh. Products may be rounded in another order.
func fasterOp(n *gorgonia.Node) gorgonia.Op {
	var run func(gorgonia.Value, []gorgonia.Value) error
	switch fmt.Sprintf("%T", n.Op()) {
	case "gorgonia.reshapeOp":
		return fasterReshape(n)
	case "gorgonia.transposeOp":
		run = fasterTranspose(n)
	case "gorgonia.im2colOp":
		run = fasterWindows(n, false)
	case "gorgonia.col2imOp":
		run = fasterWindows(n, true)
	case "*gorgonia.maxPoolOp", "*gorgonia.maxPoolDiffOp":
		run = intoMemory(n.Op())
	case "gorgonia.elemBinOp":
		run = fasterBinary(n)
	case "gorgonia.elemUnaryOp":
		run = fasterUnary(n)
	case "gorgonia.linAlgBinOp":
		run = fasterProduct(n)
	}
	return replaceWith(n.Op(), run)
}

// intoMemory is a stock op that writes all of its result to memory it is given.
func intoMemory(op gorgonia.Op) func(gorgonia.Value, []gorgonia.Value) error {
	stock, ok := op.(gorgonia.UsePreallocDoer)
	if !ok {
		return nil
	}
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		_, err := stock.UsePreallocDo(out, in...)
		return err
	}
}
