package metrics

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/internal/table"
)

// maxShown is how many elements of a tensor a line for people has.
const maxShown = 100

// Tensor puts the results name/0, name/1, ... or name/0/0, name/0/1, ... together, as
// [Results] had named them: float64, of the shape that the largest indices tell. It is
// nil if there are none or one is missing.
func (v Values) Tensor(name string) *tensor.Dense {
	var shape tensor.Shape
	found := 0
	for key := range v {
		at, ok := indicesOf(key, name)
		if !ok {
			continue
		}
		if shape == nil {
			shape = make(tensor.Shape, len(at))
		}
		if len(at) != len(shape) {
			return nil
		}
		for axis, i := range at {
			shape[axis] = max(shape[axis], i+1)
		}
		found++
	}
	if found == 0 || found != product(shape) {
		return nil
	}
	t := dense.New(tensor.Float64, shape)
	elements := dense.Elements(t).([]float64)
	for key, x := range v {
		if at, ok := indicesOf(key, name); ok {
			flat := 0
			for axis, i := range at {
				flat = flat*shape[axis] + i
			}
			elements[flat] = x
		}
	}
	return t
}

// product is the number of elements, -1 if an axis is negative or there are more than
// any result has.
func product(shape tensor.Shape) int {
	n := 1
	for _, d := range shape {
		if n *= d; d < 0 || d > 1<<31 || n > 1<<31 {
			return -1
		}
	}
	return n
}

// indicesOf returns 1, 2 for name/1/2.
func indicesOf(key, name string) ([]int, bool) {
	rest, ok := strings.CutPrefix(key, name+"/")
	if !ok {
		return nil, false
	}
	var at []int
	for part := range strings.SplitSeq(rest, "/") {
		i, err := strconv.ParseUint(part, 10, 31)
		if err != nil || strconv.Itoa(int(i)) != part {
			return nil, false
		}
		at = append(at, int(i))
	}
	return at, true
}

// entry is a line of a table of results.
type entry struct{ name, text string }

// entries has the results in ascending order, the elements of a tensor as one.
func (v Values) entries() []entry {
	var all []entry
	folded := map[string]bool{} // by name without indices: whether there is a tensor
	for _, key := range v.Names() {
		name := unindexed(key)
		if _, seen := folded[name]; !seen {
			_, taken := v[name]
			t := v.Tensor(name)
			folded[name] = !taken && t != nil && t.Shape().TotalSize() > 1
			if folded[name] {
				all = append(all, entry{name, brackets(t)})
			}
		}
		if !folded[name] {
			all = append(all, entry{key, table.Number(v[key])})
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return all
}

// unindexed returns name for name/1/2.
func unindexed(key string) string {
	for slash := strings.LastIndex(key, "/"); slash > 0; slash = strings.LastIndex(key, "/") {
		if _, ok := indicesOf(key, key[:slash]); !ok {
			break
		}
		key = key[:slash]
	}
	return key
}

// brackets returns [[3 0] [2 5]].
func brackets(t *tensor.Dense) string {
	if t.Shape().TotalSize() > maxShown {
		return fmt.Sprintf("%d numbers of shape %v", t.Shape().TotalSize(), t.Shape())
	}
	var write func(shape tensor.Shape, x []float64) string
	write = func(shape tensor.Shape, x []float64) string {
		if len(shape) == 0 {
			return table.Number(x[0])
		}
		each := len(x) / shape[0]
		var parts []string
		for i := range shape[0] {
			parts = append(parts, write(shape[1:], x[i*each:(i+1)*each]))
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return write(t.Shape(), t.Float64s())
}
