package hooks

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strconv"
)

// EarlyStopping ends a run when a metric of an evaluation has stopped improving. It
// hears of every evaluation, whoever asked for it; [Validation] asks by a schedule.
// What it has seen is kept in the checkpoint. Make one with [NewEarlyStopping].
type EarlyStopping struct {
	Base
	metric        string
	maximize      bool
	steps, evals  int64 // patience
	stepsGiven    bool
	evalsGiven    bool
	minDelta      float64
	baseline      float64
	baselineGiven bool
	only          string // the evaluation to follow
	onlyGiven     bool

	run     *Run
	heard   bool // of an evaluation in this run
	warned  bool
	stopped bool
	at      progress
	best    bestVariables
	resumed bool // SetState was called since the last Begin
}

// progress is what survives a restart.
type progress struct {
	evaluation string // the one that is followed, once seen is not -1
	seen       int64  // the step of the last evaluation, -1 when there was none
	best       float64
	bestStep   int64   // -1 when there is no best
	metrics    Metrics // of the best step
	from       int64   // the step from which patience in steps counts
	waited     int64   // evaluations since then
}

func noProgress() progress { return progress{seen: -1, best: math.NaN(), bestStep: -1} }

// EarlyStoppingOption is an argument of [NewEarlyStopping].
type EarlyStoppingOption func(*EarlyStopping)

// PatienceSteps stops at an evaluation that is n or more steps after the best one.
func PatienceSteps(n int64) EarlyStoppingOption {
	return func(e *EarlyStopping) { e.steps, e.stepsGiven = n, true }
}

// PatienceEvaluations stops at the n-th evaluation in a row that is not an improvement.
func PatienceEvaluations(n int64) EarlyStoppingOption {
	return func(e *EarlyStopping) { e.evals, e.evalsGiven = n, true }
}

// Maximize takes greater values for better ones, as for an accuracy.
func Maximize() EarlyStoppingOption { return func(e *EarlyStopping) { e.maximize = true } }

// Minimize takes smaller values for better ones, as for a loss. It is the default.
func Minimize() EarlyStoppingOption { return func(e *EarlyStopping) { e.maximize = false } }

// MinDelta asks for an improvement by more than d; the default is 0.
func MinDelta(d float64) EarlyStoppingOption { return func(e *EarlyStopping) { e.minDelta = d } }

// Baseline lets patience run out unless the metric becomes better than x: an
// improvement that does not reach it is the new best, but buys no time.
func Baseline(x float64) EarlyStoppingOption {
	return func(e *EarlyStopping) { e.baseline, e.baselineGiven = x, true }
}

// OfEvaluation follows the evaluation of that name. The default is the first one that
// is heard of.
func OfEvaluation(name string) EarlyStoppingOption {
	return func(e *EarlyStopping) { e.only, e.onlyGiven = name, true }
}

// NewEarlyStopping returns a monitor that asks for a stop when the metric has not
// improved for as long as the patience, of which exactly one must be given:
// [PatienceSteps], the early_stopping_rounds of tf.contrib.learn, or
// [PatienceEvaluations].
//
// Only a strict improvement counts, by more than [MinDelta]; NaN is never one. An
// evaluation without the metric is an error.
//
// What was seen survives a restart, so a run that goes on after an early stop ends at
// its first evaluation that is not an improvement.
func NewEarlyStopping(metric string, opts ...EarlyStoppingOption) *EarlyStopping {
	e := &EarlyStopping{metric: metric, at: noProgress()}
	for _, o := range opts {
		if o != nil {
			o(e)
		}
	}
	return e
}

// Name is the key of the state in checkpoints: what was seen of one metric says nothing
// of another.
func (e *EarlyStopping) Name() string {
	name := "hooks.EarlyStopping/"
	if e.onlyGiven {
		name += e.only
	}
	if e.maximize {
		return name + "/" + e.metric + "/max"
	}
	return name + "/" + e.metric + "/min"
}

// BestStep returns the step of the best evaluation, -1 when there is none.
func (e *EarlyStopping) BestStep() int64 { return e.at.bestStep }

// BestValue returns the metric's best value, NaN when there is none.
func (e *EarlyStopping) BestValue() float64 { return e.at.best }

// BestMetrics returns a copy of all results of the best evaluation, nil when there is
// none.
func (e *EarlyStopping) BestMetrics() Metrics { return maps.Clone(e.at.metrics) }

// Stopped reports whether the monitor asked for the end of this run.
func (e *EarlyStopping) Stopped() bool { return e.stopped }

// Validate reports the first bad argument.
func (e *EarlyStopping) Validate() error {
	switch {
	case e.metric == "":
		return fmt.Errorf("hooks: EarlyStopping: the metric's name is empty")
	case e.stepsGiven && e.evalsGiven:
		return fmt.Errorf("hooks: EarlyStopping: PatienceSteps (%d) and PatienceEvaluations (%d) are both given: give one", e.steps, e.evals)
	case !e.stepsGiven && !e.evalsGiven:
		return fmt.Errorf("hooks: EarlyStopping: give PatienceSteps or PatienceEvaluations")
	case e.stepsGiven && e.steps <= 0:
		return fmt.Errorf("hooks: EarlyStopping: PatienceSteps: %d, want at least 1", e.steps)
	case e.evalsGiven && e.evals <= 0:
		return fmt.Errorf("hooks: EarlyStopping: PatienceEvaluations: %d, want at least 1", e.evals)
	case !(e.minDelta >= 0) || math.IsInf(e.minDelta, 0):
		return fmt.Errorf("hooks: EarlyStopping: MinDelta: %v, want at least 0", e.minDelta)
	case math.IsNaN(e.baseline) || math.IsInf(e.baseline, 0):
		return fmt.Errorf("hooks: EarlyStopping: Baseline: %v, want a finite number", e.baseline)
	}
	return nil
}

// Begin forgets an earlier run, unless SetState gave back what it saw.
func (e *EarlyStopping) Begin(run *Run) error {
	if err := e.Validate(); err != nil {
		return err
	}
	if !e.resumed {
		e.at = noProgress()
	}
	e.run, e.heard, e.warned, e.stopped, e.resumed = run, false, false, false, false
	e.best.resume(run, e.metric, e.at.bestStep)
	direction, patience := "minimizes", fmt.Sprintf("%d steps", e.steps)
	if e.maximize {
		direction = "maximizes"
	}
	if e.evalsGiven {
		patience = fmt.Sprintf("%d evaluations", e.evals)
	}
	run.Logger.Info(fmt.Sprintf("early stopping %s %q with a patience of %s", direction, e.metric, patience))
	return nil
}

// Evaluated compares the metric with its best value.
func (e *EarlyStopping) Evaluated(step int64, name string, results Metrics) error {
	if !e.follows(name) {
		return nil
	}
	e.heard = true
	value, ok := results[e.metric]
	if !ok {
		return fmt.Errorf("hooks: EarlyStopping: metric %q is missing from outputs of evaluation %q: there are %q", e.metric, name, results.Names())
	}
	at := &e.at
	switch {
	case at.seen == step:
		return nil // the same evaluation, asked for twice
	case at.seen < 0:
		at.evaluation, at.from = name, step
	}
	at.seen = step
	improved := at.bestStep < 0 && !math.IsNaN(value) || e.better(value, at.best)
	if improved {
		at.best, at.bestStep, at.metrics = value, step, maps.Clone(results)
		if e.best.on {
			e.best.keep(e.run, step)
		}
	}
	if improved && (!e.baselineGiven || e.better(value, e.baseline)) {
		at.from, at.waited = step, 0
		return nil
	}
	at.waited++
	if e.stepsGiven && step-at.from >= e.steps || e.evalsGiven && at.waited >= e.evals {
		e.stopped = true
		e.run.RequestStop(e.reason(step, value))
	}
	return nil
}

// follows reports whether the evaluation of that name is the one to look at.
func (e *EarlyStopping) follows(name string) bool {
	if e.onlyGiven {
		return name == e.only
	}
	if e.at.seen < 0 || name == e.at.evaluation {
		return true
	}
	if !e.warned {
		e.warned = true
		e.run.Logger.Warn(fmt.Sprintf("early stopping follows the evaluation %q and not %q: choose with OfEvaluation", e.at.evaluation, name))
	}
	return false
}

// better is false whenever one of the two is NaN.
func (e *EarlyStopping) better(value, than float64) bool {
	if e.maximize {
		return value-e.minDelta > than
	}
	return value+e.minDelta < than
}

func (e *EarlyStopping) reason(step int64, value float64) string {
	text := fmt.Sprintf("early stopping: %q of evaluation %q has not improved for %d steps and %d evaluations: it is %.6g at step %d",
		e.metric, e.at.evaluation, step-e.at.from, e.at.waited, value, step)
	if e.at.bestStep < 0 {
		return text + ", and was never a number"
	}
	text += fmt.Sprintf(", the best was %.6g at step %d", e.at.best, e.at.bestStep)
	if e.baselineGiven && !e.better(e.at.best, e.baseline) {
		text += fmt.Sprintf(", which is not better than the baseline %.6g", e.baseline)
	}
	return text
}

// End warns when nothing was evaluated: then nothing could stop the run.
func (e *EarlyStopping) End(cause error) error {
	if cause == nil && e.stopped && e.best.on && !e.best.restored {
		e.run.Logger.Warn("early stopping did not go back to the best variables", "step", e.at.bestStep, "best", e.best.dir)
	}
	e.best.tensors = nil
	if cause == nil && e.run != nil && !e.heard {
		e.run.Logger.Warn(fmt.Sprintf("early stopping on %q had nothing to look at: no evaluation was made in this run", e.metric))
	}
	return nil
}

// progressJSON has numbers as text, for JSON lacks NaN and the infinities.
type progressJSON struct {
	Evaluation string            `json:"evaluation"`
	Seen       int64             `json:"seen"`
	Best       string            `json:"best"`
	BestStep   int64             `json:"best_step"`
	Metrics    map[string]string `json:"metrics,omitempty"`
	From       int64             `json:"from"`
	Waited     int64             `json:"waited"`
}

// State returns what was seen, nothing before the first evaluation.
func (e *EarlyStopping) State() ([]byte, error) {
	if e.at.seen < 0 {
		return nil, nil
	}
	exact := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	s := progressJSON{
		Evaluation: e.at.evaluation, Seen: e.at.seen, Best: exact(e.at.best), BestStep: e.at.bestStep,
		Metrics: map[string]string{}, From: e.at.from, Waited: e.at.waited,
	}
	for name, x := range e.at.metrics {
		s.Metrics[name] = exact(x)
	}
	return json.Marshal(s)
}

// SetState gives back what an earlier run saw.
func (e *EarlyStopping) SetState(state []byte) error {
	e.at, e.resumed = noProgress(), true
	if len(state) == 0 {
		return nil
	}
	var s progressJSON
	if err := json.Unmarshal(state, &s); err != nil {
		return fmt.Errorf("hooks: EarlyStopping: the state of %q: %w", e.metric, err)
	}
	at := progress{evaluation: s.Evaluation, seen: s.Seen, bestStep: s.BestStep, from: s.From, waited: s.Waited}
	var err error
	if at.best, err = strconv.ParseFloat(s.Best, 64); err != nil {
		return fmt.Errorf("hooks: EarlyStopping: the state of %q: best: %w", e.metric, err)
	}
	if at.bestStep >= 0 {
		at.metrics = make(Metrics, len(s.Metrics))
	}
	for name, text := range s.Metrics {
		if at.metrics[name], err = strconv.ParseFloat(text, 64); err != nil {
			return fmt.Errorf("hooks: EarlyStopping: the state of %q: metric %q: %w", e.metric, name, err)
		}
	}
	e.at = at
	return nil
}
