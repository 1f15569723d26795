package estimatortest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/internal/dense"
)

// variables is a copy of the step and of every variable's bits.
type variables struct {
	step  int64
	names []string
	bits  map[string][]byte
}

func variablesOf(est *estimator.Estimator) (*variables, error) {
	step, err := est.GlobalStep()
	if err != nil {
		return nil, fmt.Errorf("GlobalStep: %w", err)
	}
	names, err := est.VariableNames()
	if err != nil {
		return nil, fmt.Errorf("VariableNames: %w", err)
	}
	v := &variables{step: step, names: slices.Sorted(slices.Values(names)), bits: map[string][]byte{}}
	for _, name := range names {
		value, err := est.VariableValue(name)
		if err != nil {
			return nil, fmt.Errorf("VariableValue(%q): %w", name, err)
		}
		v.bits[name] = bytes.Clone(dense.Bytes(value))
	}
	return v, nil
}

// equal reports the first difference.
func (v *variables) equal(w *variables) error {
	if v.step != w.step {
		return fmt.Errorf("the global step is %d, want %d", w.step, v.step)
	}
	if !slices.Equal(v.names, w.names) {
		return fmt.Errorf("the variables are %q, want %q", w.names, v.names)
	}
	for _, name := range v.names {
		if !bytes.Equal(v.bits[name], w.bits[name]) {
			return fmt.Errorf("variable %q differs at step %d", name, v.step)
		}
	}
	return nil
}

// same reports the first difference between the variables of two estimators.
func same(want, got *estimator.Estimator) error {
	v, err := variablesOf(want)
	if err != nil {
		return err
	}
	w, err := variablesOf(got)
	if err != nil {
		return err
	}
	return v.equal(w)
}

// unchanged runs f and reports what it changed.
func unchanged(est *estimator.Estimator, f func() error) error {
	before, err := variablesOf(est)
	if err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	after, err := variablesOf(est)
	if err != nil {
		return err
	}
	return before.equal(after)
}

// files lists the files in a directory, with their sizes; none when it does not exist.
func files(dir string) (list []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			list = append(list, fmt.Sprint(path, ", ", info.Size(), " bytes"))
		}
		return err
	})
	return list, err
}
