package optim

import (
	"fmt"
	"math"
)

// Option changes how an optimizer works. An option that the optimizer has no use for is
// an error, never ignored.
type Option func(*settings)

type settings struct {
	schedule Schedule
	clipNorm float64
	parts    []Transform
	micro    int
	average  *average
	lazy     bool
	exclude  []string
	numbers  map[string]float64
	given    []string
	err      error
}

// fail keeps the first mistake.
func (s *settings) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

func number(name string, value float64) Option {
	return func(s *settings) { s.numbers[name] = value; s.given = append(s.given, name) }
}

func flag(name string) Option { return number(name, 1) }

// WithSchedule changes the learning rate with the global step.
func WithSchedule(schedule Schedule) Option { return func(s *settings) { s.schedule = schedule } }

// WithBeta1 is the decay of the first moment: 0.9 by default in the Adam family and in
// Lion.
func WithBeta1(x float64) Option { return number("WithBeta1", x) }

// WithBeta2 is the decay of the second moment: 0.999 by default in the Adam family;
// Lion's decay of the momentum, 0.99.
func WithBeta2(x float64) Option { return number("WithBeta2", x) }

// WithEpsilon keeps a denominator from 0: by default 1e-8 in the Adam family and in
// Adadelta, 1e-10 in RMSProp.
func WithEpsilon(x float64) Option { return number("WithEpsilon", x) }

// WithDecay is the decay of the mean square: by default 0.9 in RMSProp and 0.95 in
// Adadelta, where it is called rho.
func WithDecay(x float64) Option { return number("WithDecay", x) }

// WithMomentum is RMSProp's momentum, default 0.
func WithMomentum(x float64) Option { return number("WithMomentum", x) }

// WithCentered makes RMSProp normalise by the variance instead of the mean square.
func WithCentered() Option { return flag("WithCentered") }

// WithNesterov makes Momentum look ahead (Sutskever, Martens, Dahl and Hinton 2013).
func WithNesterov() Option { return flag("WithNesterov") }

// WithAMSGrad makes Adam and AdamW divide by the largest second moment so far (Reddi,
// Kale and Kumar 2018).
func WithAMSGrad() Option { return flag("WithAMSGrad") }

// WithWeightDecay is the part of itself, times the learning rate, that each weight loses
// in a step, beside what the gradient does: 0.004 by default in AdamW, 0 in Lion.
func WithWeightDecay(x float64) Option { return number("WithWeightDecay", x) }

// ExcludeFromWeightDecay exempts the variables whose full name a pattern matches
// anywhere, as regexp.MatchString does, from AdamW's and Lion's weight decay:
// ExcludeFromWeightDecay("bias|norm"). A pattern that matches no variable is an error
// that lists the names.
func ExcludeFromWeightDecay(patterns ...string) Option {
	return func(s *settings) {
		s.exclude = append(s.exclude, patterns...)
		flag("ExcludeFromWeightDecay")(s)
	}
}

// WithInitialAccumulator is the first value of the sum of squares in Adagrad, Ftrl and
// ProximalAdagrad, default 0.1.
func WithInitialAccumulator(x float64) Option { return number("WithInitialAccumulator", x) }

// WithLearningRatePower is Ftrl's exponent of the sum of squares, default -0.5, at most
// 0.
func WithLearningRatePower(x float64) Option { return number("WithLearningRatePower", x) }

// WithL1 is the L1 regularisation strength of Ftrl and the proximal optimizers, default
// 0.
func WithL1(x float64) Option { return number("WithL1", x) }

// WithL2 is the L2 regularisation strength of Ftrl and the proximal optimizers, default
// 0.
func WithL2(x float64) Option { return number("WithL2", x) }

// WithL2Shrinkage is a penalty on the magnitude that does not enter Ftrl's sum of
// squares, default 0.
func WithL2Shrinkage(x float64) Option { return number("WithL2Shrinkage", x) }

// bounds is what a number of a rule must satisfy.
type bounds struct {
	value float64 // the default
	ok    func(x float64) bool
	want  string
}

func atLeast0(value float64) bounds {
	return bounds{value, func(x float64) bool { return x >= 0 && !math.IsInf(x, 1) }, "at least 0"}
}

func moreThan0(value float64) bounds {
	return bounds{value, func(x float64) bool { return x > 0 && !math.IsInf(x, 1) }, "more than 0"}
}

func below1(value float64) bounds {
	return bounds{value, func(x float64) bool { return x >= 0 && x < 1 }, "at least 0 and below 1"}
}

// check reports a number out of bounds.
func (b bounds) check(x float64) error {
	if b.ok != nil && !b.ok(x) {
		return fmt.Errorf("%v, want %s", x, b.want)
	}
	return nil
}

// configure checks the options of a rule and makes the optimizer. Mistakes are kept and
// become the graph's error when the optimizer is used. rule finds every number that the
// optimizer knows, given or default, in the settings.
func configure(name string, rate float64, numbers map[string]bounds, opts []Option, rule func(x *settings) Rule) Optimizer {
	s := &settings{numbers: map[string]float64{}}
	if !(rate >= 0) || math.IsInf(rate, 1) {
		s.fail("the learning rate is %v, want a number of at least 0", rate)
	}
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	for _, key := range s.given {
		b, ok := numbers[key]
		if !ok {
			s.fail("%s: it has no meaning here", key)
		} else if err := b.check(s.numbers[key]); err != nil {
			s.fail("%s: %w", key, err)
		}
	}
	for key, b := range numbers {
		if _, ok := s.numbers[key]; !ok {
			s.numbers[key] = b.value
		}
	}
	if err := validate(s.schedule); err != nil {
		s.fail("%w", err)
	}
	s.checkLazy()
	o := &optimizer{name: name, rate: rate, schedule: s.schedule, clipNorm: s.clipNorm, parts: s.parts, micro: s.micro, average: s.average, lazy: s.lazy}
	if s.err != nil {
		o.err = fmt.Errorf("optim.%s: %w", name, s.err)
		return o
	}
	o.rule = rule(s)
	return o
}

// validate asks a schedule about its numbers.
func validate(s Schedule) error {
	if v, ok := s.(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
}
