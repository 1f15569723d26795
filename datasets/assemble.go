package datasets

import (
	"errors"
	"fmt"
	"io"
	"maps"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// transform is the function of a Map.
type transform struct {
	name string
	f    func(Batch) (Batch, error)
}

// assembler copies rows together into batches: the only place where data moves. It
// goes round a ring of buffers, so that a batch stays valid while the next
// len(ring)-1 are made.
type assembler struct {
	fields     []field // of the rows
	transforms []transform
	out        []field // of the batch behind the transforms, nil for no check
	ring       []buffer
	at         int
}

// buffer is the memory of one batch.
type buffer struct {
	rows    int
	tensors []*tensor.Dense // [rows, ...]
	bytes   [][]byte
	views   map[int]Batch // by number of rows, over the same memory
}

// mostViews bounds the headers kept for batches of different sizes.
const mostViews = 16

func newAssembler(fields []field, transforms []transform, out []field, ring int) *assembler {
	return &assembler{fields: fields, transforms: transforms[:len(transforms):len(transforms)], out: out, ring: make([]buffer, ring)}
}

func (a *assembler) assemble(group []row) (Batch, error) {
	buf := &a.ring[a.at]
	if a.at++; a.at == len(a.ring) {
		a.at = 0
	}
	if buf.rows < len(group) {
		buf.allocate(a.fields, len(group))
	}
	for i, to := range buf.bytes {
		for _, r := range group {
			from := &r.table.columns[i]
			at := r.index * from.rowBytes
			to = to[copy(to, from.bytes[at:at+from.rowBytes]):]
		}
	}
	b, err := buf.view(a.fields, len(group))
	if err != nil || len(a.transforms) == 0 {
		return b, err
	}
	return a.transform(b, len(group))
}

// transform applies the Maps to a batch with maps and headers of its own, which the
// functions may change.
func (a *assembler) transform(b Batch, rows int) (Batch, error) {
	var err error
	for _, t := range a.transforms {
		b = Batch{Features: maps.Clone(b.Features), Labels: maps.Clone(b.Labels)}
		if b, err = callMap(t.f, b); err != nil {
			return Batch{}, notTheEnd(t.name, err)
		}
		if b.Rows() != rows {
			return Batch{}, fmt.Errorf("datasets: %s: it returned %d rows for %d, want as many", t.name, b.Rows(), rows)
		}
	}
	if a.out == nil {
		return b, nil
	}
	if err := checkBatch(b, a.out, rows); err != nil {
		return Batch{}, fmt.Errorf("datasets: %s: the batch does not fit the spec: %w", a.transforms[len(a.transforms)-1].name, err)
	}
	return b, nil
}

// notTheEnd wraps the error of a function. io.EOF, which only Func may return, must
// not be taken for the end of the data.
func notTheEnd(who string, err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("datasets: %s: the function returned the error %q", who, err)
	}
	return fmt.Errorf("datasets: %s: %w", who, err)
}

func (buf *buffer) allocate(fields []field, rows int) {
	*buf = buffer{rows: rows, views: map[int]Batch{}}
	for _, f := range fields {
		t := dense.New(f.Dtype, append(tensor.Shape{rows}, f.Shape...))
		buf.tensors = append(buf.tensors, t)
		buf.bytes = append(buf.bytes, dense.Bytes(t))
	}
}

// view returns the first rows of the buffer as a batch.
func (buf *buffer) view(fields []field, rows int) (Batch, error) {
	if b, ok := buf.views[rows]; ok {
		return b, nil
	}
	b := Batch{Features: map[string]*tensor.Dense{}, Labels: map[string]*tensor.Dense{}}
	for i, f := range fields {
		t, err := firstRows(buf.tensors[i], rows)
		if err != nil {
			return Batch{}, fmt.Errorf("datasets: %s: %w", f.what(), err)
		}
		put(b, f, t)
	}
	if len(buf.views) == mostViews {
		clear(buf.views)
	}
	buf.views[rows] = b
	return b, nil
}
