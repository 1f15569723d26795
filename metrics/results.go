package metrics

import (
	"fmt"
	"strconv"
	"strings"

	"gorgonia.org/tensor"
)

// Results returns the results of metrics by name: the value of a metric under its name,
// and of a [Tensor] each element, under the name, a slash and the element's label, which
// is its indices if it has none: "precision/positive_threshold_0.5", "confusion/1/0".
// [Values.Tensor] puts indices together again.
func Results(all map[string]Metric) Values {
	results := Values{}
	for name, m := range all {
		t, ok := m.(Tensor)
		if !ok {
			results[name] = m.Value()
			continue
		}
		if d := t.Tensor(); d != nil {
			for i, x := range d.Float64s() {
				key := name
				if l := label(t, d.Shape(), i); l != "" {
					key += "/" + l
				}
				results[key] = x
			}
		}
	}
	return results
}

// CheckNames reports a metric that is named as an element of a [Tensor] might be.
func CheckNames(all map[string]Metric) error {
	for _, name := range Names(all) {
		for of := name; strings.Contains(of, "/"); {
			of = of[:strings.LastIndex(of, "/")]
			if _, ok := all[of].(Tensor); ok {
				return fmt.Errorf("metrics: %q is named like an element of %q, which has several results", name, of)
			}
		}
	}
	return nil
}

// label names element i of a result.
func label(t Tensor, shape tensor.Shape, i int) string {
	if labels := t.Labels(); i < len(labels) {
		return labels[i]
	}
	indices := make([]string, len(shape))
	for axis := len(shape) - 1; axis >= 0; axis-- {
		indices[axis] = strconv.Itoa(i % shape[axis])
		i /= shape[axis]
	}
	return strings.Join(indices, "/")
}
