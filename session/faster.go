package session

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

// fasterOp returns a kernel for a stock op that is right, nil where there is none. What
// is gained is memory: stock ops make their result anew in every run, and many write over
// an input, which then has to be copied. Products of float32 gain their engine too.
//
// Element by element the bits are those of the stock op; products may be rounded in
// another order.
func fasterOp(n *gorgonia.Node) gorgonia.Op {
	var run func(gorgonia.Value, []gorgonia.Value) error
	switch fmt.Sprintf("%T", n.Op()) {
	case "gorgonia.elemBinOp":
		run = fasterBinary(n)
	case "gorgonia.elemUnaryOp":
		run = fasterUnary(n)
	case "gorgonia.linAlgBinOp":
		run = fasterProduct(n)
	}
	return replaceWith(n.Op(), run)
}
