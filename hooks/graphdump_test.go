package hooks_test

import (
	"io"
	"log/slog"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
)

// dumped drives a dump over the driver's graph for one step and returns the names.
func dumped(t *testing.T, d *driver, m *hooks.GraphDump) []string {
	t.Helper()
	d.run.TrainOp = d.tick
	require.NoError(t, m.Begin(d.run))
	d.step(m, 1)
	return slices.Sorted(maps.Keys(m.Data()[1]))
}

func TestGraphDumpNodes(t *testing.T) {
	d := newDriver(t)
	d.g.SetName(ops.Add(d.g, d.tick, d.answer), "late")
	d.g.SetName(ops.Add(d.g, d.counter, d.answer), "early")
	d.g.SetName(ops.Add(d.g, d.fed, d.answer), "of_another_feed")
	other := d.g.Variable("other", tensor.Float32, nil, nil)
	d.g.SetName(ops.Add(d.g, ops.AssignAdd(d.g, other, d.answer), d.answer), "of_another_update")
	d.prepare(-1)
	m := hooks.NewGraphDump(nil)
	require.Equal(t, []string{"counter", "early", "late", "other", "tick"}, dumped(t, d, m))
	require.Equal(t, 0.0, float(m.Data()[1]["other"]), "nothing of the step was changed")
	require.Equal(t, 42.0, float(m.Data()[1]["early"]))
	require.Equal(t, 43.0, float(m.Data()[1]["late"]), "computed from the update")
	require.Equal(t, []string{"counter", "early", "foo", "late", "one", "other", "tick"}, dumped(t, d, hooks.NewGraphDump(hooks.IgnoreOps())))
	require.Equal(t, []string{"early", "foo", "late", "one"}, dumped(t, d, hooks.NewGraphDump(hooks.IgnoreOps("Variable", "AssignAdd"))))
}

// Gorgonia names what has no name after its op and inputs, so that names may repeat.
func TestGraphDumpOfOneName(t *testing.T) {
	d := newDriver(t)
	first, second := ops.AssignAdd(d.g, d.counter, d.answer), ops.AssignAdd(d.g, d.counter, d.answer)
	require.Equal(t, first.Name(), second.Name())
	both := ops.Group(d.g, "both", first, second)
	d.prepare(-1)
	d.run.TrainOp = both
	m := hooks.NewGraphDump()
	require.NoError(t, m.Begin(d.run))
	d.step(m, 1)
	require.Contains(t, m.Data()[1], first.Name())
	require.Contains(t, m.Data()[1], first.Name()+"#2")
}

// What the train op and the loss need is fed by the step, and assignments are left out.
func TestGraphDumpOfFeedsAndAssigns(t *testing.T) {
	d := newDriver(t)
	assigned := d.g.SetName(ops.Assign(d.g, d.counter, d.fed), "assigned")
	twice := d.g.SetName(ops.Add(d.g, d.fed, d.fed), "twice")
	d.prepare(-1)
	d.run.TrainOp, d.run.Loss = assigned, twice
	m := hooks.NewGraphDump()
	require.NoError(t, m.Begin(d.run))
	d.step(m, 3)
	require.Equal(t, []string{"counter", "twice"}, slices.Sorted(maps.Keys(m.Data()[3])))
	require.Equal(t, 6.0, float(m.Data()[3]["twice"]))
	all := hooks.NewGraphDump(hooks.IgnoreOps("Const"))
	require.NoError(t, all.Begin(d.run))
	d.step(all, 4)
	require.Equal(t, []string{"assigned", "counter", "fed", "twice"}, slices.Sorted(maps.Keys(all.Data()[4])))
}

// Values are copies: another monitor's change, or the next step, does not reach them.
func TestGraphDumpCopies(t *testing.T) {
	d := newDriver(t)
	d.g.Variable("v", tensor.Float32, tensor.Shape{2}, filled(1))
	d.prepare(-1)
	m := hooks.NewGraphDump()
	require.NoError(t, m.Begin(d.run))
	wanted, err := m.StepBegin(1)
	require.NoError(t, err)
	values, err := d.session.Run(t.Context(), wanted, nil)
	require.NoError(t, err)
	_, err = m.StepEnd(1, hooks.NewOutputs(1, wanted, values))
	require.NoError(t, err)
	for _, v := range values {
		if x, ok := v.Data().([]float32); ok {
			x[0] = 7
		}
	}
	require.Equal(t, []float32{1, 1}, m.Data()[1]["v"].Data())
	delete(m.Data()[1], "v")
	require.Contains(t, m.Data()[1], "v", "the maps are copies too")
}

func TestGraphDumpCompare(t *testing.T) {
	dump := func(x float32, opts ...hooks.GraphDumpOption) *hooks.GraphDump {
		d := newDriver(t)
		d.g.Variable("v", tensor.Float32, tensor.Shape{2}, filled(x))
		d.prepare(-1)
		m := hooks.NewGraphDump(opts...)
		dumped(t, d, m)
		return m
	}
	one, near, far, bad := dump(1), dump(1.001), dump(2), dump(float32(math.NaN()))
	for _, row := range []struct {
		a, b    *hooks.GraphDump
		atol    float64
		matches bool
	}{
		{one, dump(1), 0, true}, {one, near, 0.01, true}, {near, one, 0.01, true}, {one, near, 1e-4, false}, {one, far, 1, true},
		{one, far, 0.99, false}, {bad, dump(float32(math.NaN())), 0, true}, {one, bad, 1, false}, {bad, one, math.Inf(1), false},
	} {
		matched, different, err := row.a.Compare(row.b, 1, row.atol)
		require.NoError(t, err)
		if row.matches {
			require.Equal(t, []string{"counter", "tick", "v"}, matched)
			require.Empty(t, different)
			continue
		}
		require.Equal(t, []string{"counter", "tick"}, matched)
		require.Equal(t, [2]value{row.a.Data()[1]["v"], row.b.Data()[1]["v"]}, different["v"])
	}
	without := dump(1, hooks.IgnoreOps("Const", "Placeholder", "AssignAdd"))
	for want, call := range map[string]func() error{
		"step 2 is missing from this dump":                     func() error { _, _, err := one.Compare(one, 2, 0); return err },
		"step 1 is missing from the other dump":                func() error { _, _, err := one.Compare(hooks.NewGraphDump(), 1, 0); return err },
		`node "tick" is missing from the other dump at step 1`: func() error { _, _, err := one.Compare(without, 1, 0); return err },
		`node "tick" is missing from this dump at step 1`:      func() error { _, _, err := without.Compare(one, 1, 0); return err },
		"atol: -1, want at least 0":                            func() error { _, _, err := one.Compare(one, 1, -1); return err },
		"atol: NaN":                                            func() error { _, _, err := one.Compare(one, 1, math.NaN()); return err },
		"the other dump is nil":                                func() error { _, _, err := one.Compare(nil, 1, 0); return err },
	} {
		require.ErrorContains(t, call(), want)
	}
}

// Two runs of a real model, with a short last batch and gradients, have the same values
// everywhere; another seed changes the weights.
func TestGraphDumpOfAModel(t *testing.T) {
	model := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		hidden := nn.Dropout(g, nn.Dense(g, features.One(), 8, nn.WithActivation(nn.ReLU)), 0.2)
		logits := nn.Dense(g, hidden, 3)
		spec := &estimator.Spec{Predictions: graph.Nodes{"p": nn.Softmax(g, logits)}}
		if mode != estimator.Infer {
			spec.Loss = nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())
		}
		if mode == estimator.Train {
			spec.TrainOp = optim.Adam(0.01).Minimize(g, spec.Loss)
		}
		return spec, nil
	}
	fit := func(seed uint64) *hooks.GraphDump {
		m := hooks.NewGraphDump()
		est, err := estimator.New(model, estimator.ModelDir(t.TempDir()), estimator.Seed(seed), estimator.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
		require.NoError(t, err)
		defer est.Close()
		_, err = est.Fit(datasets.Iris().Batch(64).Repeat(-1), estimator.Steps(4), estimator.Monitors(m))
		require.NoError(t, err)
		return m
	}
	a, b, c := fit(1), fit(1), fit(2)
	require.Len(t, a.Data(), 4)
	for step := int64(1); step <= 4; step++ {
		matched, different, err := a.Compare(b, step, 0)
		require.NoError(t, err)
		require.Empty(t, different)
		require.Greater(t, len(matched), 15)
		require.Contains(t, matched, "dense/kernel")
		_, different, err = a.Compare(c, step, 1e-6)
		require.NoError(t, err)
		require.Contains(t, different, "dense/kernel")
	}
}

// After a loss that is not finite the updates were not made and are left out.
func TestGraphDumpAfterNaN(t *testing.T) {
	g := graph.New()
	x := g.Placeholder("x", tensor.Float32)
	trainOp := ops.AssignAdd(g, g.GlobalStep(), g.NamedConstant("one", int64(1)))
	m := hooks.NewGraphDump(hooks.IgnoreOps())
	c := counting{g, trainOp, x}
	_, err := c.train(t.TempDir(), graphactions.Steps(1), graphactions.Monitors(m), graphactions.FeedFn(func() (graph.Feed, error) {
		return graph.Feed{x: tensor.New(tensor.FromScalar(float32(nan)))}, nil
	}))
	require.ErrorIs(t, err, graphactions.ErrNaNLoss)
	require.Equal(t, []string{"global_step", "one", "x"}, slices.Sorted(maps.Keys(m.Data()[1])))
}
