package estimator

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/hooks"
)

// TrainSpec is what [Estimator.TrainAndEvaluate] trains with. Make one with
// [NewTrainSpec].
type TrainSpec struct {
	input *datasets.Dataset
	opts  []FitOption
}

// NewTrainSpec describes a fit: its input, and any options of [Estimator.Fit].
// MaxSteps is tf.estimator's max_steps; without it and Steps training ends with the
// input, or when a monitor asks.
func NewTrainSpec(input *datasets.Dataset, opts ...FitOption) TrainSpec {
	return TrainSpec{input: input, opts: append([]FitOption(nil), opts...)}
}

// Input returns the input.
func (s TrainSpec) Input() *datasets.Dataset { return s.input }

// Options returns the options of the fit.
func (s TrainSpec) Options() []FitOption { return append([]FitOption(nil), s.opts...) }

// MaxSteps returns the global step to train to, 0 where none is given.
func (s TrainSpec) MaxSteps() int64 { return s.config().maxSteps }

// With returns a copy with more options. Steps and MaxSteps among them take the place of
// those given before; monitors are added.
func (s TrainSpec) With(opts ...FitOption) TrainSpec {
	more := TrainSpec{opts: opts}.config()
	all := append([]FitOption(nil), s.opts...)
	if more.stepsGiven || more.maxStepsGiven {
		all = append(all, fitOption(func(c *fitConfig) { c.stepsGiven, c.maxStepsGiven, c.steps, c.maxSteps = false, false, 0, 0 }))
	}
	s.opts = append(all, opts...)
	return s
}

// Validate reports the first bad argument.
func (s TrainSpec) Validate() error {
	if err := checkInput("TrainSpec", s.input); err != nil {
		return err
	}
	return s.config().validate()
}

func (s TrainSpec) config() *fitConfig {
	c := new(fitConfig)
	for _, opt := range s.opts {
		if opt != nil {
			opt.applyFit(c)
		}
	}
	return c
}

// EvalSpec is a named evaluation with a schedule of its own. Make one with
// [NewEvalSpec].
type EvalSpec struct {
	name       string
	input      *datasets.Dataset
	steps      StepsOption
	stepsGiven bool

	at            hooks.Schedule // where atGiven
	atGiven       bool
	throttle      time.Duration
	throttleGiven bool
	startDelay    time.Duration
	exporters     []Exporter
	best          *bestOf // nil to keep none
}

// EvalSpecOption is an argument of [NewEvalSpec].
type EvalSpecOption interface{ applyEvalSpec(*EvalSpec) }

type evalSpecOption func(*EvalSpec)

func (o evalSpecOption) applyEvalSpec(s *EvalSpec) { o(s) }

func (o StepsOption) applyEvalSpec(s *EvalSpec) { s.steps, s.stepsGiven = o, true }

// NewEvalSpec describes an evaluation of all of the input, or of Steps(n) batches, which
// an infinite input needs. The name tells evaluations apart: the summaries go to
// EvalDir(name); "" is the default evaluation.
//
// The evaluation is made whenever a checkpoint is due by the estimator's schedule of
// checkpoints, see [Throttle] and [StartDelay], or by a schedule of its own, see [At], and
// always once more at the end of training.
func NewEvalSpec(name string, input *datasets.Dataset, opts ...EvalSpecOption) EvalSpec {
	return EvalSpec{name: name, input: input}.With(opts...)
}

// At evaluates at exactly the steps of the schedule, whether or not they are saved,
// in place of whenever a checkpoint is. At(hooks.Never()) leaves only the evaluation at
// the end.
func At(schedule hooks.Schedule) EvalSpecOption {
	return evalSpecOption(func(s *EvalSpec) { s.at, s.atGiven = schedule, true })
}

// Throttle passes over a checkpoint when the last evaluation began less than d ago; the
// log says so. The default is 0: every checkpoint is evaluated. In
// [Estimator.ContinuousEval] it is the time from one look at the directory to the next.
func Throttle(d time.Duration) EvalSpecOption {
	return evalSpecOption(func(s *EvalSpec) { s.throttle, s.throttleGiven = d, true })
}

// StartDelay passes over checkpoints in the first d of training. In
// [Estimator.ContinuousEval] it is the time to wait before the first look.
func StartDelay(d time.Duration) EvalSpecOption {
	return evalSpecOption(func(s *EvalSpec) { s.startDelay = d })
}

// Exporters are called after every evaluation, in this order. A checkpoint is saved for
// them at each step that is evaluated.
func Exporters(exporters ...Exporter) EvalSpecOption {
	return evalSpecOption(func(s *EvalSpec) { s.exporters = append(s.exporters, exporters...) })
}

// With returns a copy with more options. What is given again takes the place of what was
// given before; exporters are added.
func (s EvalSpec) With(opts ...EvalSpecOption) EvalSpec {
	s.exporters = append([]Exporter(nil), s.exporters...)
	for _, opt := range opts {
		if opt != nil {
			opt.applyEvalSpec(&s)
		}
	}
	return s
}

// Named returns a copy of another name.
func (s EvalSpec) Named(name string) EvalSpec {
	s.name = name
	return s
}

// On returns a copy for another input.
func (s EvalSpec) On(input *datasets.Dataset) EvalSpec {
	s.input = input
	return s
}

// WithExporters returns a copy with these exporters in place of its own.
func (s EvalSpec) WithExporters(exporters ...Exporter) EvalSpec {
	s.exporters = append([]Exporter(nil), exporters...)
	return s
}

// ResultsOnly returns a copy that keeps and exports nothing.
func (s EvalSpec) ResultsOnly() EvalSpec {
	s.exporters, s.best = nil, nil
	return s
}

// Name returns the name.
func (s EvalSpec) Name() string { return s.name }

// Delay returns what [StartDelay] set.
func (s EvalSpec) Delay() time.Duration { return s.startDelay }

// Exporters returns the exporters.
func (s EvalSpec) Exporters() []Exporter { return append([]Exporter(nil), s.exporters...) }

// Validate reports the first bad argument.
func (s EvalSpec) Validate() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("estimator: EvalSpec %q: %w", s.name, fmt.Errorf(format, args...))
	}
	if err := s.validation().problem(); err != nil {
		return fail("%w", err)
	}
	switch {
	case s.throttle < 0:
		return fail("Throttle: %v, want at least 0", s.throttle)
	case s.startDelay < 0:
		return fail("StartDelay: %v, want at least 0", s.startDelay)
	case s.atGiven && (s.throttleGiven || s.startDelay > 0):
		return fail("At has a schedule of its own: Throttle and StartDelay are for evaluations of checkpoints")
	}
	if err := s.at.Validate(); err != nil {
		return fail("At: %w", err)
	}
	if err := checkExporters(s.exporters); err != nil {
		return fail("Exporters: %w", err)
	}
	if s.best != nil {
		if err := s.best.validate(); err != nil {
			return fail("KeepBest: %w", err)
		}
	}
	return nil
}

// validation returns the evaluation for a fit.
func (s EvalSpec) validation() *validation {
	var opts []EvaluateOption
	if s.stepsGiven {
		opts = append(opts, s.steps)
	}
	v := newValidation(s.name, s.input, opts)
	if s.best != nil {
		v.needs = append(v.needs, s.best.by.metric)
	}
	for _, x := range s.exporters {
		if m, ok := x.(interface{ Metrics() []string }); ok {
			v.needs = append(v.needs, m.Metrics()...)
		}
	}
	return v
}

// schedule says in words when the evaluation of checkpoints is made.
func (s EvalSpec) schedule() string {
	text := "at each checkpoint"
	if s.startDelay > 0 {
		text += fmt.Sprintf(" after the first %v", s.startDelay)
	}
	if s.throttle > 0 {
		text += fmt.Sprintf(", %v or more after the one before,", s.throttle)
	}
	return text + " and at the end"
}

func checkExporters(exporters []Exporter) error {
	seen := map[string]bool{}
	for i, e := range exporters {
		if e == nil {
			return fmt.Errorf("exporter %d is nil", i)
		}
		name := e.Name()
		switch {
		case name == "" || name != strings.TrimSpace(name) || strings.ContainsAny(name, "/\\\x00") || strings.HasPrefix(name, "."):
			return fmt.Errorf("exporter %d has the name %q, want the name of a directory", i, name)
		case seen[name]:
			return fmt.Errorf("two exporters have the name %q", name)
		}
		seen[name] = true
		if v, ok := e.(interface{ Validate() error }); ok {
			if err := v.Validate(); err != nil {
				return fmt.Errorf("exporter %q: %w", name, err)
			}
		}
	}
	return nil
}

// checkSpecs reports the first bad spec, or two that would write to one place.
func checkSpecs(train TrainSpec, evals []EvalSpec) error {
	if err := train.Validate(); err != nil {
		return err
	}
	if len(evals) == 0 {
		return errors.New("estimator: TrainAndEvaluate: there is no EvalSpec, want at least one: use Fit to train only")
	}
	names := map[string]bool{}
	var exporters []Exporter
	pins := map[string]string{}
	for _, s := range evals {
		if err := s.Validate(); err != nil {
			return err
		}
		if names[s.name] {
			return fmt.Errorf("estimator: TrainAndEvaluate: two EvalSpecs have the name %q", s.name)
		}
		names[s.name] = true
		exporters = append(exporters, s.exporters...)
		if s.best != nil {
			if other, taken := pins[s.best.name]; taken {
				return fmt.Errorf("estimator: TrainAndEvaluate: the EvalSpecs %q and %q both keep checkpoints under the name %q: use KeepBestAs", other, s.name, s.best.name)
			}
			pins[s.best.name] = s.name
		}
	}
	if err := checkExporters(exporters); err != nil {
		return fmt.Errorf("estimator: TrainAndEvaluate: exporters of all EvalSpecs: %w", err)
	}
	return nil
}
