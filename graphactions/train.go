package graphactions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/session"
	"github.com/stheno-ml/stheno/summaries"
)

// Train runs trainOp until Steps more steps were made, the global step is MaxSteps,
// the input ends, a monitor asks to stop, ctx is cancelled or something fails. It
// starts from the newest good checkpoint in outputDir if there is one, else from
// initial values, and leaves a checkpoint of its last step on every way out except
// after a loss that is not finite.
//
// Bad arguments are reported, as an *ArgumentError, before anything is written. A
// cancelled run returns its result together with the context's cause.
//
// Where MaxSteps is reached before the first step nothing is written and no monitor
// is called; the result's reason is ReasonAlreadyAtStep.
func Train(ctx context.Context, g *graph.Graph, outputDir string, trainOp, loss *gorgonia.Node, opts ...Option) (*Result, error) {
	c := newConfig(opts)
	c.graph, c.outputDir, c.trainOp, c.loss = g, outputDir, trainOp, loss
	if err := c.checkTrain(); err != nil {
		return nil, err
	}
	t := &trainer{config: c, started: time.Now(), result: &Result{FinalLoss: math.NaN()}, snapshot: map[string]*tensor.Dense{}}
	err := t.attempt(ctx)
	for t.again(ctx, err) {
		err = t.attempt(ctx)
	}
	t.result.Duration = time.Since(t.started)
	return t.result, err
}

// trainer is one call of Train.
type trainer struct {
	*config
	started  time.Time
	monitors *monitorSet
	input    input
	session  *session.Session
	owned    bool // the session is ours to close
	lock     *saver.DirLock
	pending  *saving // the checkpoint that is being written, nil for none
	watch    stopwatch
	saver    Checkpointer
	writer   *summaries.Writer
	run      *hooks.Run
	result   *Result

	stepName    string // of the variable
	step        int64  // the global step: updates applied so far
	last        int64  // the global step to end at, -1 when there is none
	epoch       int64  // the epoch of the last batch, -1 before the first
	saved       int64  // the step of the newest checkpoint of this run, -1 when none
	runsPerStep int    // how many runs of the train op an update may take
	restored    bool
	done        bool      // there was nothing to do
	healthy     bool      // the last loss was finite, or there was none yet
	stamp       fileStamp // of the state file when it was read
	loggedAt    time.Time
	loggedFor   int64
	resumed     bool            // this is not the first attempt
	failures    int             // attempts without a step since the last step
	progress    int64           // the last step of the attempts before
	steady      context.Context // is not cancelled
	fetched     gorgonia.Nodes
	values      []gorgonia.Value
	snapshot    map[string]*tensor.Dense // memory of the last checkpoint's variables
}

// train calls Begin, the loop, and what must follow on every way out.
func (t *trainer) train(ctx context.Context) error {
	err := t.begin(ctx)
	stop := false
	if err == nil {
		stop, err = t.serve(ctx, false) // what monitors asked for in Begin
	}
	if err == nil && !stop {
		err = t.loop(ctx)
	}
	if err != nil && t.result.Reason == "" {
		t.result.Reason = ReasonError
	}
	return t.end(ctx, err)
}

// loop is the training loop; there is no other.
func (t *trainer) loop(ctx context.Context) error {
	// A batch that was taken is trained on: a cancelled run must not lose it.
	t.steady = context.WithoutCancel(ctx)
	defer t.measure()()
	for {
		if reason, cause := t.stopBefore(ctx); reason != "" {
			t.stop(reason, "")
			return cause
		}
		t.watch.next()
		if err := t.monitors.trace.next(t.step + 1); err != nil {
			return err
		}
		b, err := t.nextBatch(ctx)
		if errors.Is(err, io.EOF) {
			t.stop(ReasonInputEnd, "")
			return nil
		}
		if err != nil {
			return t.inputError(ctx, err)
		}
		if err := t.enterEpoch(b.epoch); err != nil {
			return err
		}
		step := t.step + 1
		wanted, err := t.monitors.stepBegin(step)
		if err != nil {
			return err
		}
		out, b, err := t.update(ctx, step, b, wanted)
		if errors.Is(err, io.EOF) {
			t.stop(ReasonInputEnd, "")
			return nil
		}
		if err != nil {
			return err
		}
		t.count(out)
		vote, err := t.monitors.stepEnd(step, out)
		if err == nil {
			err = t.monitors.postStep(step)
		}
		if !out.Finite() {
			if err := t.nonFinite(t.steady, step, b, out, err); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		if t.logEverySteps > 0 && t.step%t.logEverySteps == 0 || t.step == t.last {
			t.logStep()
		}
		if b.last {
			if err := t.leaveEpoch(); err != nil {
				return err
			}
		}
		stop, err := t.serve(ctx, vote)
		if stop || err != nil {
			return err
		}
	}
}

// stopBefore tells whether the run is over before the next step.
func (t *trainer) stopBefore(ctx context.Context) (Reason, error) {
	if t.last >= 0 && t.step >= t.last {
		if t.given["MaxSteps"] {
			return ReasonMaxSteps, nil
		}
		return ReasonSteps, nil
	}
	if ctx.Err() != nil {
		return ReasonCancelled, context.Cause(ctx)
	}
	return "", nil
}

func (t *trainer) stop(reason Reason, detail string) {
	t.result.Reason, t.result.Detail = reason, detail
}

// nextBatch takes a batch from the input.
func (t *trainer) nextBatch(ctx context.Context) (batch, error) {
	began := t.beginPhase()
	b, err := t.input.next(ctx)
	t.endPhase(hooks.PhaseInput, began, "batch")
	return b, err
}

// count adds a step to the result. A step whose update was not made does not count.
func (t *trainer) count(out hooks.Outputs) {
	t.result.FinalLoss = out.Loss
	if t.step > t.result.LastStep {
		t.result.LastStep = t.step
		t.result.Rows += int64(out.Rows)
	}
}

// inputError tells a cancelled wait for input from a failing input.
func (t *trainer) inputError(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		t.stop(ReasonCancelled, "")
		return context.Cause(ctx)
	}
	return fmt.Errorf("graphactions: Train: the input of step %d: %w", t.step+1, err)
}

// enterEpoch calls EpochBegin where a batch is the first of its epoch.
func (t *trainer) enterEpoch(epoch int64) error {
	if epoch < 0 || epoch == t.epoch {
		return nil
	}
	if err := t.leaveEpoch(); err != nil {
		return err
	}
	t.epoch = epoch
	return t.monitors.epochBegin(epoch)
}

// leaveEpoch calls EpochEnd for the epoch that was entered, if it was not called yet.
func (t *trainer) leaveEpoch() error {
	if t.epoch < 0 {
		return nil
	}
	left := t.epoch
	t.epoch = -1
	return t.monitors.epochEnd(left)
}

// errNonFinite stops a run of the session before its updates.
var errNonFinite = errors.New("the loss is not finite")

// update runs the train op until the global step increases: once, or with a batch each
// for the runs that an accumulating optimizer takes. It returns the last batch; the
// outputs have the mean loss and all rows. io.EOF says that the input ended before the
// update: then the sums of the batches so far are in the variables, and so in the final
// checkpoint.
func (t *trainer) update(ctx context.Context, step int64, b batch, wanted gorgonia.Nodes) (hooks.Outputs, batch, error) {
	before, loss, rows := t.step, 0.0, 0
	for run := 1; ; run++ {
		feed, err := t.monitors.feed(step, b.feed)
		if err != nil {
			return hooks.Outputs{}, b, err
		}
		b.feed = feed
		out, err := t.runOnce(step, b, wanted)
		loss += out.Loss
		rows += b.rows
		out.Loss, out.Rows = loss/float64(run), rows
		switch {
		case err != nil, t.step > before, !t.healthy && t.failOnNaN:
			return out, b, err
		case run >= t.runsPerStep:
			t.live.drop() // other variables may have changed
			return out, b, fmt.Errorf("graphactions: Train: %w: it was %d before the step and is %d after; use optim's Minimize, or ops.AssignAdd on the global step", ErrStepNotIncreased, before, t.step)
		}
		if b, err = t.nextBatch(ctx); errors.Is(err, io.EOF) {
			return out, b, err
		}
		if err != nil {
			return out, b, t.inputError(ctx, err)
		}
		if err := t.enterEpoch(b.epoch); err != nil {
			return out, b, err
		}
	}
}

// runOnce runs the train op, the loss and what monitors want. A loss that is not finite
// is seen before the updates; unless FailOnNaNLoss is off they are then not made.
func (t *trainer) runOnce(step int64, b batch, wanted gorgonia.Nodes) (hooks.Outputs, error) {
	fetches, values := t.fetches(wanted)
	began := t.beginPhase()
	err := t.session.RunInto(t.steady, values, fetches, b.feed, t.checkLoss)
	t.endPhase(hooks.PhaseStep, began, "run")
	skipped := errors.Is(err, errNonFinite)
	if err != nil && !skipped {
		return hooks.Outputs{}, fmt.Errorf("graphactions: Train: step %d: %w", step, err)
	}
	loss, err := scalarOf(values[0])
	if err != nil {
		return hooks.Outputs{}, fmt.Errorf("graphactions: Train: the loss at step %d: %w", step, err)
	}
	out := hooks.NewOutputs(loss, wanted, values[2:])
	out.Rows, out.Epoch = b.rows, max(b.epoch, 0)
	t.healthy = finite(loss)
	if !skipped {
		t.step, err = t.readStep()
	}
	return out, err
}

// fetches returns what a step fetches and where the values go. The memory of the loss
// and the step is re-used; monitors may keep the values that they asked for.
func (t *trainer) fetches(wanted gorgonia.Nodes) (gorgonia.Nodes, []gorgonia.Value) {
	t.fetched = append(append(t.fetched[:0], t.loss, t.trainOp), wanted...)
	for len(t.values) < len(t.fetched) {
		t.values = append(t.values, nil)
	}
	clear(t.values[2:])
	return t.fetched, t.values[:len(t.fetched)]
}

// checkLoss looks at the loss before the updates.
func (t *trainer) checkLoss(values []gorgonia.Value) error {
	loss, err := scalarOf(values[0])
	if err == nil && t.failOnNaN && !finite(loss) {
		return errNonFinite
	}
	return err
}

// nonFinite acts on a loss that is not finite: an error that says where it came
// from, or a warning.
func (t *trainer) nonFinite(ctx context.Context, step int64, b batch, out hooks.Outputs, monitorErr error) error {
	if !t.failOnNaN {
		t.logger.Warn("the loss is not finite, training goes on", "step", step, "loss", out.Loss)
		return nil
	}
	err := t.settle()
	t.run.TakeRequests() // nothing is saved or evaluated after a loss that is not finite
	t.result.Reason = ReasonNaNLoss
	return joinErrors(t.diagnose(ctx, step, out.Loss, b), monitorErr, err)
}

// serve does what monitors asked for in this step and tells whether the run is to stop.
func (t *trainer) serve(ctx context.Context, vote bool) (stop bool, err error) {
	if err := t.saveFailed(); err != nil {
		return true, err
	}
	asked, err := t.fulfil(ctx)
	if err == nil && (asked.Stop || vote) {
		t.stop(ReasonStopRequested, asked.Reason)
	}
	return asked.Stop || vote, err
}

// fulfil evaluates and saves as monitors asked. Evaluations come first: a checkpoint has
// what monitors learnt from those of its step, so that a resumed run knows it too.
func (t *trainer) fulfil(ctx context.Context) (asked hooks.Requests, err error) {
	var made []string
	saved := false
	for again := true; again; {
		more := t.run.TakeRequests() // Evaluated and Saved may ask too
		if !asked.Stop {
			asked.Stop, asked.Reason = more.Stop, more.Reason
		}
		asked.Save = asked.Save || more.Save
		again = false
		if t.pending != nil && (len(more.Evaluate) > 0 || asked.Save && !saved) {
			if err := t.settle(); err != nil {
				return asked, err
			}
			again = true
		}
		for _, name := range more.Evaluate {
			if !t.healthy || slices.Contains(made, name) {
				continue
			}
			if err := t.evaluateFor(ctx, name); err != nil {
				return asked, err
			}
			made, again = append(made, name), true
		}
		if again || !asked.Save || saved || !t.healthy {
			continue
		}
		if err := t.save(false); err != nil {
			return asked, err
		}
		saved, again = true, true
	}
	return asked, nil
}

func (t *trainer) evaluateFor(ctx context.Context, name string) error {
	if t.evaluate == nil {
		return fmt.Errorf("graphactions: Train: a monitor asked for the evaluation %q, but there is none: use OnEvaluate", name)
	}
	start, span := time.Now(), t.monitors.trace.start()
	var results hooks.Metrics
	err := catch("the evaluation", func() (err error) {
		results, err = t.evaluate(ctx, name)
		return err
	})
	t.apart(hooks.PhaseEvaluation, start)
	t.monitors.trace.end(hooks.PhaseEvaluation, span, name)
	if err != nil && ctx.Err() != nil {
		t.stop(ReasonCancelled, "")
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("graphactions: Train: evaluation %q at step %d: %w", name, t.step, err)
	}
	return t.monitors.evaluated(t.step, name, results)
}

// logStep logs the loss: every LogEverySteps steps and at the last step. It does nothing
// where that step was logged.
func (t *trainer) logStep() {
	if t.logEverySteps == 0 || t.result.LastStep == t.loggedFor {
		return
	}
	now := time.Now()
	perBatch := now.Sub(t.loggedAt).Seconds() / float64(t.result.LastStep-t.loggedFor)
	t.loggedAt, t.loggedFor = now, t.result.LastStep
	t.logger.Info(fmt.Sprintf("training step %d, loss = %.6g (%.3g sec/batch)", t.result.LastStep, t.result.FinalLoss, perBatch))
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func scalarOf(v gorgonia.Value) (float64, error) {
	switch v := v.(type) {
	case *gorgonia.F32:
		return float64(*v), nil
	case *gorgonia.F64:
		return float64(*v), nil
	}
	return 0, fmt.Errorf("it is a %T of shape %v, want a float32 or float64 scalar", v.Data(), v.Shape())
}
