package tune

import (
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/stheno-ml/stheno/internal/table"
)

// State is how a trial ended.
type State string

// The states of trials.
const (
	// Done is a trial with the results of all folds.
	Done State = "done"
	// Pruned is a trial that was given up after some folds: see [PruneMedian].
	Pruned State = "pruned"
	// Failed is a trial with a fit that ended with an error.
	Failed State = "failed"
)

// Trial is one proposal of a search and what came of it.
type Trial struct {
	// Number counts trials from 0.
	Number int    `json:"trial"`
	State  State  `json:"state"`
	Params Params `json:"params"`
	// Scores are the results of the folds that were made.
	Scores Scores `json:"scores"`
	// Error is why the trial failed, "" when it did not.
	Error string `json:"error,omitempty"`
}

// Result is the trials of a search.
type Result struct {
	// Metric is what to choose by; greater values are better where Maximize is set.
	Metric   string
	Maximize bool
	// Trials are in the order of their numbers.
	Trials []Trial
}

// Value returns the mean over the folds of the metric to choose by, NaN where there is
// none.
func (r *Result) Value(t Trial) float64 {
	if len(t.Scores) == 0 {
		return math.NaN()
	}
	return valueOf(t.Scores.Mean(), r.Metric)
}

// Best returns the trial that is done with the best value, the first of equal ones; ok is
// false when there is none. A NaN is never the best.
func (r *Result) Best() (best Trial, ok bool) {
	for _, t := range r.Trials {
		if t.State == Done && !math.IsNaN(r.Value(t)) && (!ok || r.better(r.Value(t), r.Value(best))) {
			best, ok = t, true
		}
	}
	return best, ok
}

func (r *Result) better(a, b float64) bool {
	if r.Maximize {
		return a > b
	}
	return a < b
}

// find returns the place of trial number n, or where it belongs.
func (r *Result) find(n int) (place int, ok bool) {
	return slices.BinarySearchFunc(r.Trials, n, func(t Trial, n int) int { return t.Number - n })
}

// before returns the trials with lower numbers than n.
func (r *Result) before(n int) *Result {
	place, _ := r.find(n)
	return &Result{Metric: r.Metric, Maximize: r.Maximize, Trials: slices.Clip(r.Trials[:place])}
}

// String returns a table with a line for each trial: its parameters, the metric to
// choose by as mean and standard deviation over the folds, and its state. The best is
// marked with *.
func (r *Result) String() string { return strings.TrimSuffix(r.table().Text(), "\n") }

// HTML returns the table for notebooks.
func (r *Result) HTML() string { return r.table().HTML() }

func (r *Result) table() *table.Table {
	names := r.paramNames()
	best, ok := r.Best()
	t := &table.Table{Left: 1, Head: slices.Concat([]string{"trial"}, names, []string{r.Metric, "std", "state"})}
	for _, trial := range r.Trials {
		number := strconv.Itoa(trial.Number)
		if ok && trial.Number == best.Number {
			number += "*"
		}
		row := []string{number}
		for _, name := range names {
			row = append(row, paramText(trial.Params[name]))
		}
		value, std := "", ""
		if len(trial.Scores) > 0 {
			value, std = table.Number(r.Value(trial)), table.Number(valueOf(trial.Scores.Std(), r.Metric))
		}
		state := string(trial.State)
		if trial.State == Failed {
			line, _, _ := strings.Cut(trial.Error, "\n")
			state += ": " + line
		}
		t.Rows = append(t.Rows, append(row, value, std, state))
	}
	return t
}

// CSV returns a line for each trial, after one with the names: number, state,
// parameters, and every metric as the mean over the folds and, with "_std" behind its
// name, the standard deviation; then the error. Numbers have all their digits.
func (r *Result) CSV() string {
	names, metrics := r.paramNames(), r.metricNames()
	head := slices.Concat([]string{"trial", "state"}, names)
	for _, name := range metrics {
		head = append(head, name, name+"_std")
	}
	lines := [][]string{append(head, "error")}
	for _, trial := range r.Trials {
		row := []string{strconv.Itoa(trial.Number), string(trial.State)}
		for _, name := range names {
			text := fmt.Sprint(trial.Params[name])
			if x, ok := trial.Params[name].(float64); ok {
				text = exact(x)
			}
			row = append(row, text)
		}
		mean, std := trial.Scores.moments()
		for _, name := range metrics {
			if _, ok := mean[name]; !ok {
				row = append(row, "", "")
				continue
			}
			row = append(row, exact(mean[name]), exact(std[name]))
		}
		lines = append(lines, append(row, trial.Error))
	}
	var b strings.Builder
	_ = csv.NewWriter(&b).WriteAll(lines) // a Builder does not fail
	return b.String()
}

func (r *Result) paramNames() []string {
	return r.collect(func(t Trial) []string { return t.Params.Names() })
}

func (r *Result) metricNames() []string {
	return r.collect(func(t Trial) []string { return t.Scores.names() })
}

// collect returns all names that the trials have, in ascending order.
func (r *Result) collect(names func(Trial) []string) []string {
	var all []string
	for _, t := range r.Trials {
		all = append(all, names(t)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// exact has as many digits as it takes to read the same bits.
func exact(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
