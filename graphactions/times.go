package graphactions

import (
	"time"

	"github.com/stheno-ml/stheno/hooks"
)

// sampleEvery is a prime, so that what happens every ten or hundred steps is in as many
// of the steps that are measured as of the others.
const sampleEvery = 31

// stopwatch measures Result.Times. All its times count from start, because the monotonic
// clock alone is cheaper to read than time.Now.
type stopwatch struct {
	start time.Time
	at    time.Duration // of the last lap
	on    bool          // this step is measured
	steps int           // begun
	first hooks.Times
	later hooks.Times // of those measured after the first steps
}

// next begins a step and ends the one before it.
func (w *stopwatch) next() {
	w.lap(hooks.PhaseHooks)
	w.on = w.steps < sampleEvery || w.steps%sampleEvery == 0
	w.steps++
	w.skip()
}

// lap charges the time since the last lap to a phase, in a step that is measured.
func (w *stopwatch) lap(p hooks.Phase) {
	if !w.on {
		return
	}
	now := time.Since(w.start)
	if w.steps <= sampleEvery {
		w.first.Add(p, now-w.at)
	} else {
		w.later.Add(p, now-w.at)
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
	w.lap(hooks.PhaseHooks)
	w.on = false
}

// sampled are the phases that are measured in some steps only.
var sampled = [...]hooks.Phase{hooks.PhaseInput, hooks.PhaseStep, hooks.PhaseHooks}

// split divides the time of a loop, without what was measured apart.
func (w *stopwatch) split(total time.Duration) hooks.Times {
	rest, measured := total, time.Duration(0)
	for _, p := range sampled {
		rest -= w.first.Of(p)
		measured += w.later.Of(p)
	}
	times := w.first
	if measured > 0 && rest > 0 {
		for _, p := range sampled {
			times.Add(p, time.Duration(float64(rest)*float64(w.later.Of(p))/float64(measured)))
		}
	}
	return times
}

// measure starts measuring where the time of the loop goes; what it returns ends that.
func (t *trainer) measure() (stop func()) {
	t.watch = stopwatch{start: time.Now()}
	before := t.result.Times
	return func() {
		t.watch.stop()
		wall, times := time.Since(t.watch.start), &t.result.Times
		parts := t.watch.split(wall - (times.Saving + times.Evaluation - before.Saving - before.Evaluation))
		for _, p := range sampled {
			times.Add(p, parts.Of(p))
		}
		times.Wall += wall
		t.watch.start = time.Time{}
		times.Steps = t.result.Steps()
	}
}

// beginPhase begins the input or the step. What came before is the monitors' and the
// loop's own time.
func (t *trainer) beginPhase() time.Time {
	t.watch.lap(hooks.PhaseHooks)
	return t.monitors.trace.start()
}

// endPhase ends what beginPhase began, for Result.Times and for monitors that trace.
func (t *trainer) endPhase(p hooks.Phase, began time.Time, name string) {
	t.watch.lap(p)
	t.monitors.trace.end(p, began, name)
}

// apart charges the time since start, all of it, to saving or evaluating. The first and
// the last checkpoint are written outside the loop.
func (t *trainer) apart(p hooks.Phase, start time.Time) {
	took := time.Since(start)
	t.result.Times.Add(p, took)
	if t.watch.start.IsZero() {
		t.result.Times.Wall += took
	}
	t.watch.skip()
}
