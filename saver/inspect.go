package saver

import (
	"errors"
	"fmt"
	"os"

	"gorgonia.org/tensor"
)

// Resolve returns the file that path stands for: of a directory the newest checkpoint,
// as [Latest] finds it, otherwise path itself, which need not exist.
func Resolve(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path, nil
	}
	return Latest(path)
}

// ListVariables returns name, dtype and shape of all tensors of a checkpoint in ascending
// order of names. path is a file, or a directory whose newest checkpoint is meant
// (TensorFlow's list_variables).
func ListVariables(path string) ([]Variable, error) {
	var all []Variable
	err := reading(path, func(r *Reader) error {
		all = r.Variables()
		return nil
	})
	return all, err
}

// LoadVariable reads one tensor of a checkpoint: a file, or a directory whose newest
// checkpoint is meant. An unknown name gives [ErrNotFound]. TensorFlow's ":0" at the end
// of the name is left out.
func LoadVariable(path, name string) (*tensor.Dense, error) {
	var t *tensor.Dense
	err := reading(path, func(r *Reader) (err error) {
		t, err = r.Tensor(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

func reading(path string, use func(*Reader) error) error {
	if path == "" {
		return fmt.Errorf("saver: the path is \"\", expected a checkpoint's file or a directory")
	}
	file, err := Resolve(path)
	if err != nil {
		return err
	}
	r, err := Open(file)
	if err != nil {
		return err
	}
	return errors.Join(use(r), r.Close())
}
