package saver

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

func TestReadVocabulary(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		text string
		want []string
		err  string
	}{
		"lines":          {"apple\nbanana\nGraubünden \n", []string{"apple", "banana", "Graubünden "}, ""},
		"no last end":    {"apple\nbanana", []string{"apple", "banana"}, ""},
		"Windows' lines": {"apple\r\nbanana\r\n", []string{"apple", "banana"}, ""},
		"empty":          {"", nil, "it has no entries"},
		"empty line":     {"apple\n\nbanana\n", nil, "entry 2 is empty"},
		"twice":          {"apple\nbanana\napple\n", nil, `entry 3 is "apple", as entry 1`},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "vocab.txt")
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o666))
			got, err := ReadVocabulary(path)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				require.ErrorContains(t, err, path)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	_, err := ReadVocabulary(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func filled(dt tensor.Dtype, shape ...int) *tensor.Dense { return fill(dt, shape, 1) }

func TestRemap(t *testing.T) {
	fruits := func(v Vocabulary) *Vocabulary {
		v.Old = []string{"apple", "banana", "guava", "orange"}
		return &v
	}
	for name, c := range map[string]struct {
		vocabulary *Vocabulary
		old        []float32
		oldShape   tensor.Shape
		want       []float32 // -1 is what was there before
		known      int
	}{
		"rows change places": {fruits(Vocabulary{New: []string{"orange", "guava", "banana", "apple"}}),
			[]float32{1, 2, 3, 4, 5, 6, 7, 8}, tensor.Shape{4, 2}, []float32{7, 8, 5, 6, 3, 4, 1, 2}, 4},
		"new entries": {fruits(Vocabulary{New: []string{"raspberry", "orange", "apple"}}),
			[]float32{1, 2, 3, 4, 5, 6, 7, 8}, tensor.Shape{4, 2}, []float32{-1, -1, 7, 8, 1, 2}, 2},
		"buckets": {fruits(Vocabulary{New: []string{"guava"}, OOV: 2}),
			[]float32{1, 2, 3, 4, 5, 6, 7, 8}, tensor.Shape{4, 2}, []float32{5, 6, -1, -1, -1, -1}, 1},
		"old buckets are not taken over": {fruits(Vocabulary{New: []string{"orange"}, OOV: 1}),
			[]float32{1, 2, 3, 4, 5, 6}, tensor.Shape{6, 1}, []float32{4, -1}, 1},
		"a prefix of the old": {&Vocabulary{New: []string{"orange", "apple"}, Old: []string{"apple", "banana"}},
			[]float32{1, 2, 3, 4}, tensor.Shape{4, 1}, []float32{-1, 1}, 1},
		"columns": {fruits(Vocabulary{New: []string{"orange", "raspberry", "banana"}, OOV: 1, Axis: 1}),
			[]float32{1, 2, 3, 4, 5, 6, 7, 8}, tensor.Shape{2, 4}, []float32{4, -1, 2, -1, 8, -1, 6, -1}, 2},
		"vector": {fruits(Vocabulary{New: []string{"guava", "kiwi"}}), []float32{1, 2, 3, 4}, tensor.Shape{4}, []float32{3, -1}, 1},
		"columns of blocks": {&Vocabulary{New: []string{"b"}, Old: []string{"a", "b"}, Axis: 1},
			[]float32{1, 2, 3, 4, 5, 6, 7, 8}, tensor.Shape{2, 2, 2}, []float32{3, 4, 7, 8}, 1},
		"empty rows": {fruits(Vocabulary{New: []string{"kiwi", "guava"}}), []float32{}, tensor.Shape{4, 0}, []float32{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			old := dense.New(tensor.Float32, c.oldShape)
			copy(dense.Elements(old).([]float32), c.old)
			shape := c.oldShape.Clone()
			shape[c.vocabulary.Axis] = c.vocabulary.Size()
			to := dense.New(tensor.Float32, shape)
			for i := range dense.Elements(to).([]float32) {
				dense.Elements(to).([]float32)[i] = -1
			}
			require.NoError(t, c.vocabulary.Remap(to, old))
			require.Equal(t, c.want, append([]float32{}, dense.Elements(to).([]float32)...))
			require.Equal(t, c.known, c.vocabulary.Known())
		})
	}
}

func TestRemapOfBadVocabularies(t *testing.T) {
	good := Vocabulary{New: []string{"a", "b"}, Old: []string{"b", "c", "d"}, OOV: 1}
	for name, c := range map[string]struct {
		change   func(v *Vocabulary)
		to, from *tensor.Dense
		want     string
	}{
		"axis":           {func(v *Vocabulary) { v.Axis = 2 }, filled(tensor.Float32, 3, 4), filled(tensor.Float32, 3, 4), "axis is 2, expected 0 (rows) or 1 (columns)"},
		"buckets":        {func(v *Vocabulary) { v.OOV = -1 }, filled(tensor.Float32, 3, 4), filled(tensor.Float32, 3, 4), "has -1 entries for what is not in it"},
		"no new":         {func(v *Vocabulary) { v.New = nil }, filled(tensor.Float32, 3, 4), filled(tensor.Float32, 3, 4), "the new vocabulary: it has no entries"},
		"old twice":      {func(v *Vocabulary) { v.Old[1] = "b" }, filled(tensor.Float32, 3, 4), filled(tensor.Float32, 3, 4), `the old vocabulary: entry 2 is "b", as entry 1`},
		"other axis":     {func(*Vocabulary) {}, filled(tensor.Float32, 3, 4), filled(tensor.Float32, 3, 5), "shapes that differ only in axis 0"},
		"columns differ": {func(v *Vocabulary) { v.Axis = 1 }, filled(tensor.Float32, 2, 3), filled(tensor.Float32, 3, 3), "shapes that differ only in axis 1"},
		"dtype":          {func(*Vocabulary) {}, filled(tensor.Float32, 3, 4), filled(tensor.Float64, 3, 4), "expected one dtype"},
		"a scalar":       {func(*Vocabulary) {}, filled(tensor.Float32), filled(tensor.Float32), "shapes that differ only in axis 0"},
		"size":           {func(*Vocabulary) {}, filled(tensor.Float32, 4, 4), filled(tensor.Float32, 3, 4), `variable "new" has 4 entries in axis 0, the new vocabulary 2 and 1`},
		"old size":       {func(*Vocabulary) {}, filled(tensor.Float32, 3, 4), filled(tensor.Float32, 2, 4), `tensor "old" has 2 entries in axis 0 of the checkpoint, the old vocabulary 3`},
	} {
		t.Run(name, func(t *testing.T) {
			v := good
			v.Old = append([]string{}, good.Old...)
			c.change(&v)
			before := dense.Clone(c.to)
			require.ErrorContains(t, v.Remap(c.to, c.from), c.want)
			require.Equal(t, before.Data(), c.to.Data())
		})
	}
}
