package main

import (
	"fmt"
	"math"
	"slices"
)

// spread is a median with the smallest and the largest value.
type spread struct{ median, min, max float64 }

// spreadOf returns the spread of values, and false when there are none.
func spreadOf(values []float64) (spread, bool) {
	if len(values) == 0 {
		return spread{}, false
	}
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return spread{(s[(n-1)/2] + s[n/2]) / 2, s[0], s[n-1]}, true
}

// ratios divides the values of two series round by round. A round in which one of them
// is missing (NaN) gives nothing.
func ratios(a, b []float64) []float64 {
	var out []float64
	for i := range min(len(a), len(b)) {
		if r := a[i] / b[i]; !math.IsNaN(r) && !math.IsInf(r, 0) {
			out = append(out, r)
		}
	}
	return out
}

func (s spread) String() string {
	return fmt.Sprintf("%s [%s-%s]", digits(s.median), digits(s.min), digits(s.max))
}

// digits writes a number with three digits, or all digits of a large integer.
func digits(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	if x >= 10 {
		return fmt.Sprintf("%.1f", x)
	}
	if x >= 0.1 {
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3f", x)
}
