package saver

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

func TestCompare(t *testing.T) {
	have := &Checkpoint{Tensors: map[string]*tensor.Dense{
		"same":         fill(tensor.Float32, tensor.Shape{2, 3}, 0),
		"scalar":       fill(tensor.Int64, tensor.Shape{}, 0),
		"dtype":        fill(tensor.Float64, tensor.Shape{2}, 0),
		"shape":        fill(tensor.Float32, tensor.Shape{3, 1}, 0),
		"dense/kernel": fill(tensor.Float32, tensor.Shape{4}, 0),
		"other":        fill(tensor.Int32, tensor.Shape{}, 0),
	}}
	r := Compare([]Variable{
		{"same", tensor.Float32, tensor.Shape{2, 3}},
		{"scalar", tensor.Int64, nil},
		{"dtype", tensor.Float32, tensor.Shape{2}},
		{"shape", tensor.Float32, tensor.Shape{3}},
		{"dense_1/kernel", tensor.Float32, tensor.Shape{4}},
		{"quite different", tensor.Int32, tensor.Shape{}},
	}, have)
	require.Equal(t, `2 restored, 2 missing, 2 mismatched, 2 unused
  variable "dense_1/kernel" float32 (4) is not in the checkpoint (it has "dense/kernel": was it renamed?)
  variable "quite different" int32 () is not in the checkpoint
  variable "dtype" is float64 (2) in the checkpoint, expected float32 (2)
  variable "shape" is float32 (3, 1) in the checkpoint, expected float32 (3)
  tensor "dense/kernel" float32 (4) of the checkpoint is not a variable
  tensor "other" int32 () of the checkpoint is not a variable`, r.String())
	for policy, names := range map[Policy][]string{
		Strict:                     {`"dense_1/kernel"`, `"quite different"`, `"dtype"`, `"shape"`, `tensor "dense/kernel"`, `"other"`},
		AllowUnused:                {`"dense_1/kernel"`, `"quite different"`, `"dtype"`, `"shape"`},
		AllowMissing:               {`"dtype"`, `"shape"`, `tensor "dense/kernel"`, `"other"`},
		AllowMissing | AllowUnused: {`"dtype"`, `"shape"`},
	} {
		err := r.Err(policy)
		require.ErrorIs(t, err, ErrMismatch)
		for _, name := range []string{`"dense_1/kernel"`, `"quite different"`, `"dtype"`, `"shape"`, `tensor "dense/kernel"`, `"other"`} {
			var wanted bool
			for _, n := range names {
				wanted = wanted || n == name
			}
			if wanted {
				require.ErrorContains(t, err, name)
			} else {
				require.NotContains(t, err.Error(), name)
			}
		}
	}
}

func TestCompareNoDifference(t *testing.T) {
	ckpt := sample(1)
	r := Compare([]Variable{{"w", tensor.Float32, tensor.Shape{2, 3}}, {"mask", tensor.Bool, tensor.Shape{3}}, {"count", tensor.Int, tensor.Shape{1}}, {"global_step", tensor.Int64, nil}}, &ckpt)
	require.NoError(t, r.Err(Strict))
	require.Equal(t, "4 restored, 0 missing, 0 mismatched, 0 unused", r.String())
	r = Compare([]Variable{{"w", tensor.Float32, tensor.Shape{2, 3}}}, &ckpt)
	require.Error(t, r.Err(Strict))
	require.NoError(t, r.Err(AllowUnused))
	r = Compare([]Variable{{"v", tensor.Float32, nil}}, nil)
	require.ErrorContains(t, r.Err(AllowUnused), `"v"`)
	require.NoError(t, r.Err(AllowMissing))
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		n    int
	}{{"", "", 0}, {"abc", "abc", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 2}, {"dense/w", "dense_1/w", 2}} {
		require.Equal(t, c.n, distance(c.a, c.b), "%q %q", c.a, c.b)
	}
}

// Guesses must not make an error slow.
func TestCompareManyDifferences(t *testing.T) {
	ckpt := &Checkpoint{Tensors: map[string]*tensor.Dense{}}
	var want []Variable
	for i := range 2000 {
		ckpt.Tensors[fmt.Sprintf("a%d", i)] = fill(tensor.Uint8, nil, i)
		want = append(want, Variable{fmt.Sprintf("b%d", i), tensor.Uint8, nil})
	}
	err := Compare(want, ckpt).Err(Strict)
	require.ErrorContains(t, err, `"b1999"`)
	require.ErrorContains(t, err, `"a1999"`)
	require.NotContains(t, err.Error(), "renamed")
}
