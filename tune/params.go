package tune

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Params are the parameters of a trial by name. A value is an int64, a float64, a string
// or a bool.
type Params map[string]any

// Decode fills the fields of a struct, which are named as encoding/json names them:
//
//	h := struct {
//		Rate  float64 `json:"learning_rate"`
//		Units int     `json:"units"`
//	}{Units: 16}
//	err := p.Decode(&h)
//
// Fields without a parameter keep their values. A parameter without a field, and one of
// another kind than its field, is an error that names it.
func (p Params) Decode(into any) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("tune: the parameters %v do not fit a %T: %w", p, into, err)
	}
	return nil
}

// Names returns the names in ascending order.
func (p Params) Names() []string { return slices.Sorted(maps.Keys(p)) }

// String returns "learning_rate=0.01 units=32", ordered by name.
func (p Params) String() string {
	parts := make([]string, 0, len(p))
	for _, name := range p.Names() {
		parts = append(parts, name+"="+paramText(p[name]))
	}
	return strings.Join(parts, " ")
}

// paramText is short: MarshalJSON writes all digits.
func paramText(v any) string {
	if x, ok := v.(float64); ok {
		return strconv.FormatFloat(x, 'g', 6, 64)
	}
	return fmt.Sprint(v)
}

// normal returns a copy with the dtypes that parameters have.
func (p Params) normal() (Params, error) {
	c := make(Params, len(p))
	for _, name := range p.Names() {
		v, err := normalValue(p[name])
		if err != nil {
			return nil, fmt.Errorf("tune: parameter %q %w", name, err)
		}
		c[name] = v
	}
	return c, nil
}

func normalValue(v any) (any, error) {
	switch v := v.(type) {
	case int:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case float32:
		return normalValue(float64(v))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("is %v, want a finite number", v)
		}
		return v, nil
	case int64, string, bool:
		return v, nil
	}
	return nil, fmt.Errorf("is %v (%T), want a number, a text or a bool", v, v)
}

// MarshalJSON writes whole numbers without a point and all others with one or an
// exponent, so that reading them gives the same dtypes, and the same bits.
func (p Params) MarshalJSON() ([]byte, error) {
	p, err := p.normal()
	if err != nil {
		return nil, err
	}
	all := make(map[string]any, len(p))
	for name, v := range p {
		if x, ok := v.(float64); ok {
			text := strconv.FormatFloat(x, 'g', -1, 64)
			if !strings.ContainsAny(text, ".e") {
				text += ".0"
			}
			v = json.RawMessage(text)
		}
		all[name] = v
	}
	return json.Marshal(all)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Params) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var all map[string]any
	if err := d.Decode(&all); err != nil {
		return err
	}
	read := make(Params, len(all))
	for name, v := range all {
		n, isNumber := v.(json.Number)
		var err error
		switch {
		case isNumber && strings.ContainsAny(n.String(), ".eE"):
			v, err = n.Float64()
		case isNumber:
			v, err = n.Int64()
		}
		if err == nil {
			v, err = normalValue(v)
		}
		if err != nil {
			return fmt.Errorf("parameter %q: %w", name, err)
		}
		read[name] = v
	}
	*p = read
	return nil
}
