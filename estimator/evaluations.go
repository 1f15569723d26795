package estimator

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/stheno-ml/stheno/internal/table"
)

// Evaluation is one evaluation of a run.
type Evaluation struct {
	// Name is the EvalSpec's, Step the global step of the variables.
	Name string
	Step int64
	// Metrics are the results, "loss" and "global_step" among them.
	Metrics Metrics
	// Checkpoint is the path of the checkpoint that was evaluated or, for variables in
	// memory, of the one that was saved for the exporters; "" where there is none.
	Checkpoint string
	// Exports are the paths of what exporters wrote.
	Exports []string
	// Final says that training had ended.
	Final bool
}

// Evaluations are the evaluations of a run in the order in which they were made.
type Evaluations []*Evaluation

// Last returns the newest evaluation of that name, nil when there is none.
func (all Evaluations) Last(name string) *Evaluation {
	for _, e := range slices.Backward(all) {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// Curve returns a metric of the evaluations of that name by ascending step; of several at
// one step the last counts. Evaluations without the metric are left out.
func (all Evaluations) Curve(name, metric string) (steps []int64, values []float64) {
	at := map[int64]float64{}
	for _, e := range all {
		if x, ok := e.Metrics[metric]; ok && e.Name == name {
			at[e.Step] = x
		}
	}
	for _, step := range slices.Sorted(maps.Keys(at)) {
		steps, values = append(steps, step), append(values, at[step])
	}
	return steps, values
}

// Exports returns the paths of everything that was exported, each once, in order.
func (all Evaluations) Exports() (paths []string) {
	for _, e := range all {
		for _, p := range e.Exports {
			if !slices.Contains(paths, p) {
				paths = append(paths, p)
			}
		}
	}
	return paths
}

// element is the name of a result that is an element of a matrix or of another metric whose
// elements have no names.
var element = regexp.MustCompile(`(/[0-9]+)+$`)

// String returns one table with a line for each step and a column for each metric of each
// name. Elements that have only indices, as those of a confusion matrix, are left out.
func (all Evaluations) String() string { return all.table().Text() }

// HTML returns the same table for notebooks.
func (all Evaluations) HTML() string { return all.table().HTML() }

func (all Evaluations) table() *table.Table {
	type column struct{ name, metric string }
	columns, steps := map[column]bool{}, map[int64]map[column]string{}
	for _, e := range all {
		if steps[e.Step] == nil {
			steps[e.Step] = map[column]string{}
		}
		for metric, x := range e.Metrics {
			if metric != globalStepMetric && !element.MatchString(metric) {
				c := column{e.Name, metric}
				columns[c], steps[e.Step][c] = true, fmt.Sprintf("%.6g", x)
			}
		}
	}
	ordered := slices.SortedFunc(maps.Keys(columns), func(a, b column) int {
		return strings.Compare(a.name+"\x00"+a.metric, b.name+"\x00"+b.metric)
	})
	t := &table.Table{Head: []string{"step"}}
	for _, c := range ordered {
		title := c.metric
		if c.name != "" {
			title = c.name + "/" + c.metric
		}
		t.Head = append(t.Head, title)
	}
	for _, step := range slices.Sorted(maps.Keys(steps)) {
		row := []string{fmt.Sprint(step)}
		for _, c := range ordered {
			row = append(row, steps[step][c])
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
