// Package table prints results: as text for terminals, as HTML for notebooks.
package table

import (
	"html"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Table is what is printed. Rows may be shorter than others.
type Table struct {
	// Head names the columns; none leaves the line out.
	Head []string
	Rows [][]string
	// Left is how many columns are aligned to the left; those after them, to the right.
	Left int
	// RowHeads says that the first cell of a row names it, in HTML.
	RowHeads bool
}

// lines are all lines, the head first.
func (t *Table) lines() [][]string {
	if t.Head == nil {
		return t.Rows
	}
	return append([][]string{t.Head}, t.Rows...)
}

// Text returns lines with aligned columns, two spaces between them, and a newline after
// each line.
func (t *Table) Text() string {
	var width []int
	for _, line := range t.lines() {
		for i, cell := range line {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, line := range t.lines() {
		for i, cell := range line {
			if i > 0 {
				b.WriteString("  ")
			}
			space := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			switch {
			case i >= t.Left:
				b.WriteString(space + cell)
			case i < len(line)-1:
				b.WriteString(cell + space)
			default: // nothing follows
				b.WriteString(cell)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// HTML returns a table element. Cells are text: what looks like a tag is escaped.
func (t *Table) HTML() string {
	var b strings.Builder
	line := func(cells []string, head int) {
		b.WriteString("<tr>")
		for i, cell := range cells {
			tag := "td"
			if i < head {
				tag = "th"
			}
			text := strings.TrimLeft(cell, " ")
			indent := strings.Repeat("&ensp;", len(cell)-len(text)) // HTML drops spaces there
			b.WriteString("<" + tag + ">" + indent + html.EscapeString(text) + "</" + tag + ">")
		}
		b.WriteString("</tr>")
	}
	b.WriteString("<table>")
	if t.Head != nil {
		b.WriteString("<thead>")
		line(t.Head, len(t.Head))
		b.WriteString("</thead>")
	}
	b.WriteString("<tbody>")
	heads := 0
	if t.RowHeads {
		heads = 1
	}
	for _, row := range t.Rows {
		line(row, heads)
	}
	b.WriteString("</tbody></table>")
	return b.String()
}

// Number returns six digits of x, and all of a whole number: a global step is not rounded.
func Number(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}
