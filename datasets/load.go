package datasets

import (
	"context"
	"fmt"
)

// Load reads one pass of everything before it into memory, Maps included, and returns a
// data set of those rows. Their number is then known, Shuffle reaches all of them, and
// positions are restored without reading again. Batches are taken apart. A data set
// that never ends is an error, ErrInfinite; opts are those of the pass.
func (d *Dataset) Load(ctx context.Context, opts ...IteratorOption) (*Dataset, error) {
	if err := d.Err(); err != nil {
		return nil, err
	}
	if d.Cardinality().IsInfinite() {
		return nil, fmt.Errorf("datasets: Load: %w", ErrInfinite)
	}
	batches := d
	if !d.batched() {
		batches = d.Batch(1024)
	}
	var parts []*table
	rows := 0
	fields := d.Spec().fields()
	err := batches.ForEach(ctx, func(b Batch) error {
		parts = append(parts, tableOf(b.Clone(), fields))
		rows += b.Rows()
		return nil
	}, opts...)
	if err != nil {
		return nil, err
	}
	if rows == 0 {
		return nil, fmt.Errorf("datasets: Load: %w", ErrEmpty)
	}
	all := newTable(fields, rows)
	for i := range all.columns {
		to := all.columns[i].bytes
		for _, part := range parts {
			to = to[copy(to, part.columns[i].bytes):]
		}
	}
	return fromTable("Load", all), nil
}
