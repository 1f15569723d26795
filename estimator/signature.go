package estimator

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/internal/dense"
)

// metadataSignature is the key under which checkpoints hold the features and labels
// that a model was trained on.
const metadataSignature = "signature"

// signature is the dtype and the shape of one row of each feature and label.
type signature struct {
	Features map[string]column `json:"features"`
	Labels   map[string]column `json:"labels"`
}

type column struct {
	Dtype string `json:"dtype"`
	Shape []int  `json:"shape"`
}

func (c column) String() string { return fmt.Sprintf("%s %v", c.Dtype, tensor.Shape(c.Shape)) }

func signatureOf(spec datasets.Spec) *signature {
	columns := func(specs map[string]datasets.TensorSpec) map[string]column {
		c := make(map[string]column, len(specs))
		for name, s := range specs {
			c[name] = column{Dtype: s.Dtype.String(), Shape: append([]int{}, s.Shape...)}
		}
		return c
	}
	return &signature{Features: columns(spec.Features), Labels: columns(spec.Labels)}
}

func (s *signature) encode() (string, error) {
	text, err := json.Marshal(s)
	return string(text), err
}

func decodeSignature(text string) (*signature, error) {
	s := new(signature)
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, fmt.Errorf("estimator: the checkpoint's signature: %w", err)
	}
	return s, nil
}

// spec is the inverse of signatureOf.
func (s *signature) spec() (spec datasets.Spec, err error) {
	if spec.Features, err = specsOf(s.Features); err != nil {
		return spec, fmt.Errorf("feature %w", err)
	}
	if spec.Labels, err = specsOf(s.Labels); err != nil {
		return spec, fmt.Errorf("label %w", err)
	}
	return spec, nil
}

func specsOf(columns map[string]column) (map[string]datasets.TensorSpec, error) {
	specs := make(map[string]datasets.TensorSpec, len(columns))
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		c := columns[name]
		dt, ok := dense.Named(c.Dtype)
		if !ok {
			return nil, fmt.Errorf("%q has dtype %q, which is none", name, c.Dtype)
		}
		specs[name] = datasets.TensorSpec{Dtype: dt, Shape: append(tensor.Shape{}, c.Shape...)}
	}
	return specs, nil
}

// compatible reports every difference between what the model was trained on, s, and
// what it is given now. withLabels also compares labels.
func (s *signature) compatible(given *signature, withLabels bool) error {
	if s == nil {
		return nil
	}
	differences := compare("feature", s.Features, given.Features)
	if withLabels {
		differences = append(differences, compare("label", s.Labels, given.Labels)...)
	}
	if len(differences) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrIncompatible, strings.Join(differences, "; "))
}

func compare(kind string, trained, given map[string]column) (differences []string) {
	for _, name := range slices.Sorted(maps.Keys(trained)) {
		now, ok := given[name]
		switch {
		case !ok:
			differences = append(differences, fmt.Sprintf("%s %q (%v) is missing", kind, name, trained[name]))
		case now.Dtype != trained[name].Dtype || !slices.Equal(now.Shape, trained[name].Shape):
			differences = append(differences, fmt.Sprintf("%s %q was %v a row and is %v", kind, name, trained[name], now))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := trained[name]; !ok {
			differences = append(differences, fmt.Sprintf("%s %q (%v) is new", kind, name, given[name]))
		}
	}
	return differences
}
