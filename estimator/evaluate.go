package estimator

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/session"
)

const (
	lossMetric       = "loss"
	globalStepMetric = "global_step"
)

// Evaluate computes the spec's metrics over the input, with "loss", its mean over
// rows, and "global_step". It uses the variables in memory, or the newest checkpoint
// if another process wrote a newer one, and writes the results as summaries to
// EvalDir. Steps(n) stops after n batches; an infinite input needs it (ErrEndless).
//
// A monitor may call it during a fit. Beside a fit, from another goroutine, each
// batch sees the variables of its moment.
func (e *Estimator) Evaluate(input *datasets.Dataset, opts ...EvaluateOption) (Metrics, error) {
	return e.EvaluateContext(context.Background(), input, opts...)
}

// EvaluateContext is Evaluate with a context.
func (e *Estimator) EvaluateContext(ctx context.Context, input *datasets.Dataset, opts ...EvaluateOption) (Metrics, error) {
	var c evaluateConfig
	for _, opt := range opts {
		if opt != nil {
			opt.applyEvaluate(&c)
		}
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	if master := e.config.Cluster.EvaluationMaster; master != "" {
		return nil, fmt.Errorf(`estimator: Evaluate: TF_CONFIG has eval_session_master %q: only "" (this process) is possible, there is no cluster package yet`, master)
	}
	if err := checkInput("Evaluate", input); err != nil {
		return nil, err
	}
	if input.Cardinality().IsInfinite() && !c.stepsGiven {
		return nil, fmt.Errorf("estimator: Evaluate: %w: give Steps", ErrEndless)
	}
	e.evals.Lock()
	defer e.evals.Unlock()
	m, err := e.evalModel(input, c.checkpoint)
	if err != nil {
		return nil, err
	}
	defer e.endEvaluate(m)
	return e.evaluate(ctx, m, input, &c)
}

// evalModel returns the model to evaluate with: over the variables in memory, or, where a
// checkpoint is named, over those.
func (e *Estimator) evalModel(input *datasets.Dataset, checkpoint string) (*model, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	choose := e.liveModel
	if checkpoint != "" {
		choose = func(input *datasets.Dataset) (*model, error) { return e.fromFileModel(input, checkpoint) }
	}
	m, err := choose(input)
	if err != nil {
		return nil, err
	}
	// Each evaluation begins with fresh local variables, in one process as in two.
	if err := m.session.InitializeLocals(); err != nil {
		return nil, err
	}
	e.evaluating = m
	return m, nil
}

func (e *Estimator) endEvaluate(m *model) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.evaluating = nil
	if e.closed {
		m.session.Close()
	}
}

// liveModel returns the model over the variables in memory. It is called with mu held.
func (e *Estimator) liveModel(input *datasets.Dataset) (*model, error) {
	trained, err := e.ready()
	if err != nil {
		return nil, err
	}
	if !trained {
		if _, err := e.makeDir(); err != nil {
			return nil, fmt.Errorf("estimator: Evaluate: %w", err)
		}
	}
	if err := e.signature.compatible(signatureOf(input.Spec()), true); err != nil {
		return nil, err
	}
	return e.model(Eval, input.Spec(), input.BatchSize(), trained)
}

// fromFileModel returns the model that evaluates checkpoints named by the caller, with the
// variables of this one. It has a store of its own, for the variables in memory are
// others. It is called with mu held.
func (e *Estimator) fromFileModel(input *datasets.Dataset, path string) (*model, error) {
	if e.closed {
		return nil, ErrClosed
	}
	ckpt, err := readCheckpoint("Evaluate", Eval, input, path)
	if err != nil {
		return nil, err
	}
	if e.fromFile == nil || e.fromFile.signature.compatible(signatureOf(input.Spec()), true) != nil {
		m, err := e.build(Eval, input.Spec(), max(input.BatchSize(), 1))
		if err != nil {
			return nil, err
		}
		if err := e.open(m, session.NewStore()); err != nil {
			return nil, err
		}
		e.fromFile = m
	}
	err = graphactions.RestoreFrom(e.fromFile.session, ckpt, path)
	if err == nil {
		_, err = e.makeDir() // for the summaries
	}
	if err != nil {
		return nil, fmt.Errorf("estimator: Evaluate: CheckpointPath: %w", err)
	}
	return e.fromFile, nil
}

// predictModel returns a model that predicts with the variables of one checkpoint. It is
// the caller's to close.
func (e *Estimator) predictModel(input *datasets.Dataset, path string) (*model, error) {
	if err := e.checkOpen(); err != nil {
		return nil, err
	}
	ckpt, err := readCheckpoint("Predict", Infer, input, path)
	if err != nil {
		return nil, err
	}
	m, err := e.build(Infer, input.Spec(), max(input.BatchSize(), 1))
	if err != nil {
		return nil, err
	}
	if err := e.open(m, session.NewStore()); err != nil {
		return nil, err
	}
	if err := graphactions.RestoreFrom(m.session, ckpt, path); err != nil {
		return nil, errors.Join(fmt.Errorf("estimator: Predict: CheckpointPath: %w", err), m.session.Close())
	}
	return m, nil
}

// readCheckpoint reads a checkpoint that was trained on what the input has.
func readCheckpoint(function string, mode Mode, input *datasets.Dataset, path string) (*saver.Checkpoint, error) {
	fail := func(err error) (*saver.Checkpoint, error) {
		return nil, fmt.Errorf("estimator: %s: CheckpointPath: %w", function, err)
	}
	ckpt, err := saver.Load(path)
	if err != nil {
		return fail(err)
	}
	text := ckpt.Metadata[metadataSignature]
	if text == "" {
		return ckpt, nil
	}
	trained, err := decodeSignature(text)
	if err != nil {
		return fail(err)
	}
	return ckpt, trained.compatible(signatureOf(input.Spec()), mode != Infer)
}

func (e *Estimator) evaluate(ctx context.Context, m *model, input *datasets.Dataset, c *evaluateConfig) (Metrics, error) {
	ctx, release := e.untilClosed(ctx)
	defer release()
	all := maps.Clone(m.spec.Metrics)
	if all == nil {
		all = map[string]metrics.Metric{}
	}
	all[lossMetric] = &rowMean{node: m.spec.Loss}
	options := []graphactions.Option{
		graphactions.Input(input, graphactions.Bind(m.features, m.labels)), graphactions.Session(m.session),
		graphactions.Metrics(all), graphactions.Logger(e.config.Logger), graphactions.Seed(e.config.Seed),
	}
	if c.stepsGiven {
		options = append(options, graphactions.MaxSteps(c.steps))
	}
	_, step, err := graphactions.Evaluate(ctx, m.graph, e.EvalDir(c.name), "", nil, options...)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("estimator: Evaluate: %w", context.Cause(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("estimator: %w", err)
	}
	results := metrics.Results(all)
	results[globalStepMetric] = float64(step)
	return results, nil
}

// rowMean is the mean of a per-batch mean over rows: a short last batch weighs less.
type rowMean struct {
	node       *gorgonia.Node
	rows       int
	sum, count float64
}

var _ metrics.RowCounter = (*rowMean)(nil)

func (m *rowMean) Nodes() gorgonia.Nodes { return gorgonia.Nodes{m.node} }
func (m *rowMean) SetRows(rows int)      { m.rows = rows }

func (m *rowMean) Update(values []gorgonia.Value) error {
	var x float64
	switch d := values[0].Data().(type) {
	case float32:
		x = float64(d)
	case float64:
		x = d
	default:
		return fmt.Errorf("the loss is a %T of shape %v", d, values[0].Shape())
	}
	weight := float64(max(m.rows, 1))
	m.sum += x * weight
	m.count += weight
	return nil
}

func (m *rowMean) Value() float64 {
	if m.count == 0 {
		return 0
	}
	return m.sum / m.count
}

func (m *rowMean) Reset()                { m.sum, m.count = 0, 0 }
func (m *rowMean) Clone() metrics.Metric { return &rowMean{node: m.node} }

func (m *rowMean) Merge(other metrics.Metric) error {
	o, ok := other.(*rowMean)
	if !ok {
		return fmt.Errorf("merging a %T into a mean over rows", other)
	}
	m.sum += o.sum
	m.count += o.count
	return nil
}

func (m *rowMean) Map(f func(*gorgonia.Node) *gorgonia.Node) metrics.Metric {
	return &rowMean{node: f(m.node)}
}
