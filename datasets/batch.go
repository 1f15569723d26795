package datasets

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

const (
	// DefaultFeature is the name of the feature tensor of a source that has one.
	DefaultFeature = "x"
	// DefaultLabel is the name of the label tensor of a source that has one.
	DefaultLabel = "y"
)

// Batch is some rows: each tensor is [batch, ...], a number for each row is [batch].
// Labels is empty when there are none.
type Batch struct {
	Features, Labels map[string]*tensor.Dense
}

// Rows returns the number of rows.
func (b Batch) Rows() int {
	for _, tensors := range []map[string]*tensor.Dense{b.Features, b.Labels} {
		for _, t := range tensors {
			if t != nil && t.Shape().Dims() > 0 {
				return t.Shape()[0]
			}
		}
	}
	return 0
}

// Clone returns a copy in memory of its own, to keep beyond the next call of Next.
func (b Batch) Clone() Batch {
	clone := func(tensors map[string]*tensor.Dense) map[string]*tensor.Dense {
		out := make(map[string]*tensor.Dense, len(tensors))
		for name, t := range tensors {
			out[name] = dense.Clone(t)
		}
		return out
	}
	return Batch{Features: clone(b.Features), Labels: clone(b.Labels)}
}

// TensorSpec describes one row of a tensor: for a batch of shape [batch, 28, 28] the
// shape is (28, 28), for [batch] it is ().
type TensorSpec struct {
	Dtype tensor.Dtype
	Shape tensor.Shape
}

// String returns dtype and shape.
func (s TensorSpec) String() string { return fmt.Sprintf("%v %v", s.Dtype, s.Shape) }

// Spec describes one row of a data set by the names of its tensors.
type Spec struct {
	Features, Labels map[string]TensorSpec
}

// String lists the tensors by name.
func (s Spec) String() string {
	var b strings.Builder
	for _, f := range s.fields() {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %v", f.what(), f.TensorSpec)
	}
	return b.String()
}

func (s Spec) clone() Spec {
	return Spec{Features: maps.Clone(s.Features), Labels: maps.Clone(s.Labels)}
}

// check reports a dtype that no tensor of a batch can have, or a size that is not
// positive.
func (s Spec) check() error {
	if len(s.Features) == 0 {
		return fmt.Errorf("the spec has no features, want at least one")
	}
	for _, f := range s.fields() {
		if !dense.Supported(f.Dtype) {
			return fmt.Errorf("the spec of %s: dtype %v is not supported", f.what(), f.Dtype)
		}
		for _, n := range f.Shape {
			if n <= 0 {
				return fmt.Errorf("the spec of %s: shape %v: every size must be at least 1", f.what(), f.Shape)
			}
		}
	}
	return nil
}

// field is one tensor of a spec. Fields are ordered: features by name, then labels by
// name.
type field struct {
	TensorSpec
	name  string
	label bool
}

func (f field) what() string {
	if f.label {
		return fmt.Sprintf("label %q", f.name)
	}
	return fmt.Sprintf("feature %q", f.name)
}

func (f field) of(b Batch) *tensor.Dense {
	if f.label {
		return b.Labels[f.name]
	}
	return b.Features[f.name]
}

// elements returns the number of elements of a row.
func (f field) elements() int {
	n := 1
	for _, d := range f.Shape {
		n *= d
	}
	return n
}

func (s Spec) fields() []field {
	fields := make([]field, 0, len(s.Features)+len(s.Labels))
	for _, name := range slices.Sorted(maps.Keys(s.Features)) {
		fields = append(fields, field{TensorSpec: s.Features[name], name: name})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		fields = append(fields, field{TensorSpec: s.Labels[name], name: name, label: true})
	}
	return fields
}

func specOfFields(fields []field) Spec {
	s := Spec{Features: map[string]TensorSpec{}, Labels: map[string]TensorSpec{}}
	for _, f := range fields {
		if f.label {
			s.Labels[f.name] = f.TensorSpec
		} else {
			s.Features[f.name] = f.TensorSpec
		}
	}
	return s
}

// specOf describes a batch, which must have rows and tensors of equal length.
func specOf(b Batch) (Spec, error) {
	s := Spec{Features: map[string]TensorSpec{}, Labels: map[string]TensorSpec{}}
	rows := b.Rows()
	add := func(what string, tensors map[string]*tensor.Dense, specs map[string]TensorSpec) error {
		for _, name := range slices.Sorted(maps.Keys(tensors)) {
			t := tensors[name]
			switch {
			case t == nil:
				return fmt.Errorf("%s %q is nil", what, name)
			case t.Shape().Dims() == 0:
				return fmt.Errorf("%s %q is a scalar, want [batch, ...]", what, name)
			case t.Shape()[0] != rows:
				return fmt.Errorf("%s %q has shape %v, want %d rows", what, name, t.Shape(), rows)
			case !dense.Supported(t.Dtype()):
				return fmt.Errorf("%s %q: dtype %v is not supported", what, name, t.Dtype())
			}
			specs[name] = TensorSpec{Dtype: t.Dtype(), Shape: t.Shape()[1:].Clone()}
		}
		return nil
	}
	if err := add("feature", b.Features, s.Features); err != nil {
		return s, err
	}
	if err := add("label", b.Labels, s.Labels); err != nil {
		return s, err
	}
	return s, s.check()
}

// checkBatch compares a batch with the spec's fields and the number of rows wanted,
// -1 for any. It allocates only when something is wrong.
func checkBatch(b Batch, fields []field, rows int) error {
	features := 0
	for i := range fields {
		f := &fields[i]
		if !f.label {
			features++
		}
		t := f.of(b)
		switch {
		case t == nil:
			return fmt.Errorf("%s is missing, want %v a row", f.what(), f.TensorSpec)
		case t.Shape().Dims() == 0:
			return fmt.Errorf("%s is a scalar, want [batch, ...]", f.what())
		case t.Dtype() != f.Dtype || !dense.SameShape(t.Shape()[1:], f.Shape):
			return fmt.Errorf("%s is %v of shape %v, want %v a row", f.what(), t.Dtype(), t.Shape(), f.TensorSpec)
		}
		if rows < 0 {
			rows = t.Shape()[0]
		}
		if t.Shape()[0] != rows {
			return fmt.Errorf("%s has %d rows, want %d", f.what(), t.Shape()[0], rows)
		}
	}
	if len(b.Features) == features && len(b.Labels) == len(fields)-features {
		return nil
	}
	spec := specOfFields(fields)
	for _, name := range slices.Sorted(maps.Keys(b.Features)) {
		if _, ok := spec.Features[name]; !ok {
			return fmt.Errorf("feature %q is not in the spec, want %v", name, spec)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Labels)) {
		if _, ok := spec.Labels[name]; !ok {
			return fmt.Errorf("label %q is not in the spec, want %v", name, spec)
		}
	}
	return nil
}
