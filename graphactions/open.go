package graphactions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/session"
	"github.com/stheno-ml/stheno/summaries"
)

// open gets everything ready for the first step. Whatever can be wrong with the
// arguments, the input or the checkpoint is found before anything is written.
func (t *trainer) open(ctx context.Context) error {
	t.epoch, t.saved, t.healthy = -1, -1, true
	t.runsPerStep, t.stepName = optim.RunsPerStep(t.trainOp), t.graph.VariableOf(t.globalStep).Name
	err := t.openSession()
	if err == nil {
		t.input, err = t.openInput()
	}
	if err != nil {
		return fmt.Errorf("graphactions: Train: %w", err)
	}
	if err := t.restore(); err != nil {
		return err
	}
	if t.resumed {
		t.loggedAt, t.loggedFor = time.Now(), t.step
		return t.openRest(ctx)
	}
	t.result.FirstStep, t.result.LastStep = t.step, t.step
	t.loggedAt, t.loggedFor = time.Now(), t.step
	if t.given["MaxSteps"] && t.step >= t.maxSteps {
		t.logger.Info("skipping training: max_steps was already reached", "step", t.step, "max_steps", t.maxSteps)
		t.stop(ReasonAlreadyAtStep, "")
		t.done = true
		return nil
	}
	t.last = -1
	if t.given["Steps"] {
		t.last = t.step + t.steps
	} else if t.given["MaxSteps"] {
		t.last = t.maxSteps
	}
	return t.openRest(ctx)
}

// openRest looks at the first batch and opens what is written to.
func (t *trainer) openRest(ctx context.Context) error {
	if err := t.tryFirstBatch(ctx); err != nil {
		return err
	}
	if t.chief {
		return t.openDirectory()
	}
	return nil
}

func (t *trainer) openSession() (err error) {
	if t.config.session != nil {
		t.session = t.config.session
		return nil
	}
	t.owned = true
	t.session, err = session.New(t.graph)
	return err
}

// tryFirstBatch takes the first batch ahead of time and compiles the step for it, so
// that a feed that does not fit is reported before anything is written.
func (t *trainer) tryFirstBatch(ctx context.Context) error {
	position, err := t.input.position()
	if err != nil {
		return fmt.Errorf("graphactions: Train: the position of the input: %w", err)
	}
	first, err := t.input.next(ctx)
	if err != nil && !errors.Is(err, io.EOF) {
		return t.inputError(ctx, err)
	}
	if err == nil && !t.monitors.feeds { // monitors feed only at the step itself
		if err := t.session.Compile(gorgonia.Nodes{t.loss, t.trainOp}, first.feed); err != nil {
			return fmt.Errorf("graphactions: Train: the first batch: %w", err)
		}
	}
	t.input = &peekedInput{input: t.input, first: first, err: err, at: position, pending: true}
	return nil
}

// peekedInput gives back the batch that was taken ahead of time.
type peekedInput struct {
	input
	first   batch
	err     error
	at      []byte
	pending bool
}

func (in *peekedInput) next(ctx context.Context) (batch, error) {
	if in.pending && ctx.Err() == nil {
		in.pending = false
		return in.first, in.err
	}
	return in.input.next(ctx)
}

func (in *peekedInput) position() ([]byte, error) {
	if in.pending {
		return in.at, nil
	}
	return in.input.position()
}

// openDirectory locks the model directory and opens what is written there. Another
// trainer may have saved between our reading and our lock: that is an error.
func (t *trainer) openDirectory() error {
	files, err := saver.New(t.outputDir, saver.KeepMax(t.keepMax), saver.KeepEveryNHours(t.keepHours), saver.Logger(t.logger))
	if err != nil {
		return fmt.Errorf("graphactions: Train: %w", err)
	}
	if t.saver = t.ownSaver; t.saver == nil {
		t.saver = files
	}
	if t.lock, err = saver.Lock(t.outputDir); err != nil {
		return fmt.Errorf("graphactions: Train: %w", err)
	}
	if stampOf(t.outputDir) != t.stamp {
		return fmt.Errorf("graphactions: Train: %s: another trainer wrote a checkpoint while this one started: start again", t.outputDir)
	}
	if t.writer, err = summaries.Open(t.outputDir); err != nil {
		return fmt.Errorf("graphactions: Train: %w", err)
	}
	return nil
}

// begin starts the monitors and leaves a checkpoint of the first state.
func (t *trainer) begin(ctx context.Context) error {
	t.run = &hooks.Run{
		Context: ctx, Graph: t.graph, Session: t.session, TrainOp: t.trainOp, Loss: t.loss, GlobalStep: t.globalStep, OutputDir: t.outputDir, Chief: t.chief,
		FirstStep: t.step, LastStep: t.last, BatchesPerEpoch: t.batchesPerEpoch(), Logger: t.logger, Summaries: t.writer,
	}
	if t.writer != nil {
		if err := t.writer.Graph(graphDef(t.graph)); err != nil {
			return fmt.Errorf("graphactions: Train: writing the graph: %w", err)
		}
		// TensorBoard drops points after this step that a lost run had written. One of its
		// readers takes the first of these events for granted, so fresh runs write one too.
		if err := t.writer.SessionLog(summaries.SessionStart, t.step, "", ""); err != nil {
			return fmt.Errorf("graphactions: Train: writing summaries: %w", err)
		}
	}
	if err := t.monitors.begin(t.run); err != nil {
		return err
	}
	if t.restored {
		t.saved = t.step
		return nil
	}
	return t.save(true)
}

func (t *trainer) batchesPerEpoch() int64 {
	if t.dataset == nil {
		return -1
	}
	return t.dataset.BatchesPerEpoch()
}

// end does what follows on every way out: the last epoch's end, the final
// checkpoint, End of every monitor. The first error stays first.
func (t *trainer) end(ctx context.Context, cause error) error {
	err := joinErrors(cause, t.settle())
	if t.result.Reason == ReasonInputEnd {
		t.logger.Info("the input ended", "step", t.step)
		err = joinErrors(err, t.leaveEpoch())
	}
	t.logStep()
	if err == nil {
		_, err = t.fulfil(ctx) // what EpochEnd and Saved asked for
	}
	if t.healthy && t.monitors.ready {
		err = joinErrors(err, t.save(true)) // a cancelled run saves too
	}
	if err == nil {
		_, err = t.fulfil(ctx) // what Saved asked for
	}
	if t.result.LastStep == t.result.FirstStep && err == nil {
		t.logger.Warn("training made no steps", "reason", t.result.Reason)
	}
	if err != nil && t.result.Reason == "" {
		t.result.Reason = ReasonError
	}
	return joinErrors(err, t.monitors.end(err))
}

// close releases what open got.
func (t *trainer) close() error {
	var errs []error
	if t.input != nil {
		errs = append(errs, t.input.close())
	}
	if t.writer != nil {
		errs = append(errs, t.writer.Close())
	}
	if t.lock != nil {
		errs = append(errs, t.lock.Close())
	}
	if t.owned && t.session != nil {
		errs = append(errs, t.session.Close())
	}
	t.input, t.writer, t.lock, t.session = nil, nil, nil, nil
	return errors.Join(errs...)
}
