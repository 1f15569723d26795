package hooks

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/stheno-ml/stheno/internal/chart"
	"github.com/stheno-ml/stheno/internal/table"
)

// Curve is one quantity over the steps of a run.
type Curve struct {
	// Evaluation is the name of the evaluation that gave it, "eval" for the default one,
	// and "" for training.
	Evaluation string
	// Name is "loss", the name of a node or of a metric.
	Name string
	// Steps ascend; Values has the value of each.
	Steps  []int64
	Values []float64
}

// Label returns the name of the curve among all: "loss", "eval/loss", "validation/auc".
func (c Curve) Label() string {
	if c.Evaluation == "" {
		return c.Name
	}
	return c.Evaluation + "/" + c.Name
}

// extremes returns the points of the lowest and the highest value, -1 when no value is a
// number.
func (c Curve) extremes() (low, high int) {
	low, high = -1, -1
	for i, v := range c.Values {
		if math.IsNaN(v) {
			continue
		}
		if low < 0 || v < c.Values[low] {
			low = i
		}
		if high < 0 || v > c.Values[high] {
			high = i
		}
	}
	return low, high
}

// Curves returns all curves: those of training, then those of evaluations by their names;
// of each the loss first and then by name. They are the caller's own.
func (h *History) Curves() []Curve {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Curve
	for _, key := range h.keys() {
		c := h.curves[key]
		values := make([]float64, len(c.Values))
		for i, v := range c.Values {
			values[i] = float64(v)
		}
		all = append(all, Curve{key.Evaluation, key.Name, slices.Clone(c.Steps), values})
	}
	return all
}

// table is what String and HTML show.
func (h *History) table() *table.Table {
	t := &table.Table{Head: []string{"curve", "points", "steps", "first", "last", "lowest", "highest"}, Left: 7}
	at := func(c Curve, i int) string {
		if i < 0 {
			return "none"
		}
		return fmt.Sprintf("%.6g at %d", c.Values[i], c.Steps[i])
	}
	for _, c := range h.Curves() {
		last := len(c.Steps) - 1
		low, high := c.extremes()
		t.Rows = append(t.Rows, []string{
			c.Label(), strconv.Itoa(len(c.Steps)), fmt.Sprintf("%d to %d", c.Steps[0], c.Steps[last]),
			fmt.Sprintf("%.6g", c.Values[0]), fmt.Sprintf("%.6g", c.Values[last]), at(c, low), at(c, high),
		})
	}
	return t
}

// String returns a line for each curve: where it begins and ends, its lowest and its
// highest value and their steps, of the points that are kept.
func (h *History) String() string { return h.table().Text() }

// HTML returns the curves and the table for notebooks.
func (h *History) HTML(opts ...PlotOption) string {
	return "<div>" + h.SVG(opts...) + h.table().HTML() + "</div>"
}

// byStep goes through the steps that some curve has. point has the index of that step in
// each curve, -1 where it has none.
func byStep(curves []Curve, each func(step int64, point []int) error) error {
	next := make([]int, len(curves)) // the first point that was not given yet
	point := make([]int, len(curves))
	for {
		step, more := int64(0), false
		for i, c := range curves {
			if next[i] < len(c.Steps) && (!more || c.Steps[next[i]] < step) {
				step, more = c.Steps[next[i]], true
			}
		}
		if !more {
			return nil
		}
		for i, c := range curves {
			point[i] = -1
			if next[i] < len(c.Steps) && c.Steps[next[i]] == step {
				point[i] = next[i]
				next[i]++
			}
		}
		if err := each(step, point); err != nil {
			return err
		}
	}
}

// CSV writes a line for each step, with a column for each curve: "step,loss,eval/loss".
// A cell is empty where the curve has no point.
func (h *History) CSV(w io.Writer) error {
	out, curves := csv.NewWriter(w), h.Curves()
	header := []string{"step"}
	for _, c := range curves {
		header = append(header, c.Label())
	}
	out.Write(header) // the writer keeps its errors
	err := byStep(curves, func(step int64, point []int) error {
		line := []string{strconv.FormatInt(step, 10)}
		for i, p := range point {
			cell := ""
			if p >= 0 {
				cell = strconv.FormatFloat(curves[i].Values[p], 'g', -1, 64)
			}
			line = append(line, cell)
		}
		return out.Write(line)
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	if err != nil {
		return fmt.Errorf("hooks: History: writing CSV: %w", err)
	}
	return nil
}

// JSONL writes an object for each step: {"step":100,"loss":0.5,"eval/loss":0.6}. A value
// that is not finite is null, for JSON has no other word for it.
func (h *History) JSONL(w io.Writer) error {
	curves := h.Curves()
	err := byStep(curves, func(step int64, point []int) error {
		line := fmt.Appendf(nil, `{"step":%d`, step)
		for i, p := range point {
			if p < 0 {
				continue
			}
			name, err := json.Marshal(curves[i].Label())
			if err != nil {
				return err
			}
			value, err := number64(curves[i].Values[p]).MarshalJSON()
			if err != nil {
				return err
			}
			line = append(append(append(append(line, ','), name...), ':'), value...)
		}
		_, err := w.Write(append(line, "}\n"...))
		return err
	})
	if err != nil {
		return fmt.Errorf("hooks: History: writing JSONL: %w", err)
	}
	return nil
}

// PlotOption changes how [History.SVG] draws.
type PlotOption func(*plot)

type plot struct {
	log  bool
	only []string
}

// LogScale draws the values on a logarithmic axis. Those that are not positive are left
// out.
func LogScale() PlotOption { return func(p *plot) { p.log = true } }

// OnlyCurves draws these quantities, in this order: "loss", "accuracy". The default is
// all, the loss first.
func OnlyCurves(names ...string) PlotOption { return func(p *plot) { p.only = names } }

// SVG draws a chart for each quantity, with the curves of training and of the evaluations
// in it. The picture needs no other file and follows the reader's light or dark mode.
func (h *History) SVG(opts ...PlotOption) string {
	var p plot
	for _, o := range opts {
		if o != nil {
			o(&p)
		}
	}
	curves := h.Curves()
	names := p.only
	if names == nil {
		for _, c := range curves {
			if !slices.Contains(names, c.Name) {
				names = append(names, c.Name)
			}
		}
	}
	sources := []string{""}
	for _, c := range curves {
		if !slices.Contains(sources, c.Evaluation) {
			sources = append(sources, c.Evaluation)
		}
	}
	var charts []chart.Chart
	for _, name := range names {
		one := chart.Chart{Title: name, LogY: p.log}
		for _, c := range curves {
			if c.Name == name {
				one.Series = append(one.Series, c.series(slices.Index(sources, c.Evaluation)))
			}
		}
		charts = append(charts, one)
	}
	if len(charts) == 0 {
		charts = []chart.Chart{{Title: "nothing is recorded yet"}}
	}
	return chart.SVG("step", charts...)
}

// series returns the curve as a line. Evaluations are few, and their points are marked.
func (c Curve) series(colour int) chart.Series {
	s := chart.Series{Name: c.Evaluation, Y: c.Values, Colour: colour, Marked: c.Evaluation != "" && len(c.Steps) <= 60}
	if c.Evaluation == "" {
		s.Name = "training"
	}
	for _, step := range c.Steps {
		s.X = append(s.X, float64(step))
	}
	return s
}
