package estimator

import (
	"errors"
	"fmt"
	"time"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/session"
)

// model returns the model of a mode for inputs of that spec, building it the first
// time. trained says that the store has a trained model, which must be the same. It is
// called with mu held.
func (e *Estimator) model(mode Mode, spec datasets.Spec, rows int, trained bool) (*model, error) {
	if m := e.models[mode]; m != nil && m.signature.compatible(signatureOf(spec), mode != Infer) == nil {
		return m, nil
	}
	m, err := e.build(mode, spec, max(rows, 1))
	if err != nil {
		return nil, err
	}
	if mode == Train {
		if err := e.checkParams(m); err != nil {
			return nil, err
		}
	}
	if trained {
		err = e.checkVariables(m)
	} else {
		err = e.warm(m)
	}
	if err != nil {
		return nil, err
	}
	if err := e.open(m, e.store); err != nil {
		return nil, err
	}
	e.models[mode] = m // calls that still run the one before finish with it
	return m, nil
}

// checkVariables reports every difference between the variables of m and those of the
// trained model. A model that is not trained further may leave some out.
func (e *Estimator) checkVariables(m *model) error {
	var want []saver.Variable
	for _, v := range m.graph.Variables() {
		if !v.Local {
			want = append(want, saver.Variable{Name: v.Name, Dtype: v.Dtype, Shape: v.Shape})
		}
	}
	policy := saver.AllowUnused
	if m.mode == Train {
		policy = saver.Strict
	}
	have := &saver.Checkpoint{Tensors: e.store.Snapshot()}
	if err := saver.Compare(want, have).Err(policy); err != nil {
		return fmt.Errorf("estimator: mode %s: the trained model in %s differs: %w", m.mode, e.ModelDir(), err)
	}
	return nil
}

// checkOpen returns ErrClosed after Close.
func (e *Estimator) checkOpen() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	return nil
}

// load makes sure that the store has the newest checkpoint's variables. It is called
// with mu held. While a fit runs, the variables in memory are the newest.
func (e *Estimator) load() error {
	if e.closed {
		return ErrClosed
	}
	if e.fitting {
		return nil
	}
	dir := e.ModelDir()
	if dir == "" {
		return fmt.Errorf("%w: there is no model directory yet", ErrNotFitted)
	}
	e.looked = time.Now()
	if e.live.Current(dir) {
		return nil
	}
	err := e.live.Load(e.store, dir, e.config.Logger)
	if err != nil && !errors.Is(err, saver.ErrNoCheckpoint) && len(e.store.Names()) > 0 {
		// Another model may have been trained there, with other shapes.
		e.forget()
		err = e.live.Load(e.store, dir, e.config.Logger)
	}
	if errors.Is(err, saver.ErrNoCheckpoint) {
		return fmt.Errorf("%w in %s", ErrNotFitted, dir)
	}
	if err != nil {
		return err
	}
	e.signature = nil
	if text := e.live.Metadata[metadataSignature]; text != "" {
		e.signature, err = decodeSignature(text)
	}
	return err
}

// ready is load for calls that only read the variables: a warm start stands in for a
// checkpoint that is not there. trained says that there is one. It is called with mu held.
func (e *Estimator) ready() (trained bool, err error) {
	err = e.load()
	if e.warmStart == nil || !errors.Is(err, ErrNotFitted) {
		return err == nil, err
	}
	if e.live.Checkpoint != "" {
		e.forget() // its files are gone
	}
	return false, nil
}

// loadedWithin reports that load would have had nothing to do at some time not longer than
// age ago. It is called with mu held.
func (e *Estimator) loadedWithin(age time.Duration) bool {
	return age > 0 && !e.closed && !e.fitting && e.live.Checkpoint != "" && time.Since(e.looked) < age
}

// forget drops all variables and models: the next fit is a fresh one. It is called
// with mu held.
func (e *Estimator) forget() {
	e.store, e.live, e.signature, e.warmStarted = session.NewStore(), graphactions.Live{}, nil, nil
	e.models = map[Mode]*model{}
}

// GlobalStep returns the number of updates applied so far, or ErrNotFitted.
func (e *Estimator) GlobalStep() (int64, error) {
	v, err := e.VariableValue(graph.GlobalStepName)
	if err != nil {
		return 0, err
	}
	step, ok := v.Data().(int64)
	if !ok {
		return 0, fmt.Errorf("estimator: variable %q is %v %v, want an int64 scalar", graph.GlobalStepName, v.Dtype(), v.Shape())
	}
	return step, nil
}

// VariableNames returns the names of all variables, optimizer slots and the global
// step included, in ascending order, or ErrNotFitted.
func (e *Estimator) VariableNames() ([]string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.load(); err != nil {
		return nil, err
	}
	return e.store.Names(), nil
}

// VariableValue returns a copy of a variable's value, or ErrNotFitted.
func (e *Estimator) VariableValue(name string) (*tensor.Dense, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.load(); err != nil {
		return nil, err
	}
	v, err := e.store.Value(name)
	if err != nil {
		return nil, fmt.Errorf("estimator: there is no variable %q, have %q", name, e.store.Names())
	}
	return v, nil
}

// LatestCheckpoint returns the path of the newest checkpoint, "" when there is none.
func (e *Estimator) LatestCheckpoint() string {
	dir := e.ModelDir()
	if dir == "" {
		return ""
	}
	path, err := saver.Latest(dir)
	if err != nil {
		return ""
	}
	return path
}

// Stats returns what the session of a mode did so far: programs compiled, runs.
func (e *Estimator) Stats(mode Mode) session.Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := e.models[mode]; m != nil {
		return m.session.Stats()
	}
	return session.Stats{}
}

// Close frees the models. The model directory stays. A fit that is running ends at
// its next step with a checkpoint, and everything else returns ErrClosed. Close may be
// called more than once.
func (e *Estimator) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for cancel := range e.running {
		(*cancel)(ErrClosed)
	}
	var errs []error
	for mode, m := range e.models {
		if mode == Train && e.fitting || m == e.evaluating {
			continue // whoever uses it closes it
		}
		errs = append(errs, m.session.Close())
	}
	if e.fromFile != nil && e.fromFile != e.evaluating {
		errs = append(errs, e.fromFile.session.Close())
	}
	e.models, e.fromFile = map[Mode]*model{}, nil
	return errors.Join(errs...)
}
