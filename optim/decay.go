package optim

import (
	"fmt"
	"math"
)

// ExponentialDecay is base*DecayRate^(step/DecaySteps), as tf.train.exponential_decay.
type ExponentialDecay struct {
	// DecaySteps is the number of steps after which the rate is DecayRate times what it
	// was, at least 1.
	DecaySteps int64
	// DecayRate is more than 0.
	DecayRate float64
	// Staircase changes the rate only every DecaySteps steps.
	Staircase bool
}

// LearningRate returns the rate for a step.
func (d ExponentialDecay) LearningRate(base float64, step int64) float64 {
	return base * math.Pow(d.DecayRate, periods(step, d.DecaySteps, d.Staircase))
}

// Validate reports a number out of range.
func (d ExponentialDecay) Validate() error {
	return checkFields("ExponentialDecay", count("DecaySteps", d.DecaySteps), field{"DecayRate", d.DecayRate, moreThan0(0)})
}

// String describes the schedule.
func (d ExponentialDecay) String() string {
	return describe("ExponentialDecay", d.DecaySteps, d.DecayRate, d.Staircase)
}

// NaturalExpDecay is base*exp(-DecayRate*step/DecaySteps), as
// tf.train.natural_exp_decay.
type NaturalExpDecay struct {
	// DecaySteps is the unit of time, at least 1.
	DecaySteps int64
	// DecayRate is at least 0.
	DecayRate float64
	// Staircase changes the rate only every DecaySteps steps.
	Staircase bool
}

// LearningRate returns the rate for a step.
func (d NaturalExpDecay) LearningRate(base float64, step int64) float64 {
	return base * math.Exp(-d.DecayRate*periods(step, d.DecaySteps, d.Staircase))
}

// Validate reports a number out of range.
func (d NaturalExpDecay) Validate() error {
	return checkFields("NaturalExpDecay", count("DecaySteps", d.DecaySteps), field{"DecayRate", d.DecayRate, atLeast0(0)})
}

// String describes the schedule.
func (d NaturalExpDecay) String() string {
	return describe("NaturalExpDecay", d.DecaySteps, d.DecayRate, d.Staircase)
}

// InverseTimeDecay is base/(1 + DecayRate*step/DecaySteps), as
// tf.train.inverse_time_decay.
type InverseTimeDecay struct {
	// DecaySteps is the unit of time, at least 1.
	DecaySteps int64
	// DecayRate is at least 0.
	DecayRate float64
	// Staircase changes the rate only every DecaySteps steps.
	Staircase bool
}

// LearningRate returns the rate for a step.
func (d InverseTimeDecay) LearningRate(base float64, step int64) float64 {
	return base / (1 + d.DecayRate*periods(step, d.DecaySteps, d.Staircase))
}

// Validate reports a number out of range.
func (d InverseTimeDecay) Validate() error {
	return checkFields("InverseTimeDecay", count("DecaySteps", d.DecaySteps), field{"DecayRate", d.DecayRate, atLeast0(0)})
}

// String describes the schedule.
func (d InverseTimeDecay) String() string {
	return describe("InverseTimeDecay", d.DecaySteps, d.DecayRate, d.Staircase)
}

// periods is step/length, rounded down for a staircase.
func periods(step, length int64, staircase bool) float64 {
	n := float64(step) / float64(length)
	if staircase {
		return math.Floor(n)
	}
	return n
}

func describe(name string, steps int64, rate float64, staircase bool) string {
	if staircase {
		return fmt.Sprintf("%s(%v every %d steps, staircase)", name, rate, steps)
	}
	return fmt.Sprintf("%s(%v every %d steps)", name, rate, steps)
}

// PolynomialDecay goes from base to End in DecaySteps steps, as
// tf.train.polynomial_decay: (base-End)*(1-t)^Power + End, where t is step/DecaySteps, at
// most 1.
type PolynomialDecay struct {
	// DecaySteps is at least 1.
	DecaySteps int64
	// End is the last rate, at least 0. (TensorFlow's default is 0.0001.)
	End float64
	// Power is more than 0; 0 means 1, a straight line.
	Power float64
	// Cycle starts again, each time from a lower rate, where otherwise the rate would
	// stay at End: DecaySteps is multiplied by the smallest whole number that makes it at
	// least step.
	Cycle bool
}

// LearningRate returns the rate for a step.
func (d PolynomialDecay) LearningRate(base float64, step int64) float64 {
	t := float64(step) / float64(d.DecaySteps)
	if d.Cycle && step > 0 {
		t /= math.Ceil(t)
	}
	return (base-d.End)*math.Pow(1-min(t, 1), or(d.Power, 1)) + d.End
}

// Validate reports a number out of range.
func (d PolynomialDecay) Validate() error {
	return checkFields("PolynomialDecay", count("DecaySteps", d.DecaySteps), field{"End", d.End, atLeast0(0)}, field{"Power", or(d.Power, 1), moreThan0(0)})
}

// String describes the schedule.
func (d PolynomialDecay) String() string {
	cycle := ""
	if d.Cycle {
		cycle = ", cycle"
	}
	return fmt.Sprintf("PolynomialDecay(%d steps to %v, power %v%s)", d.DecaySteps, d.End, or(d.Power, 1), cycle)
}
