package hooks_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/ops"
)

func TestFinalOps(t *testing.T) {
	c := newCounting()
	fed := c.g.Placeholder("fed", tensor.Float32)
	m := hooks.NewFinalOps(graph.Nodes{"step": c.g.GlobalStep(), "sum": ops.Add(c.g, c.loss, fed)}, graph.Feed{fed: tensor.New(tensor.FromScalar(float32(5)))})
	_, err := c.train(t.TempDir(), graphactions.Steps(3), graphactions.Monitors(m, hooks.Funcs{OnPostStep: func(int64) error {
		require.Nil(t, m.Values(), "not before the end")
		return nil
	}}))
	require.NoError(t, err)
	require.Len(t, m.Values(), 2)
	require.EqualValues(t, 3, m.Values()["step"].Data(), "as the last update left it")
	require.EqualValues(t, 7, m.Values()["sum"].Data())

	boom := errors.New("boom")
	_, err = c.train(t.TempDir(), graphactions.Steps(3), graphactions.Monitors(m, hooks.Funcs{OnPostStep: func(int64) error { return boom }}))
	require.ErrorIs(t, err, boom)
	require.Nil(t, m.Values(), "not after an error")

	_, err = c.train(t.TempDir(), graphactions.Steps(3), graphactions.Monitors(hooks.NewFinalOps(graph.Nodes{"fed": fed}, nil)))
	require.ErrorContains(t, err, `FinalOps: session: nothing is fed for placeholder "fed"`, "it is said at the beginning")
}
