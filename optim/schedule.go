package optim

import (
	"fmt"
	"math"
)

// Schedule changes the learning rate with the global step. step is the number of
// updates made before this one, so the first update of a fresh run has step 0.
//
// The schedules of this package are values whose fields say what is in them. A number
// out of range is an error of the optimizer that uses them. Rates below 0 or not finite,
// from a Schedule of your own, are an error of the step that gets them.
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

// Validate reports a missing function.
func (f ScheduleFunc) Validate() error {
	if f == nil {
		return fmt.Errorf("ScheduleFunc: the function is nil")
	}
	return nil
}

// PiecewiseConstant is Values[i] up to and including step Boundaries[i], and the last
// value after the last boundary, as tf.train.piecewise_constant. The values are rates;
// the optimizer's own is not used.
type PiecewiseConstant struct {
	// Boundaries are steps in ascending order.
	Boundaries []int64
	// Values are rates, one more than boundaries.
	Values []float64
}

// LearningRate returns the rate for a step.
func (p PiecewiseConstant) LearningRate(_ float64, step int64) float64 {
	for i, boundary := range p.Boundaries {
		if step <= boundary {
			return p.Values[i]
		}
	}
	return p.Values[len(p.Boundaries)]
}

// Validate reports lengths that do not fit, boundaries that do not ascend, and rates out
// of range.
func (p PiecewiseConstant) Validate() error {
	if len(p.Values) != len(p.Boundaries)+1 {
		return fmt.Errorf("PiecewiseConstant: there are %d Values for %d Boundaries, want one more: %v and %v", len(p.Values), len(p.Boundaries), p.Values, p.Boundaries)
	}
	for i := 1; i < len(p.Boundaries); i++ {
		if p.Boundaries[i] <= p.Boundaries[i-1] {
			return fmt.Errorf("PiecewiseConstant: Boundaries[%d] is %d after %d, want ascending steps", i, p.Boundaries[i], p.Boundaries[i-1])
		}
	}
	for i, x := range p.Values {
		if err := atLeast0(0).check(x); err != nil {
			return fmt.Errorf("PiecewiseConstant: Values[%d] is %w", i, err)
		}
	}
	return nil
}

// String describes the schedule.
func (p PiecewiseConstant) String() string {
	return fmt.Sprintf("PiecewiseConstant(boundaries %v, values %v)", p.Boundaries, p.Values)
}

// WarmUp raises the rate in a straight line before another schedule begins (Goyal et al.
// 2017): at step t < Steps it is the rate that Then has at its step 0, times From +
// (1-From)*t/Steps. Then begins at step Steps with its step 0.
type WarmUp struct {
	// Steps is the length of the rise, at least 1.
	Steps int64
	// From is the factor of step 0, at least 0 and below 1. With 0 the first update
	// changes nothing but the slots.
	From float64
	// Then is what follows; nil is the constant base.
	Then Schedule
}

// LearningRate returns the rate for a step.
func (w WarmUp) LearningRate(base float64, step int64) float64 {
	after := max(step-w.Steps, 0)
	rate := base
	if w.Then != nil {
		rate = w.Then.LearningRate(base, after)
	}
	if step >= w.Steps {
		return rate
	}
	return rate * (w.From + (1-w.From)*float64(step)/float64(w.Steps))
}

// Validate reports a number out of range, here or in Then.
func (w WarmUp) Validate() error {
	if err := checkFields("WarmUp", count("Steps", w.Steps), field{"From", w.From, below1(0)}); err != nil {
		return err
	}
	if err := validate(w.Then); err != nil {
		return fmt.Errorf("WarmUp: Then: %w", err)
	}
	return nil
}

// String describes the schedule.
func (w WarmUp) String() string {
	if w.Then == nil {
		return fmt.Sprintf("WarmUp(%d steps from %v)", w.Steps, w.From)
	}
	return fmt.Sprintf("WarmUp(%d steps from %v, then %v)", w.Steps, w.From, w.Then)
}

// OneCycle raises the rate from base/Div to base and lowers it to base/Div/FinalDiv, each
// along half a cosine (Smith 2018), as PyTorch's OneCycleLR with its cosine annealing
// does; base is the peak. PyTorch's momentum cycle is left out. After TotalSteps the rate
// stays.
type OneCycle struct {
	// TotalSteps is the length of the whole cycle, at least 2.
	TotalSteps int64
	// Rise is the part of the cycle in which the rate rises, more than 0 and below 1; 0
	// means 0.3.
	Rise float64
	// Div is base over the first rate, at least 1; 0 means 25.
	Div float64
	// FinalDiv is the first rate over the last one, at least 1; 0 means 10000.
	FinalDiv float64
}

func (c OneCycle) defaults() OneCycle {
	c.Rise, c.Div, c.FinalDiv = or(c.Rise, 0.3), or(c.Div, 25), or(c.FinalDiv, 1e4)
	return c
}

// LearningRate returns the rate for a step.
func (c OneCycle) LearningRate(base float64, step int64) float64 {
	c = c.defaults()
	first := base / c.Div
	peak, end := max(c.Rise*float64(c.TotalSteps)-1, 0), float64(c.TotalSteps-1)
	t := min(float64(step), end)
	if t < peak {
		return cosine(first, base, t/peak)
	}
	return cosine(base, first/c.FinalDiv, (t-peak)/(end-peak))
}

// cosine goes from a to b along half a cosine as t goes from 0 to 1.
func cosine(a, b, t float64) float64 { return b + (a-b)/2*(1+math.Cos(math.Pi*t)) }

// Validate reports a number out of range.
func (c OneCycle) Validate() error {
	c = c.defaults()
	atLeast1 := bounds{0, func(x float64) bool { return x >= 1 && !math.IsInf(x, 1) }, "at least 1"}
	return checkFields("OneCycle",
		field{"TotalSteps", float64(c.TotalSteps), bounds{0, func(x float64) bool { return x >= 2 }, "at least 2"}},
		field{"Rise", c.Rise, bounds{0, func(x float64) bool { return x > 0 && x < 1 }, "more than 0 and below 1"}},
		field{"Div", c.Div, atLeast1}, field{"FinalDiv", c.FinalDiv, atLeast1})
}

// String describes the schedule.
func (c OneCycle) String() string {
	c = c.defaults()
	return fmt.Sprintf("OneCycle(%d steps, rise %v, div %v, final div %v)", c.TotalSteps, c.Rise, c.Div, c.FinalDiv)
}

// or is x, or a default where x is 0.
func or(x, otherwise float64) float64 {
	if x == 0 {
		return otherwise
	}
	return x
}

// field is a number of a schedule.
type field struct {
	name   string
	x      float64
	bounds bounds
}

// count is a field that holds a number of steps.
func count(name string, n int64) field {
	return field{name, float64(n), bounds{0, func(x float64) bool { return x >= 1 }, "at least 1"}}
}

func checkFields(schedule string, fields ...field) error {
	for _, f := range fields {
		if err := f.bounds.check(f.x); err != nil {
			return fmt.Errorf("%s: %s is %w", schedule, f.name, err)
		}
	}
	return nil
}
