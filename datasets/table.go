package datasets

import (
	"fmt"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// table is rows in memory, a tensor for each field. Rows are addressed, not moved:
// every operation before the batch is put together passes [row] tokens on.
type table struct {
	fields  []field
	columns []storage
	rows    int
}

// storage is the memory of one column. The tensor is kept so that the bytes stay
// reachable.
type storage struct {
	tensor   *tensor.Dense
	bytes    []byte
	rowBytes int
}

// row is one row of a table.
type row struct {
	table *table
	index int
}

// newTable returns a table of zeros.
func newTable(fields []field, rows int) *table {
	t := &table{fields: fields, columns: make([]storage, len(fields)), rows: rows}
	for i, f := range fields {
		t.columns[i] = storageOf(dense.New(f.Dtype, append(tensor.Shape{rows}, f.Shape...)), rows)
	}
	return t
}

// tableOf wraps the tensors of a batch whose spec the fields are.
func tableOf(b Batch, fields []field) *table {
	t := &table{fields: fields, columns: make([]storage, len(fields)), rows: b.Rows()}
	for i, f := range fields {
		t.columns[i] = storageOf(dense.Contiguous(f.of(b)), t.rows)
	}
	return t
}

func storageOf(d *tensor.Dense, rows int) storage {
	s := storage{tensor: d, bytes: dense.Bytes(d)}
	if rows > 0 {
		s.rowBytes = len(s.bytes) / rows
	}
	return s
}

// batch returns all rows, in the table's memory.
func (t *table) batch() Batch {
	b := Batch{Features: map[string]*tensor.Dense{}, Labels: map[string]*tensor.Dense{}}
	for i, f := range t.fields {
		put(b, f, t.columns[i].tensor)
	}
	return b
}

func put(b Batch, f field, t *tensor.Dense) {
	if f.label {
		b.Labels[f.name] = t
	} else {
		b.Features[f.name] = t
	}
}

// slice returns a one-row table in memory of its own.
func (t *table) slice(index int) *table {
	one := newTable(t.fields, 1)
	for i, c := range one.columns {
		copy(c.bytes, t.columns[i].bytes[index*c.rowBytes:])
	}
	return one
}

// firstRows returns a tensor over the first n rows of d's memory.
func firstRows(d *tensor.Dense, n int) (*tensor.Dense, error) {
	shape := d.Shape().Clone()
	elements := n
	for _, size := range shape[1:] {
		elements *= size
	}
	shape[0] = n
	var backing any
	switch s := dense.Elements(d).(type) {
	case []float32:
		backing = s[:elements]
	case []float64:
		backing = s[:elements]
	case []int64:
		backing = s[:elements]
	case []int32:
		backing = s[:elements]
	case []int:
		backing = s[:elements]
	case []uint8:
		backing = s[:elements]
	case []bool:
		backing = s[:elements]
	default:
		return nil, fmt.Errorf("dtype %v is not supported", d.Dtype())
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing)), nil
}
