package estimator

import (
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/graph"
)

// A checkpoint that is deleted between the look that found it and its reading is passed
// over; an input that is missing is not taken for that.
func TestContinuousEvalOfACheckpointThatIsGone(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	est, err := New(func(*graph.Graph, graph.Nodes, graph.Nodes, Mode) (*Spec, error) { panic("there is nothing to build") }, ModelDir(dir), Logger(log))
	require.NoError(t, err)
	defer est.Close()
	spec := NewEvalSpec("", datasets.FromTensors([]float32{1}, nil).Batch(1))
	c := &continuous{est: est, spec: spec, log: log}
	v := spec.validation()
	defer v.close()
	evaluation, err := c.evaluate(t.Context(), v, checkpointFile{path: filepath.Join(dir, "model.ckpt-1.safetensors")})
	require.NoError(t, err)
	require.Nil(t, evaluation)
	require.Empty(t, c.all)
}
