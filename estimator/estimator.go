package estimator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/internal/blas"
	"github.com/stheno-ml/stheno/session"
)

// Result says how a fit went.
type Result = graphactions.Result

// Estimator fits, evaluates and predicts with one model. Predict, PredictBatch and a
// Predictor may be used from any number of goroutines, also while Fit runs, and see
// the variables as they are. Fits go one at a time, and so do evaluations; a monitor
// of a fit may call Evaluate, which then sees the variables of that step.
type Estimator struct {
	modelFn       ModelFn
	config        RunConfig              // never changes
	modelSettings                        // neither
	temporary     atomic.Pointer[string] // the model directory that Fit made, nil for none

	fits  sync.Mutex // held by Fit
	evals sync.Mutex // held by Evaluate

	mu          sync.Mutex // guards what follows
	store       *session.Store
	live        graphactions.Live // Fit's alone while fitting
	fitting     bool
	evaluating  *model    // what Evaluate uses, nil for none
	looked      time.Time // when load looked for a checkpoint
	closed      bool
	running     map[*context.CancelCauseFunc]bool // what Close ends
	signature   *signature                        // what the model was trained on, nil when not known
	models      map[Mode]*model
	fromFile    *model       // evaluates checkpoints given by path, nil before the first
	exported    *model       // the Infer graph of exports, which never runs, nil before the first
	warmStarted *WarmStarted // what a warm start did
}

// New returns an estimator of the model that modelFn builds. Nothing is built or
// written before the first call that needs it. The environment variable TF_CONFIG is read,
// see [ParseTFConfig]. The error names every option that is wrong.
func New(modelFn ModelFn, opts ...Option) (*Estimator, error) {
	if modelFn == nil {
		return nil, errors.New("estimator: New: the model function is nil")
	}
	s, err := settingsOf(opts)
	if err != nil {
		return nil, err
	}
	return newEstimator(modelFn, s), nil
}

func newEstimator(modelFn ModelFn, s *settings) *Estimator {
	return &Estimator{
		modelFn: modelFn, config: s.RunConfig, modelSettings: s.modelSettings, store: session.NewStore(), models: map[Mode]*model{},
		running: map[*context.CancelCauseFunc]bool{},
	}
}

// Config returns a copy of the configuration.
func (e *Estimator) Config() RunConfig {
	c := e.config
	c.ModelDir, c.Cluster = e.ModelDir(), c.Cluster.clone()
	return c
}

// ModelDir returns the model directory, "" while a temporary one has not been made.
func (e *Estimator) ModelDir() string {
	if dir := e.temporary.Load(); dir != nil {
		return *dir
	}
	return e.config.ModelDir
}

// EvalDir returns where the evaluation of that name writes its summaries:
// <model directory>/eval, or eval_<name>. It is "" while there is no model directory.
func (e *Estimator) EvalDir(name string) string {
	dir := e.ModelDir()
	switch {
	case dir == "":
		return ""
	case name == "":
		return filepath.Join(dir, "eval")
	}
	return filepath.Join(dir, "eval_"+name)
}

// Fit trains on the input until Steps more steps were made, the global step is
// MaxSteps, or the input ends. It continues from the model directory's newest good
// checkpoint, with the input's next batch, if there is one, and leaves a checkpoint.
// A monitor must not call it: fits wait for each other.
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
	if err := e.config.Cluster.canTrain(); err != nil {
		return nil, fmt.Errorf("estimator: Fit: %w", err)
	}
	if err := checkInput("Fit", input); err != nil {
		return nil, err
	}
	e.fits.Lock()
	defer e.fits.Unlock()
	m, err := e.prepareFit(input)
	if err != nil {
		return nil, err
	}
	defer e.endFit(m)
	ctx, release := e.untilClosed(ctx)
	defer release()
	if c.handleSignals || e.config.handleSignals {
		var caught func() error
		ctx, caught = UntilSignal(ctx)
		res, err := e.train(ctx, m, input, &c)
		if s := caught(); err == nil {
			err = s // too late to shorten this fit, but not to be lost
		}
		return res, err
	}
	return e.train(ctx, m, input, &c)
}

// prepareFit checks the input against the model and returns the training model, with
// the newest checkpoint's variables.
func (e *Estimator) prepareFit(input *datasets.Dataset) (*model, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.load()
	fitted := err == nil
	switch {
	case errors.Is(err, ErrNotFitted):
		e.forget() // what a fit that failed at its start had left
	case errors.Is(err, ErrClosed):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("estimator: Fit: %w", err)
	}
	given := signatureOf(input.Spec())
	if err := e.signature.compatible(given, true); err != nil {
		return nil, err
	}
	if engine := e.live.Metadata[graphactions.MetadataEngine]; fitted && e.models[Train] == nil && engine != "" && engine != blas.Default().Name() {
		e.config.Logger.Warn("the checkpoint was trained with another engine of matrix products: the run goes on, but not with the same bits as an uninterrupted one",
			"checkpoint", engine, "here", blas.Default().Name())
	}
	if fitted && e.models[Train] == nil {
		e.compareParams()
	}
	m, err := e.model(Train, input.Spec(), input.BatchSize(), fitted)
	if err != nil {
		return nil, err
	}
	// Each fit begins with fresh local variables, in one process as in two.
	if err := m.session.InitializeLocals(); err != nil {
		return nil, err
	}
	e.signature, e.fitting = given, true
	return m, nil
}

func (e *Estimator) endFit(m *model) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fitting = false
	if e.closed {
		m.session.Close()
	}
}

func (e *Estimator) train(ctx context.Context, m *model, input *datasets.Dataset, c *fitConfig) (*Result, error) {
	options, err := e.trainOptions(m, input, c)
	if err != nil {
		return nil, err
	}
	made, err := e.makeDir()
	if err != nil {
		return nil, fmt.Errorf("estimator: Fit: %w", err)
	}
	res, err := graphactions.Train(ctx, m.graph, e.ModelDir(), m.spec.TrainOp, m.spec.Loss, options...)
	for _, v := range c.validations {
		if closed := v.close(); closed != nil {
			err = errors.Join(err, closed)
		}
	}
	if err != nil && made && os.Remove(e.ModelDir()) == nil {
		e.temporary.Store(nil) // nothing was written
	}
	return res, err
}

// makeDir makes a temporary model directory where none was given.
func (e *Estimator) makeDir() (made bool, err error) {
	if e.ModelDir() != "" {
		return false, nil
	}
	dir, err := os.MkdirTemp("", "stheno-")
	if err != nil {
		return false, fmt.Errorf("a temporary model directory: %w", err)
	}
	e.config.Logger.Warn("no model directory was given: using a temporary one", "dir", dir)
	e.temporary.Store(&dir)
	return true, nil
}

// untilClosed returns a context that ends with the estimator too. release must be
// called.
func (e *Estimator) untilClosed(parent context.Context) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running[&cancel] = true
	if e.closed {
		cancel(ErrClosed)
	}
	return ctx, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.running, &cancel)
		cancel(nil)
	}
}

func (e *Estimator) trainOptions(m *model, input *datasets.Dataset, c *fitConfig) ([]graphactions.Option, error) {
	metadata, err := e.metadata(m)
	if err != nil {
		return nil, fmt.Errorf("estimator: Fit: %w", err)
	}
	monitors := append([]hooks.Monitor(nil), m.spec.Monitors...)
	monitors = append(monitors, c.monitors...)
	options := []graphactions.Option{
		graphactions.Input(input, graphactions.Bind(m.features, m.labels)),
		graphactions.Session(m.session), graphactions.WithLive(&e.live), graphactions.Seed(e.config.Seed),
		metadata, graphactions.Monitors(monitors...), graphactions.Logger(e.config.Logger),
		graphactions.LogEverySteps(e.config.LogStepCountSteps), graphactions.SaveSummariesSteps(e.config.SaveSummarySteps),
		graphactions.KeepCheckpointMax(e.config.KeepCheckpointMax), graphactions.SaveInBackground(e.config.SaveCheckpointsInBackground),
		graphactions.KeepCheckpointEveryNHours(e.config.KeepCheckpointEveryNHours),
	}
	if e.config.SaveCheckpointsSteps > 0 {
		options = append(options, graphactions.SaveModelSteps(e.config.SaveCheckpointsSteps))
	} else {
		options = append(options, graphactions.SaveModelSecs(e.config.SaveCheckpointsSecs))
	}
	serve, err := e.serveValidations(m, monitors, c.validations)
	if err != nil {
		return nil, err
	}
	if serve != nil {
		options = append(options, graphactions.OnEvaluate(serve))
	}
	if c.stepsGiven {
		options = append(options, graphactions.Steps(c.steps))
	}
	if c.maxStepsGiven {
		options = append(options, graphactions.MaxSteps(c.maxSteps))
	}
	return options, nil
}

// checkInput reports what is wrong with the description of an input, before anything
// is read.
func checkInput(function string, input *datasets.Dataset) error {
	if input == nil {
		return fmt.Errorf("estimator: %s: the input is nil", function)
	}
	if err := input.Err(); err != nil {
		return fmt.Errorf("estimator: %s: input: %w", function, err)
	}
	if n, known := input.Cardinality().N(); known && n == 0 && function != "Predict" {
		return fmt.Errorf("estimator: %s: input: %w", function, datasets.ErrEmpty)
	}
	return nil
}
