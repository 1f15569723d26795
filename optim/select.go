package optim

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/stheno-ml/stheno/graph"
)

// MinimizeOption changes what a train op minimizes.
type MinimizeOption func(*minimizeConfig)

type minimizeConfig struct {
	variables []*graph.Variable
	given     bool
	frozen    []string
}

// Variables names the variables to change, instead of all trainable ones.
func Variables(variables ...*graph.Variable) MinimizeOption {
	return func(c *minimizeConfig) { c.variables, c.given = append(c.variables, variables...), true }
}

// Freeze leaves alone the variables whose full name a pattern matches anywhere, as
// regexp.MatchString does: Freeze("^encoder/", "bias$"). Frozen variables get no
// gradient and no slots. A pattern that matches no variable is an error that lists the
// names, and so is freezing all of them.
func Freeze(patterns ...string) MinimizeOption {
	return func(c *minimizeConfig) { c.frozen = append(c.frozen, patterns...) }
}

// chosen returns the variables to change, nil for all trainable ones.
func chosen(g *graph.Graph, opts []MinimizeOption) ([]*graph.Variable, error) {
	var c minimizeConfig
	for _, opt := range opts {
		if opt != nil {
			opt(&c)
		}
	}
	if c.given && len(c.variables) == 0 {
		return nil, fmt.Errorf("Variables: there are none")
	}
	if len(c.frozen) == 0 {
		return c.variables, nil
	}
	if !c.given {
		c.variables = g.TrainableVariables()
	}
	for i, v := range c.variables {
		if v == nil {
			return nil, fmt.Errorf("Variables: variable %d is nil", i)
		}
	}
	frozen, err := matching(c.frozen, names(c.variables))
	if err != nil {
		return nil, fmt.Errorf("Freeze: %w", err)
	}
	var left []*graph.Variable
	for _, v := range c.variables {
		if !frozen[v.Name] {
			left = append(left, v)
		}
	}
	if len(left) == 0 {
		return nil, fmt.Errorf("Freeze: the patterns %q leave none of the variables %s", c.frozen, names(c.variables))
	}
	return left, nil
}

// list is a list of names as errors show it.
type list []string

func (l list) String() string { return "[" + strings.Join(l, " ") + "]" }

func names(variables []*graph.Variable) list {
	all := make(list, len(variables))
	for i, v := range variables {
		all[i] = v.Name
	}
	return all
}

// matching returns the names that some pattern matches. Each pattern must match one.
func matching(patterns []string, names list) (map[string]bool, error) {
	matched := map[string]bool{}
	for _, pattern := range patterns {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, fmt.Errorf("the pattern %q: %w", pattern, err)
		}
		found := false
		for _, name := range names {
			if re.MatchString(name) {
				matched[name], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("the pattern %q matches none of the variables %s", pattern, names)
		}
	}
	return matched, nil
}

// perVariable is implemented by the rules and transforms that treat variables
// differently: they answer a copy made for these.
type perVariable[R any] interface {
	forVariables(names list) (R, error)
}

func forVariables[R any](r R, names list) (R, error) {
	if p, ok := any(r).(perVariable[R]); ok {
		return p.forVariables(names)
	}
	return r, nil
}
