package hooks_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/saver"
)

// counting is the smallest thing that the real loop can train.
type counting struct {
	g             *graph.Graph
	trainOp, loss *gorgonia.Node
}

func newCounting() counting { return newCountingBy(1) }

func newCountingBy(n int64) counting {
	g := graph.New()
	step := g.GlobalStep()
	return counting{g, ops.AssignAdd(g, step, g.NamedConstant("by", n)), g.NamedConstant("two", float32(2))}
}

var quiet = graphactions.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))

func (c counting) train(dir string, opts ...graphactions.Option) (*graphactions.Result, error) {
	return graphactions.Train(context.Background(), c.g, dir, c.trainOp, c.loss, append([]graphactions.Option{quiet}, opts...)...)
}

// saves notes which steps were saved.
func saves(steps *[]int64) hooks.Monitor {
	return hooks.Funcs{OnSaved: func(step int64, _ string) error { *steps = append(*steps, step); return nil }}
}

// saved returns the global step that the newest checkpoint holds.
func saved(t *testing.T, dir string) int64 {
	t.Helper()
	ckpt, _, skipped, err := saver.LoadLatest(dir)
	require.NoError(t, err)
	require.Empty(t, skipped)
	return ckpt.Tensors[graph.GlobalStepName].Data().(int64)
}

func readDir(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// newCountingEstimator is an estimator whose steps only count; the loss is the constant
// 2.
func newCountingEstimator(t *testing.T) *estimator.Estimator {
	t.Helper()
	return newEstimator(t, t.TempDir(), func(g *graph.Graph, features, _ graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		spec := &estimator.Spec{Predictions: features, Loss: g.NamedConstant("two", float32(2))}
		if mode == estimator.Train {
			spec.TrainOp = ops.AssignAdd(g, g.GlobalStep(), g.NamedConstant("one", int64(1)))
		}
		return spec, nil
	})
}

func newEstimator(t *testing.T, dir string, fn estimator.ModelFn) *estimator.Estimator {
	t.Helper()
	est, err := estimator.New(fn, estimator.ModelDir(dir), estimator.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, est.Close()) })
	return est
}

// filled gives a float32 variable that value.
func filled(x float32) graph.Initializer {
	return graph.InitializerFunc(func(t *tensor.Dense, _ graph.Random) error {
		for i := range t.Float32s() {
			t.Float32s()[i] = x
		}
		return nil
	})
}
