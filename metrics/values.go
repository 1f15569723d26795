package metrics

import (
	"fmt"
	"html"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Values are the results of an evaluation by name.
type Values map[string]float64

// Names returns the names in ascending order.
func (v Values) Names() []string { return slices.Sorted(maps.Keys(v)) }

// String returns "accuracy = 0.967, confusion = [[3 0] [2 5]], global_step = 200", ordered
// by name; see [Values.Tensor] for what is in brackets.
func (v Values) String() string {
	var parts []string
	for _, e := range v.entries() {
		parts = append(parts, e.name+" = "+e.text)
	}
	return strings.Join(parts, ", ")
}

// text has six digits, and all of a whole number: a global step is not rounded.
func text(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}

// Table returns a line for each name, with the values below one another.
func (v Values) Table() string {
	entries, width := v.entries(), 0
	for _, e := range entries {
		width = max(width, utf8.RuneCountInString(e.name))
	}
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%-*s  %s\n", width, e.name, e.text)
	}
	return b.String()
}

// HTML returns a table for notebooks.
func (v Values) HTML() string {
	var b strings.Builder
	b.WriteString("<table><thead><tr><th>metric</th><th>value</th></tr></thead><tbody>")
	for _, e := range v.entries() {
		fmt.Fprintf(&b, "<tr><td>%s</td><td>%s</td></tr>", html.EscapeString(e.name), e.text)
	}
	b.WriteString("</tbody></table>")
	return b.String()
}
