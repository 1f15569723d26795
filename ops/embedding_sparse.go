package ops

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// IndexedSlices is a gradient of a table [vocabulary, dim] that is 0 but in some rows,
// like tf.IndexedSlices. Both nodes take their size n, the number of lookups, from the
// ids of the run.
type IndexedSlices struct {
	// Indices is [2, n] int64: the row of the table for each lookup, in ascending order,
	// and below it the number of the lookup. Lookups of one row keep their order. An id
	// out of range is an error of the run that names its row and the id.
	Indices *gorgonia.Node
	// Values is [n, dim], of the table's dtype. The first of equal rows has the sum of
	// their gradients, to the bit as in the dense gradient; the others are 0.
	Values *gorgonia.Node
}

// Lookups are what the gradient of a table comes from, where it comes from [Gather]
// alone.
type Lookups struct {
	table     *gorgonia.Node
	ids       gorgonia.Nodes
	gradients gorgonia.Nodes // of the rows
}

// LookupsOf returns the lookups behind a gradient of a table, as graph.Graph.Gradients
// returned it. ok is false where it is not the gradient of one Gather or the sum of
// several, such as when the loss has a penalty on the table.
func LookupsOf(gradient, table *gorgonia.Node) (l Lookups, ok bool) {
	l.table = table
	for last := false; !last; {
		term := gradient
		if sum, next, isSum := graph.Addends(gradient); isSum {
			gradient, term = sum, next // the sum is made from left to right
		} else {
			last = true
		}
		pull, isOp := term.Op().(*scratchOp)
		if !isOp || pull.name != gatherGrad {
			return l, false
		}
		in := graph.InputsOf(term)
		if in[0] != table {
			return l, false
		}
		l.ids, l.gradients = append(l.ids, in[1]), append(l.gradients, in[2])
	}
	slices.Reverse(l.ids)
	slices.Reverse(l.gradients)
	return l, true
}

// Len is the number of lookups for the shapes that the graph was built with.
func (l Lookups) Len() int {
	n := 0
	for _, ids := range l.ids {
		n += size(ids.Shape())
	}
	return n
}

// Slices adds the nodes of the gradient in its sparse form. The table must have elements.
func (l Lookups) Slices(g *graph.Graph) IndexedSlices {
	dt := l.table.Dtype()
	var names []string
	for _, ids := range l.ids {
		names = append(names, ids.Name())
	}
	indices := applyWithScratch(g, definition{
		name: "GatherIndices", dtype: tensor.Int64, dims: 2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			n := 0
			for _, ids := range in[1:] {
				n += size(ids)
			}
			return tensor.Shape{2, n}, nil
		},
	}, func() kernel { return indicesKernel(names) }, append(gorgonia.Nodes{l.table}, l.ids...)...)
	values := applyWithScratch(g, definition{
		name: "GatherValues", dtype: dt, dims: 2,
		shape: func(in []tensor.Shape) (tensor.Shape, error) {
			_, dim := last(in[1])
			return tensor.Shape{in[0][1], dim}, nil
		},
	}, pickScratch(dt, valuesKernel[float32], valuesKernel[float64]), append(gorgonia.Nodes{indices}, l.gradients...)...)
	return IndexedSlices{Indices: indices, Values: values}
}

// indicesKernel: in are the table, of which only the shape matters, and the ids of each
// Gather, which have these names.
func indicesKernel(names []string) kernel {
	var memory []int
	var sorting []int64
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		both := elements[int64](out)
		n := len(both) / 2
		rows, numbers := both[:n], both[n:]
		vocabulary, _ := sides(in[0].Shape(), false)
		at := 0
		for i, v := range in[1:] {
			ids, err := idsOf(&memory, v, vocabulary)
			if err != nil {
				return fmt.Errorf("ids %q: %w", names[i], err)
			}
			for _, id := range ids {
				rows[at], numbers[at] = int64(id), int64(at)
				at++
			}
		}
		sortLookups(rows, numbers, vocabulary, grow(&sorting, 2*n))
		return nil
	}
}

// sortLookups sorts rows, which are below limit, and their numbers along with them; equal
// rows keep their order. It takes the digits of rows from the lowest to the highest, so
// the time depends on the number of lookups and little on the size of the table.
func sortLookups(rows, numbers []int64, limit int, memory []int64) {
	const bits, digits = 11, 1 << 11
	n := len(rows)
	toRows, toNumbers := memory[:n], memory[n:]
	moved := false
	for shift := 0; (limit-1)>>shift > 0; shift += bits {
		var ends [digits + 1]int // of the rows with a smaller digit
		for _, row := range rows {
			ends[row>>shift&(digits-1)+1]++
		}
		for d := 1; d < digits; d++ {
			ends[d] += ends[d-1]
		}
		for i, row := range rows {
			to := &ends[row>>shift&(digits-1)]
			toRows[*to], toNumbers[*to] = row, numbers[i]
			*to++
		}
		rows, toRows, numbers, toNumbers = toRows, rows, toNumbers, numbers
		moved = !moved
	}
	if moved {
		copy(toRows, rows)
		copy(toNumbers, numbers)
	}
}

// valuesKernel: in are the indices and the gradients of the rows that each Gather
// looked up.
func valuesKernel[T float]() kernel {
	var (
		rows, numbers []int64
		values        []T
		grads         [][]T
		dim           int
	)
	// Each row has its sum from one task.
	sums := overRows(func(from, to int) {
		for from < to {
			if from > 0 && rows[from] == rows[from-1] {
				from++
				continue
			}
			end := from + 1
			for end < len(rows) && rows[end] == rows[from] {
				end++
			}
			sumOfLookups(values[from*dim:end*dim], numbers[from:end], grads, dim)
			from = end
		}
	})
	return func(out gorgonia.Value, in []gorgonia.Value) error {
		indices := elements[int64](in[0])
		n := len(indices) / 2
		rows, numbers, values = indices[:n], indices[n:], elements[T](out)
		_, dim = sides(out.Shape(), false)
		grads = grow(&grads, len(in)-1)
		for i := range grads {
			grads[i] = elements[T](in[i+1])
		}
		sums.run(n, n*dim)
		return nil
	}
}

// sumOfLookups sets the first row of values [len(numbers), dim] to the sum of the
// gradients of these lookups, the others to 0. As in the dense gradient each Gather has a
// sum of its own, and these are added.
func sumOfLookups[T float](values []T, numbers []int64, grads [][]T, dim int) {
	clear(values)
	first := 0 // number of the Gather's first lookup
	for i, sum := 0, values[:dim]; i < len(numbers); {
		grad := grads[0]
		next := first + len(grad)/dim
		began := i
		for ; i < len(numbers) && int(numbers[i]) < next; i++ {
			addRun(sum, grad[(int(numbers[i])-first)*dim:][:dim])
		}
		if began > 0 && i > began {
			addRun(values[:dim], sum)
			clear(sum)
		}
		if i > 0 && i < len(numbers) {
			sum = values[dim : 2*dim] // free until the end
		}
		grads, first = grads[1:], next
	}
}
