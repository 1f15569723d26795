package session

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
