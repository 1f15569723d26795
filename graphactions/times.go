package graphactions

import (
	"fmt"
	"strings"
	"time"
)

// Times says where the time of a run went. Saving and Evaluating are measured. To look
// at the clock four times in every step would cost a small model a hundredth of its
// speed, so the rest is measured in the first steps of a run and in one of 31 from then
// on, and divided as those were.
type Times struct {
	// Input is the wait for batches, Step the time in the train op, Hooks that in
	// monitors and the loop itself.
	Input, Step, Hooks time.Duration
	// Saving is the time that checkpoints kept the loop, Evaluating that of the
	// evaluations that monitors asked for.
	Saving, Evaluating time.Duration
}

// Sum returns all of it: the time in the loop, without opening and closing.
func (t Times) Sum() time.Duration { return t.Input + t.Step + t.Hooks + t.Saving + t.Evaluating }

// phases returns the times by name, in the order of a step.
func (t Times) phases() (names []string, times []time.Duration) {
	return []string{"input", "step", "hooks", "saving", "evaluating"}, []time.Duration{t.Input, t.Step, t.Hooks, t.Saving, t.Evaluating}
}

// String returns the shares: "input 12 %, step 85 %, hooks 1 %, saving 2 %, evaluating
// 0 %".
func (t Times) String() string {
	names, times := t.phases()
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = fmt.Sprintf("%s %.3g %%", name, percent(times[i], t.Sum()))
	}
	return strings.Join(parts, ", ")
}

func percent(part, whole time.Duration) float64 {
	if whole <= 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// sampleEvery is a prime, so that what happens every ten or hundred steps is in as many
// of the steps that are measured as of the others.
const sampleEvery = 31

// phase is what a lap of the stopwatch is charged to.
type phase int

const (
	phaseInput phase = iota
	phaseStep
	phaseHooks
)

// stopwatch measures Times. All its times count from start, because the monotonic clock
// alone is cheaper to read than time.Now.
type stopwatch struct {
	start time.Time
	at    time.Duration // of the last lap
	on    bool          // this step is measured
	steps int           // begun
	first [3]time.Duration
	later [3]time.Duration // of those measured after the first steps
}

// next begins a step and ends the one before it.
func (w *stopwatch) next() {
	w.lap(phaseHooks)
	w.on = w.steps < sampleEvery || w.steps%sampleEvery == 0
	w.steps++
	w.skip()
}

// lap charges the time since the last lap, in a step that is measured.
func (w *stopwatch) lap(p phase) {
	if !w.on {
		return
	}
	now := time.Since(w.start)
	if w.steps <= sampleEvery {
		w.first[p] += now - w.at
	} else {
		w.later[p] += now - w.at
	}
	w.at = now
}

// skip leaves the time since the last lap to others.
func (w *stopwatch) skip() {
	if w.on {
		w.at = time.Since(w.start)
	}
}

// stop ends the last step.
func (w *stopwatch) stop() {
	w.lap(phaseHooks)
	w.on = false
}

// split divides the time of a loop, without what was measured apart.
func (w *stopwatch) split(total time.Duration) (input, step, hooks time.Duration) {
	parts := w.first
	rest := total - parts[phaseInput] - parts[phaseStep] - parts[phaseHooks]
	if sampled := w.later[phaseInput] + w.later[phaseStep] + w.later[phaseHooks]; sampled > 0 && rest > 0 {
		for p := range parts {
			parts[p] += time.Duration(float64(rest) * float64(w.later[p]) / float64(sampled))
		}
	}
	return parts[phaseInput], parts[phaseStep], parts[phaseHooks]
}

// measure starts measuring where the time of the loop goes; what it returns ends that.
func (t *trainer) measure() (stop func()) {
	t.watch = stopwatch{start: time.Now()}
	before := t.result.Times
	return func() {
		t.watch.stop()
		times := &t.result.Times
		apart := times.Saving + times.Evaluating - before.Saving - before.Evaluating
		input, step, hooks := t.watch.split(time.Since(t.watch.start) - apart)
		times.Input += input
		times.Step += step
		times.Hooks += hooks
	}
}
