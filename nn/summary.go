package nn

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// SummaryRow is one layer of a [SummaryTable].
type SummaryRow struct {
	// Name is the scope of the layer's variables.
	Name string
	// Output is the shape of the layer's result, nil where that is not known.
	Output tensor.Shape
	// Parameters is the number of elements of its variables, Trainable of those that an
	// optimizer changes.
	Parameters, Trainable int
}

// SummaryTable lists the layers of a model. It prints as a table.
type SummaryTable struct {
	Rows []SummaryRow
	// Parameters and Trainable are the sums over the rows.
	Parameters, Trainable int
}

// Summary returns the layers of a model that have variables, in the order of building,
// like Keras' Model.summary: the scope, the shape of the result, and the number of
// parameters. Layers within a layer, such as the directions of [Bidirectional], have rows
// of their own. What is not a layer's does not count: local variables, optimizers' slots,
// and variables without a scope that are not trained, such as the global step.
//
// A layer's result is the last node with a name in its scope, or else the first node
// computed from one of its variables.
func Summary(g *graph.Graph) SummaryTable {
	var table SummaryTable
	rows := map[string]int{}
	of := map[*gorgonia.Node]string{} // the layer of a variable
	for _, v := range parameters(g) {
		name := scopeOf(v.Name)
		i, ok := rows[name]
		if !ok {
			i = len(table.Rows)
			rows[name] = i
			table.Rows = append(table.Rows, SummaryRow{Name: name})
		}
		of[v.Node] = name
		n := v.Shape.TotalSize()
		table.Rows[i].Parameters += n
		table.Parameters += n
		if v.Trainable {
			table.Rows[i].Trainable += n
			table.Trainable += n
		}
	}
	named := map[string]bool{}
	for _, n := range g.AllNodes() {
		if n.Op() == nil {
			continue
		}
		name := scopeOf(n.Name())
		if i, ok := rows[name]; ok && name != "" {
			table.Rows[i].Output, named[name] = n.Shape(), true
			continue
		}
		for _, in := range graph.InputsOf(n) {
			if name, ok := of[in]; ok && !named[name] && table.Rows[rows[name]].Output == nil {
				table.Rows[rows[name]].Output = n.Shape()
			}
		}
	}
	return table
}

// parameters are the variables that count. A slot is named after its variable.
func parameters(g *graph.Graph) (of []*graph.Variable) {
	for _, v := range g.Variables() {
		slot := false
		for scope := scopeOf(v.Name); scope != "" && !slot; scope = scopeOf(scope) {
			slot = g.VariableNamed(scope) != nil
		}
		state := scopeOf(v.Name) == "" && !v.Trainable // the global step, an optimizer's powers
		if !v.Local && !state && !slot {
			of = append(of, v)
		}
	}
	return of
}

// scopeOf returns a name without its last part, "" when there is only one.
func scopeOf(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}

// String returns the table as text.
func (t SummaryTable) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "Layer\tOutput shape\tParameters")
	for _, r := range t.Rows {
		output := "?"
		if r.Output != nil {
			output = fmt.Sprint(r.Output)
		}
		name := r.Name
		if name == "" {
			name = "(no scope)"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\n", name, output, r.Parameters)
	}
	_ = w.Flush() // a strings.Builder does not fail
	fmt.Fprintf(&text, "Parameters: %d, trainable: %d\n", t.Parameters, t.Trainable)
	return text.String()
}
