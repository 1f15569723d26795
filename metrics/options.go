package metrics

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
)

// Option changes how a metric is made. A metric that does not take the option reports it.
type Option func(*options)

type options struct {
	metric     string
	err        error    // the first wrong argument
	parameters []string // what metrics that are merged must agree on
	given      []string // the options' names

	weights       *gorgonia.Node
	threshold     float64
	numThresholds int
	thresholds    []float64
	summation     Summation
	epsilon       float64
	class         int
	multiHot      bool
	atLeast       bool
}

// Weights weighs the values: one weight for each row, of shape [batch] or [batch, 1], or
// one for each element, or a shape that broadcasts as in NumPy. The default is 1. What
// has the weight 0 may be anything, NaN too. Weights must be finite.
func Weights(weights *gorgonia.Node) Option {
	return func(o *options) {
		o.weights = weights
		o.given = append(o.given, "Weights")
	}
}

// Threshold takes predictions greater than t for positive. Without it predictions are
// decisions: not 0 is positive. Predictions in float32 are compared with the nearest
// float32 to t.
func Threshold(t float64) Option {
	return func(o *options) {
		o.threshold = t
		o.given = append(o.given, "Threshold")
	}
}

// NumThresholds sets how many thresholds approximate a curve, default 200, at least 2 and
// at most 2^20.
func NumThresholds(n int) Option {
	return func(o *options) {
		o.numThresholds = n
		o.given = append(o.given, "NumThresholds")
	}
}

// Thresholds sets the thresholds of a curve in place of evenly spaced ones, in [0, 1]
// and any order. The ends just below 0 and just above 1 are added, as in TensorFlow.
func Thresholds(thresholds ...float64) Option {
	return func(o *options) {
		o.thresholds = thresholds
		o.given = append(o.given, "Thresholds")
	}
}

// ClassID looks at one class only: column k of values [..., classes], and in metrics of
// the best k classes that class among labels and predictions.
func ClassID(k int) Option {
	return func(o *options) {
		o.class = k
		o.given = append(o.given, "ClassID")
	}
}

// MultiHot says that labels are [..., classes], not 0 where a row has the class, instead
// of class numbers.
func MultiHot() Option {
	return func(o *options) {
		o.multiHot = true
		o.given = append(o.given, "MultiHot")
	}
}

// collect gathers the options of a metric that takes those named, and Weights.
func collect(metric string, opts []Option, takes ...string) *options {
	o := &options{metric: metric, numThresholds: 200, epsilon: curveEpsilon, class: -1}
	for _, opt := range opts {
		if opt != nil {
			opt(o)
		}
	}
	for _, name := range o.given {
		if name != "Weights" && !slices.Contains(takes, name) {
			o.fail("it takes no %s", name)
		}
	}
	if o.has("Threshold") {
		if math.IsNaN(o.threshold) {
			o.fail("Threshold: NaN, want a number")
		}
		o.parameter("threshold %g", o.threshold)
	}
	if o.has("ClassID") {
		if o.class < 0 {
			o.fail("ClassID: %d, want 0 or more", o.class)
		}
		o.parameter("class %d", o.class)
	}
	if o.multiHot {
		o.parameter("multi-hot labels")
	}
	return o
}

func (o *options) has(name string) bool { return slices.Contains(o.given, name) }

// fail keeps the first wrong argument.
func (o *options) fail(format string, args ...any) {
	if o.err == nil {
		o.err = fmt.Errorf("metrics: "+o.metric+": "+format, args...)
	}
}

// between reports a number of things that is too small, or too large to have memory for.
func (o *options) between(what string, n, low, high int) bool {
	if n < low || n > high {
		o.fail("%s: %d, want %d to %d", what, n, low, high)
		return false
	}
	return true
}

// maxParts is the largest number of thresholds or bins.
const maxParts = 1 << 20

// parameter notes what metrics that are merged must agree on.
func (o *options) parameter(format string, args ...any) {
	o.parameters = append(o.parameters, fmt.Sprintf(format, args...))
}

// build makes the metric of a rule over nodes.
func (o *options) build(r rule, nodes ...*gorgonia.Node) *streaming {
	r.fixed, r.class = len(nodes), o.class
	if i := slices.Index(nodes, nil); i >= 0 {
		o.err = fmt.Errorf("metrics: %s: argument %d is nil", o.metric, i)
	}
	if o.has("Weights") {
		if o.weights == nil {
			o.fail("Weights: the node is nil")
		}
		nodes = append(nodes, o.weights)
	}
	m := &streaming{name: o.metric, parameters: strings.Join(o.parameters, ", "), nodes: nodes, err: o.err, rule: &r}
	m.Reset()
	return m
}
