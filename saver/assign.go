package saver

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stheno-ml/stheno/internal/dense"
)

// Assignment says which tensor of a checkpoint a variable gets its value from.
type Assignment struct {
	// Variable is who gets it, Tensor is what the checkpoint has.
	Variable, Tensor Variable
}

// Assign resolves an assignment map, which is TensorFlow's (init_from_checkpoint): from
// names in the checkpoint to names of variables. have is what the checkpoint has
// ([ListVariables]), want the variables there are.
//
//	"dnn/kernel": "tower/kernel"   one tensor for one variable
//	"dnn/": "tower/"               each variable below tower/ from below dnn/
//	"/": "tower/"                  each variable below tower/ from the top
//	"dnn/": "/"                    every variable from below dnn/
//
// The map is gone through in ascending order of the checkpoint's names; of two entries
// for one variable the later counts. Other tensors of the checkpoint are not used. The
// result is in the order of want.
//
// The error reports every entry that is wrong: a variable that is not there or has no
// tensor, another dtype or shape, a scope (a name with a slash at its end) for a
// variable.
func Assign(have, want []Variable, assignment map[string]string) ([]Assignment, error) {
	a := &assigner{have: byName(have), want: byName(want), chosen: map[string]Variable{}}
	for _, from := range slices.Sorted(maps.Keys(assignment)) {
		a.entry(from, assignment[from])
	}
	if len(a.errs) > 0 {
		return nil, errors.Join(a.errs...)
	}
	var all []Assignment
	for _, v := range want {
		if t, ok := a.chosen[v.Name]; ok {
			all = append(all, Assignment{Variable: v, Tensor: t})
		}
	}
	return all, nil
}

func byName(variables []Variable) map[string]Variable {
	named := make(map[string]Variable, len(variables))
	for _, v := range variables {
		named[v.Name] = v
	}
	return named
}

type assigner struct {
	have, want map[string]Variable
	chosen     map[string]Variable // tensors by the names of variables
	errs       []error
}

func (a *assigner) fail(format string, args ...any) {
	a.errs = append(a.errs, fmt.Errorf("saver: "+format, args...))
}

// entry takes one entry of the map.
func (a *assigner) entry(from, to string) {
	fromScope, toScope := strings.HasSuffix(from, "/"), strings.HasSuffix(to, "/")
	switch {
	case fromScope && toScope:
		a.scope(strings.TrimSuffix(from, "/"), strings.TrimSuffix(to, "/"))
	case fromScope != toScope:
		a.fail("the assignment of %q to %q: expected two variables or two scopes, which have a slash at the end", from, to)
	default:
		if v, ok := a.want[to]; ok {
			a.choose(from, v)
		} else {
			a.fail("the assignment of %q to %q: there is no variable %q, have %q", from, to, to, slices.Sorted(maps.Keys(a.want)))
		}
	}
}

// scope takes an entry for every variable of a scope; "" is the top.
func (a *assigner) scope(from, to string) {
	found := false
	for _, name := range slices.Sorted(maps.Keys(a.want)) {
		rest, inside := below(to, name)
		if !inside {
			continue
		}
		found = true
		if from != "" {
			rest = from + "/" + rest
		}
		a.choose(rest, a.want[name])
	}
	if !found {
		a.fail("the assignment of %q to %q: no variable's name begins with %q, have %q", from+"/", to+"/", to+"/", slices.Sorted(maps.Keys(a.want)))
	}
}

func below(scope, name string) (rest string, ok bool) {
	if scope == "" {
		return name, true
	}
	return strings.CutPrefix(name, scope+"/")
}

func (a *assigner) choose(tensor string, v Variable) {
	t, ok := a.have[tensor]
	if !ok {
		t, ok = a.have[strings.TrimSuffix(tensor, ":0")]
	}
	switch {
	case !ok:
		a.fail("tensor %q for variable %q is %w", tensor, v.Name, ErrNotFound)
	case t.Dtype != v.Dtype || !dense.SameShape(t.Shape, v.Shape):
		a.fail("tensor %q is %v %v in the checkpoint, variable %q is %v %v: %w", t.Name, t.Dtype, t.Shape, v.Name, v.Dtype, v.Shape, ErrMismatch)
	default:
		a.chosen[v.Name] = t
	}
}
