package tune

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Space is what to search: for each parameter the values that it may take.
type Space map[string]Dimension

// Kind tells dimensions apart.
type Kind string

// The kinds of dimensions.
const (
	KindChoice     Kind = "choice"
	KindUniform    Kind = "uniform"
	KindLogUniform Kind = "log-uniform"
	KindInt        Kind = "int"
)

// Dimension is the values that a parameter may take. Make one with [Choice], [Uniform],
// [LogUniform] or [Int].
type Dimension struct {
	Kind Kind
	// Low and High bound a number; both are among the values.
	Low, High float64
	// Values are what a Choice has to choose from.
	Values []any
}

// Choice takes one of the values, each with the same probability: whole numbers, which
// become int64, floats, which become float64, texts or bools.
func Choice(values ...any) Dimension {
	return Dimension{Kind: KindChoice, Values: slices.Clone(values)}
}

// Uniform takes a float64 from low to high.
func Uniform(low, high float64) Dimension {
	return Dimension{Kind: KindUniform, Low: low, High: high}
}

// LogUniform takes a float64 from low to high whose logarithm is uniform: as often one
// between 0.001 and 0.01 as one between 0.01 and 0.1. low must be more than 0.
func LogUniform(low, high float64) Dimension {
	return Dimension{Kind: KindLogUniform, Low: low, High: high}
}

// Int takes an int64 from low to high, both included. Their sizes must be below 2^53.
func Int(low, high int64) Dimension {
	return Dimension{Kind: KindInt, Low: float64(low), High: float64(high)}
}

// String returns "log-uniform(0.0001, 0.1)".
func (d Dimension) String() string {
	if d.Kind != KindChoice {
		return fmt.Sprintf("%s(%v, %v)", d.Kind, d.Low, d.High)
	}
	parts := make([]string, len(d.Values))
	for i, v := range d.Values {
		parts[i] = fmt.Sprintf("%#v", v)
	}
	return "choice(" + strings.Join(parts, ", ") + ")"
}

// Validate reports a dimension without values, or with values of the wrong kind.
func (d Dimension) Validate() error {
	const largest = 1 << 53
	switch d.Kind {
	case KindChoice:
		if len(d.Values) == 0 {
			return errors.New("there is nothing to choose from")
		}
		for i, v := range d.Values {
			if _, err := normalValue(v); err != nil {
				return fmt.Errorf("value %d %w", i, err)
			}
		}
		return nil
	case KindUniform, KindLogUniform, KindInt:
	default:
		return fmt.Errorf("the kind is %q, want one of Choice, Uniform, LogUniform and Int", d.Kind)
	}
	switch {
	case math.IsNaN(d.High-d.Low) || math.IsInf(d.High-d.Low, 0) || d.Low > d.High:
		return fmt.Errorf("the bounds are %v and %v, want a lower and a higher one, not infinitely apart", d.Low, d.High)
	case d.Kind == KindLogUniform && d.Low <= 0:
		return fmt.Errorf("the lower bound is %v, want more than 0", d.Low)
	case d.Kind == KindInt && (math.Abs(d.Low) >= largest || math.Abs(d.High) >= largest):
		return fmt.Errorf("the bounds are %v and %v, want sizes below 2^53", d.Low, d.High)
	}
	return nil
}

// At returns the value at the place u of a valid dimension, from 0 to 1: for uniform draws
// of u the values have the dimension's distribution. Samplers use it.
func (d Dimension) At(u float64) any {
	switch d.Kind {
	case KindUniform:
		return min(d.Low+u*(d.High-d.Low), d.High)
	case KindLogUniform:
		low, high := math.Log(d.Low), math.Log(d.High)
		return min(max(math.Exp(low+u*(high-low)), d.Low), d.High)
	}
	return d.value(min(int(u*float64(d.count())), d.count()-1))
}

// Place returns the place of a value: At gives the value again, but for rounding. An error
// says that it is none of the dimension's.
func (d Dimension) Place(v any) (float64, error) {
	v, err := normalValue(v)
	if err != nil {
		return 0, fmt.Errorf("tune: the value %w", err)
	}
	x, isFloat := v.(float64)
	i, isInt := v.(int64)
	n := float64(d.count())
	switch {
	case d.Kind == KindChoice:
		for i := range d.Values {
			if d.value(i) == v {
				return (float64(i) + 0.5) / n, nil
			}
		}
	case d.Kind == KindInt && isInt && float64(i) >= d.Low && float64(i) <= d.High:
		return (float64(i) - d.Low + 0.5) / n, nil
	case !isFloat || d.Kind == KindInt || x < d.Low || x > d.High:
	case d.Low == d.High:
		return 0.5, nil
	case d.Kind == KindUniform:
		return (x - d.Low) / (d.High - d.Low), nil
	default:
		return (math.Log(x) - math.Log(d.Low)) / (math.Log(d.High) - math.Log(d.Low)), nil
	}
	return 0, fmt.Errorf("tune: %v (%T) is not a value of %v", v, v, d)
}

// count returns the number of values, -1 where they are not counted.
func (d Dimension) count() int {
	switch d.Kind {
	case KindChoice:
		return len(d.Values)
	case KindInt:
		return int(d.High-d.Low) + 1
	}
	return -1
}

// value returns one of the values that are counted.
func (d Dimension) value(i int) any {
	if d.Kind == KindInt {
		return int64(d.Low) + int64(i)
	}
	v, _ := normalValue(d.Values[i]) // Validate has seen it
	return v
}

// Names returns the names of the parameters in ascending order.
func (s Space) Names() []string { return slices.Sorted(maps.Keys(s)) }

// String returns "{learning_rate: log-uniform(0.0001, 0.1), units: choice(16, 32)}".
func (s Space) String() string {
	parts := make([]string, 0, len(s))
	for _, name := range s.Names() {
		parts = append(parts, fmt.Sprintf("%s: %v", name, s[name]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// Validate reports the first parameter whose dimension is wrong, in the order of names.
func (s Space) Validate() error {
	if len(s) == 0 {
		return errors.New("tune: the space has no parameters")
	}
	for _, name := range s.Names() {
		if name == "" {
			return errors.New("tune: the space has a parameter without a name")
		}
		if err := s[name].Validate(); err != nil {
			return fmt.Errorf("tune: parameter %q: %w", name, err)
		}
	}
	return nil
}
