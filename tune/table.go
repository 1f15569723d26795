package tune

import (
	"encoding/csv"
	"html"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// table is what results print.
type table struct {
	head []string
	rows [][]string
}

// text aligns the columns, the first to the left and all others to the right.
func (t *table) text() string {
	width := make([]int, len(t.head))
	lines := append([][]string{t.head}, t.rows...)
	for _, line := range lines {
		for i, cell := range line {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for n, line := range lines {
		if n > 0 {
			b.WriteByte('\n')
		}
		for i, cell := range line {
			space := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + space)
			} else {
				b.WriteString("  " + space + cell)
			}
		}
	}
	return b.String()
}

func (t *table) html() string {
	var b strings.Builder
	line := func(cells []string, tag string) {
		b.WriteString("<tr>")
		for _, cell := range cells {
			b.WriteString("<" + tag + ">" + html.EscapeString(cell) + "</" + tag + ">")
		}
		b.WriteString("</tr>")
	}
	b.WriteString("<table><thead>")
	line(t.head, "th")
	b.WriteString("</thead><tbody>")
	for _, row := range t.rows {
		line(row, "td")
	}
	b.WriteString("</tbody></table>")
	return b.String()
}

func (t *table) csv() string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.WriteAll(append([][]string{t.head}, t.rows...)) // a Builder does not fail
	return b.String()
}

// short has six digits, and all of a whole number, as metrics print.
func short(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}

// exact has as many digits as it takes to read the same bits.
func exact(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
