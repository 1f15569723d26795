package graphactions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/session"
	"github.com/stheno-ml/stheno/summaries"
)

// Evaluate runs evalDict over the input and returns the values of the last batch and
// the global step, 0 when the graph has none. Variables come from checkpointPath;
// when that is "" they have their initial values, unless [Session] brings some.
//
// Without [UpdateOp] evalDict is computed for every batch. With it each batch runs
// only the update op, and evalDict is computed every LogEverySteps batches and at the
// end, over the last batch. [Metrics] are updated with every batch; read their values afterwards.
//
// The run ends after MaxSteps batches or at the end of the input, which must come: an
// infinite data set without MaxSteps is an error. Without an input one batch is run,
// or MaxSteps of them. Scalar results, and the elements of metrics that are vectors, are
// written as summaries of the global step to outputDir.
//
// Options: UpdateOp, Metrics, GlobalStep, LogEverySteps, FeedFn, Input, MaxSteps,
// Master, Session, Logger, Seed.
func Evaluate(ctx context.Context, g *graph.Graph, outputDir, checkpointPath string, evalDict graph.Nodes, opts ...Option) (map[string]gorgonia.Value, int64, error) {
	c := newConfig(opts)
	c.graph, c.outputDir = g, outputDir
	if err := c.checkEvaluate(evalDict); err != nil {
		return nil, 0, err
	}
	in, err := c.openInput()
	if err != nil {
		return nil, 0, fmt.Errorf("graphactions: Evaluate: %w", err)
	}
	defer in.close()
	s, done, err := openFor(ctx, c, checkpointPath)
	if err != nil {
		return nil, 0, fmt.Errorf("graphactions: Evaluate: %w", err)
	}
	defer done()
	e := &evaluation{config: c, session: s, input: in, names: evalDict.Names(), nodes: evalDict.Ordered()}
	for _, name := range metrics.Names(c.metrics) {
		m := c.metrics[name]
		m.Reset()
		e.fetches = append(e.fetches, m.Nodes()...)
	}
	values, err := e.run(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("graphactions: Evaluate: %w", err)
	}
	step, err := e.globalStepValue()
	if err != nil {
		return nil, 0, fmt.Errorf("graphactions: Evaluate: %w", err)
	}
	return values, step, e.writeSummaries(values, step)
}

func (c *config) checkEvaluate(evalDict graph.Nodes) error {
	const f = "Evaluate"
	if strings.TrimSpace(c.outputDir) == "" {
		return argumentError(f, "outputDir", "the output directory is empty")
	}
	if c.graph == nil {
		return argumentError(f, "g", "the graph is nil")
	}
	if err := c.graph.Err(); err != nil {
		return &ArgumentError{Function: f, Argument: "g", Err: err}
	}
	if len(evalDict) == 0 && len(c.metrics) == 0 {
		return argumentError(f, "evalDict", "there is nothing to evaluate")
	}
	for _, name := range evalDict.Names() {
		if err := c.checkNode(f, "evalDict["+name+"]", "it is nil", evalDict[name]); err != nil {
			return err
		}
	}
	if err := c.onlyFor(f, "UpdateOp", "Metrics", "GlobalStep", "LogEverySteps", "FeedFn", "Input", "MaxSteps", "Master", "Session", "Logger", "Seed"); err != nil {
		return err
	}
	if c.given["MaxSteps"] && c.maxSteps <= 0 {
		return argumentError(f, "MaxSteps", fmt.Sprintf("%d, must specify max_steps > 0", c.maxSteps))
	}
	if c.given["UpdateOp"] {
		if err := c.checkNode(f, "UpdateOp", "it is nil", c.updateOp); err != nil {
			return err
		}
	}
	if err := c.checkInput(f); err != nil {
		return err
	}
	if c.dataset != nil && c.dataset.Cardinality().IsInfinite() && !c.given["MaxSteps"] {
		return argumentError(f, "Input", "the data set is infinite and there is no MaxSteps: the evaluation would never end")
	}
	for _, name := range metrics.Names(c.metrics) {
		if err := metrics.Check(c.metrics[name]); err != nil {
			return &ArgumentError{Function: f, Argument: "Metrics", Err: fmt.Errorf("metric %q: %w", name, err)}
		}
	}
	if err := metrics.CheckNames(c.metrics); err != nil {
		return &ArgumentError{Function: f, Argument: "Metrics", Err: err}
	}
	if c.globalStep == nil {
		c.globalStep = c.graph.FindGlobalStep()
	}
	return nil
}

// openFor returns a session with the variables of a checkpoint, and what closes it.
func openFor(ctx context.Context, c *config, checkpointPath string) (*session.Session, func() error, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	s, done := c.session, func() error { return nil }
	if s == nil {
		own, err := session.New(c.graph)
		if err != nil {
			return nil, nil, err
		}
		s, done = own, own.Close
	}
	if checkpointPath == "" {
		return s, done, nil
	}
	if err := RestoreSession(s, checkpointPath); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return s, done, nil
}

// evaluation is one call of Evaluate.
type evaluation struct {
	*config
	session *session.Session
	input   input
	names   []string
	nodes   gorgonia.Nodes
	fetches gorgonia.Nodes // what the metrics need
}

func (e *evaluation) run(ctx context.Context) (map[string]gorgonia.Value, error) {
	limit := e.maxSteps
	if !e.given["MaxSteps"] && e.dataset == nil && e.feedFn == nil {
		limit = 1
	}
	var values []gorgonia.Value
	var last batch
	var n, computed int64
	logged, loggedAt := int64(0), time.Now()
	for limit == 0 || n < limit {
		b, err := e.input.next(ctx)
		if errors.Is(err, io.EOF) {
			if limit > 0 {
				e.logger.Warn("the input ended before MaxSteps", "batches", n, "max_steps", limit)
			} else {
				e.logger.Info("the input of the evaluation ended", "batches", n)
			}
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the input of batch %d: %w", n+1, err)
		}
		last = b
		n++
		everyBatch := e.updateOp == nil || e.logEverySteps > 0 && n%e.logEverySteps == 0
		got, err := e.batch(ctx, b, everyBatch)
		if err != nil {
			return nil, fmt.Errorf("batch %d: %w", n, err)
		}
		if everyBatch {
			values, computed = got, n
		}
		if len(e.nodes) > 0 && e.logEverySteps > 0 && n%e.logEverySteps == 0 {
			e.log(values, n, time.Since(loggedAt).Seconds()/float64(n-logged))
			logged, loggedAt = n, time.Now()
		}
	}
	if n == 0 {
		return nil, errors.New("the input has no batches")
	}
	if computed < n {
		got, err := e.session.Run(ctx, e.nodes, last.feed)
		if err != nil {
			return nil, fmt.Errorf("the final values: %w", err)
		}
		values = got
	}
	results := make(map[string]gorgonia.Value, len(e.names))
	for i, name := range e.names {
		v, err := gorgonia.CloneValue(values[i])
		if err != nil {
			return nil, err
		}
		results[name] = v
	}
	return results, nil
}

// log logs the values asked for.
func (e *evaluation) log(values []gorgonia.Value, n int64, perBatch float64) {
	parts := make([]string, len(e.names))
	for i, name := range e.names {
		parts[i] = fmt.Sprintf("%s = %v", name, values[i])
	}
	e.logger.Info(fmt.Sprintf("results after batch %d: %s (%.3g sec/batch)", n, strings.Join(parts, ", "), perBatch))
}

// batch runs one batch, updates the metrics and returns evalDict's values when they
// are wanted.
func (e *evaluation) batch(ctx context.Context, b batch, wanted bool) ([]gorgonia.Value, error) {
	fetches := append(gorgonia.Nodes(nil), e.fetches...)
	if wanted {
		fetches = append(fetches, e.nodes...)
	}
	if e.updateOp != nil {
		fetches = append(fetches, e.updateOp)
	}
	values, err := e.session.Run(ctx, fetches, b.feed)
	if err != nil {
		return nil, err
	}
	at := 0
	for _, name := range metrics.Names(e.metrics) {
		m := e.metrics[name]
		k := len(m.Nodes())
		if counter, ok := m.(metrics.RowCounter); ok {
			counter.SetRows(b.rows)
		}
		if err := catch("metric "+name, func() error { return m.Update(values[at : at+k]) }); err != nil {
			return nil, fmt.Errorf("metric %q: %w", name, err)
		}
		at += k
	}
	if !wanted {
		return nil, nil
	}
	return values[at : at+len(e.nodes)], nil
}

func (e *evaluation) globalStepValue() (int64, error) {
	v := e.graph.VariableOf(e.globalStep)
	if v == nil {
		return 0, nil
	}
	value, err := e.session.Store().Value(v.Name)
	if err != nil {
		return 0, err
	}
	step, ok := value.Data().(int64)
	if !ok {
		return 0, fmt.Errorf("the global step %q is a %v", v.Name, v.Dtype)
	}
	return step, nil
}

// writeSummaries writes scalar results to outputDir.
func (e *evaluation) writeSummaries(values map[string]gorgonia.Value, step int64) (err error) {
	scalars := map[string]float64{}
	for name, v := range values {
		x, scalarErr := scalarOf(v)
		if scalarErr != nil {
			e.logger.Warn("skipping the summary of a value that is not a float scalar", "name", name, "shape", v.Shape())
			continue
		}
		scalars[name] = x
	}
	for name, m := range e.metrics {
		if t, ok := m.(metrics.Tensor); ok && (t.Tensor() == nil || t.Tensor().Dims() > 1) {
			continue // a chart for each element of a matrix helps nobody
		}
		maps.Copy(scalars, metrics.Results(map[string]metrics.Metric{name: m}))
	}
	w, err := summaries.Open(e.outputDir)
	if err != nil {
		return fmt.Errorf("graphactions: Evaluate: %w", err)
	}
	defer func() { err = joinErrors(err, w.Close()) }()
	if err := w.Scalars(scalars, step); err != nil {
		return fmt.Errorf("graphactions: Evaluate: writing summaries: %w", err)
	}
	return w.Flush()
}
