package metrics

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// MarshalJSON returns an object of numbers. JSON lacks NaN and the infinities: they are
// the texts "NaN", "+Inf" and "-Inf".
func (v Values) MarshalJSON() ([]byte, error) {
	if v == nil {
		return []byte("null"), nil
	}
	object := make(map[string]any, len(v))
	for name, x := range v {
		if object[name] = x; math.IsNaN(x) || math.IsInf(x, 0) {
			object[name] = strconv.FormatFloat(x, 'g', -1, 64)
		}
	}
	return json.Marshal(object)
}

// UnmarshalJSON reads what MarshalJSON wrote, to the same bits.
func (v *Values) UnmarshalJSON(text []byte) error {
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return err
	}
	if object == nil {
		*v = nil
		return nil
	}
	*v = make(Values, len(object))
	for name, x := range object {
		switch x := x.(type) {
		case float64:
			(*v)[name] = x
			continue
		case string:
			if f, err := strconv.ParseFloat(x, 64); err == nil {
				(*v)[name] = f
				continue
			}
		}
		return fmt.Errorf("metrics: %q is %v, expected a number", name, x)
	}
	return nil
}
