package session

import "gorgonia.org/gorgonia"

// HasKernel says whether a stock op is computed by a kernel that is faster.
func HasKernel(n *gorgonia.Node) bool { return n.Op() != nil && fasterOp(n) != nil }

// StockRules is for the tests, which are outside the package.
func StockRules() (rules []StockRule) {
	for _, r := range stockRules {
		rules = append(rules, StockRule{Op: r.Op, Types: r.Types, Replaced: r.replace != nil, Why: r.Why, Use: r.Use})
	}
	return rules
}

// StockRule is what a test sees of a rule.
type StockRule struct {
	Op       string
	Types    []string
	Replaced bool
	Why, Use string
}
