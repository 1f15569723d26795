package graph

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
)

// Params gives the graph hyper-parameters by name, which whoever builds it reads with
// [Graph.IntParam] and its like. They are copied; see [CopyParams] for what they may be.
func Params(values map[string]any) Option {
	return func(s *state) { s.params, s.paramsErr = CopyParams(values) }
}

// CopyParams returns a deep copy of hyper-parameters. They are plain data: numbers, text,
// booleans, and slices, arrays and maps with text as keys of such. Anything else, nil and
// NaN and infinite numbers too, is an error that names it.
func CopyParams(values map[string]any) (map[string]any, error) {
	c := make(map[string]any, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v, err := copyParam(reflect.ValueOf(values[name]))
		if err != nil {
			return nil, fmt.Errorf("param %q %w", name, err)
		}
		c[name] = v.Interface()
	}
	return c, nil
}

func copyParam(v reflect.Value) (reflect.Value, error) {
	switch kind := v.Kind(); {
	case kind == reflect.Bool || kind == reflect.String || v.CanInt() || v.CanUint():
		return v, nil
	case v.CanFloat():
		if x := v.Float(); math.IsNaN(x) || math.IsInf(x, 0) {
			return v, fmt.Errorf("is %v, want a finite number", x)
		}
		return v, nil
	case kind == reflect.Interface && !v.IsNil():
		return copyParam(v.Elem())
	case kind == reflect.Slice || kind == reflect.Array:
		return copyList(v)
	case kind == reflect.Map && v.Type().Key().Kind() == reflect.String:
		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for _, key := range v.MapKeys() {
			element, err := copyParam(v.MapIndex(key))
			if err != nil {
				return v, fmt.Errorf("at %q %w", key.String(), err)
			}
			c.SetMapIndex(key, element)
		}
		return c, nil
	case !v.IsValid() || kind == reflect.Interface:
		return v, fmt.Errorf("is nil, want a value")
	}
	return v, fmt.Errorf("is a %v, want numbers, text, booleans, or slices and maps of them", v.Type())
}

func copyList(v reflect.Value) (reflect.Value, error) {
	c := reflect.New(v.Type()).Elem()
	if v.Kind() == reflect.Slice {
		c.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
	}
	for i := range v.Len() {
		element, err := copyParam(v.Index(i))
		if err != nil {
			return v, fmt.Errorf("at %d %w", i, err)
		}
		c.Index(i).Set(element)
	}
	return c, nil
}

// Param returns a hyper-parameter as it was given, or otherwise when there is none of that
// name. Without otherwise, a missing one is the graph's error, and nil is returned.
func (g *Graph) Param(name string, otherwise ...any) any {
	v, ok := param(g, name, "Param", "", otherwise, func(v reflect.Value) (any, bool) { return v.Interface(), true })
	if ok {
		if c, err := copyParam(reflect.ValueOf(v)); err == nil {
			return c.Interface() // the caller's own
		}
	}
	return v
}

// IntParam returns a hyper-parameter that is a whole number, a float64 such as JSON gives
// too, or otherwise when there is none of that name. Without otherwise, a missing one is
// the graph's error, as is any other kind, and 0 is returned.
func (g *Graph) IntParam(name string, otherwise ...int) int {
	v, _ := param(g, name, "IntParam", "a whole number", otherwise, whole)
	return v
}

// IntsParam returns a copy of a hyper-parameter that is a list of whole numbers, such as
// the units of each layer, or otherwise when there is none of that name. Without
// otherwise, a missing one is the graph's error, as is any other kind, and nil is
// returned.
func (g *Graph) IntsParam(name string, otherwise ...[]int) []int {
	v, _ := param(g, name, "IntsParam", "a list of whole numbers", otherwise, func(v reflect.Value) ([]int, bool) {
		if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
			return nil, false
		}
		all := make([]int, v.Len())
		for i := range all {
			element := v.Index(i)
			if element.Kind() == reflect.Interface {
				element = element.Elem()
			}
			var ok bool
			if all[i], ok = whole(element); !ok {
				return nil, false
			}
		}
		return all, true
	})
	return v
}

func whole(v reflect.Value) (int, bool) {
	switch {
	case v.CanInt():
		return int(v.Int()), int64(int(v.Int())) == v.Int()
	case v.CanUint():
		return int(v.Uint()), v.Uint() <= math.MaxInt
	case v.CanFloat():
		x := v.Float()
		return int(x), x == math.Trunc(x) && math.Abs(x) <= 1<<53
	}
	return 0, false
}

// FloatParam returns a hyper-parameter that is a number, or otherwise when there is none
// of that name. Without otherwise, a missing one is the graph's error, as is any other
// kind, and 0 is returned.
func (g *Graph) FloatParam(name string, otherwise ...float64) float64 {
	v, _ := param(g, name, "FloatParam", "a number", otherwise, func(v reflect.Value) (float64, bool) {
		switch {
		case v.CanInt():
			return float64(v.Int()), true
		case v.CanUint():
			return float64(v.Uint()), true
		case v.CanFloat():
			return v.Float(), true
		}
		return 0, false
	})
	return v
}

// StringParam returns a hyper-parameter that is text, or otherwise when there is none of
// that name. Without otherwise, a missing one is the graph's error, as is any other kind,
// and "" is returned.
func (g *Graph) StringParam(name string, otherwise ...string) string {
	v, _ := param(g, name, "StringParam", "text", otherwise, func(v reflect.Value) (string, bool) {
		return v.String(), v.Kind() == reflect.String
	})
	return v
}

// BoolParam returns a hyper-parameter that is true or false, or otherwise when there is
// none of that name. Without otherwise, a missing one is the graph's error, as is any
// other kind, and false is returned.
func (g *Graph) BoolParam(name string, otherwise ...bool) bool {
	v, _ := param(g, name, "BoolParam", "true or false", otherwise, func(v reflect.Value) (bool, bool) {
		if v.Kind() != reflect.Bool {
			return false, false
		}
		return v.Bool(), true
	})
	return v
}

// param looks up and converts a hyper-parameter; given reports that there is one.
func param[T any](g *Graph, name, function, want string, otherwise []T, convert func(reflect.Value) (T, bool)) (value T, given bool) {
	raw, ok := g.params[name]
	g.readParam(name)
	switch {
	case g.paramsErr != nil:
		g.fail(g.paramsErr)
		return value, false
	case !ok && len(otherwise) > 0:
		return otherwise[0], false
	case !ok:
		g.fail(fmt.Errorf("%s: there is no param %q, have %q", function, name, slices.Sorted(maps.Keys(g.params))))
		return value, false
	}
	converted, ok := convert(reflect.ValueOf(raw))
	if !ok {
		g.fail(fmt.Errorf("%s: param %q is %v (%T), want %s", function, name, raw, raw, want))
		return value, false
	}
	return converted, true
}

func (g *Graph) readParam(name string) {
	if g.paramsRead == nil {
		g.paramsRead = map[string]bool{}
	}
	g.paramsRead[name] = true
}

// UnreadParams returns the names of the hyper-parameters that nobody has asked for, in
// ascending order.
func (g *Graph) UnreadParams() (unread []string) {
	for _, name := range slices.Sorted(maps.Keys(g.params)) {
		if !g.paramsRead[name] {
			unread = append(unread, name)
		}
	}
	return unread
}
