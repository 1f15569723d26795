package estimator_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/internal/dense"
	"github.com/stheno-ml/stheno/metrics"
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

var (
	ctx   = context.Background()
	quiet = estimator.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))
)

func newEstimator(t testing.TB, fn estimator.ModelFn, opts ...estimator.Option) *estimator.Estimator {
	t.Helper()
	est, err := estimator.New(fn, append([]estimator.Option{quiet, estimator.Seed(7)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, est.Close()) })
	return est
}

// in is an estimator of the classifier in a directory.
func in(t testing.TB, dir string, opts ...estimator.Option) *estimator.Estimator {
	t.Helper()
	return newEstimator(t, classifier, append([]estimator.Option{estimator.ModelDir(dir)}, opts...)...)
}

func fit(t testing.TB, est *estimator.Estimator, input *datasets.Dataset, opts ...estimator.FitOption) *estimator.Result {
	t.Helper()
	res, err := est.Fit(input, opts...)
	require.NoError(t, err)
	return res
}

// classifier is a network with dropout.
func classifier(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	hidden := nn.Dropout(g, nn.Dense(g, features.One(), 16, nn.WithActivation(nn.ReLU)), 0.5)
	return classes(g, nn.Dense(g, hidden, 3), labels, mode)
}

// classes makes a spec of logits.
func classes(g *graph.Graph, logits *gorgonia.Node, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	class := nn.Argmax(g, logits)
	spec := &estimator.Spec{Predictions: graph.Nodes{"class": class, "probabilities": nn.Softmax(g, logits)}}
	if mode == estimator.Infer {
		return spec, nil
	}
	spec.Loss = nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())
	spec.Metrics = map[string]metrics.Metric{"accuracy": metrics.Accuracy(labels.One(), class)}
	if mode == estimator.Train {
		spec.TrainOp = optim.Adam(0.01).Minimize(g, spec.Loss)
	}
	return spec, nil
}

const rows, batch = 30, 8

// flowers are rows for the classifier, with labels.
func flowers() *datasets.Dataset {
	features := make([][]float32, rows)
	labels := make([]int64, rows)
	for i := range features {
		labels[i] = int64(i % 3)
		features[i] = []float32{float32(i%3) + float32(i)/50, float32(i) / 30, -float32(i%3) / 2, 1}
	}
	return datasets.FromTensors(features, labels)
}

// endless is shuffled, and the last batch of each of its epochs is short.
func endless() *datasets.Dataset { return flowers().Shuffle(rows).Batch(batch).Repeat(-1) }

// row returns the features of one flower.
func row(i int) map[string]*tensor.Dense {
	return map[string]*tensor.Dense{datasets.DefaultFeature: tensor.New(tensor.WithShape(1, 4),
		tensor.WithBacking([]float32{float32(i%3) + float32(i)/50, float32(i) / 30, -float32(i%3) / 2, 1}))}
}

// counted counts the calls of a model function by mode.
type counted struct{ train, eval, infer atomic.Int64 }

func (c *counted) wrap(fn estimator.ModelFn) estimator.ModelFn {
	return func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		switch mode {
		case estimator.Train:
			c.train.Add(1)
		case estimator.Eval:
			c.eval.Add(1)
		case estimator.Infer:
			c.infer.Add(1)
		}
		return fn(g, features, labels, mode)
	}
}

// counter is the smallest model that trains: a step adds 1 to the global step; the
// loss is the constant 2. The prediction is the input.
func counter(g *graph.Graph, features, _ graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	spec := &estimator.Spec{Predictions: features, Loss: g.NamedConstant("two", float32(2))}
	if mode == estimator.Train {
		spec.TrainOp = countSteps(g)
	}
	return spec, nil
}

func countSteps(g *graph.Graph) *gorgonia.Node {
	return ops.AssignAdd(g, g.GlobalStep(), g.NamedConstant("one", int64(1)))
}

// numbers are rows of one number each, without labels.
func numbers(x ...float32) *datasets.Dataset { return datasets.FromTensors(x, nil) }

// bits returns everything in the newest checkpoint: variables, slots, position.
func bits(t testing.TB, dir string) map[string]any {
	t.Helper()
	ckpt, _, skipped, err := saver.LoadLatest(dir)
	require.NoError(t, err)
	require.Empty(t, skipped)
	all := map[string]any{"position": ckpt.Metadata[graphactions.MetadataPosition]}
	for name, v := range ckpt.Tensors {
		all[name] = string(dense.Bytes(v))
	}
	return all
}

func stepOf(t testing.TB, dir string) int64 {
	t.Helper()
	ckpt, _, _, err := saver.LoadLatest(dir)
	require.NoError(t, err)
	return ckpt.Tensors[graph.GlobalStepName].Data().(int64)
}

// listing is every file below dir with its size and time.
func listing(t testing.TB, dir string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err == nil {
			names = append(names, path+" "+info.Mode().String()+" "+info.ModTime().String())
		}
		return err
	}))
	return names
}

// hide moves the files of every checkpoint away; put brings them back.
func hide(t testing.TB, dir string) (put func()) {
	t.Helper()
	paths, err := saver.AllPaths(dir)
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		require.NoError(t, os.Rename(path, path+".hidden"))
	}
	return func() {
		for _, path := range paths {
			require.NoError(t, os.Rename(path+".hidden", path))
		}
	}
}

// recorder notes the steps and saves of a run.
type recorder struct {
	hooks.Base
	begun, ended int
	steps, saves []int64
	run          *hooks.Run
	onStep       func(step int64)
}

func (r *recorder) Begin(run *hooks.Run) error {
	r.begun++
	r.run = run
	return nil
}

func (r *recorder) StepEnd(step int64, _ hooks.Outputs) (bool, error) {
	r.steps = append(r.steps, step)
	if r.onStep != nil {
		r.onStep(step)
	}
	return false, nil
}

func (r *recorder) Saved(step int64, _ string) error {
	r.saves = append(r.saves, step)
	return nil
}

func (r *recorder) End(error) error {
	r.ended++
	return nil
}
