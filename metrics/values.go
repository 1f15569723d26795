package metrics

import (
	"maps"
	"slices"
	"strings"

	"github.com/stheno-ml/stheno/internal/table"
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

// Table returns a line for each name, with the values below one another.
func (v Values) Table() string {
	t := v.table()
	t.Head = nil
	return t.Text()
}

// HTML returns a table for notebooks.
func (v Values) HTML() string { return v.table().HTML() }

func (v Values) table() *table.Table {
	t := &table.Table{Head: []string{"metric", "value"}, Left: 2}
	for _, e := range v.entries() {
		t.Rows = append(t.Rows, []string{e.name, e.text})
	}
	return t
}
