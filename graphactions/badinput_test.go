package graphactions_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/session"
)

// Every row is an error that names the argument and the value, and leaves the
// directory as it was.
func TestBadInput(t *testing.T) {
	c := newClassifier(t)
	counting := newCounter()
	vector := c.g.Placeholder("vector", tensor.Float32, 3)
	integer := c.g.Placeholder("integer", tensor.Int64)
	foreign := graph.New().Placeholder("foreign", tensor.Float32)
	broken := newCounter()
	broken.g.Placeholder("", tensor.Float32)
	other, err := session.New(counting.g)
	require.NoError(t, err)
	defer other.Close()
	feedOf := func(feed graph.Feed) graphactions.Option {
		return graphactions.FeedFn(func() (graph.Feed, error) { return feed, nil })
	}
	x, y := c.features.One(), c.labels.One()
	okX := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(8, 4))
	okY := tensor.New(tensor.Of(tensor.Int64), tensor.WithShape(8))
	type opts = []graphactions.Option
	steps := graphactions.Steps(1)
	for _, row := range []struct {
		name, want string
		trainOp    *gorgonia.Node
		loss       *gorgonia.Node
		opts       opts
	}{
		{"both steps and max steps", "Steps (3) and MaxSteps (4)", c.trainOp, c.loss, opts{graphactions.Steps(3), graphactions.MaxSteps(4)}},
		{"steps 0", "Steps: 0, must specify steps > 0", c.trainOp, c.loss, opts{graphactions.Steps(0)}},
		{"steps -1", "Steps: -1, must specify steps > 0", c.trainOp, c.loss, opts{graphactions.Steps(-1)}},
		{"max steps 0", "MaxSteps: 0, must specify max_steps > 0", c.trainOp, c.loss, opts{graphactions.MaxSteps(0)}},
		{"nil train op", "missing train_op", nil, c.loss, opts{steps}},
		{"nil loss", "missing loss_op", c.trainOp, nil, opts{steps}},
		{"vector loss", `"vector" has shape (3), want a scalar`, c.trainOp, vector, opts{steps}},
		{"integer loss", `"integer" has dtype int64`, c.trainOp, integer, opts{steps}},
		{"foreign loss", `"foreign" belongs to another graph`, c.trainOp, foreign, opts{steps}},
		{"foreign train op", `"foreign" belongs to another graph`, foreign, c.loss, opts{steps}},
		{"global step of another kind", `"x" is not an int64 scalar variable`, c.trainOp, c.loss, opts{steps, graphactions.GlobalStep(x)}},
		{"save secs and steps", "cannot be both set", c.trainOp, c.loss, opts{steps, graphactions.SaveModelSecs(1), graphactions.SaveModelSteps(1)}},
		{"save secs", "SaveModelSecs: -1", c.trainOp, c.loss, opts{steps, graphactions.SaveModelSecs(-1)}},
		{"save steps", "SaveModelSteps: 0", c.trainOp, c.loss, opts{steps, graphactions.SaveModelSteps(0)}},
		{"log steps", "LogEverySteps: -1", c.trainOp, c.loss, opts{steps, graphactions.LogEverySteps(-1)}},
		{"keep max", "KeepCheckpointMax: -1", c.trainOp, c.loss, opts{steps, graphactions.KeepCheckpointMax(-1)}},
		{"keep hours", "KeepCheckpointEveryNHours: 0", c.trainOp, c.loss, opts{steps, graphactions.KeepCheckpointEveryNHours(0)}},
		{"summary steps", "SaveSummariesSteps: -2", c.trainOp, c.loss, opts{steps, graphactions.SaveSummariesSteps(-2)}},
		{"summary seconds", "SaveSummariesSecs: 0, want more than 0", c.trainOp, c.loss, opts{steps, graphactions.SaveSummariesSecs(0)}},
		{"summary seconds and steps", "SaveSummariesSteps and SaveSummariesSecs cannot be both set", c.trainOp, c.loss, opts{steps, graphactions.SaveSummariesSecs(1), graphactions.SaveSummariesSteps(1)}},
		{"restarts", "Restarts: -1", c.trainOp, c.loss, opts{steps, graphactions.Restarts(-1)}},
		{"master", `Master: "grpc://there"`, c.trainOp, c.loss, opts{steps, graphactions.Master("grpc://there")}},
		{"nil monitor", "monitor 0 is nil", c.trainOp, c.loss, opts{steps, graphactions.Monitors(nil)}},
		{"bad monitor", "monitor 0", c.trainOp, c.loss, opts{steps, graphactions.Monitors(hooks.NewCheckpointSaver(hooks.EverySteps(0)))}},
		{"init feed alone", "InitFeed: there is no InitOp", c.trainOp, c.loss, opts{steps, graphactions.InitFeed(nil)}},
		{"nil init op", "InitOp: it is nil", c.trainOp, c.loss, opts{steps, graphactions.InitOp(nil)}},
		{"two inputs", "choose one", c.trainOp, c.loss, opts{steps, feedOf(nil), graphactions.Input(c.input, graphactions.Bind(nil, nil))}},
		{"nil feed function", "FeedFn: it is nil", c.trainOp, c.loss, opts{steps, graphactions.FeedFn(nil)}},
		{"nil data set", "Input: the data set is nil", c.trainOp, c.loss, opts{steps, graphactions.Input(nil, graphactions.Bind(nil, nil))}},
		{"nil bind", "bind is nil", c.trainOp, c.loss, opts{steps, graphactions.Input(c.input, nil)}},
		{"broken data set", "Batch", c.trainOp, c.loss, opts{steps, graphactions.Input(c.input.Batch(0), graphactions.Bind(c.features, c.labels))}},
		{"update op", "UpdateOp: it has no meaning here", c.trainOp, c.loss, opts{steps, graphactions.UpdateOp(c.loss)}},
		{"other session", "Session: it runs another graph", c.trainOp, c.loss, opts{steps, graphactions.Session(other)}},
		{"nil session", "Session: it is nil", c.trainOp, c.loss, opts{steps, graphactions.Session(nil)}},
		{"nil saver", "Saver: it is nil", c.trainOp, c.loss, opts{steps, graphactions.Saver(nil)}},
		{"nil logger", "Logger: it is nil", c.trainOp, c.loss, opts{steps, graphactions.Logger(nil)}},
		{"missing feed", `nothing is fed for placeholder "x", "y"`, c.trainOp, c.loss, opts{steps}},
		{"feed of another dtype", `"x" is float32 (8, 4) but is fed float64 (8, 4)`, c.trainOp, c.loss,
			opts{steps, feedOf(graph.Feed{x: tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(8, 4)), y: okY})}},
		{"feed of another shape", `"x" has shape (8, 4) but is fed shape (8, 5)`, c.trainOp, c.loss,
			opts{steps, feedOf(graph.Feed{x: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(8, 5)), y: okY})}},
		{"feed for an unknown node", `"foreign" is fed but belongs to another graph`, c.trainOp, c.loss,
			opts{steps, feedOf(graph.Feed{x: okX, y: okY, foreign: number(1)})}},
		{"batch without a feature", `no feature "z"`, c.trainOp, c.loss,
			opts{steps, graphactions.Input(c.input, graphactions.Bind(graph.Nodes{"z": x}, c.labels))}},
		{"batch with a new feature", `a feature "x" that the graph does not know`, c.trainOp, c.loss,
			opts{steps, graphactions.Input(c.input, graphactions.Bind(nil, c.labels))}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			all := append(opts{quiet}, row.opts...)
			_, err := graphactions.Train(ctx, c.g, dir, row.trainOp, row.loss, all...)
			require.ErrorContains(t, err, row.want)
			requireEmpty(t, dir)
		})
	}
	t.Run("broken graph", func(t *testing.T) {
		dir := t.TempDir()
		_, err := broken.train(t, dir, steps)
		require.ErrorContains(t, err, "name is empty")
		requireEmpty(t, dir)
	})
	t.Run("nil graph", func(t *testing.T) {
		_, err := graphactions.Train(ctx, nil, t.TempDir(), c.trainOp, c.loss)
		require.ErrorContains(t, err, "the graph is nil")
	})
	t.Run("no global step", func(t *testing.T) {
		g := graph.New()
		loss := g.NamedConstant("two", float32(2))
		_, err := graphactions.Train(ctx, g, t.TempDir(), loss, loss)
		require.ErrorContains(t, err, `no "global_step"`)
	})
	t.Run("a file in place of the directory", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		_, err := counting.train(t, path, steps)
		require.ErrorContains(t, err, path)
	})
	t.Run("empty data set", func(t *testing.T) {
		dir := t.TempDir()
		empty := datasets.FromTensors([][]float32{}, []int64{})
		_, err := graphactions.Train(ctx, c.g, dir, c.trainOp, c.loss, quiet, graphactions.Input(empty.Batch(2), graphactions.Bind(c.features, c.labels)))
		require.ErrorIs(t, err, datasets.ErrEmpty)
		requireEmpty(t, dir)
	})
}

func TestBadInputOfEvaluate(t *testing.T) {
	g, _, _, out := inference()
	foreign := graph.New().Placeholder("foreign", tensor.Float32)
	endless := datasets.FromTensors([]float32{1, 2}, nil).Batch(1).Repeat(-1)
	ok := graph.Nodes{"a": out}
	dir := t.TempDir()
	for _, row := range []struct {
		name, want, dir, checkpoint string
		eval                        graph.Nodes
		opts                        []graphactions.Option
	}{
		{"empty directory", "output directory", "", "", ok, nil},
		{"nothing to evaluate", "nothing to evaluate", dir, "", nil, nil},
		{"nil node", `evalDict[a]: it is nil`, dir, "", graph.Nodes{"a": nil}, nil},
		{"foreign node", `another graph`, dir, "", graph.Nodes{"a": foreign}, nil},
		{"max steps", "MaxSteps: 0", dir, "", ok, []graphactions.Option{graphactions.MaxSteps(0)}},
		{"endless input", "infinite", dir, "", ok, []graphactions.Option{graphactions.Input(endless, graphactions.Bind(nil, nil))}},
		{"steps", "Steps: it has no meaning here", dir, "", ok, []graphactions.Option{graphactions.Steps(1)}},
		{"no such checkpoint", "nowhere", dir, "nowhere", ok, nil},
		{"bad metric", `Metrics: metric "m": metrics: Mean: argument 0 is nil`, dir, "", ok, []graphactions.Option{graphactions.Metrics(map[string]metrics.Metric{"m": metrics.Mean(nil)})}},
		{"metric named like another's element", `Metrics: metrics: "m/0" is named like an element of "m"`, dir, "", ok, []graphactions.Option{
			graphactions.Metrics(map[string]metrics.Metric{"m": metrics.MeanTensor(out), "m/0": metrics.Mean(out)}),
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, _, err := graphactions.Evaluate(ctx, g, row.dir, row.checkpoint, row.eval, row.opts...)
			require.ErrorContains(t, err, row.want)
			requireEmpty(t, dir)
		})
	}
}

func TestBadInputOfInfer(t *testing.T) {
	g, in0, _, out := inference()
	ok := graph.Nodes{"out": out}
	_, err := graphactions.Infer(ctx, nil, "", ok, nil)
	require.ErrorContains(t, err, "the graph is nil")
	_, err = graphactions.Infer(ctx, g, "", nil, nil)
	require.ErrorContains(t, err, "nothing to compute")
	_, err = graphactions.RunFeedsAll(ctx, g, "", ok, nil)
	require.ErrorContains(t, err, "there are no feeds")
	_, err = graphactions.RunN(ctx, g, "", ok, nil, 0)
	require.ErrorContains(t, err, "n: 0")
	_, err = graphactions.Infer(ctx, g, "nowhere", ok, nil)
	require.ErrorContains(t, err, "nowhere")
	_, err = graphactions.RunFeedsAll(ctx, g, "", ok, []graph.Feed{nil, {in0: tensor.New(tensor.Of(tensor.Float64))}})
	require.ErrorContains(t, err, "feed 1")
	results, err := graphactions.RunN(ctx, g, "", ok, graph.Feed{in0: number(2)}, 3)
	require.NoError(t, err)
	require.Len(t, results, 3)
	require.Equal(t, float32(7), results[2]["out"].Data())
}

func TestEvaluateWithUpdateOp(t *testing.T) {
	g := graph.New()
	total := g.LocalVariable("total", tensor.Float32, nil, nil)
	x := g.Placeholder("x", tensor.Float32)
	update := ops.AssignAdd(g, total, x)
	n := 0
	feed := graphactions.FeedFn(func() (graph.Feed, error) { n++; return graph.Feed{x: number(float32(n))}, nil })
	got, _, err := graphactions.Evaluate(ctx, g, t.TempDir(), "", graph.Nodes{"total": total}, feed, graphactions.UpdateOp(update), graphactions.MaxSteps(4), quiet)
	require.NoError(t, err)
	require.Equal(t, float32(10), got["total"].Data())
}
