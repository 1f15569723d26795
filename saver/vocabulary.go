package saver

import (
	"bufio"
	"errors"
	"fmt"
	"os"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// maxEntry bounds one line of a vocabulary's file.
const maxEntry = 1 << 20

// ReadVocabulary reads a text file with one entry a line. An empty line and an entry that
// is there already are errors that name the line.
func ReadVocabulary(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("saver: the vocabulary: %w", err)
	}
	var entries []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxEntry)
	for lines.Scan() {
		entries = append(entries, lines.Text())
	}
	if err := errors.Join(lines.Err(), f.Close()); err != nil {
		return nil, fmt.Errorf("saver: the vocabulary %s, line %d: %w", path, len(entries)+1, err)
	}
	if _, err := indices(entries); err != nil {
		return nil, fmt.Errorf("saver: the vocabulary %s: %w", path, err)
	}
	return entries, nil
}

// indices returns where each entry is.
func indices(entries []string) (map[string]int, error) {
	if len(entries) == 0 {
		return nil, errors.New("it has no entries")
	}
	at := make(map[string]int, len(entries))
	for i, entry := range entries {
		if entry == "" {
			return nil, fmt.Errorf("entry %d is empty", i+1)
		}
		if before, ok := at[entry]; ok {
			return nil, fmt.Errorf("entry %d is %q, as entry %d", i+1, entry, before+1)
		}
		at[entry] = i
	}
	return at, nil
}

// Vocabulary says which entry each row or column of a tensor belongs to, before and
// after a change of the vocabulary: TensorFlow's VocabInfo.
type Vocabulary struct {
	// New are the entries that the tensor is to have, Old those that it has in the
	// checkpoint, in order. A prefix of a vocabulary is a smaller one.
	New, Old []string
	// OOV is how many rows or columns the tensor is to have after those of New, for
	// entries that are not in the vocabulary.
	OOV int
	// Axis is 0 when rows belong to entries and 1 when columns do.
	Axis int
}

// Size returns how many rows or columns the tensor is to have.
func (v *Vocabulary) Size() int { return len(v.New) + v.OOV }

// Check reports what is wrong with the vocabulary for making a tensor of one shape from
// one of another.
func (v *Vocabulary) Check(to, from Variable) error {
	switch {
	case v.Axis != 0 && v.Axis != 1:
		return fmt.Errorf("saver: the vocabulary's axis is %d, expected 0 (rows) or 1 (columns)", v.Axis)
	case v.OOV < 0:
		return fmt.Errorf("saver: the vocabulary has %d entries for what is not in it, expected at least 0", v.OOV)
	}
	if _, err := indices(v.New); err != nil {
		return fmt.Errorf("saver: the new vocabulary: %w", err)
	}
	if _, err := indices(v.Old); err != nil {
		return fmt.Errorf("saver: the old vocabulary: %w", err)
	}
	fits := to.Dtype == from.Dtype && len(to.Shape) == len(from.Shape) && len(to.Shape) > v.Axis
	if fits {
		other := to.Shape.Clone()
		other[v.Axis] = from.Shape[v.Axis]
		fits = dense.SameShape(other, from.Shape)
	}
	switch {
	case !fits:
		return fmt.Errorf("saver: tensor %q is %v %v in the checkpoint, variable %q is %v %v: expected one dtype, and shapes that differ only in axis %d: %w",
			from.Name, from.Dtype, from.Shape, to.Name, to.Dtype, to.Shape, v.Axis, ErrMismatch)
	case to.Shape[v.Axis] != v.Size():
		return fmt.Errorf("saver: variable %q has %d entries in axis %d, the new vocabulary %d and %d for what is not in it: %w",
			to.Name, to.Shape[v.Axis], v.Axis, len(v.New), v.OOV, ErrMismatch)
	case from.Shape[v.Axis] < len(v.Old):
		return fmt.Errorf("saver: tensor %q has %d entries in axis %d of the checkpoint, the old vocabulary %d: %w",
			from.Name, from.Shape[v.Axis], v.Axis, len(v.Old), ErrMismatch)
	}
	return nil
}

// Known returns how many entries of New are in Old.
func (v *Vocabulary) Known() (n int) {
	old, _ := indices(v.Old)
	for _, entry := range v.New {
		if _, ok := old[entry]; ok {
			n++
		}
	}
	return n
}

// Remap copies the rows or columns of from that belong to entries of New into to. The
// others of to, those of new entries and the last OOV, keep their values.
func (v *Vocabulary) Remap(to, from *tensor.Dense) error {
	if err := v.Check(variableOf("new", to), variableOf("old", from)); err != nil {
		return err
	}
	old, err := indices(v.Old)
	if err != nil {
		return err
	}
	dst, src := dense.Bytes(to), dense.Bytes(dense.Contiguous(from))
	outer := 1
	for _, n := range to.Shape()[:v.Axis] {
		outer *= n
	}
	if len(dst) == 0 || len(src) == 0 {
		return nil
	}
	entries, oldEntries := to.Shape()[v.Axis], from.Shape()[v.Axis]
	size := len(dst) / (outer * entries)
	for i, entry := range v.New {
		j, known := old[entry]
		if !known {
			continue
		}
		for o := range outer {
			copy(dst[(o*entries+i)*size:][:size], src[(o*oldEntries+j)*size:])
		}
	}
	return nil
}
