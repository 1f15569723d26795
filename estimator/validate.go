package estimator

import (
	"context"
	"fmt"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/hooks"
)

// validation is a named evaluation of a fit.
type validation struct {
	name   string
	input  *datasets.Dataset
	opts   []EvaluateOption
	config evaluateConfig // opts, applied
}

// Validate lets monitors of a fit ask for the evaluation of that name, as
// hooks.NewValidation does by a schedule: the input is evaluated with the variables of
// exactly the step at which it was asked for, in memory, and the summaries go to
// EvalDir(name); "" is the default evaluation. It may be given several times with
// different names. An infinite input needs Steps.
//
// Nothing is evaluated unless a monitor asks.
func Validate(name string, input *datasets.Dataset, opts ...EvaluateOption) FitOption {
	return fitOption(func(c *fitConfig) {
		v := &validation{name: name, input: input, opts: append(append([]EvaluateOption(nil), opts...), Name(name))}
		for _, opt := range opts {
			if opt != nil {
				opt.applyEvaluate(&v.config)
			}
		}
		c.validations = append(c.validations, v)
	})
}

// check reports the first bad argument.
func (v *validation) check() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("estimator: Fit: Validate(%q): %s", v.name, fmt.Sprintf(format, args...))
	}
	switch given := v.config.name; {
	case given != "" && given != v.name:
		return fail("Name: %q is another name", given)
	case v.config.checkpoint != "":
		return fail("CheckpointPath: %q has no meaning here: the variables of the step are evaluated", v.config.checkpoint)
	}
	c := v.config
	c.name = v.name
	if err := c.validate(); err != nil {
		return fmt.Errorf("estimator: Fit: Validate(%q): %w", v.name, err)
	}
	if err := checkInput("Validate", v.input); err != nil {
		return fmt.Errorf("estimator: Fit: Validate(%q): %w", v.name, err)
	}
	if v.input.Cardinality().IsInfinite() && !c.stepsGiven {
		return fmt.Errorf("estimator: Fit: Validate(%q): %w: give Steps", v.name, ErrEndless)
	}
	return nil
}

// checkValidations reports the first bad evaluation, or two of one name.
func (c *fitConfig) checkValidations() error {
	seen := map[string]bool{}
	for _, v := range c.validations {
		if err := v.check(); err != nil {
			return err
		}
		if seen[v.name] {
			return fmt.Errorf("estimator: Fit: Validate(%q) is given twice", v.name)
		}
		seen[v.name] = true
	}
	return nil
}

// serveValidations returns what makes the evaluations, nil when there are none. It
// reports inputs that are not the model's and monitors that ask for an evaluation that
// is not there, before anything is written.
func (e *Estimator) serveValidations(m *model, monitors []hooks.Monitor, all []*validation) (func(context.Context, string) (hooks.Metrics, error), error) {
	byName, names := map[string]*validation{}, []string{}
	for _, v := range all {
		if err := m.signature.compatible(signatureOf(v.input.Spec()), true); err != nil {
			return nil, fmt.Errorf("estimator: Fit: Validate(%q): %w", v.name, err)
		}
		byName[v.name], names = v, append(names, v.name)
	}
	missing := func(name string) error {
		return fmt.Errorf("estimator: Fit: there is no evaluation %q, have %q: use estimator.Validate", name, names)
	}
	for _, monitor := range monitors {
		if asks, ok := monitor.(*hooks.Validation); ok && byName[asks.Evaluation()] == nil {
			return nil, missing(asks.Evaluation())
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return func(ctx context.Context, name string) (hooks.Metrics, error) {
		v := byName[name]
		if v == nil {
			return nil, missing(name)
		}
		return e.EvaluateContext(ctx, v.input, v.opts...)
	}, nil
}
