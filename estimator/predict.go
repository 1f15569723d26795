package estimator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/session"
)

// Row is the prediction for one row: for each of the spec's predictions a Go number
// (float32, int64, ...) where a row has one, else a *tensor.Dense of the row's shape.
type Row map[string]any

// Predict predicts the rows of the input in order. Labels in the input are ignored.
// Nothing happens before the first row is asked for; leaving the loop releases
// everything. An error is the last element. An infinite input is an error
// (ErrEndless): Take what is wanted.
func (e *Estimator) Predict(input *datasets.Dataset, opts ...PredictOption) iter.Seq2[Row, error] {
	return e.PredictContext(context.Background(), input, opts...)
}

// PredictContext is Predict with a context.
func (e *Estimator) PredictContext(ctx context.Context, input *datasets.Dataset, opts ...PredictOption) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		left := false
		err := e.predict(ctx, input, opts, func(r Row) bool {
			left = !yield(r, nil)
			return !left
		})
		if err != nil && !left {
			yield(nil, err)
		}
	}
}

// PredictAll is Predict with all rows in a slice.
func (e *Estimator) PredictAll(input *datasets.Dataset, opts ...PredictOption) ([]Row, error) {
	var rows []Row
	err := e.predict(context.Background(), input, opts, func(r Row) bool {
		rows = append(rows, r)
		return true
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (e *Estimator) predict(ctx context.Context, input *datasets.Dataset, opts []PredictOption, yield func(Row) bool) (err error) {
	var c predictConfig
	for _, opt := range opts {
		if opt != nil {
			opt.applyPredict(&c)
		}
	}
	if err := checkInput("Predict", input); err != nil {
		return err
	}
	if input.Cardinality().IsInfinite() {
		return fmt.Errorf("estimator: Predict: %w: Take some", ErrEndless)
	}
	modelFor := func(features map[string]*tensor.Dense) (*model, error) { return e.inferModel(features, 0) }
	if c.checkpoint != "" {
		m, err := e.predictModel(input, c.checkpoint)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, m.session.Close()) }()
		modelFor = func(map[string]*tensor.Dense) (*model, error) { return m, e.checkOpen() }
	}
	it, err := input.Iterator(datasets.Seed(e.config.Seed))
	if err != nil {
		return fmt.Errorf("estimator: Predict: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for {
		batch, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("estimator: Predict: %w", err)
		}
		m, err := modelFor(batch.Features)
		if err != nil {
			return err
		}
		nodes, names, err := m.choose(&c)
		if err != nil {
			return err
		}
		outputs, err := m.predict(ctx, nil, batch.Features, nodes, names)
		if err != nil {
			return err
		}
		rows, err := splitRows(outputs, batch.Rows())
		if err != nil {
			return err
		}
		for _, row := range rows {
			if !yield(row) {
				return nil
			}
		}
	}
}

// choose returns the predictions that are wanted.
func (m *model) choose(c *predictConfig) (gorgonia.Nodes, []string, error) {
	if !c.keysGiven {
		return m.outputs, m.outputNames, nil
	}
	var nodes gorgonia.Nodes
	for _, key := range c.keys {
		n := m.spec.Predictions[key]
		if n == nil {
			return nil, nil, fmt.Errorf("estimator: Predict: PredictKeys: there is no prediction %q, have %q", key, m.outputNames)
		}
		nodes = append(nodes, n)
	}
	if len(nodes) == 0 {
		return nil, nil, fmt.Errorf("estimator: Predict: PredictKeys: there are none, want at least one of %q", m.outputNames)
	}
	return nodes, c.keys, nil
}

// PredictBatch predicts one batch: features [batch, ...] by name in, predictions
// [batch, ...] by name out.
func (e *Estimator) PredictBatch(features map[string]*tensor.Dense) (map[string]*tensor.Dense, error) {
	return e.predictBatch(context.Background(), nil, features, 0)
}

// predictBatch predicts with variables that were the newest not longer than age ago, into
// the tensors of a map that may be nil.
func (e *Estimator) predictBatch(ctx context.Context, predictions, features map[string]*tensor.Dense, age time.Duration) (map[string]*tensor.Dense, error) {
	m, err := e.inferModel(features, age)
	if err != nil {
		return nil, err
	}
	return m.predict(ctx, predictions, features, m.outputs, m.outputNames)
}

// call is what one prediction needs while it is under way.
type call struct {
	feed   graph.Feed
	values []gorgonia.Value
}

// predict computes some of the predictions. It puts them into the map, where it uses the
// memory of the tensors that are there, or into a new one.
func (m *model) predict(ctx context.Context, predictions, features map[string]*tensor.Dense, nodes gorgonia.Nodes, names []string) (map[string]*tensor.Dense, error) {
	c, ok := m.calls.Get().(*call)
	if !ok {
		c = &call{feed: make(graph.Feed, len(features))}
	}
	defer func() { // the tensors are the caller's
		clear(c.feed)
		clear(c.values)
		m.calls.Put(c)
	}()
	for name, t := range features {
		c.feed[m.features[name]] = t
	}
	c.values = slices.Grow(c.values[:0], len(nodes))[:len(nodes)]
	for i, name := range names {
		if t := predictions[name]; t != nil {
			c.values[i] = t
		}
	}
	err := m.session.RunInto(ctx, c.values, nodes, c.feed, nil)
	if errors.Is(err, session.ErrClosed) {
		return nil, ErrClosed // by Close, while this call was under way
	}
	if err != nil {
		return nil, fmt.Errorf("estimator: Predict: %w", err)
	}
	if predictions == nil {
		predictions = make(map[string]*tensor.Dense, len(names))
	}
	for i, name := range names {
		d, ok := c.values[i].(*tensor.Dense)
		if !ok {
			return nil, fmt.Errorf("estimator: Predict: predictions[%q] is a %T, want a tensor [batch, ...]", name, c.values[i])
		}
		predictions[name] = d
	}
	return predictions, nil
}

// inferModel returns the model that takes the features. Most calls are like the one
// before: they find it without describing the features first.
func (e *Estimator) inferModel(features map[string]*tensor.Dense, age time.Duration) (*model, error) {
	if m := e.sameModel(features, age); m != nil {
		return m, nil
	}
	spec, rows, err := specOf(features)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	trained, err := e.ready()
	if err != nil {
		return nil, err
	}
	if err := e.signature.compatible(signatureOf(spec), false); err != nil {
		return nil, err
	}
	m, err := e.model(Infer, spec, rows, trained)
	if err == nil {
		m.fits = e.signature
	}
	return m, err
}

// sameModel returns the model of the last prediction if it is right for the features and
// for the newest checkpoint, nil when that takes a closer look.
func (e *Estimator) sameModel(features map[string]*tensor.Dense, age time.Duration) *model {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.loadedWithin(age) && e.load() != nil {
		return nil
	}
	m := e.models[Infer]
	if m == nil || m.fits == nil || m.fits != e.signature || len(features) != len(m.features) {
		return nil
	}
	rows := -1
	for name, t := range features {
		in, known := m.input.Features[name]
		if t == nil || !known || t.Dtype() != in.Dtype {
			return nil
		}
		shape := t.Shape()
		if len(shape) == 0 || shape[0] < 1 || rows >= 0 && shape[0] != rows || !slices.Equal(shape[1:], in.Shape) {
			return nil
		}
		rows = shape[0]
	}
	return m
}

// specOf describes a batch of features.
func specOf(features map[string]*tensor.Dense) (datasets.Spec, int, error) {
	spec := datasets.Spec{Features: map[string]datasets.TensorSpec{}}
	rows := -1
	for _, name := range slices.Sorted(maps.Keys(features)) {
		t := features[name]
		switch {
		case t == nil:
			return spec, 0, fmt.Errorf("estimator: Predict: feature %q is nil", name)
		case t.Shape().Dims() == 0:
			return spec, 0, fmt.Errorf("estimator: Predict: feature %q is a scalar, want [batch, ...]", name)
		case rows >= 0 && t.Shape()[0] != rows:
			return spec, 0, fmt.Errorf("estimator: Predict: feature %q has %d rows, others have %d", name, t.Shape()[0], rows)
		}
		rows = t.Shape()[0]
		spec.Features[name] = datasets.TensorSpec{Dtype: t.Dtype(), Shape: t.Shape()[1:].Clone()}
	}
	if rows < 1 {
		return spec, 0, errors.New("estimator: Predict: the batch has no rows")
	}
	return spec, rows, nil
}

// splitRows cuts predictions along their first axis. Every prediction must have a row
// for each row of the input.
func splitRows(outputs map[string]*tensor.Dense, n int) ([]Row, error) {
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = make(Row, len(outputs))
	}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		t := outputs[name]
		if t.Shape()[0] != n {
			return nil, fmt.Errorf("estimator: Predict: batch length of predictions should be same: predictions[%q] has shape %v for %d rows; PredictBatch returns whole tensors", name, t.Shape(), n)
		}
		for i := range rows {
			rows[i][name] = rowOf(t, i)
		}
	}
	return rows, nil
}

// rowOf returns row i of t: a number, or a copy of the row's tensor.
func rowOf(t *tensor.Dense, i int) any {
	shape := t.Shape()[1:]
	row := dense.New(t.Dtype(), shape)
	size := len(dense.Bytes(row))
	copy(dense.Bytes(row), dense.Bytes(t)[i*size:(i+1)*size])
	if shape.Dims() == 0 {
		return row.Data()
	}
	return row
}
