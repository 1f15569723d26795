package optimtest

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/stheno-ml/stheno/optim"
)

type float interface{ float32 | float64 }

const (
	steps    = 12
	elements = 7
	rate     = 0.01
)

// memory is a variable with what is remembered of it, updated by hand.
type memory[T float] struct {
	rule  optim.Rule
	v     []T
	slots [][]T
	state []float64
	step  int64
}

func newMemory[T float](r optim.Rule, n int) *memory[T] {
	m := &memory[T]{rule: r, v: make([]T, n)}
	for i := range m.v {
		m.v[i] = T(math.Cos(float64(i)))
	}
	for _, slot := range r.Slots() {
		s := make([]T, n)
		for i := range s {
			s[i] = T(slot.Initial)
		}
		m.slots = append(m.slots, s)
	}
	for _, s := range r.State() {
		m.state = append(m.state, s.Initial)
	}
	return m
}

// update makes one update.
func (m *memory[T]) update(gradient []T, scale float64) {
	s := optim.Step{LearningRate: rate, Scale: scale, State: m.state, GlobalStep: m.step, Variable: "v"}
	switch v := any(m.v).(type) {
	case []float32:
		m.rule.Update32(s, v, any(gradient).([]float32), any(m.slots).([][]float32))
	case []float64:
		m.rule.Update64(s, v, any(gradient).([]float64), any(m.slots).([][]float64))
	}
	for i, s := range m.rule.State() {
		m.state[i] = float64(T(s.Next(m.state[i])))
	}
	m.step++
}

// gradient is that of step k.
func gradient[T float](k, n int) []T {
	g := make([]T, n)
	for i := range g {
		g[i] = T(math.Sin(float64(3*k + 5*i + 1)))
	}
	return g
}

func checkFresh(s subject) error {
	_, err := s.fresh()
	return err
}

func checkNames(s subject) error {
	r, err := s.fresh()
	if err != nil {
		return err
	}
	names := []string{r.Name()}
	for _, state := range r.State() {
		names = append(names, state.Name)
		if state.Next == nil {
			return fmt.Errorf("the state %q has no Next", state.Name)
		}
	}
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, " \t\n\"\\:") || strings.Contains("/"+name+"/", "//") {
			return fmt.Errorf("the name %q: want no empty part, white space, quotes, backslashes or colons", name)
		}
	}
	return nil
}

func checkConstant(s subject) error {
	r, err := s.fresh()
	if err != nil {
		return err
	}
	type description struct {
		name  string
		slots []optim.Slot
		state []string
	}
	describe := func() description {
		d := description{name: r.Name(), slots: append([]optim.Slot(nil), r.Slots()...)}
		for _, state := range r.State() {
			d.state = append(d.state, fmt.Sprint(state.Name, " from ", state.Initial))
		}
		return d
	}
	first := describe()
	m := newMemory[float64](r, elements)
	for k := range steps {
		m.update(gradient[float64](k, elements), 1)
		if now := describe(); !reflect.DeepEqual(first, now) {
			return fmt.Errorf("at first it is %+v, after %d updates %+v", first, k+1, now)
		}
	}
	return nil
}

func checkGradient(s subject) error {
	return both(s, gradientOf[float32], gradientOf[float64])
}

func gradientOf[T float](r optim.Rule) error {
	m := newMemory[T](r, elements)
	for k := range steps {
		g := gradient[T](k, elements)
		m.update(g, 0.5)
		if want := gradient[T](k, elements); !reflect.DeepEqual(want, g) {
			return fmt.Errorf("a gradient of %v is %v after the update", want, g)
		}
	}
	return nil
}

func checkVariable(s subject) error {
	if !s.keepsVariable {
		return nil
	}
	return both(s, variableOf[float32], variableOf[float64])
}

func variableOf[T float](r optim.Rule) error {
	m := newMemory[T](r, elements)
	for k := range steps {
		m.update(gradient[T](k, elements), 1)
	}
	if r.(*descent).touched {
		return fmt.Errorf("it changed the variable")
	}
	return nil
}

func checkLength(s subject) error {
	return both(s, lengthOf[float32], lengthOf[float64])
}

// lengthOf gives slices of a longer memory, whose rest must stay.
func lengthOf[T float](r optim.Rule) error {
	const mark = 42
	m := newMemory[T](r, elements)
	longer := func(s []T) []T {
		s = append(append([]T(nil), s...), mark, mark)
		return s[:elements]
	}
	m.v = longer(m.v)
	all := map[string][]T{"the variable": m.v}
	for i := range m.slots {
		m.slots[i] = longer(m.slots[i])
		all[fmt.Sprint("slot ", i)] = m.slots[i]
	}
	for k := range steps {
		g := longer(gradient[T](k, elements))
		m.update(g, 1)
		all["the gradient"] = g
		for what, s := range all {
			if s = s[:elements+2]; s[elements] != mark || s[elements+1] != mark {
				return fmt.Errorf("it wrote behind the %d elements of %s", elements, what)
			}
		}
	}
	return nil
}

func checkScale(s subject) error { return both2(s, scaleOf[float32], scaleOf[float64]) }

func scaleOf[T float](a, b optim.Rule) error {
	x, y := newMemory[T](a, elements), newMemory[T](b, elements)
	for k := range steps {
		g := gradient[T](k, elements)
		half := make([]T, len(g))
		for i := range g {
			half[i] = g[i] / 2
		}
		x.update(g, 0.5)
		y.update(half, 1)
	}
	if err := closeEnough(toFloat64(x), toFloat64(y), 1e-6); err != nil {
		return fmt.Errorf("with gradients g and Scale 0.5, and gradients g/2 and Scale 1: %w", err)
	}
	return nil
}

func checkDtypes(s subject) error {
	a, err := s.fresh()
	if err != nil {
		return err
	}
	b, err := s.fresh()
	if err != nil {
		return err
	}
	x, y := newMemory[float32](a, elements), newMemory[float64](b, elements)
	for k := range steps {
		x.update(gradient[float32](k, elements), 1)
		y.update(gradient[float64](k, elements), 1)
	}
	if err := closeEnough(toFloat64(x), toFloat64(y), 1e-3); err != nil {
		return fmt.Errorf("in float32 and in float64: %w", err)
	}
	return nil
}

func checkZeroGradient(s subject) error { return both(s, zeroOf[float32], zeroOf[float64]) }

func zeroOf[T float](r optim.Rule) error {
	m := newMemory[T](r, elements)
	for k := range steps {
		m.update(make([]T, elements), 1)
		for _, part := range toFloat64(m) {
			for i, x := range part.values {
				if math.IsNaN(x) || math.IsInf(x, 0) {
					return fmt.Errorf("element %d of %s is %v after %d steps", i, part.name, x, k+1)
				}
			}
		}
	}
	return nil
}

func checkEmpty(s subject) error { return both(s, emptyOf[float32], emptyOf[float64]) }

func emptyOf[T float](r optim.Rule) error {
	m := newMemory[T](r, 0)
	m.update(nil, 1)
	for i, x := range m.state {
		if math.IsNaN(x) {
			return fmt.Errorf("state %d is %v", i, x)
		}
	}
	return nil
}

func checkSameBits(s subject) error { return both2(s, sameBitsOf[float32], sameBitsOf[float64]) }

func sameBitsOf[T float](a, b optim.Rule) error {
	x, y := newMemory[T](a, elements), newMemory[T](b, elements)
	for k := range steps {
		x.update(gradient[T](k, elements), 1)
		y.update(gradient[T](k, elements), 1)
	}
	return closeEnough(toFloat64(x), toFloat64(y), 0)
}

func checkNoAllocation(s subject) error { return both(s, allocationOf[float32], allocationOf[float64]) }

func allocationOf[T float](r optim.Rule) error {
	m, g := newMemory[T](r, elements), gradient[T](1, elements)
	step := optim.Step{LearningRate: rate, Scale: 1, State: m.state, Variable: "v"}
	update := func() {}
	switch v := any(m.v).(type) {
	case []float32:
		g, slots := any(g).([]float32), any(m.slots).([][]float32)
		update = func() { r.Update32(step, v, g, slots) }
	case []float64:
		g, slots := any(g).([]float64), any(m.slots).([][]float64)
		update = func() { r.Update64(step, v, g, slots) }
	}
	if n := testing.AllocsPerRun(100, update); n > 0 {
		return fmt.Errorf("there are %v allocations in an update of %T", n, g)
	}
	return nil
}

// both checks a rule with float32 and another with float64.
func both(s subject, f32, f64 func(optim.Rule) error) error {
	return both2(s, func(r, _ optim.Rule) error { return f32(r) }, func(r, _ optim.Rule) error { return f64(r) })
}

func both2(s subject, f32, f64 func(a, b optim.Rule) error) error {
	var errs []error
	for name, f := range map[string]func(a, b optim.Rule) error{"float32": f32, "float64": f64} {
		a, err := s.fresh()
		if err != nil {
			return err
		}
		b, err := s.fresh()
		if err != nil {
			return err
		}
		if err := f(a, b); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// named is a part of a memory.
type named struct {
	name   string
	values []float64
}

func toFloat64[T float](m *memory[T]) []named {
	convert := func(s []T) []float64 {
		c := make([]float64, len(s))
		for i, x := range s {
			c[i] = float64(x)
		}
		return c
	}
	all := []named{{"the variable", convert(m.v)}, {"the state", m.state}}
	for i, s := range m.slots {
		all = append(all, named{fmt.Sprint("slot ", i), convert(s)})
	}
	return all
}

func closeEnough(a, b []named, tolerance float64) error {
	for i := range a {
		for k, x := range a[i].values {
			y := b[i].values[k]
			if x != y && !(math.Abs(x-y) <= tolerance*max(1, math.Abs(x))) {
				return fmt.Errorf("element %d of %s is %v and %v after %d updates", k, a[i].name, x, y, steps)
			}
		}
	}
	return nil
}
