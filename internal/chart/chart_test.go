package chart

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func labels(s scale) (all []string) {
	for _, t := range s.ticks {
		all = append(all, t.label)
	}
	return all
}

func TestTicks(t *testing.T) {
	for _, row := range []struct {
		low, high float64
		round     bool
		want      string
	}{
		{0, 1, true, "0 0.2 0.4 0.6 0.8 1.0"},
		{0.44, 0.9994, true, "0.4 0.6 0.8 1.0"},
		{0.09, 2.43, true, "0 0.5 1.0 1.5 2.0 2.5"},
		{-3, 12, true, "-5 0 5 10 15"},
		{7, 7, true, "2 4 6 8 10 12"},
		{0, 0, true, "-0.6 -0.4 -0.2 0 0.2 0.4 0.6"},
		{1, 5000, false, "1000 2000 3000 4000 5000"},
		{1, 4, false, "1.0 1.5 2.0 2.5 3.0 3.5 4.0"},
		{0, 40000, false, "0 5k 10k 15k 20k 25k 30k 35k 40k"},
		{1, 3e6, false, "500k 1000k 1500k 2000k 2500k 3000k"},
		{1, 2.5e7, false, "5M 10M 15M 20M 25M"},
		{1e-7, 5e-7, true, "1e-07 2e-07 3e-07 4e-07 5e-07"},
	} {
		e := extent{}
		e.add(row.high)
		e.add(row.low)
		require.Equal(t, row.want, strings.Join(labels(linear(e, map[bool]int{true: 5, false: 8}[row.round], row.round)), " "), "%v to %v", row.low, row.high)
	}
	for _, row := range []struct {
		low, high float64
		want      string
	}{
		{0.09, 2.43, "0.05 0.1 0.2 0.5 1 2 5"},
		{1, 1000, "1 2 5 10 20 50 100 200 500 1000"},
		{1e-8, 3, "1e-08 1e-06 0.0001 0.01 1"},
		{3, 3, "2 5"},
	} {
		e := extent{}
		e.add(row.low)
		e.add(row.high)
		require.Equal(t, row.want, strings.Join(labels(logarithmic(e)), " "), "%v to %v", row.low, row.high)
	}
}

// Whatever the values, ticks are few, ascend, have different labels, and values are
// within the pixels.
func TestScalesOfAnyRange(t *testing.T) {
	values := []float64{0, 1, -1, math.Pi, 1e-300, -1e-300, 1e300, -1e300, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 123456.789, 1e15, 1e15 + 1, 0.1}
	for _, a := range values {
		for _, b := range values {
			e := extent{}
			e.add(a)
			e.add(b)
			scales := map[string]scale{"rounded": linear(e, 5, true), "exact": linear(e, 8, false)}
			if a > 0 && b > 0 {
				scales["logarithmic"] = logarithmic(e)
			}
			for name, s := range scales {
				s.from, s.to = 0, 100
				require.LessOrEqual(t, len(s.ticks), 40, "%s %v %v", name, a, b)
				for i, tick := range s.ticks {
					require.False(t, math.IsNaN(tick.value) || math.IsInf(tick.value, 0))
					if i > 0 {
						require.Greater(t, tick.value, s.ticks[i-1].value, "%s %v %v", name, a, b)
					}
				}
				for _, v := range []float64{a, b} {
					require.InDelta(t, 50, s.at(v), 50.1, "%s %v to %v: %v", name, a, b, v)
				}
			}
		}
	}
}

// wellFormed returns the texts of an SVG and checks that it is XML without a value that is
// not a number.
func wellFormed(t *testing.T, svg string) (texts []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if s, ok := token.(xml.CharData); ok && strings.TrimSpace(string(s)) != "" {
			texts = append(texts, string(s))
		}
	}
	require.NotContains(t, svg, "NaN")
	require.NotContains(t, svg, "Inf")
	return texts
}

func TestSVG(t *testing.T) {
	nan := math.NaN()
	svg := SVG("step",
		Chart{Title: "loss & <more>", Series: []Series{
			{Name: "training", X: []float64{1, 2, 3, 4, 5}, Y: []float64{3, 2, nan, 1, math.Inf(1)}},
			{Name: "validation", X: []float64{2, 4}, Y: []float64{2.5, 1.5}, Colour: 1, Marked: true},
		}},
		Chart{Title: "empty"},
		Chart{Title: "one point", Series: []Series{{Name: "a", X: []float64{5}, Y: []float64{0.5}, Colour: 7}}},
	)
	texts := wellFormed(t, svg)
	for _, want := range []string{"loss & <more>", "training", "validation", "empty", "one point", "step", "validation, 2: 2.5"} {
		require.Contains(t, texts, want)
	}
	paths := regexp.MustCompile(` d="([^"]*)"`).FindAllStringSubmatch(svg, -1)
	require.Len(t, paths, 3)
	require.Equal(t, 2, strings.Count(paths[0][1], "M"), "a value that is not a number leaves a gap: %s", paths[0][1])
	require.Equal(t, 1, strings.Count(paths[0][1], "L"))
	require.Equal(t, 3, strings.Count(svg, "<circle"), "marked points, and a line of one point")
	require.Contains(t, svg, `stroke-dasharray="3 3"`)
	require.Contains(t, svg, "prefers-color-scheme:dark")
	// The charts have one range of x: step 5 is at the right edge of all.
	require.Contains(t, svg, fmt.Sprintf(`cx="%d.0"`, width-right))
	require.Equal(t, svg, SVG("step",
		Chart{Title: "loss & <more>", Series: []Series{
			{Name: "training", X: []float64{1, 2, 3, 4, 5}, Y: []float64{3, 2, nan, 1, math.Inf(1)}},
			{Name: "validation", X: []float64{2, 4}, Y: []float64{2.5, 1.5}, Colour: 1, Marked: true},
		}},
		Chart{Title: "empty"},
		Chart{Title: "one point", Series: []Series{{Name: "a", X: []float64{5}, Y: []float64{0.5}, Colour: 7}}},
	))
}

func TestLogarithmicAxisLeavesOutWhatItCannotShow(t *testing.T) {
	svg := SVG("step", Chart{Title: "loss", LogY: true, Series: []Series{{Name: "a", X: []float64{1, 2, 3, 4}, Y: []float64{1, 0, -1, 0.01}}}})
	wellFormed(t, svg)
	require.Equal(t, 2, strings.Count(regexp.MustCompile(` d="([^"]*)"`).FindStringSubmatch(svg)[1], "M"))
	wellFormed(t, SVG("step", Chart{LogY: true, Series: []Series{{X: []float64{1}, Y: []float64{0}}}}))
	wellFormed(t, SVG("step"))
}

// Many names take more lines, and no name is lost or beyond the edge.
func TestLegendOfManyLines(t *testing.T) {
	c := Chart{Title: "a title that is rather long for a chart of this width, and goes on and on"}
	for i := range 20 {
		c.Series = append(c.Series, Series{Name: fmt.Sprint("evaluation number ", i), X: []float64{1, 2}, Y: []float64{float64(i), 1}, Colour: i})
	}
	svg := SVG("step", c)
	texts := wellFormed(t, svg)
	for i := range 20 {
		require.Contains(t, texts, fmt.Sprint("evaluation number ", i))
	}
	for _, m := range regexp.MustCompile(`class="stheno-text" x="([0-9.-]+)"`).FindAllStringSubmatch(svg, -1) {
		var x float64
		_, err := fmt.Sscan(m[1], &x)
		require.NoError(t, err)
		require.GreaterOrEqual(t, x, float64(left))
	}
}
