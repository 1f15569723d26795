package hooks_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

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

func (c counting) train(dir string, opts ...graphactions.Option) (*graphactions.Result, error) {
	quiet := graphactions.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))
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
