package optim

import (
	"fmt"
	"math"
)

// Schedule changes the learning rate with the global step. step is the number of
// updates made before this one, so the first update of a fresh run has step 0.
type Schedule interface {
	// LearningRate returns the rate for a step; base is the rate that the optimizer was
	// given.
	LearningRate(base float64, step int64) float64
}

// ScheduleFunc makes a Schedule of a function.
type ScheduleFunc func(base float64, step int64) float64

// LearningRate calls f.
func (f ScheduleFunc) LearningRate(base float64, step int64) float64 { return f(base, step) }

// String hides the function's address, which is not the same from run to run.
func (f ScheduleFunc) String() string { return "func" }

// ExponentialDecay is base*decayRate^(step/decaySteps), as tf.train.exponential_decay.
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
	exponent := float64(step) / float64(d.DecaySteps)
	if d.Staircase {
		exponent = math.Floor(exponent)
	}
	return base * math.Pow(d.DecayRate, exponent)
}

// Validate reports a number out of range.
func (d ExponentialDecay) Validate() error {
	switch {
	case d.DecaySteps < 1:
		return fmt.Errorf("ExponentialDecay: DecaySteps is %d, want at least 1", d.DecaySteps)
	case !(d.DecayRate > 0):
		return fmt.Errorf("ExponentialDecay: DecayRate is %v, want more than 0", d.DecayRate)
	}
	return nil
}
