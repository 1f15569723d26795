package estimator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/session"
)

// Result says how a fit went.
type Result = graphactions.Result

// Estimator fits, evaluates and predicts with one model. Predict, PredictBatch and a
// Predictor may be used from any number of goroutines, also while Fit runs, and see
// the variables as they are; Fit and Evaluate go one at a time.
type Estimator struct {
	modelFn ModelFn
	config  RunConfig
	store   *session.Store

	work sync.Mutex // held by Fit and Evaluate

	mu        sync.Mutex // guards what follows
	live      graphactions.Live
	fitting   bool
	signature *signature
	models    map[Mode]*model
	specs     map[Mode]*signature // what models were built for
	closed    bool
}

// New returns an estimator of the model that modelFn builds. Nothing is built or
// written before the first call that needs it. The error names the option that is
// wrong.
func New(modelFn ModelFn, opts ...Option) (*Estimator, error) {
	if modelFn == nil {
		return nil, errors.New("estimator: New: the model function is nil")
	}
	e := &Estimator{modelFn: modelFn, config: defaultConfig(), store: session.NewStore(), models: map[Mode]*model{}, specs: map[Mode]*signature{}}
	for _, opt := range opts {
		if opt != nil {
			opt.applyNew(&e.config)
		}
	}
	if err := e.config.validate(); err != nil {
		return nil, err
	}
	return e, nil
}

// Config returns a copy of the configuration.
func (e *Estimator) Config() RunConfig {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.config
}

// ModelDir returns the model directory, "" while a temporary one has not been made.
func (e *Estimator) ModelDir() string { return e.Config().ModelDir }

// EvalDir returns where the evaluation of that name writes its summaries:
// <model directory>/eval, or eval_<name>.
func (e *Estimator) EvalDir(name string) string {
	if name == "" {
		return filepath.Join(e.ModelDir(), "eval")
	}
	return filepath.Join(e.ModelDir(), "eval_"+name)
}

// Fit trains on the input until Steps more steps were made, the global step is
// MaxSteps, or the input ends. It continues from the model directory's newest good
// checkpoint, with the input's next batch, if there is one, and leaves a checkpoint.
func (e *Estimator) Fit(input *datasets.Dataset, opts ...FitOption) (*Result, error) {
	return e.FitContext(context.Background(), input, opts...)
}

// FitContext is Fit with a context. Cancelling it ends the fit at the next step with
// a checkpoint; the result comes with the context's cause as the error.
func (e *Estimator) FitContext(ctx context.Context, input *datasets.Dataset, opts ...FitOption) (*Result, error) {
	var c fitConfig
	for _, opt := range opts {
		if opt != nil {
			opt.applyFit(&c)
		}
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	e.work.Lock()
	defer e.work.Unlock()
	m, given, err := e.prepareFit(input)
	if err != nil {
		return nil, err
	}
	defer e.endFit()
	if c.handleSignals || e.config.handleSignals {
		var release func()
		ctx, release = untilSignal(ctx)
		defer release()
	}
	options, err := e.trainOptions(m, input, given, &c)
	if err != nil {
		return nil, err
	}
	return graphactions.Train(ctx, m.graph, e.config.ModelDir, m.spec.TrainOp, m.spec.Loss, options...)
}

// prepareFit checks the input against the model and returns the training model.
func (e *Estimator) prepareFit(input *datasets.Dataset) (*model, *signature, error) {
	if err := checkInput("Fit", input); err != nil {
		return nil, nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, nil, ErrClosed
	}
	if e.config.ModelDir == "" {
		dir, err := os.MkdirTemp("", "stheno-")
		if err != nil {
			return nil, nil, fmt.Errorf("estimator: Fit: a temporary model directory: %w", err)
		}
		e.config.Logger.Warn("no model directory was given: using a temporary one", "dir", dir)
		e.config.ModelDir = dir
	}
	given := signatureOf(input.Spec())
	if err := e.readSignature(); err != nil {
		return nil, nil, err
	}
	if err := e.signature.compatible(given, true); err != nil {
		return nil, nil, err
	}
	m, err := e.model(Train, input.Spec(), input.BatchSize())
	if err != nil {
		return nil, nil, err
	}
	e.fitting = true
	return m, given, nil
}

func (e *Estimator) endFit() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fitting = false
}

// readSignature looks up what the model directory's model was trained on, from the
// header of its newest checkpoint, unless that is known.
func (e *Estimator) readSignature() error {
	if e.live.Current(e.config.ModelDir) && e.signature != nil {
		return nil
	}
	e.signature = nil
	path, err := saver.Latest(e.config.ModelDir)
	if err != nil {
		return nil // there is none, or Train will say what is wrong with it
	}
	r, err := saver.Open(path)
	if err != nil {
		return nil
	}
	defer r.Close()
	if text := r.Metadata()[metadataSignature]; text != "" {
		e.signature, err = decodeSignature(text)
	}
	return err
}

func (e *Estimator) trainOptions(m *model, input *datasets.Dataset, given *signature, c *fitConfig) ([]graphactions.Option, error) {
	text, err := given.encode()
	if err != nil {
		return nil, fmt.Errorf("estimator: Fit: %w", err)
	}
	e.mu.Lock()
	e.signature = given
	e.mu.Unlock()
	monitors := append([]hooks.Monitor(nil), m.spec.Monitors...)
	monitors = append(monitors, c.monitors...)
	options := []graphactions.Option{
		graphactions.Input(input, graphactions.Bind(m.features, m.labels)),
		graphactions.Session(m.session), graphactions.WithLive(&e.live), graphactions.Seed(e.config.Seed),
		graphactions.Metadata(map[string]string{metadataSignature: text}),
		graphactions.Monitors(monitors...), graphactions.Logger(e.config.Logger),
		graphactions.LogEverySteps(e.config.LogStepCountSteps), graphactions.SaveSummariesSteps(e.config.SaveSummarySteps),
		graphactions.KeepCheckpointMax(e.config.KeepCheckpointMax),
		graphactions.KeepCheckpointEveryNHours(e.config.KeepCheckpointEveryNHours),
	}
	if e.config.SaveCheckpointsSteps > 0 {
		options = append(options, graphactions.SaveModelSteps(e.config.SaveCheckpointsSteps))
	} else {
		options = append(options, graphactions.SaveModelSecs(e.config.SaveCheckpointsSecs))
	}
	if c.stepsGiven {
		options = append(options, graphactions.Steps(c.steps))
	}
	if c.maxStepsGiven {
		options = append(options, graphactions.MaxSteps(c.maxSteps))
	}
	return options, nil
}

func checkInput(function string, input *datasets.Dataset) error {
	if input == nil {
		return fmt.Errorf("estimator: %s: the input is nil", function)
	}
	if err := input.Err(); err != nil {
		return fmt.Errorf("estimator: %s: input: %w", function, err)
	}
	return nil
}

// model returns the model of a mode for inputs of that spec, building it the first
// time. It is called with mu held.
func (e *Estimator) model(mode Mode, spec datasets.Spec, rows int) (*model, error) {
	given := signatureOf(spec)
	if m := e.models[mode]; m != nil && e.specs[mode].compatible(given, mode != Infer) == nil {
		return m, nil
	}
	m, err := e.build(mode, spec, max(rows, 1))
	if err != nil {
		return nil, err
	}
	if mode != Train {
		if err := e.checkVariables(m); err != nil {
			return nil, err
		}
	}
	if err := e.open(m, spec); err != nil {
		return nil, err
	}
	if old := e.models[mode]; old != nil {
		if err := old.session.Close(); err != nil {
			return nil, err
		}
	}
	e.models[mode], e.specs[mode] = m, given
	return m, nil
}

// checkVariables reports every variable of m that the trained model lacks.
func (e *Estimator) checkVariables(m *model) error {
	var want []saver.Variable
	for _, v := range m.graph.Variables() {
		if !v.Local {
			want = append(want, saver.Variable{Name: v.Name, Dtype: v.Dtype, Shape: v.Shape})
		}
	}
	have := &saver.Checkpoint{Tensors: e.store.Snapshot()}
	if err := saver.Compare(want, have).Err(saver.AllowUnused); err != nil {
		return fmt.Errorf("estimator: mode %s: the trained model differs: %w", m.mode, err)
	}
	return nil
}

// load makes sure that the store has the newest checkpoint's variables. It is called
// with mu held. While a fit runs, the variables in memory are the newest.
func (e *Estimator) load() error {
	if e.closed {
		return ErrClosed
	}
	if e.fitting || e.config.ModelDir != "" && e.live.Current(e.config.ModelDir) {
		return nil
	}
	if e.config.ModelDir == "" {
		return fmt.Errorf("%w: there is no model directory yet", ErrNotFitted)
	}
	err := e.live.Load(e.store, e.config.ModelDir, e.config.Logger)
	if errors.Is(err, saver.ErrNoCheckpoint) {
		return fmt.Errorf("%w in %s", ErrNotFitted, e.config.ModelDir)
	}
	if err != nil {
		return err
	}
	if text := e.live.Metadata[metadataSignature]; text != "" {
		if e.signature, err = decodeSignature(text); err != nil {
			return err
		}
	}
	return nil
}

// GlobalStep returns the number of updates applied so far, or ErrNotFitted.
func (e *Estimator) GlobalStep() (int64, error) {
	v, err := e.VariableValue(graph.GlobalStepName)
	if err != nil {
		return 0, err
	}
	return v.Data().(int64), nil
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
	return e.store.Value(name)
}

// LatestCheckpoint returns the path of the newest checkpoint, "" when there is none.
func (e *Estimator) LatestCheckpoint() string {
	path, err := saver.Latest(e.ModelDir())
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

// Close frees the models. The model directory stays. It may be called more than once.
func (e *Estimator) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	var errs []error
	for _, mode := range []Mode{Train, Eval, Infer} {
		if m := e.models[mode]; m != nil {
			errs = append(errs, m.session.Close())
		}
	}
	e.models = map[Mode]*model{}
	return errors.Join(errs...)
}
