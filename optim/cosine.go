package optim

import (
	"fmt"
	"math"

	"github.com/stheno-ml/stheno/internal/philox"
)

// CosineDecay goes from base to Alpha*base along half a cosine (Loshchilov and Hutter
// 2017), as tf.train.cosine_decay: base*((1-Alpha)*(1+cos(pi*t))/2 + Alpha), where t is
// step/DecaySteps, at most 1.
type CosineDecay struct {
	// DecaySteps is at least 1.
	DecaySteps int64
	// Alpha is the last rate as a part of base, 0 to 1.
	Alpha float64
}

// LearningRate returns the rate for a step.
func (d CosineDecay) LearningRate(base float64, step int64) float64 {
	return cosine(base, d.Alpha*base, fraction(step, d.DecaySteps))
}

// Validate reports a number out of range.
func (d CosineDecay) Validate() error {
	return checkFields("CosineDecay", count("DecaySteps", d.DecaySteps), field{"Alpha", d.Alpha, zeroTo1})
}

// String describes the schedule.
func (d CosineDecay) String() string {
	return fmt.Sprintf("CosineDecay(%d steps, alpha %v)", d.DecaySteps, d.Alpha)
}

var zeroTo1 = bounds{0, func(x float64) bool { return x >= 0 && x <= 1 }, "0 to 1"}

// fraction is the part of steps that is over.
func fraction(step, steps int64) float64 { return min(float64(step)/float64(steps), 1) }

// CosineDecayRestarts is CosineDecay that starts again and again (Loshchilov and Hutter
// 2017, "SGDR"), as tf.train.cosine_decay_restarts: each period is TMul times as long as
// the one before it and starts from MMul times its rate.
type CosineDecayRestarts struct {
	// FirstDecaySteps is the length of the first period, at least 1.
	FirstDecaySteps int64
	// TMul is at least 1; 0 means 2.
	TMul float64
	// MMul is more than 0; 0 means 1.
	MMul float64
	// Alpha is the lowest rate as a part of base, 0 to 1.
	Alpha float64
}

// LearningRate returns the rate for a step.
func (d CosineDecayRestarts) LearningRate(base float64, step int64) float64 {
	multiple := or(d.TMul, 2)
	t := float64(step) / float64(d.FirstDecaySteps)
	period := 0.0 // its number
	if multiple == 1 {
		period, t = math.Modf(t)
	} else {
		for ; t >= 1; period++ {
			t = (t - 1) / multiple // since the end of the period, in units of the next one
		}
	}
	return base * ((1-d.Alpha)*math.Pow(or(d.MMul, 1), period)*cosine(1, 0, t) + d.Alpha)
}

// Validate reports a number out of range.
func (d CosineDecayRestarts) Validate() error {
	return checkFields("CosineDecayRestarts", count("FirstDecaySteps", d.FirstDecaySteps),
		field{"TMul", or(d.TMul, 2), bounds{0, func(x float64) bool { return x >= 1 && !math.IsInf(x, 1) }, "at least 1"}},
		field{"MMul", or(d.MMul, 1), moreThan0(0)}, field{"Alpha", d.Alpha, zeroTo1})
}

// String describes the schedule.
func (d CosineDecayRestarts) String() string {
	return fmt.Sprintf("CosineDecayRestarts(%d steps, t_mul %v, m_mul %v, alpha %v)", d.FirstDecaySteps, or(d.TMul, 2), or(d.MMul, 1), d.Alpha)
}

// LinearCosineDecay is base*((Alpha + 1-t)*(1+cos(2*pi*NumPeriods*t))/2 + Beta), where t
// is step/DecaySteps, at most 1 (Bello et al. 2017), as tf.train.linear_cosine_decay.
type LinearCosineDecay struct {
	// DecaySteps is at least 1.
	DecaySteps int64
	// NumPeriods is the number of periods of the cosine, more than 0; 0 means 0.5.
	NumPeriods float64
	// Alpha is added to the line, at least 0.
	Alpha float64
	// Beta is the last rate as a part of base, at least 0. (TensorFlow's default is
	// 0.001.)
	Beta float64
}

// LearningRate returns the rate for a step.
func (d LinearCosineDecay) LearningRate(base float64, step int64) float64 {
	return base * d.factor(step, 0)
}

func (d LinearCosineDecay) factor(step int64, noise float64) float64 {
	t := fraction(step, d.DecaySteps)
	return (d.Alpha+1-t+noise)*cosine(1, 0, 2*or(d.NumPeriods, 0.5)*t) + d.Beta
}

// Validate reports a number out of range.
func (d LinearCosineDecay) Validate() error { return d.validate("LinearCosineDecay") }

func (d LinearCosineDecay) validate(name string) error {
	return checkFields(name, count("DecaySteps", d.DecaySteps), field{"NumPeriods", or(d.NumPeriods, 0.5), moreThan0(0)},
		field{"Alpha", d.Alpha, atLeast0(0)}, field{"Beta", d.Beta, atLeast0(0)})
}

// String describes the schedule.
func (d LinearCosineDecay) String() string { return "LinearCosineDecay(" + d.numbers() + ")" }

func (d LinearCosineDecay) numbers() string {
	return fmt.Sprintf("%d steps, periods %v, alpha %v, beta %v", d.DecaySteps, or(d.NumPeriods, 0.5), d.Alpha, d.Beta)
}

// NoisyLinearCosineDecay is LinearCosineDecay with normal noise of the variance
// InitialVariance/(1+step)^VarianceDecay added to the line (Bello et al. 2017), as
// tf.train.noisy_linear_cosine_decay. The noise is a function of Seed and the step, so a
// resumed run has the same. Where it would make the rate negative the rate is 0.
type NoisyLinearCosineDecay struct {
	LinearCosineDecay
	// InitialVariance is at least 0. (TensorFlow's default is 1.)
	InitialVariance float64
	// VarianceDecay is at least 0. (TensorFlow's default is 0.55.)
	VarianceDecay float64
	// Seed chooses the noise.
	Seed uint64
}

// LearningRate returns the rate for a step.
func (d NoisyLinearCosineDecay) LearningRate(base float64, step int64) float64 {
	at := min(step, d.DecaySteps)
	deviation := math.Sqrt(d.InitialVariance / math.Pow(1+float64(at), d.VarianceDecay))
	noise := deviation * philox.New(d.Seed, "optim.NoisyLinearCosineDecay", step).Normal(0)
	return base * max(d.factor(step, noise), 0)
}

// Validate reports a number out of range.
func (d NoisyLinearCosineDecay) Validate() error {
	if err := d.validate("NoisyLinearCosineDecay"); err != nil {
		return err
	}
	return checkFields("NoisyLinearCosineDecay", field{"InitialVariance", d.InitialVariance, atLeast0(0)}, field{"VarianceDecay", d.VarianceDecay, atLeast0(0)})
}

// String describes the schedule.
func (d NoisyLinearCosineDecay) String() string {
	return fmt.Sprintf("NoisyLinearCosineDecay(%s, variance %v, decay %v, seed %d)", d.numbers(), d.InitialVariance, d.VarianceDecay, d.Seed)
}
