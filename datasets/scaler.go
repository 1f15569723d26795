package datasets

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// Scaler makes every number of the float features have mean 0 and standard deviation
// 1 over the rows that it was fitted to. It is plain data: keep it beside the model,
// which is of no use without it.
type Scaler struct {
	// Mean and Std hold, for each float feature, one number for each element of a
	// row. The standard deviation is that of the rows, not an estimate (divided by
	// rows, not rows-1); where all rows are equal it is 1, which leaves a 0.
	Mean, Std map[string][]float64
}

// FitScaler goes through one epoch of a data set and returns its scaler. Fit it to the
// training rows only, and apply it to all others. Features of other dtypes, and labels,
// stay as they are. A NaN or an infinity is an error that names its place.
func FitScaler(ctx context.Context, d *Dataset) (*Scaler, error) {
	once := d.onePass()
	fit := &fitting{mean: map[string][]float64{}, squares: map[string][]float64{}}
	if err := once.ForEach(ctx, fit.add); err != nil {
		return nil, fmt.Errorf("datasets: FitScaler: %w", err)
	}
	if fit.rows == 0 {
		return nil, fmt.Errorf("datasets: FitScaler: %w", ErrEmpty)
	}
	for _, squares := range fit.squares {
		for i, q := range squares {
			if squares[i] = math.Sqrt(q / fit.rows); q <= 0 {
				squares[i] = 1
			}
		}
	}
	return &Scaler{Mean: fit.mean, Std: fit.squares}, nil
}

// onePass returns the data set without Repeat, Shuffle and Prefetch, with batches.
func (d *Dataset) onePass() *Dataset {
	once := *d
	once.ops = slices.DeleteFunc(slices.Clone(d.ops), func(o op) bool {
		return o.kind == opRepeat || o.kind == opShuffle || o.kind == opPrefetch
	})
	if once.err == nil && !once.batched() {
		return once.Batch(256)
	}
	return &once
}

// fitting sums up rows by Welford's method ("Note on a method for calculating corrected
// sums of squares and products", Technometrics 4, 1962).
type fitting struct {
	rows          float64
	mean, squares map[string][]float64
}

func (f *fitting) add(b Batch) error {
	for _, name := range slices.Sorted(maps.Keys(b.Features)) {
		t := b.Features[name]
		if !isFloat(t.Dtype()) {
			continue
		}
		width := t.Shape().TotalSize() / t.Shape()[0]
		if f.mean[name] == nil {
			f.mean[name], f.squares[name] = make([]float64, width), make([]float64, width)
		}
		var err error
		switch values := dense.Elements(dense.Contiguous(t)).(type) {
		case []float32:
			err = column(f, name, values)
		case []float64:
			err = column(f, name, values)
		}
		if err != nil {
			return err
		}
	}
	f.rows += float64(b.Rows())
	return nil
}

func column[T float32 | float64](f *fitting, name string, values []T) error {
	mean, squares := f.mean[name], f.squares[name]
	for i, v := range values {
		x, k, n := float64(v), i%len(mean), f.rows+float64(i/len(mean)+1)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("feature %q, row %.0f, element %d is %v, want a finite number", name, n-1, k, x)
		}
		delta := x - mean[k]
		mean[k] += delta / n
		squares[k] += delta * (x - mean[k])
	}
	return nil
}

func isFloat(dt tensor.Dtype) bool { return dt == tensor.Float32 || dt == tensor.Float64 }

// Apply returns the batch with its float features scaled, in new tensors; give it to
// [Dataset.Map]. A feature that the scaler does not know is an error.
func (s *Scaler) Apply(b Batch) (Batch, error) {
	out := Batch{Features: maps.Clone(b.Features), Labels: b.Labels}
	for _, name := range slices.Sorted(maps.Keys(b.Features)) {
		t := b.Features[name]
		if !isFloat(t.Dtype()) {
			continue
		}
		mean, std := s.Mean[name], s.Std[name]
		if mean == nil {
			return Batch{}, fmt.Errorf("datasets: Scaler: feature %q is unknown, want %v", name, slices.Sorted(maps.Keys(s.Mean)))
		}
		if t.Shape().Dims() == 0 || t.Shape().TotalSize() != t.Shape()[0]*len(mean) || len(std) != len(mean) {
			return Batch{}, fmt.Errorf("datasets: Scaler: feature %q has shape %v, want %d numbers a row", name, t.Shape(), len(mean))
		}
		scaled := dense.Clone(t)
		switch values := dense.Elements(scaled).(type) {
		case []float32:
			scale(values, mean, std)
		case []float64:
			scale(values, mean, std)
		}
		out.Features[name] = scaled
	}
	return out, nil
}

func scale[T float32 | float64](values []T, mean, std []float64) {
	for i, v := range values {
		k := i % len(mean)
		values[i] = T((float64(v) - mean[k]) / std[k])
	}
}

// Standardize scales the float features by a [Scaler] fitted to the data set's own
// rows, which happens at the first use. To scale other rows as the training rows were,
// use [FitScaler] and Map.
func (d *Dataset) Standardize() *Dataset {
	fit := sync.OnceValues(func() (*Scaler, error) { return FitScaler(context.Background(), d) })
	next := d.mapWith(func(b Batch) (Batch, error) {
		s, err := fit()
		if err != nil {
			return Batch{}, err
		}
		return s.Apply(b)
	}, nil)
	// Scaling keeps dtypes and shapes, and asking for them must not read everything.
	next.spec = &lazySpec{before: d, same: true}
	return next
}
