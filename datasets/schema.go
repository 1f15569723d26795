package datasets

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// Schema says what the columns of a text file are. [NewSchema] makes the usual one:
//
//	schema := datasets.NewSchema(
//		datasets.Features("bill_length_mm", "flipper_length_mm"),
//		datasets.Class("species", "Adelie", "Chinstrap", "Gentoo"))
type Schema struct {
	// Columns are found by name in the file's header; a column of the file that is
	// not listed is left out. With NoHeader they are the columns of the file in
	// order, all of them.
	Columns []Column
	// Shapes gives the shape of a row of a tensor that several columns make, for
	// example {"x": {28, 28}} for 784 of them; default: their number.
	Shapes map[string]tensor.Shape
	// NoHeader says that the first line is a row.
	NoHeader bool
	// Comma separates fields, ',' by default.
	Comma rune
	// Comment begins lines to leave out; none by default.
	Comment rune
	// Missing are the texts that mean that there is no value; the empty text by
	// default.
	Missing []string
	// DropMissing leaves out rows that miss a value for which there is no Default,
	// and counts them ([Iterator.Skipped]). Otherwise they are errors.
	DropMissing bool
}

// Role is what a column is for.
type Role int

const (
	// RoleFeature is a column of a feature tensor.
	RoleFeature Role = iota
	// RoleLabel is a column of a label tensor.
	RoleLabel
	// RoleIgnored is a column to leave out.
	RoleIgnored
)

// Column is one column of a text file. Columns with the same role and Into make one
// tensor together, in the order in which the schema lists them; they must have one
// dtype. A row of a float feature has shape (columns), of anything else made of one
// column ().
type Column struct {
	// Name is the column's name in the header, or what to call it in errors.
	Name string
	// Role is what it is for; feature by default.
	Role Role
	// Dtype is one of float32 (default), float64, int64, int32, int, uint8 and bool.
	Dtype tensor.Dtype
	// Into names the tensor: by default DefaultFeature or DefaultLabel.
	Into string
	// Vocabulary lists the texts of a categorical column; the value is the index of
	// the text. Dtype must then be int64 or int32.
	Vocabulary []string
	// Default is read in place of a missing value; none when empty.
	Default string
}

// NewSchema puts columns together for a file with a header.
func NewSchema(parts ...[]Column) Schema { return Schema{Columns: slices.Concat(parts...)} }

// Features are float32 columns that make the feature [DefaultFeature], of shape
// [batch, columns].
func Features(names ...string) []Column {
	columns := make([]Column, len(names))
	for i, name := range names {
		columns[i] = Column{Name: name, Dtype: tensor.Float32}
	}
	return columns
}

// Category is a column that makes a feature of its name, int64 [batch]: the index of
// its text in the vocabulary, or, without one, the whole number that it holds.
func Category(name string, vocabulary ...string) []Column {
	return []Column{{Name: name, Dtype: tensor.Int64, Into: name, Vocabulary: vocabulary}}
}

// Class is a column that makes the label [DefaultLabel], int64 [batch]: the index of
// its text among the classes, or, without any, the whole number that it holds.
func Class(name string, classes ...string) []Column {
	return []Column{{Name: name, Role: RoleLabel, Dtype: tensor.Int64, Vocabulary: classes}}
}

// Target is a column that makes the label [DefaultLabel], float32 [batch].
func Target(name string) []Column {
	return []Column{{Name: name, Role: RoleLabel, Dtype: tensor.Float32}}
}

// Ignore are columns to leave out, which only a file without a header needs.
func Ignore(names ...string) []Column {
	columns := make([]Column, len(names))
	for i, name := range names {
		columns[i] = Column{Name: name, Role: RoleIgnored}
	}
	return columns
}

// cell is a column of a schema and where its value goes.
type cell struct {
	Column
	at     int // number of the field in the file's rows
	field  int
	offset int // in the row
	width  int // elements of the row
	index  map[string]int64
}

// layout is a schema made ready to read a file.
type layout struct {
	fields  []field
	cells   []cell
	width   int // fields of the file's rows
	missing []string
	drop    bool
}

// layout checks a schema and finds its columns in a header, nil when there is none.
func (s *Schema) layout(header []string) (*layout, error) {
	l := &layout{width: len(header), missing: s.Missing, drop: s.DropMissing}
	if header == nil {
		l.width = len(s.Columns)
	}
	if s.Missing == nil {
		l.missing = []string{""}
	}
	seen := map[string]bool{}
	for i, c := range s.Columns {
		if c.Role == RoleIgnored {
			continue
		}
		if c.Name != "" && seen[c.Name] {
			return nil, fmt.Errorf("schema: column %q is listed twice", c.Name)
		}
		seen[c.Name] = true
		made, err := c.cell()
		if err != nil {
			return nil, fmt.Errorf("schema: column %d (%q): %w", i+1, c.Name, err)
		}
		if made.at = i; header != nil {
			if made.at, err = find(header, c.Name); err != nil {
				return nil, err
			}
		}
		l.cells = append(l.cells, made)
	}
	if err := l.group(s.Shapes); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return l, nil
}

func find(header []string, name string) (int, error) {
	at := slices.Index(header, name)
	if at < 0 {
		return 0, fmt.Errorf("there is no column %q, the header has %q", name, header)
	}
	if slices.Contains(header[at+1:], name) {
		return 0, fmt.Errorf("there are two columns %q in the header", name)
	}
	return at, nil
}

// cell completes a column with its defaults.
func (c Column) cell() (cell, error) {
	if c.Dtype == (tensor.Dtype{}) {
		c.Dtype = tensor.Float32
		if len(c.Vocabulary) > 0 {
			c.Dtype = tensor.Int64
		}
	}
	if c.Into == "" {
		if c.Into = DefaultFeature; c.Role == RoleLabel {
			c.Into = DefaultLabel
		}
	}
	made := cell{Column: c}
	switch {
	case c.Role != RoleFeature && c.Role != RoleLabel:
		return made, fmt.Errorf("the role is %d, want RoleFeature, RoleLabel or RoleIgnored", c.Role)
	case !dense.Supported(c.Dtype):
		return made, fmt.Errorf("dtype %v is not supported, want float32, float64, int64, int32, int, uint8 or bool", c.Dtype)
	case len(c.Vocabulary) > 0 && c.Dtype != tensor.Int64 && c.Dtype != tensor.Int32:
		return made, fmt.Errorf("dtype %v with a vocabulary, want int64 or int32", c.Dtype)
	}
	if len(c.Vocabulary) > 0 {
		made.index = make(map[string]int64, len(c.Vocabulary))
		for i, word := range c.Vocabulary {
			if _, ok := made.index[word]; ok {
				return made, fmt.Errorf("%q is in the vocabulary twice", word)
			}
			made.index[word] = int64(i)
		}
	}
	if c.Default != "" {
		if _, want := made.parse(c.Default); want != "" {
			return made, fmt.Errorf("the default %q: %s", c.Default, want)
		}
	}
	return made, nil
}

// group makes the fields of the cells' tensors.
func (l *layout) group(shapes map[string]tensor.Shape) error {
	spec := Spec{Features: map[string]TensorSpec{}, Labels: map[string]TensorSpec{}}
	of := func(c cell) map[string]TensorSpec {
		if c.Role == RoleLabel {
			return spec.Labels
		}
		return spec.Features
	}
	for i := range l.cells {
		c := &l.cells[i]
		t, ok := of(*c)[c.Into]
		if !ok {
			t = TensorSpec{Dtype: c.Dtype, Shape: tensor.Shape{0}}
		}
		if t.Dtype != c.Dtype {
			return fmt.Errorf("column %q is %v, others of the tensor %q are %v: give it another Into", c.Name, c.Dtype, c.Into, t.Dtype)
		}
		c.offset = t.Shape[0]
		t.Shape[0]++
		of(*c)[c.Into] = t
	}
	for name := range shapes {
		_, feature := spec.Features[name]
		if _, label := spec.Labels[name]; !feature && !label {
			return fmt.Errorf("there is a shape for %q, which no column makes", name)
		}
	}
	if err := shape(spec.Features, shapes, func(t TensorSpec) bool { return !isFloat(t.Dtype) }); err != nil {
		return err
	}
	if err := shape(spec.Labels, shapes, func(TensorSpec) bool { return true }); err != nil {
		return err
	}
	if err := spec.check(); err != nil {
		return err
	}
	l.fields = spec.fields()
	for i := range l.cells {
		c := &l.cells[i]
		c.field = slices.IndexFunc(l.fields, func(f field) bool { return f.name == c.Into && f.label == (c.Role == RoleLabel) })
		c.width = l.fields[c.field].elements()
	}
	return nil
}

// shape gives tensors the shapes asked for; where one column makes a number, not a
// vector of one, the default is ().
func shape(specs map[string]TensorSpec, shapes map[string]tensor.Shape, number func(TensorSpec) bool) error {
	for name, t := range specs {
		columns := t.Shape[0]
		if want, ok := shapes[name]; ok {
			if want.TotalSize() != columns {
				return fmt.Errorf("the shape %v of %q needs %d columns, there are %d", want, name, want.TotalSize(), columns)
			}
			t.Shape = want.Clone()
		} else if columns == 1 && number(t) {
			t.Shape = tensor.Shape{}
		}
		specs[name] = t
	}
	return nil
}

// value is a parsed number of any dtype.
type value struct {
	float float64
	whole int64
}

// parse reads a text; want says what is wrong with it, "" when nothing is.
func (c *cell) parse(text string) (v value, want string) {
	if c.index != nil {
		i, ok := c.index[text]
		if !ok {
			return v, fmt.Sprintf("not in the vocabulary, want one of %q", shortList(c.Vocabulary))
		}
		return value{whole: i}, ""
	}
	var err error
	switch c.Dtype {
	case tensor.Float32:
		v.float, err = strconv.ParseFloat(text, 32)
	case tensor.Float64:
		v.float, err = strconv.ParseFloat(text, 64)
	case tensor.Int64, tensor.Int:
		v.whole, err = strconv.ParseInt(text, 10, 64)
	case tensor.Int32:
		v.whole, err = strconv.ParseInt(text, 10, 32)
	case tensor.Uint8:
		var u uint64
		u, err = strconv.ParseUint(text, 10, 8)
		v.whole = int64(u)
	case tensor.Bool:
		var b bool
		if b, err = strconv.ParseBool(text); b {
			v.whole = 1
		}
	}
	switch {
	case errors.Is(err, strconv.ErrRange):
		return v, fmt.Sprintf("too large for %v", c.Dtype)
	case err != nil:
		return v, fmt.Sprintf("want %s", kinds[c.Dtype])
	case math.IsNaN(v.float) || math.IsInf(v.float, 0):
		return v, "want a finite number; to leave such rows out, list the text in Missing"
	}
	return v, ""
}

var kinds = map[tensor.Dtype]string{
	tensor.Float32: "a number", tensor.Float64: "a number", tensor.Int64: "a whole number", tensor.Int32: "a whole number",
	tensor.Int: "a whole number", tensor.Uint8: "a whole number from 0 to 255", tensor.Bool: "true or false",
}

func shortList(words []string) []string {
	const most = 10
	if len(words) <= most {
		return words
	}
	return append(slices.Clone(words[:most]), "...")
}

// store puts a value into element i of a column's memory.
func store(to any, i int, v value) {
	switch to := to.(type) {
	case []float32:
		to[i] = float32(v.float)
	case []float64:
		to[i] = v.float
	case []int64:
		to[i] = v.whole
	case []int32:
		to[i] = int32(v.whole)
	case []int:
		to[i] = int(v.whole)
	case []uint8:
		to[i] = uint8(v.whole)
	case []bool:
		to[i] = v.whole != 0
	}
}

func (l *layout) isMissing(text string) bool { return slices.Contains(l.missing, text) }
