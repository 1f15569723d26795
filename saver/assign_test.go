package saver

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

// floats are variables of shape (2) with these names.
func floats(names ...string) (all []Variable) {
	for _, name := range names {
		all = append(all, Variable{name, tensor.Float32, tensor.Shape{2}})
	}
	return all
}

func TestAssign(t *testing.T) {
	for name, c := range map[string]struct {
		have, want []Variable
		assignment map[string]string
		assigned   string // variable<tensor, in order
	}{
		"one for one":       {floats("a", "b"), floats("x", "y"), map[string]string{"a": "y"}, "y<a"},
		"two for two":       {floats("a", "b"), floats("x", "y"), map[string]string{"a": "y", "b": "x"}, "x<b y<a"},
		"TensorFlow's :0":   {floats("a"), floats("x"), map[string]string{"a:0": "x"}, "x<a"},
		"scope to scope":    {floats("old/a", "old/b", "other"), floats("new/a", "new/b", "free"), map[string]string{"old/": "new/"}, "new/a<old/a new/b<old/b"},
		"deep scopes":       {floats("o/p/a/k"), floats("n/m/a/k", "n/a/k"), map[string]string{"o/p/": "n/m/"}, "n/m/a/k<o/p/a/k"},
		"top to scope":      {floats("a", "b"), floats("new/a", "new/b"), map[string]string{"/": "new/"}, "new/a<a new/b<b"},
		"scope to top":      {floats("old/a", "old/n/b"), floats("a", "n/b"), map[string]string{"old/": "/"}, "a<old/a n/b<old/n/b"},
		"top to top":        {floats("a", "n/b", "unused"), floats("a", "n/b"), map[string]string{"/": "/"}, "a<a n/b<n/b"},
		"the later counts":  {floats("a", "b"), floats("a"), map[string]string{"/": "/", "b": "a"}, "a<b"},
		"not by the prefix": {floats("old/a", "older/a"), floats("new/a", "newer/a"), map[string]string{"old/": "new/"}, "new/a<old/a"},
		"nothing":           {floats("a"), floats("x"), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := Assign(c.have, c.want, c.assignment)
			require.NoError(t, err)
			var got []string
			for _, a := range all {
				got = append(got, a.Variable.Name+"<"+a.Tensor.Name)
			}
			require.Equal(t, c.assigned, strings.Join(got, " "))
		})
	}
}

func TestAssignReportsEverything(t *testing.T) {
	have := append(floats("a", "s/a"), Variable{"wide", tensor.Float32, tensor.Shape{3}}, Variable{"double", tensor.Float64, tensor.Shape{2}})
	all, err := Assign(have, floats("x", "n/a", "n/b"), map[string]string{
		"a": "z", "b": "x", "wide": "x", "double": "x", "s/": "x", "a/": "n/a", "s/n/": "m/", "s//": "n/",
	})
	require.Empty(t, all)
	for _, want := range []string{
		`the assignment of "a" to "z": there is no variable "z", have ["n/a" "n/b" "x"]`,
		`tensor "b" for variable "x" is not found in the checkpoint`,
		`tensor "wide" is float32 (3) in the checkpoint, variable "x" is float32 (2)`,
		`tensor "double" is float64 (2) in the checkpoint, variable "x" is float32 (2)`,
		`the assignment of "s/" to "x": expected two variables or two scopes`,
		`the assignment of "a/" to "n/a": expected two variables or two scopes`,
		`the assignment of "s/n/" to "m/": no variable's name begins with "m/"`,
	} {
		require.ErrorContains(t, err, want)
	}
	require.ErrorIs(t, err, ErrMismatch)
	_, err = Assign(have, floats("n/a", "n/b"), map[string]string{"s/": "n/"})
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorContains(t, err, `tensor "s/b" for variable "n/b"`)
}
