package graphactions

import (
	"context"
	"fmt"
	"time"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/summaries"
)

// saving is the writing of one checkpoint.
type saving struct {
	step     int64
	position []byte
	states   map[string][]byte
	done     chan struct{} // closed when path and err are there
	path     string
	err      error
}

// save writes a checkpoint of the current step, unless this step has one. With
// SaveInBackground it may return before that is durable; wait forbids that.
//
// What the checkpoint holds is collected here, in any case, so its bytes do not depend on
// who writes them. One checkpoint is written at a time, and monitors hear of it before
// the next evaluation or checkpoint, or the end of the run: what they do then, and the
// states in the next checkpoint, are the same however long the disk took.
func (t *trainer) save(wait bool) error {
	if !t.chief {
		return nil
	}
	if t.saved == t.step {
		if wait {
			return t.settle()
		}
		return nil
	}
	if err := t.settle(); err != nil {
		return err
	}
	if err := t.monitors.beforeSave(t.step); err != nil {
		return err
	}
	start := time.Now()
	s, ckpt, err := t.collect()
	if err != nil {
		return err
	}
	span := t.monitors.trace.start()
	t.pending, t.saved = s, t.step
	if t.background && !wait {
		go s.write(t.saver, ckpt)
		t.monitors.trace.end(hooks.PhaseSaving, span, "checkpoint")
		t.apart(hooks.PhaseSaving, start)
		return nil
	}
	s.write(t.saver, ckpt)
	t.monitors.trace.end(hooks.PhaseSaving, span, "checkpoint")
	t.apart(hooks.PhaseSaving, start)
	return t.settle()
}

// collect copies what a checkpoint of this step holds.
func (t *trainer) collect() (*saving, saver.Checkpoint, error) {
	position, err := t.input.position()
	if err != nil {
		return nil, saver.Checkpoint{}, fmt.Errorf("graphactions: Train: the position of the input at step %d: %w", t.step, err)
	}
	states, err := t.monitors.states()
	if err != nil {
		return nil, saver.Checkpoint{}, err
	}
	metadata, err := t.metadata(position, states)
	if err != nil {
		return nil, saver.Checkpoint{}, err
	}
	s := &saving{step: t.step, position: position, states: states, done: make(chan struct{})}
	snapshot := t.snapshot // free: no checkpoint is being written
	if t.ownSaver != nil {
		snapshot = map[string]*tensor.Dense{} // it may keep what it gets
	}
	t.session.Store().SnapshotInto(snapshot)
	return s, saver.Checkpoint{Step: t.step, Tensors: modelVariables(t.graph, snapshot), Metadata: metadata}, nil
}

// write makes the checkpoint durable. A cancelled run does not interrupt it.
func (s *saving) write(to Checkpointer, ckpt saver.Checkpoint) {
	defer close(s.done)
	s.err = catch("the saver", func() (err error) {
		s.path, err = to.Save(context.Background(), ckpt)
		return err
	})
}

// saveFailed reports a checkpoint that could not be written in the background, as soon as
// that is known.
func (t *trainer) saveFailed() error {
	if t.pending == nil {
		return nil
	}
	select {
	case <-t.pending.done:
		if t.pending.err != nil {
			return t.settle()
		}
	default:
	}
	return nil
}

// settle waits for the checkpoint that is being written, if there is one, and tells
// everybody of it.
func (t *trainer) settle() error {
	s := t.pending
	if s == nil {
		return nil
	}
	start := time.Now()
	<-s.done
	t.apart(hooks.PhaseSaving, start)
	t.pending = nil
	if s.err != nil {
		t.saved = -1
		t.live.drop()
		return fmt.Errorf("graphactions: Train: saving step %d: %w", s.step, s.err)
	}
	t.result.Checkpoint = s.path
	t.live.hold(t.outputDir, s.path, s.position, s.states)
	if err := t.writer.SessionLog(summaries.SessionCheckpoint, s.step, s.path, ""); err != nil {
		return fmt.Errorf("graphactions: Train: writing summaries: %w", err)
	}
	return t.monitors.saved(s.step, s.path)
}
