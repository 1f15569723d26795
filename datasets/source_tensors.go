package datasets

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// memorySource is rows in memory.
type memorySource struct {
	name   string // for the fingerprint
	fields []field
	n      int
	load   func() (*table, error) // gives the same table every time
	index  []int                  // the rows that belong to the set, nil for all
}

func (s *memorySource) spec() Spec        { return specOfFields(s.fields) }
func (s *memorySource) rows() Cardinality { return Known(int64(s.n)) }

func (s *memorySource) fingerprint() string {
	return fmt.Sprintf("%s(%d rows: %v)", s.name, s.n, s.spec())
}

func (s *memorySource) sample() (*table, error) {
	t, err := s.load()
	if err != nil || s.n == 0 {
		return nil, err
	}
	if s.index != nil {
		return t.slice(s.index[0]), nil
	}
	return t, nil
}

func (s *memorySource) open() (stage[row], error) {
	t, err := s.load()
	if err != nil {
		return nil, err
	}
	return newMemoryStage(t, s.index), nil
}

// fromTable returns the data set of a table's rows.
func fromTable(name string, t *table) *Dataset {
	return &Dataset{src: &memorySource{name: name, fields: t.fields, n: t.rows, load: func() (*table, error) { return t, nil }}}
}

// FromTensors returns a data set of rows in memory. Features and labels are each one
// of
//
//   - a *tensor.Dense of shape [rows, ...], or a slice of numbers or bools, or of
//     equally long slices of them, to any depth: one tensor, named [DefaultFeature] or
//     [DefaultLabel];
//   - a map[string]*tensor.Dense, or a map[string]any of tensors and slices: tensors by
//     name. Names of labels must differ from those of features.
//
// labels may be nil. Dtypes are float32, float64, int64, int32, uint8 and bool; an int
// becomes an int64. Slices are copied, tensors are not and must not change any more.
//
// Wrong types, slices that are not rectangular and tensors of unequal length are
// errors; no rows is ErrEmpty.
func FromTensors(features, labels any) *Dataset {
	b := Batch{Labels: map[string]*tensor.Dense{}}
	var err error
	if b.Features, err = tensorsOf("features", DefaultFeature, features); err != nil {
		return failed("FromTensors: %w", err)
	}
	if labels != nil {
		if b.Labels, err = tensorsOf("labels", DefaultLabel, labels); err != nil {
			return failed("FromTensors: %w", err)
		}
	}
	if err := checkTensors(b); err != nil {
		return failed("FromTensors: %w", err)
	}
	spec, err := specOf(b)
	if err != nil {
		return failed("FromTensors: %w", err)
	}
	return fromTable("FromTensors", tableOf(b, spec.fields()))
}

// checkTensors compares all tensors with the first.
func checkTensors(b Batch) error {
	var duplicates []string
	for name := range b.Labels {
		if _, ok := b.Features[name]; ok {
			duplicates = append(duplicates, name)
		}
	}
	if slices.Sort(duplicates); len(duplicates) > 0 {
		return fmt.Errorf("%d names are in both features and labels: %s", len(duplicates), strings.Join(duplicates, ", "))
	}
	var first, firstName string
	rows := -1
	for _, part := range []struct {
		what    string
		tensors map[string]*tensor.Dense
	}{{"feature", b.Features}, {"label", b.Labels}} {
		for _, name := range slices.Sorted(maps.Keys(part.tensors)) {
			t := part.tensors[name]
			if t.Shape().Dims() == 0 {
				return fmt.Errorf("%s %q is a scalar, want [rows, ...]", part.what, name)
			}
			if rows < 0 {
				rows, firstName, first = t.Shape()[0], fmt.Sprintf("%s %q", part.what, name), fmt.Sprint(t.Shape())
			}
			if t.Shape()[0] != rows {
				return fmt.Errorf("%s has shape %s and %s %q has shape %v: want equal numbers of rows", firstName, first, part.what, name, t.Shape())
			}
		}
	}
	return nil
}

// tensorsOf makes named tensors of an argument of FromTensors.
func tensorsOf(argument, name string, v any) (map[string]*tensor.Dense, error) {
	values := map[string]any{}
	switch v := v.(type) {
	case nil:
		return nil, fmt.Errorf("%s is nil", argument)
	case map[string]*tensor.Dense:
		for k, t := range v {
			values[k] = t
		}
	case map[string]any:
		values = v
	default:
		values[name] = v
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("%s is an empty map, want at least one tensor", argument)
	}
	tensors := make(map[string]*tensor.Dense, len(values))
	for _, k := range slices.Sorted(maps.Keys(values)) {
		t, err := tensorOf(values[k])
		if err != nil {
			return nil, fmt.Errorf("%s[%q]: %w", argument, k, err)
		}
		tensors[k] = t
	}
	return tensors, nil
}

func tensorOf(v any) (*tensor.Dense, error) {
	if t, ok := v.(*tensor.Dense); ok {
		switch {
		case t == nil:
			return nil, errors.New("it is nil")
		case !dense.Supported(t.Dtype()):
			return nil, fmt.Errorf("dtype %v is not supported, want float32, float64, int64, int32, int, uint8 or bool", t.Dtype())
		case t.Shape().TotalSize() == 0:
			return nil, ErrEmpty
		}
		return t, nil
	}
	value := reflect.ValueOf(v)
	shape, kind, err := shapeOf(value)
	if err != nil {
		return nil, err
	}
	dtype, ok := dtypes[kind]
	if !ok {
		return nil, fmt.Errorf("it is a %T, want a *tensor.Dense or slices of float32, float64, int, int64, int32, uint8 or bool", v)
	}
	t := dense.New(dtype, shape)
	return t, fill(reflect.ValueOf(dense.Elements(t)), value, nil, shape, new(int))
}

var dtypes = map[reflect.Kind]tensor.Dtype{
	reflect.Float32: tensor.Float32, reflect.Float64: tensor.Float64, reflect.Int: tensor.Int64, reflect.Int64: tensor.Int64,
	reflect.Int32: tensor.Int32, reflect.Uint8: tensor.Uint8, reflect.Bool: tensor.Bool,
}

// shapeOf follows the first elements of nested slices.
func shapeOf(v reflect.Value) (shape tensor.Shape, kind reflect.Kind, err error) {
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return nil, reflect.Invalid, nil
	}
	for v.Kind() == reflect.Slice || v.Kind() == reflect.Array {
		if v.Len() == 0 && len(shape) == 0 {
			if _, ok := dtypes[elementKind(v.Type())]; !ok {
				return nil, reflect.Invalid, nil
			}
			return nil, reflect.Invalid, ErrEmpty
		}
		if v.Len() == 0 {
			return nil, reflect.Invalid, errors.New("row 0 is empty, want at least one number")
		}
		shape = append(shape, v.Len())
		v = v.Index(0)
	}
	return shape, v.Kind(), nil
}

func elementKind(t reflect.Type) reflect.Kind {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	return t.Kind()
}

// fill copies nested slices to a flat one, and checks that they are rectangular.
func fill(to, from reflect.Value, path []int, shape tensor.Shape, at *int) error {
	if from.Len() != shape[0] {
		return fmt.Errorf("element %v has %d elements, others have %d", path, from.Len(), shape[0])
	}
	if len(shape) == 1 {
		part := to.Slice(*at, *at+from.Len())
		*at += from.Len()
		if from.Kind() == reflect.Slice && from.Type().Elem() == to.Type().Elem() {
			reflect.Copy(part, from)
			return nil
		}
		for i := range from.Len() {
			part.Index(i).Set(from.Index(i).Convert(to.Type().Elem()))
		}
		return nil
	}
	for i := range from.Len() {
		if err := fill(to, from.Index(i), append(path[:len(path):len(path)], i), shape[1:], at); err != nil {
			return err
		}
	}
	return nil
}
