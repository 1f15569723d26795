package optim

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// Optimizer makes train ops.
type Optimizer interface {
	// Minimize returns a node that, when run, changes the trainable variables that the
	// loss depends on so as to make it smaller, and adds 1 to the global step. A loss
	// that depends on no trainable variable is the graph's error.
	Minimize(g *graph.Graph, loss *gorgonia.Node, opts ...MinimizeOption) *gorgonia.Node
	// ApplyGradients is the second half of Minimize, for gradients that were changed in
	// between.
	ApplyGradients(g *graph.Graph, gradients []Gradient) *gorgonia.Node
}

// Gradient is the derivative of a loss with respect to one variable, of the variable's
// shape and dtype.
type Gradient struct {
	Variable *graph.Variable
	Node     *gorgonia.Node
}

// MinimizeOption changes what a train op minimizes.
type MinimizeOption func(*minimizeConfig)

type minimizeConfig struct {
	variables []*graph.Variable
	given     bool
}

// Variables names the variables to change, instead of all trainable ones.
func Variables(variables ...*graph.Variable) MinimizeOption {
	return func(c *minimizeConfig) { c.variables, c.given = append(c.variables, variables...), true }
}

// ComputeGradients is the first half of Minimize: the gradients of the loss with respect
// to those of variables (nil for all trainable ones) that it depends on, in the order of
// building.
func ComputeGradients(g *graph.Graph, loss *gorgonia.Node, variables []*graph.Variable) []Gradient {
	if g.Err() != nil {
		return nil
	}
	if loss == nil {
		g.Fail(fmt.Errorf("optim: the loss is nil"))
		return nil
	}
	if variables == nil {
		variables = g.TrainableVariables()
	}
	var nodes []*gorgonia.Node
	for i, v := range variables {
		if v == nil || g.VariableOf(v.Node) != v {
			g.Fail(fmt.Errorf("optim: variable %d is not one of this graph", i))
			return nil
		}
		nodes = append(nodes, v.Node)
	}
	wrt := g.Influences(loss, nodes...)
	if len(wrt) == 0 {
		g.Fail(fmt.Errorf("optim: no gradients: the loss %q depends on none of the variables %s", loss.Name(), names(variables)))
		return nil
	}
	grads := g.Gradients(loss, wrt...)
	if g.Err() != nil {
		return nil
	}
	gradients := make([]Gradient, len(wrt))
	for i, n := range wrt {
		gradients[i] = Gradient{Variable: g.VariableOf(n), Node: grads[i]}
	}
	return gradients
}

func names(variables []*graph.Variable) string {
	all := make([]string, len(variables))
	for i, v := range variables {
		all[i] = v.Name
	}
	return "[" + strings.Join(all, " ") + "]"
}

// Option changes how an optimizer works. An option that the optimizer has no use for is
// an error, never ignored.
type Option func(*settings)

type settings struct {
	schedule Schedule
	clipNorm float64
	numbers  map[string]float64
	given    []string
}

func number(name string, value float64) Option {
	return func(s *settings) { s.numbers[name] = value; s.given = append(s.given, name) }
}

func flag(name string) Option { return number(name, 1) }

// WithSchedule changes the learning rate with the global step.
func WithSchedule(schedule Schedule) Option { return func(s *settings) { s.schedule = schedule } }

// ClipByGlobalNorm multiplies all gradients by norm/max(norm, n), where n is the square
// root of the sum of the squares of all their elements (Pascanu, Mikolov and Bengio
// 2012).
func ClipByGlobalNorm(norm float64) Option {
	return func(s *settings) { s.clipNorm = norm; s.given = append(s.given, "ClipByGlobalNorm") }
}

// WithBeta1 is Adam's decay of the first moment, default 0.9.
func WithBeta1(x float64) Option { return number("WithBeta1", x) }

// WithBeta2 is Adam's decay of the second moment, default 0.999.
func WithBeta2(x float64) Option { return number("WithBeta2", x) }

// WithEpsilon keeps a denominator from 0: Adam's default is 1e-8, RMSProp's 1e-10.
func WithEpsilon(x float64) Option { return number("WithEpsilon", x) }

// WithDecay is RMSProp's decay of the mean square, default 0.9.
func WithDecay(x float64) Option { return number("WithDecay", x) }

// WithMomentum is RMSProp's momentum, default 0.
func WithMomentum(x float64) Option { return number("WithMomentum", x) }

// WithCentered makes RMSProp normalise by the variance instead of the mean square.
func WithCentered() Option { return flag("WithCentered") }

// WithNesterov makes Momentum look ahead (Sutskever, Martens, Dahl and Hinton 2013).
func WithNesterov() Option { return flag("WithNesterov") }

// WithInitialAccumulator is the first value of Adagrad's and Ftrl's sum of squares,
// default 0.1.
func WithInitialAccumulator(x float64) Option { return number("WithInitialAccumulator", x) }

// WithLearningRatePower is Ftrl's exponent of the sum of squares, default -0.5, at most
// 0.
func WithLearningRatePower(x float64) Option { return number("WithLearningRatePower", x) }

// WithL1 is Ftrl's L1 regularisation strength, default 0.
func WithL1(x float64) Option { return number("WithL1", x) }

// WithL2 is Ftrl's L2 regularisation strength, default 0.
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

func below1(value float64) bounds {
	return bounds{value, func(x float64) bool { return x >= 0 && x < 1 }, "at least 0 and below 1"}
}

// optimizer is a rule with a learning rate.
type optimizer struct {
	rule     Rule
	rate     float64
	schedule Schedule
	clipNorm float64
	err      error
}

var _ Optimizer = (*optimizer)(nil)

// New returns an optimizer that follows a rule of your own. Options: WithSchedule,
// ClipByGlobalNorm.
func New(rule Rule, learningRate float64, opts ...Option) Optimizer {
	if rule == nil {
		return &optimizer{err: fmt.Errorf("optim.New: the rule is nil")}
	}
	return configure(rule.Name(), learningRate, nil, opts, func(map[string]float64) Rule { return rule })
}

// configure checks the options of a rule and makes the optimizer. Mistakes are kept and
// become the graph's error when the optimizer is used.
func configure(name string, rate float64, numbers map[string]bounds, opts []Option, rule func(map[string]float64) Rule) Optimizer {
	s := &settings{numbers: map[string]float64{}}
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	values := map[string]float64{}
	for key, b := range numbers {
		values[key] = b.value
	}
	o := &optimizer{rate: rate, schedule: s.schedule, clipNorm: s.clipNorm}
	if !(rate >= 0) || math.IsInf(rate, 1) {
		o.err = fmt.Errorf("optim.%s: the learning rate is %v, want a number of at least 0", name, rate)
	}
	for _, key := range s.given {
		if key == "ClipByGlobalNorm" {
			if !(s.clipNorm > 0) {
				o.err = fmt.Errorf("optim.%s: ClipByGlobalNorm: %v, want more than 0", name, s.clipNorm)
			}
			continue
		}
		b, ok := numbers[key]
		switch value := s.numbers[key]; {
		case !ok:
			o.err = fmt.Errorf("optim.%s: %s: it has no meaning here", name, key)
		case b.ok != nil && !b.ok(value):
			o.err = fmt.Errorf("optim.%s: %s: %v, want %s", name, key, value, b.want)
		default:
			values[key] = value
		}
	}
	if v, ok := s.schedule.(interface{ Validate() error }); ok && o.err == nil {
		if err := v.Validate(); err != nil {
			o.err = fmt.Errorf("optim.%s: %w", name, err)
		}
	}
	o.rule = rule(values)
	return o
}

// Minimize implements Optimizer.
func (o *optimizer) Minimize(g *graph.Graph, loss *gorgonia.Node, opts ...MinimizeOption) *gorgonia.Node {
	var c minimizeConfig
	for _, opt := range opts {
		if opt != nil {
			opt(&c)
		}
	}
	if o.err != nil {
		return g.Fail(o.err)
	}
	if c.given && len(c.variables) == 0 {
		return g.Fail(fmt.Errorf("optim.%s: Variables: there are none", o.rule.Name()))
	}
	return o.ApplyGradients(g, ComputeGradients(g, loss, c.variables))
}

// ApplyGradients implements Optimizer.
func (o *optimizer) ApplyGradients(g *graph.Graph, gradients []Gradient) *gorgonia.Node {
	g = g.Top() // slots are named after their variables, wherever the call is made
	switch {
	case o.err != nil:
		return g.Fail(o.err)
	case g.Err() != nil:
		return g.Fail(nil)
	case len(gradients) == 0:
		return g.Fail(fmt.Errorf("optim.%s: there are no gradients", o.rule.Name()))
	}
	if err := checkGradients(g, gradients); err != nil {
		return g.Fail(fmt.Errorf("optim.%s: %w", o.rule.Name(), err))
	}
	name := o.rule.Name()
	scope := g.Scope(g.UniqueName(name))
	step := g.GlobalStep()
	u := &updateOp{rule: o.rule}
	u.add(step, true)
	u.add(scope.SetName(learningRate(g, step, o.rate, o.schedule), "learning_rate"), false)
	u.add(clipScale(g, scope, gradients, o.clipNorm), false)
	dt := gradients[0].Variable.Dtype
	for _, s := range o.rule.State() {
		u.add(g.Variable(g.FreeName(s.Name), dt, tensor.ScalarShape(), s.initializer(), graph.NotTrainable()), true)
	}
	for _, gradient := range gradients {
		v := gradient.Variable
		u.add(v.Node, true)
		u.add(gradient.Node, false)
		for _, slot := range o.rule.Slots() {
			u.add(g.Variable(g.FreeName(v.Name+"/"+name), v.Dtype, v.Shape, slot.initializer(), graph.NotTrainable()), true)
		}
	}
	if g.Err() != nil {
		return g.Fail(nil)
	}
	return scope.SetName(g.Apply(u, u.inputs...), "train")
}

func checkGradients(g *graph.Graph, gradients []Gradient) error {
	seen := map[*graph.Variable]bool{}
	for i, gradient := range gradients {
		v, n := gradient.Variable, gradient.Node
		switch {
		case v == nil || g.VariableOf(v.Node) != v:
			return fmt.Errorf("gradient %d: its variable is not one of this graph", i)
		case seen[v]:
			return fmt.Errorf("gradient %d: variable %q has one already", i, v.Name)
		case v.Dtype != tensor.Float32 && v.Dtype != tensor.Float64:
			return fmt.Errorf("variable %q has dtype %v, want float32 or float64", v.Name, v.Dtype)
		case n == nil:
			return fmt.Errorf("the gradient of %q is nil", v.Name)
		case n.Dtype() != v.Dtype || !slices.Equal(n.Shape(), v.Shape):
			return fmt.Errorf("the gradient of %q is %v %v, the variable %v %v", v.Name, n.Dtype(), n.Shape(), v.Dtype, v.Shape)
		case v.Dtype != gradients[0].Variable.Dtype:
			return fmt.Errorf("variables %q and %q have dtypes %v and %v, want one", gradients[0].Variable.Name, v.Name, gradients[0].Variable.Dtype, v.Dtype)
		}
		seen[v] = true
	}
	return nil
}
