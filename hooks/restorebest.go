package hooks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/saver"
)

// RestoreBest goes back to the variables of the best evaluation when early stopping ends
// the run, optimizer slots included: the final checkpoint has those, and the number of the
// last step. A run that ends otherwise keeps what it has.
//
// The best variables are kept in memory, and with every checkpoint of the run in
// <model directory>/best/<metric> too, so that they survive a restart; the five newest
// files are kept there. They can be loaded as any checkpoint can.
func RestoreBest() EarlyStoppingOption { return func(e *EarlyStopping) { e.best.on = true } }

// bestVariables are the variables of the best evaluation.
type bestVariables struct {
	on       bool // RestoreBest was given
	dir      string
	tensors  map[string]*tensor.Dense // nil when they are not known
	step     int64                    // of tensors
	written  bool                     // tensors are in dir
	restored bool
}

// resume gets the best variables of an earlier run.
func (b *bestVariables) resume(run *Run, metric string, step int64) {
	*b = bestVariables{on: b.on, dir: filepath.Join(run.OutputDir, "best", url.PathEscape(metric))}
	if !b.on || step < 0 {
		return
	}
	ckpt, err := saver.Load(filepath.Join(b.dir, fmt.Sprintf("model.ckpt-%d.safetensors", step)))
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.New("there is no such file")
	}
	if err != nil {
		run.Logger.Warn("early stopping cannot go back to the best variables so far", "step", step, "dir", b.dir, "reason", err)
		return
	}
	b.tensors, b.step, b.written = ckpt.Tensors, step, true
}

// keep copies the variables of a step, all but the global step.
func (b *bestVariables) keep(run *Run, step int64) {
	snapshot := run.Session.Store().Snapshot()
	b.tensors, b.step, b.written = map[string]*tensor.Dense{}, step, false
	for _, v := range run.Graph.Variables() {
		if value, ok := snapshot[v.Name]; ok && !v.Local && v.Name != run.stepName() {
			b.tensors[v.Name] = value
		}
	}
}

// save writes the variables unless they are written.
func (b *bestVariables) save(run *Run) error {
	if b.tensors == nil || b.written {
		return nil
	}
	s, err := saver.New(b.dir, saver.Logger(run.Logger))
	if err != nil {
		return err
	}
	_, err = s.Save(context.Background(), saver.Checkpoint{Step: b.step, Tensors: b.tensors})
	b.written = err == nil
	return err
}

// restore puts the variables back.
func (b *bestVariables) restore(run *Run) error {
	if b.tensors == nil || b.restored {
		return nil
	}
	if err := run.Session.Store().Restore(b.tensors); err != nil {
		return fmt.Errorf("the variables of step %d: %w", b.step, err)
	}
	b.restored = true
	run.Logger.Info("early stopping went back to the best variables", "step", b.step)
	return nil
}

// BeforeSave puts the best variables back when early stopping has ended the run, and
// writes them with every checkpoint.
func (e *EarlyStopping) BeforeSave(int64) error {
	if !e.best.on {
		return nil
	}
	err := e.best.save(e.run)
	if err == nil && e.stopped {
		err = e.best.restore(e.run)
	}
	if err != nil {
		return fmt.Errorf("hooks: EarlyStopping: RestoreBest: %w", err)
	}
	return nil
}
