package optimtest_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/optim/optimtest"
)

// decaying is a rule that is right: momentum whose rate shrinks with its own state. What
// breaks it is in the functions, each called with the update that would be right.
type decaying struct {
	name   func() string
	slots  func() []optim.Slot
	state  func() []optim.State
	before func(s optim.Step, v any) optim.Step
	after  func(s optim.Step, v, g any, slots any)
	hidden float64
}

func (d *decaying) Name() string {
	if d.name != nil {
		return d.name()
	}
	return "Decaying"
}

func (d *decaying) Slots() []optim.Slot {
	if d.slots != nil {
		return d.slots()
	}
	return []optim.Slot{{Initial: 0.5}}
}

func (d *decaying) State() []optim.State {
	if d.state != nil {
		return d.state()
	}
	return []optim.State{{Name: "factor", Initial: 1, Next: func(x float64) float64 { return x * 0.9 }}}
}

func (d *decaying) Update32(s optim.Step, v, g []float32, slots [][]float32) {
	update(d, s, v, g, slots)
}
func (d *decaying) Update64(s optim.Step, v, g []float64, slots [][]float64) {
	update(d, s, v, g, slots)
}

func update[T float32 | float64](d *decaying, s optim.Step, v, g []T, slots [][]T) {
	if d.before != nil {
		s = d.before(s, v)
	}
	for i := range v {
		slots[0][i] = 0.5*slots[0][i] + g[i]*T(s.Scale)
		v[i] -= T(s.LearningRate*s.State[0]) * slots[0][i]
	}
	if d.after != nil {
		d.after(s, v, g, slots)
	}
}

func TestRightRule(t *testing.T) {
	optimtest.Run(t, func() optim.Rule { return &decaying{} })
}

// Each broken rule is found, by the case that is about it.
func TestBrokenRules(t *testing.T) {
	calls := 0.0
	sink := []any{}
	for _, c := range []struct {
		want string
		rule func() optim.Rule
	}{
		{"Fresh: the rule: the function given to the kit must return a rule each time. the finding: it is nil", func() optim.Rule { return nil }},
		{`Names: .* the name "two words"`, func() optim.Rule { return &decaying{name: func() string { return "two words" }} }},
		{`Names: .* the name ""`, func() optim.Rule { return &decaying{name: func() string { return "" }} }},
		{`Names: .* the state "factor" has no Next`, func() optim.Rule {
			return &decaying{state: func() []optim.State { return []optim.State{{Name: "factor", Initial: 1}} }}
		}},
		{"Constant: .* after 1 updates", func() optim.Rule {
			d := &decaying{}
			d.slots = func() []optim.Slot { return []optim.Slot{{Initial: d.hidden}} }
			d.after = func(optim.Step, any, any, any) { d.hidden++ }
			return d
		}},
		{"Gradient: .* float64: a gradient of", func() optim.Rule {
			return &decaying{after: func(_ optim.Step, _, g any, _ any) {
				if g, ok := g.([]float64); ok && len(g) > 0 {
					g[0] = 0
				}
			}}
		}},
		{"Length: .* float32: it wrote behind the 7 elements of slot 0", func() optim.Rule {
			return &decaying{after: func(_ optim.Step, _, _ any, slots any) {
				if s, ok := slots.([][]float32); ok && cap(s[0]) > len(s[0]) {
					s[0][:cap(s[0])][len(s[0])] = 1
				}
			}}
		}},
		{"Scale: .* with gradients g and Scale 0.5", func() optim.Rule {
			return &decaying{before: func(s optim.Step, _ any) optim.Step { s.Scale = 1; return s }}
		}},
		{"Dtypes: .* in float32 and in float64: element", func() optim.Rule {
			return &decaying{before: func(s optim.Step, v any) optim.Step {
				if _, ok := v.([]float32); ok {
					s.LearningRate *= 2
				}
				return s
			}}
		}},
		{"ZeroGradient: .* element 0 of the variable is NaN after 1 steps", func() optim.Rule {
			return &decaying{after: func(_ optim.Step, v, g any, _ any) {
				if v, ok := v.([]float64); ok && len(v) > 0 && g.([]float64)[0] == 0 {
					v[0] = math.NaN()
				}
			}}
		}},
		{"Empty: .* panic: runtime error: index out of range", func() optim.Rule {
			return &decaying{after: func(_ optim.Step, _, g any, _ any) {
				if g, ok := g.([]float64); ok {
					_ = g[0]
				}
			}}
		}},
		{"SameBits: .* element", func() optim.Rule {
			return &decaying{before: func(s optim.Step, _ any) optim.Step { calls++; s.LearningRate *= 1 + calls*1e-6; return s }}
		}},
		{"State: .* without a stop and after one", func() optim.Rule {
			d := &decaying{}
			d.before = func(s optim.Step, _ any) optim.Step { d.hidden++; s.LearningRate /= d.hidden; return s }
			return d
		}},
		{"Independent: .* alone and next to another variable", func() optim.Rule {
			d := &decaying{}
			d.before = func(s optim.Step, _ any) optim.Step { d.hidden++; s.LearningRate /= d.hidden; return s }
			return d
		}},
		{"NoAllocation: .* there are \\d allocations in an update", func() optim.Rule {
			return &decaying{after: func(optim.Step, any, any, any) { sink = append(sink[:0], new([100]float64)) }}
		}},
	} {
		t.Run(c.want, func(t *testing.T) {
			err := optimtest.TestRule(c.rule)
			require.Error(t, err)
			require.Regexp(t, "(?m)^"+strings.ReplaceAll(c.want, "(", `\(`), err.Error())
		})
	}
	_ = sink
}

// part is a transform of the same formula.
type part struct {
	rule   decaying
	broken bool
}

func (p *part) Name() string         { return "Part" }
func (p *part) Slots() []optim.Slot  { return p.rule.Slots() }
func (p *part) State() []optim.State { return p.rule.State() }
func (p *part) Apply32(s optim.Step, u, v []float32, slots [][]float32) {
	applyPart(p, s, u, v, slots)
}
func (p *part) Apply64(s optim.Step, u, v []float64, slots [][]float64) {
	applyPart(p, s, u, v, slots)
}

func applyPart[T float32 | float64](p *part, s optim.Step, u, v []T, slots [][]T) {
	for i, x := range u {
		slots[0][i] = 0.5*slots[0][i] + x
		u[i] = T(s.State[0]) * slots[0][i]
	}
	if p.broken && len(v) > 0 {
		v[0]++
	}
}

func TestTransforms(t *testing.T) {
	optimtest.RunTransform(t, func() optim.Transform { return &part{} })
	err := optimtest.TestTransform(func() optim.Transform { return &part{broken: true} })
	require.ErrorContains(t, err, "Variable: the rule: a transform must not change the variable. the finding: float")
	require.ErrorContains(t, optimtest.TestTransform(func() optim.Transform { return nil }), "Fresh: ")
}

func ExampleTestRule() {
	fmt.Println(optimtest.TestRule(func() optim.Rule { return &decaying{} }))
	// Output: <nil>
}
