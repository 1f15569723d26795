package graphactions_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/saver"
	"github.com/stheno-ml/stheno/session"
)

// checkpointOf writes vectors of two as a checkpoint.
func checkpointOf(t *testing.T, values map[string]float32) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	s, err := saver.New(dir)
	require.NoError(t, err)
	tensors := map[string]*tensor.Dense{}
	for name, x := range values {
		tensors[name] = tensor.New(tensor.WithBacking([]float32{x, -x}))
	}
	path, err = s.Save(context.Background(), saver.Checkpoint{Step: 7, Tensors: tensors})
	require.NoError(t, err)
	return dir, path
}

func TestInitFromCheckpoint(t *testing.T) {
	dir, path := checkpointOf(t, map[string]float32{"old/a": 1, "old/b": 2, "c": 3})
	build := func(from string, assignment map[string]string) *graph.Graph {
		g := graph.New()
		for _, name := range []string{"new/a", "new/b", "free"} {
			g.Variable(name, tensor.Float32, tensor.Shape{2}, nn.Constant(9))
		}
		g.LocalVariable("local", tensor.Float32, tensor.Shape{2}, nil)
		graphactions.InitFromCheckpoint(g, from, assignment)
		return g
	}
	value := func(s *session.Session, name string) float32 {
		v, err := s.Store().Value(name)
		require.NoError(t, err)
		return v.Float32s()[0]
	}
	for _, from := range []string{dir, path} {
		g := build(from, map[string]string{"old/": "new/"})
		s, err := session.New(g)
		require.NoError(t, err)
		require.Equal(t, []float32{1, 2, 9}, []float32{value(s, "new/a"), value(s, "new/b"), value(s, "free")})
		require.NoError(t, s.Store().Restore(map[string]*tensor.Dense{"new/a": tensor.New(tensor.WithBacking([]float32{5, 5}))}))
		// A store that has the variables keeps them.
		other, err := session.New(build(from, map[string]string{"old/": "new/"}), session.WithStore(s.Store()))
		require.NoError(t, err)
		require.Equal(t, float32(5), value(other, "new/a"))
		require.NoError(t, other.Initialize())
		require.Equal(t, float32(1), value(other, "new/a"))
	}
	for name, c := range map[string]struct {
		from       string
		assignment map[string]string
		want       []string
	}{
		"missing":       {dir, map[string]string{"old/a": "free", "old/x": "new/a"}, []string{path, `tensor "old/x" for variable "new/a"`, "initfrom_test.go"}},
		"no variable":   {dir, map[string]string{"old/a": "fre"}, []string{`there is no variable "fre"`}},
		"local":         {dir, map[string]string{"old/a": "local"}, []string{`there is no variable "local"`}},
		"empty map":     {dir, nil, []string{"the assignment map is empty"}},
		"no checkpoint": {t.TempDir(), map[string]string{"old/": "new/"}, []string{"no checkpoint"}},
		"no path":       {"", map[string]string{"old/": "new/"}, []string{`the path is ""`}},
	} {
		t.Run(name, func(t *testing.T) {
			err := build(c.from, c.assignment).Err()
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	t.Run("one variable", func(t *testing.T) {
		g := graph.New()
		g.Variable("v", tensor.Float32, tensor.Shape{2}, graphactions.FromCheckpoint(path, "c"))
		s, err := session.New(g)
		require.NoError(t, err)
		require.Equal(t, float32(3), value(s, "v"))
		for want, initializer := range map[string]graph.Initializer{
			`tensor "c" of ` + path + ` is float32 (2), want float32 (3)`: graphactions.FromCheckpoint(path, "c"),
			`not found in the checkpoint`:                                 graphactions.FromCheckpoint(path, "d"),
		} {
			g := graph.New()
			g.Variable("v", tensor.Float32, tensor.Shape{3}, initializer)
			_, err = session.New(g)
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, `"v"`)
		}
	})
}

// The initial values count at the start of a run, and not when it is resumed.
func TestInitFromCheckpointInTrain(t *testing.T) {
	from, _ := checkpointOf(t, map[string]float32{"w": 4})
	dir := t.TempDir()
	for _, want := range []float32{5, 6} {
		g := graph.New()
		w := g.Variable("w", tensor.Float32, tensor.Shape{2}, nil)
		graphactions.InitFromCheckpoint(g, from, map[string]string{"w": "w"})
		one := g.NamedConstant("one", float32(1))
		trainOp := ops.Group(g, "train", ops.AssignAdd(g, w, ops.Add(g, ops.Mul(g, w, g.NamedConstant("zero", float32(0))), one)),
			ops.AssignAdd(g, g.GlobalStep(), g.NamedConstant("1", int64(1))))
		_, err := graphactions.Train(t.Context(), g, dir, trainOp, ops.Mean(g, w), graphactions.Steps(1), quiet)
		require.NoError(t, err)
		v, err := saver.LoadVariable(dir, "w")
		require.NoError(t, err)
		require.Equal(t, want, v.Float32s()[0])
	}
}
