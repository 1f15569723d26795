package datasets

import (
	"errors"
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/internal/philox"
)

// Split divides rows in memory into two parts: the first with that fraction of the
// rows, rounded, the second with the rest. Which row goes where is random but the same
// in every program: for the same fraction a row of the test part is never trained on.
// Where there is one label, of class numbers (int64, one a row), every class is divided
// in that proportion, as exactly as its size allows.
//
// The fraction must be between 0 and 1 and leave a row for both parts. Split comes
// before everything but Map. Use Load first to split what is not in memory.
func (d *Dataset) Split(fraction float64) (first, second *Dataset) {
	one, two, err := d.split(fraction)
	if err != nil {
		if d.err != nil {
			err = d.err
		} else {
			err = fmt.Errorf("datasets: Split: %w", err)
		}
		return &Dataset{src: noSource{}, err: err}, &Dataset{src: noSource{}, err: err}
	}
	call := fmt.Sprintf("Split(%v)", fraction)
	return d.part(call, one), d.part(call, two)
}

func (d *Dataset) split(fraction float64) (one, two []int, err error) {
	rows, class, err := d.rowsInMemory()
	switch {
	case err != nil:
		return nil, nil, err
	case !(fraction > 0 && fraction < 1):
		return nil, nil, fmt.Errorf("the fraction is %v, want more than 0 and less than 1", fraction)
	case len(rows) < 2:
		return nil, nil, fmt.Errorf("there are %d rows, want at least 2", len(rows))
	}
	shuffleRows(rows, philox.New(0, "datasets/Split", 0))
	take := int(math.Round(fraction * float64(len(rows))))
	if take == 0 || take == len(rows) {
		return nil, nil, fmt.Errorf("a fraction %v of %d rows leaves one part empty", fraction, len(rows))
	}
	one, two = divideByClass(rows, class, fraction, take)
	return one, two, nil
}

// rowsInMemory returns the numbers of the rows that belong to the data set, which are the
// caller's own, and the class of every row of the table, nil when there are no classes.
func (d *Dataset) rowsInMemory() (rows []int, class []int64, err error) {
	src, ok := d.src.(*memorySource)
	switch {
	case d.err != nil:
		return nil, nil, d.err
	case !ok:
		return nil, nil, errors.New("the rows are not in memory: Load first")
	}
	for _, o := range d.ops {
		if o.kind != opMap && o.kind != opPrefetch {
			return nil, nil, fmt.Errorf("it comes after %v: split first", o.kind)
		}
	}
	t, err := src.load()
	if err != nil {
		return nil, nil, err
	}
	rows = make([]int, src.n)
	for i := range rows {
		if rows[i] = i; src.index != nil {
			rows[i] = src.index[i]
		}
	}
	return rows, classes(t), nil
}

// part is the data set of some of its rows; call is how its source was made of the other.
func (d *Dataset) part(call string, index []int) *Dataset {
	src := *d.src.(*memorySource)
	src.name, src.n, src.index = src.name+"."+call, len(index), index
	return &Dataset{src: &src, ops: d.ops, spec: d.spec}
}

// shuffleRows puts rows in the order of a stream (Fisher and Yates).
func shuffleRows(rows []int, stream philox.Stream) {
	for i := len(rows) - 1; i > 0; i-- {
		j := stream.Intn(uint64(i), i+1)
		rows[i], rows[j] = rows[j], rows[i]
	}
}

// classes returns the class numbers of a table, nil when it has none.
func classes(t *table) []int64 {
	var found []int64
	for i, f := range t.fields {
		if !f.label {
			continue
		}
		if found != nil || f.Dtype != tensor.Int64 || f.Shape.Dims() != 0 {
			return nil
		}
		found, _ = dense.Elements(t.columns[i].tensor).([]int64)
	}
	return found
}

// divideByClass gives every row, in order, to the part that its class lacks most. With
// no classes there is one class.
func divideByClass(rows []int, class []int64, fraction float64, take int) (one, two []int) {
	seen, given := map[int64]int{}, map[int64]int{}
	for i, r := range rows {
		c := int64(0)
		if class != nil {
			c = class[r]
		}
		seen[c]++
		left, want := len(rows)-i, take-len(one)
		// The totals must come out too: near the end there may be no choice.
		toOne := float64(given[c])+0.5 <= fraction*float64(seen[c])
		if want == left {
			toOne = true
		} else if want == 0 {
			toOne = false
		}
		if toOne {
			given[c]++
			one = append(one, r)
		} else {
			two = append(two, r)
		}
	}
	return one, two
}
