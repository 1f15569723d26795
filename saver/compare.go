package saver

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// Report tells the tensors of a checkpoint from the variables that are wanted. All lists
// are in the order of the variables, unused tensors in ascending order of names.
type Report struct {
	// Restored has the variables that the checkpoint holds.
	Restored []Variable
	// Missing has the variables that the checkpoint lacks.
	Missing []Variable
	// Mismatched has the variables that have another dtype or shape in the checkpoint.
	Mismatched []Mismatch
	// Unused has the checkpoint's tensors that no variable wants.
	Unused []Variable
}

// Mismatch is a variable that differs in dtype or shape.
type Mismatch struct {
	// Want is the variable, Have the checkpoint's tensor of the same name.
	Want, Have Variable
}

// Policy says which differences are no errors. The values can be combined with |.
type Policy uint

const (
	// AllowUnused accepts tensors that no variable wants.
	AllowUnused Policy = 1 << iota
	// AllowMissing accepts variables that the checkpoint lacks.
	AllowMissing

	// Strict accepts no difference.
	Strict Policy = 0
)

// Compare tells which of the variables wanted a checkpoint holds. Nothing is copied. A
// nil checkpoint holds nothing.
func Compare(want []Variable, have *Checkpoint) *Report {
	var tensors map[string]*tensor.Dense
	if have != nil {
		tensors = have.Tensors
	}
	r := &Report{}
	wanted := make(map[string]bool, len(want))
	for _, v := range want {
		wanted[v.Name] = true
		t := tensors[v.Name]
		switch {
		case t == nil:
			r.Missing = append(r.Missing, v)
		case t.Dtype() != v.Dtype || !dense.SameShape(t.Shape(), v.Shape):
			r.Mismatched = append(r.Mismatched, Mismatch{Want: v, Have: variableOf(v.Name, t)})
		default:
			r.Restored = append(r.Restored, v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		if t := tensors[name]; t != nil && !wanted[name] {
			r.Unused = append(r.Unused, variableOf(name, t))
		}
	}
	return r
}

func variableOf(name string, t *tensor.Dense) Variable {
	return Variable{Name: name, Dtype: t.Dtype(), Shape: t.Shape().Clone()}
}

// String returns the counts and, on a line each, every difference.
func (r *Report) String() string {
	head := fmt.Sprintf("%d restored, %d missing, %d mismatched, %d unused", len(r.Restored), len(r.Missing), len(r.Mismatched), len(r.Unused))
	return strings.Join(append([]string{head}, r.differences(Strict)...), "\n  ")
}

// Err returns nil when the policy accepts every difference, and otherwise an error,
// [ErrMismatch], that lists each that it does not accept. A mismatch is never accepted.
func (r *Report) Err(policy Policy) error {
	differences := r.differences(policy)
	if len(differences) == 0 {
		return nil
	}
	return fmt.Errorf("%w:\n  %s", ErrMismatch, strings.Join(differences, "\n  "))
}

func (r *Report) differences(policy Policy) (lines []string) {
	if policy&AllowMissing == 0 {
		similar := r.similar()
		for _, v := range r.Missing {
			line := fmt.Sprintf("variable %q %v %v is not in the checkpoint", v.Name, v.Dtype, v.Shape)
			if name, ok := similar[v.Name]; ok {
				line += fmt.Sprintf(" (it has %q: was it renamed?)", name)
			}
			lines = append(lines, line)
		}
	}
	for _, m := range r.Mismatched {
		lines = append(lines, fmt.Sprintf("variable %q is %v %v in the checkpoint, expected %v %v", m.Want.Name, m.Have.Dtype, m.Have.Shape, m.Want.Dtype, m.Want.Shape))
	}
	if policy&AllowUnused == 0 {
		for _, v := range r.Unused {
			lines = append(lines, fmt.Sprintf("tensor %q %v %v of the checkpoint is not a variable", v.Name, v.Dtype, v.Shape))
		}
	}
	return lines
}

// similar guesses which unused tensor a missing variable was: the one of the same dtype
// and shape whose name needs the fewest changes, if those are few.
func (r *Report) similar() map[string]string {
	guesses := map[string]string{}
	if len(r.Missing)*len(r.Unused) > 10_000 {
		return guesses // too different for guesses, and it would take long
	}
	for _, v := range r.Missing {
		fewest := len(v.Name)/2 + 1
		for _, u := range r.Unused {
			if u.Dtype != v.Dtype || !dense.SameShape(u.Shape, v.Shape) {
				continue
			}
			if n := distance(v.Name, u.Name); n < fewest {
				fewest, guesses[v.Name] = n, u.Name
			}
		}
	}
	return guesses
}

// distance is the number of bytes to insert, delete or replace to get from a to b
// (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
