package estimator

import (
	"context"
	"fmt"
	"strings"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/summaries"
)

// validation is a named evaluation of a fit.
type validation struct {
	name   string
	input  *datasets.Dataset
	opts   []EvaluateOption
	config evaluateConfig // opts, applied
	needs  []string       // metrics that somebody will look at
	writer *summaries.Writer
}

// Validate lets monitors of a fit ask for the evaluation of that name, as
// hooks.NewValidation does by a schedule: the input is evaluated with the variables of
// exactly the step at which it was asked for, in memory, and the summaries go to
// EvalDir(name); "" is the default evaluation. It may be given several times with
// different names. An infinite input needs Steps.
//
// Nothing is evaluated unless a monitor asks.
func Validate(name string, input *datasets.Dataset, opts ...EvaluateOption) FitOption {
	return fitOption(func(c *fitConfig) { c.validations = append(c.validations, newValidation(name, input, opts)) })
}

func newValidation(name string, input *datasets.Dataset, opts []EvaluateOption) *validation {
	v := &validation{name: name, input: input, opts: append(append([]EvaluateOption(nil), opts...), Name(name))}
	for _, opt := range opts {
		if opt != nil {
			opt.applyEvaluate(&v.config)
		}
	}
	return v
}

// check reports the first bad argument.
func (v *validation) check() error {
	if err := v.problem(); err != nil {
		return fmt.Errorf("estimator: Fit: Validate(%q): %w", v.name, err)
	}
	return nil
}

func (v *validation) problem() error {
	switch given := v.config.name; {
	case given != "" && given != v.name:
		return fmt.Errorf("Name: %q is another name", given)
	case v.config.checkpoint != "":
		return fmt.Errorf("CheckpointPath: %q has no meaning here: the variables of the step are evaluated", v.config.checkpoint)
	}
	c := v.config
	c.name = v.name
	if err := c.validate(); err != nil {
		return err
	}
	if err := checkInput("Validate", v.input); err != nil {
		return err
	}
	if v.input.Cardinality().IsInfinite() && !c.stepsGiven {
		return fmt.Errorf("%w: give Steps", ErrEndless)
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
		if err := e.checkEvaluation(v); err != nil {
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
		if err := v.hold(e.EvalDir(name)); err != nil {
			return nil, err
		}
		return e.EvaluateContext(ctx, v.input, v.opts...)
	}, nil
}

// hold keeps the event file open from the first evaluation on, so that all of a fit go to
// one file.
func (v *validation) hold(dir string) (err error) {
	if v.writer == nil {
		v.writer, err = summaries.Open(dir)
	}
	return err
}

// close gives the event file back.
func (v *validation) close() error {
	w := v.writer
	if v.writer = nil; w == nil {
		return nil
	}
	return w.Close()
}

// checkEvaluation builds the model that the evaluation takes, and reports what is wrong
// with it, and metrics that somebody needs and the model lacks.
func (e *Estimator) checkEvaluation(v *validation) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	m, err := e.model(Eval, v.input.Spec(), v.input.BatchSize(), true)
	if err != nil {
		return err
	}
	results := metrics.Results(m.spec.Metrics)
	results[lossMetric], results[globalStepMetric] = 0, 0
	for _, name := range v.needs {
		if _, ok := results[name]; !ok && !elementOf(name, m.spec.Metrics) {
			return fmt.Errorf("there is no metric %q, have %q", name, results.Names())
		}
	}
	return nil
}

// elementOf reports whether a result may be an element of a metric that has several: how
// many these are may not be known before the first batch.
func elementOf(name string, all map[string]metrics.Metric) bool {
	for of := name; strings.Contains(of, "/"); {
		of = of[:strings.LastIndex(of, "/")]
		if _, ok := all[of].(metrics.Tensor); ok {
			return true
		}
	}
	return false
}
