package graphactions_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/saver"
)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}

type nodes = []*gorgonia.Node

var (
	ctx   = context.Background()
	quiet = graphactions.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))
)

func value(v float32) graph.Initializer {
	return graph.InitializerFunc(func(t *tensor.Dense, _ graph.Random) error {
		for i := range t.Float32s() {
			t.Float32s()[i] = v
		}
		return nil
	})
}

func number(v float32) *tensor.Dense { return tensor.New(tensor.FromScalar(v)) }

// counter is the smallest thing that trains: a step adds 1 to the global step, the
// loss is the constant 2.
type counter struct {
	g             *graph.Graph
	trainOp, loss *gorgonia.Node
}

func newCounter() counter {
	g := graph.New()
	step := g.GlobalStep()
	return counter{g, ops.AssignAdd(g, step, g.NamedConstant("one", int64(1))), g.NamedConstant("two", float32(2))}
}

func (c counter) train(t *testing.T, dir string, opts ...graphactions.Option) (*graphactions.Result, error) {
	t.Helper()
	return graphactions.Train(ctx, c.g, dir, c.trainOp, c.loss, append([]graphactions.Option{quiet}, opts...)...)
}

func newest(t *testing.T, dir string) *saver.Checkpoint {
	t.Helper()
	ckpt, _, skipped, err := saver.LoadLatest(dir)
	require.NoError(t, err)
	require.Empty(t, skipped)
	return ckpt
}

func stepOf(t *testing.T, dir string) int64 {
	t.Helper()
	return newest(t, dir).Tensors[graph.GlobalStepName].Data().(int64)
}

// classifier is a network with dropout over shuffled rows whose last batch of an
// epoch is short.
type classifier struct {
	g                *graph.Graph
	features, labels graph.Nodes
	trainOp, loss    *gorgonia.Node
	input            *datasets.Dataset
}

const classifierRows, classifierBatch = 30, 8

func newClassifier(t *testing.T) *classifier {
	t.Helper()
	c := buildClassifier()
	require.NoError(t, c.g.Err())
	return c
}

func buildClassifier() *classifier {
	g := graph.New(graph.Seed(7), graph.Training(true))
	x := g.Placeholder("x", tensor.Float32, classifierBatch, 4)
	y := g.Placeholder("y", tensor.Int64, classifierBatch)
	h := nn.Dropout(g, nn.Dense(g, x, 16, nn.WithActivation(nn.ReLU)), 0.5)
	loss := nn.SparseSoftmaxCrossEntropy(g, nn.Dense(g, h, 3), y)
	c := &classifier{
		g: g, features: graph.Nodes{datasets.DefaultFeature: x}, labels: graph.Nodes{datasets.DefaultLabel: y},
		loss: loss, trainOp: optim.Adam(0.01).Minimize(g, loss),
	}
	c.input = datasets.FromTensors(classifierTensors()).Shuffle(classifierRows).Batch(classifierBatch).Repeat(-1)
	return c
}

func classifierTensors() (features [][]float32, labels []int64) {
	features, labels = make([][]float32, classifierRows), make([]int64, classifierRows)
	for i := range features {
		labels[i] = int64(i % 3)
		features[i] = []float32{float32(i%3) + float32(i)/50, float32(i) / 30, -float32(i%3) / 2, 1}
	}
	return features, labels
}

func (c *classifier) train(t *testing.T, dir string, opts ...graphactions.Option) *graphactions.Result {
	t.Helper()
	res, err := c.try(ctx, dir, opts...)
	require.NoError(t, err)
	return res
}

func (c *classifier) try(ctx context.Context, dir string, opts ...graphactions.Option) (*graphactions.Result, error) {
	opts = append([]graphactions.Option{quiet, graphactions.Input(c.input, graphactions.Bind(c.features, c.labels))}, opts...)
	return graphactions.Train(ctx, c.g, dir, c.trainOp, c.loss, opts...)
}

// bits returns everything in the newest checkpoint: variables, slots, position.
func bits(t *testing.T, dir string) map[string]any {
	t.Helper()
	ckpt := newest(t, dir)
	all := map[string]any{"position": ckpt.Metadata[graphactions.MetadataPosition]}
	for name, v := range ckpt.Tensors {
		all[name] = string(dense.Bytes(v))
	}
	return all
}

// recorder notes every call that a monitor gets.
type recorder struct {
	hooks.Base
	calls      []string
	begin, end int
	ended      error
	steps      []int64
	saves      []int64
	everywhere bool
	stopAt     int64
	fail       map[string]func() error // what calls do, from the step from on
	from       int64
	now        int64 // the step
	run        *hooks.Run
}

func (r *recorder) note(call string) error {
	r.calls = append(r.calls, call)
	return r.trap(call)
}

func (r *recorder) trap(call string) error {
	if r.now < r.from || r.fail[call] == nil {
		return nil
	}
	return r.fail[call]()
}

func (r *recorder) AllWorkers() bool { return r.everywhere }

func (r *recorder) Begin(run *hooks.Run) error {
	r.begin++
	r.run = run
	return r.note("Begin")
}

func (r *recorder) EpochBegin(int64) error { return r.note("EpochBegin") }
func (r *recorder) EpochEnd(int64) error   { return r.note("EpochEnd") }

func (r *recorder) StepBegin(step int64) ([]*gorgonia.Node, error) {
	r.now = step
	return nil, r.note("StepBegin")
}

func (r *recorder) StepEnd(step int64, _ hooks.Outputs) (bool, error) {
	r.steps = append(r.steps, step)
	return r.stopAt == step, r.note("StepEnd")
}

func (r *recorder) PostStep(int64) error { return r.note("PostStep") }

func (r *recorder) Saved(step int64, _ string) error {
	r.saves = append(r.saves, step)
	return r.note("Saved")
}

func (r *recorder) State() ([]byte, error) { return nil, r.trap("State") }

func (r *recorder) Evaluated(int64, string, hooks.Metrics) error { return r.trap("Evaluated") }

func (r *recorder) End(cause error) error {
	r.end++
	r.ended = cause
	return r.note("End")
}
