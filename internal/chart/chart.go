// Package chart draws line charts as SVG: axes with round numbers, a legend, several
// series, a logarithmic axis. Pictures follow the reader's light or dark mode.
package chart

import (
	"fmt"
	"html"
	"math"
	"strings"
	"unicode/utf8"
)

// Series is one line of a chart. A value that is not finite leaves a gap, as does one that
// is not positive where the axis is logarithmic.
type Series struct {
	Name string
	X, Y []float64 // X ascends
	// Colour is the number of the line's colour, so that a line has it in every chart.
	Colour int
	// Marked draws every point, for lines of few points.
	Marked bool
}

// Chart is a title and lines over one pair of axes.
type Chart struct {
	Title  string
	Series []Series
	LogY   bool
}

// Sizes in pixels.
const (
	width      = 720
	plotHeight = 200
	left       = 64
	right      = 20
	lineHeight = 20
	below      = 28 // tick labels of the x axis
	gap        = 20 // between charts
	border     = 12
)

// colours of the lines, in light and in dark mode. Those who cannot tell some of them
// apart see the same order in the legend, and every line after the sixth is dashed.
var colours = [][2]string{
	{"#2563eb", "#60a5fa"}, {"#ea580c", "#fb923c"}, {"#16a34a", "#4ade80"},
	{"#9333ea", "#c084fc"}, {"#dc2626", "#f87171"}, {"#0891b2", "#22d3ee"},
}

// SVG draws the charts below one another, over the same range of x.
func SVG(xName string, charts ...Chart) string {
	var body strings.Builder
	var xs extent
	for _, c := range charts {
		x, _ := c.extents()
		xs.join(x)
	}
	y := float64(border)
	for i, c := range charts {
		if i > 0 {
			y += gap
		}
		y += c.draw(&body, y, xs)
	}
	text(&body, (left+width-right)/2, y+4, "middle", "stheno-muted", xName)
	height := y + border
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" width="%d" height="%.0f" role="img" class="stheno-chart">`+"\n", width, height, width, height)
	b.WriteString(style())
	fmt.Fprintf(&b, `<rect class="stheno-back" width="%d" height="%.0f" rx="6"/>`+"\n", width, height)
	b.WriteString(body.String())
	b.WriteString("</svg>\n")
	return b.String()
}

// style has everything in terms of classes of its own: in a page it must not change
// anything else.
func style() string {
	var light, dark strings.Builder
	for i, c := range colours {
		for k, b := range []*strings.Builder{&light, &dark} {
			fmt.Fprintf(b, ".stheno-chart .stheno-line%d{stroke:%s}.stheno-chart .stheno-dot%d{fill:%s}", i, c[k], i, c[k])
		}
	}
	return "<style>" +
		".stheno-chart{max-width:100%;height:auto;font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif}" +
		".stheno-chart .stheno-back{fill:#ffffff}.stheno-chart .stheno-title{fill:#1f2328;font-weight:600;font-size:13px}" +
		".stheno-chart .stheno-text{fill:#1f2328}.stheno-chart .stheno-muted{fill:#656d76}" +
		".stheno-chart .stheno-grid{stroke:#e5e8eb}.stheno-chart .stheno-axis{stroke:#9ba3ab}" + light.String() +
		"@media (prefers-color-scheme:dark){" +
		".stheno-chart .stheno-back{fill:#0d1117}.stheno-chart .stheno-title,.stheno-chart .stheno-text{fill:#e6edf3}" +
		".stheno-chart .stheno-muted{fill:#8d96a0}.stheno-chart .stheno-grid{stroke:#262c36}.stheno-chart .stheno-axis{stroke:#57606a}" + dark.String() +
		"}</style>\n"
}

// draw writes the chart with its upper edge at top and returns its height.
func (c Chart) draw(b *strings.Builder, top float64, xs extent) float64 {
	head := c.legend(b, top)
	upper := top + head + 10
	lower := upper + plotHeight
	x, y := c.scales(xs, upper, lower)
	for _, tick := range y.ticks {
		at := y.at(tick.value)
		fmt.Fprintf(b, `<line class="stheno-grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`+"\n", left, width-right, at, at)
		text(b, left-8, at+4, "end", "stheno-muted", tick.label)
	}
	fmt.Fprintf(b, `<line class="stheno-axis" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`+"\n", left, width-right, lower, lower)
	for _, tick := range x.ticks {
		at := x.at(tick.value)
		fmt.Fprintf(b, `<line class="stheno-axis" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`+"\n", at, at, lower, lower+4)
		text(b, at, lower+18, "middle", "stheno-muted", tick.label)
	}
	for _, s := range c.Series {
		s.draw(b, x, y)
	}
	return head + 10 + plotHeight + below
}

// legend writes the title and the names of the lines, the latter from the right on the
// title's line if there is room and else in lines below it. It returns the height.
func (c Chart) legend(b *strings.Builder, top float64) float64 {
	text(b, left, top+14, "start", "stheno-title", c.Title)
	var rows [][]int
	room := 0.0
	used := widthOf(c.Title)*1.15 + 40
	for i, s := range c.Series {
		w := widthOf(s.Name) + 46
		if len(rows) == 0 || room < w {
			rows = append(rows, nil)
			room = width - left - right
			if len(rows) == 1 {
				room -= used
			}
		}
		if len(rows) == 1 && len(rows[0]) == 0 && room < w { // not beside the title
			rows = append(rows, nil)
			room = width - left - right
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], i)
		room -= w
	}
	for r, row := range rows {
		x := float64(width - right)
		for k := len(row) - 1; k >= 0; k-- {
			s := c.Series[row[k]]
			at := top + 14 + float64(r)*lineHeight
			x -= widthOf(s.Name)
			text(b, x, at, "start", "stheno-text", s.Name)
			x -= 6
			fmt.Fprintf(b, `<line class="stheno-line%d" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke-width="2"%s/>`+"\n", s.Colour%len(colours), x-20, x, at-4, at-4, s.dashes())
			x -= 40
		}
	}
	return float64(max(len(rows), 1)) * lineHeight
}

// widthOf estimates the width of a text.
func widthOf(s string) float64 { return 6.6 * float64(utf8.RuneCountInString(s)) }

func (s Series) dashes() string {
	if s.Colour < len(colours) {
		return ""
	}
	return fmt.Sprintf(` stroke-dasharray="%d 3"`, 3*(s.Colour/len(colours)))
}

// extents returns what the values that are drawn cover.
func (c Chart) extents() (xs, ys extent) {
	for _, s := range c.Series {
		for i := range s.X {
			if s.visible(i, c.LogY) {
				xs.add(s.X[i])
				ys.add(s.Y[i])
			}
		}
	}
	return xs, ys
}

// scales places the values between the pixels.
func (c Chart) scales(xs extent, upper, lower float64) (x, y scale) {
	_, ys := c.extents()
	x = linear(xs, 8, false)
	x.from, x.to = left, width-right
	if c.LogY {
		y = logarithmic(ys)
	} else {
		y = linear(ys, 5, true)
	}
	y.from, y.to = lower, upper
	return x, y
}

func (s Series) visible(i int, log bool) bool {
	return !math.IsNaN(s.Y[i]) && !math.IsInf(s.Y[i], 0) && !(log && s.Y[i] <= 0)
}

func (s Series) draw(b *strings.Builder, x, y scale) {
	stroke := 1.8
	if len(s.X) > 200 {
		stroke = 1.2 // a dense line is noise, not a shape
	}
	var path strings.Builder
	pen := "M"
	for i := range s.X {
		if !s.visible(i, y.log) {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, x.at(s.X[i]), y.at(s.Y[i]))
		pen = "L"
	}
	if path.Len() > 0 {
		fmt.Fprintf(b, `<path class="stheno-line%d" d="%s" fill="none" stroke-width="%.1f" stroke-linejoin="round" stroke-linecap="round"%s/>`+"\n",
			s.Colour%len(colours), path.String(), stroke, s.dashes())
	}
	if !s.Marked && len(s.X) > 1 {
		return
	}
	for i := range s.X {
		if s.visible(i, y.log) {
			fmt.Fprintf(b, `<circle class="stheno-dot%d" cx="%.1f" cy="%.1f" r="2.6"><title>%s, %.10g: %.6g</title></circle>`+"\n",
				s.Colour%len(colours), x.at(s.X[i]), y.at(s.Y[i]), html.EscapeString(s.Name), s.X[i], s.Y[i])
		}
	}
}

func text(b *strings.Builder, x, y float64, anchor, class, s string) {
	fmt.Fprintf(b, `<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", class, x, y, anchor, html.EscapeString(s))
}
