package summaries_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/tensorboardtest"
	"github.com/stheno-ml/stheno/summaries"
)

// The two programs with which TensorBoard reads event files: its data server, which is
// the default where it is installed, and the one in Python.
var readers = map[string][]string{"data server": nil, "Python": {"--load_fast", "false"}}

func TestTensorBoard(t *testing.T) {
	for name, args := range readers {
		t.Run(name, func(t *testing.T) {
			logdir := t.TempDir()
			writeRun(t, logdir)
			eval, err := summaries.NewWriter(filepath.Join(logdir, "eval"))
			require.NoError(t, err)
			require.NoError(t, eval.Scalar("loss", 4, 300))
			require.NoError(t, eval.Close())
			board := tensorboardtest.Start(t, logdir, args...)
			require.NotEmpty(t, board.Environment()["version"])
			checkRun(t, board)
			require.Equal(t, []tensorboardtest.Point{{Step: 300, Value: 4}}, board.Scalars("eval", "loss", 1))
		})
	}
}

func writeRun(t *testing.T, dir string) {
	t.Helper()
	w, err := summaries.Open(dir)
	require.NoError(t, err)
	require.NoError(t, w.Graph(summaries.GraphDef{Nodes: []summaries.NodeDef{
		{Name: "x", Op: "Placeholder", Shape: tensor.Shape{-1, 4}, Dtype: "float32"},
		{Name: "dense/kernel", Op: "VariableV2", Shape: tensor.Shape{4, 2}, Dtype: "float32"},
		{Name: "dense/Mat Mul", Op: "MatMul", Inputs: []string{"x", "dense/kernel"}, Shape: tensor.Shape{-1, 2}, Dtype: "float32"},
		{Name: "loss", Op: "Sum", Inputs: []string{"dense/Mat Mul"}, Dtype: "float32"},
	}}))
	for step := int64(100); step <= 300; step += 100 {
		require.NoError(t, w.Scalar("loss", 100/float64(step), step))
		require.NoError(t, w.Scalars(map[string]float64{"global_step/sec": 12.5, "accuracy": float64(step) / 1024}, step))
		kernel := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{-1, 0, 0.5, float32(step)}))
		require.NoError(t, w.Histogram("dense/kernel", kernel, step))
		require.NoError(t, w.Histogram("constant", tensor.New(tensor.WithBacking([]int64{7, 7, 7})), step))
	}
	require.NoError(t, w.Histogram("nothing", tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(0, 2)), 300))
	require.NoError(t, w.Scalar("broken", math.NaN(), 300))
	require.NoError(t, w.SessionLog(summaries.SessionCheckpoint, 300, filepath.Join(dir, "model.ckpt-300"), "saved"))
	require.NoError(t, w.Close())
}

func checkRun(t *testing.T, board *tensorboardtest.Server) {
	t.Helper()
	require.ElementsMatch(t, []string{"loss", "global_step/sec", "accuracy", "broken"}, board.ScalarTags(".", 4))
	require.Equal(t, []tensorboardtest.Point{{Step: 100, Value: 1}, {Step: 200, Value: 0.5}, {Step: 300, Value: float64(float32(1.0 / 3))}}, board.Scalars(".", "loss", 3))
	require.Equal(t, []tensorboardtest.Point{{Step: 100, Value: 100. / 1024}, {Step: 200, Value: 200. / 1024}, {Step: 300, Value: 300. / 1024}}, board.Scalars(".", "accuracy", 3))
	broken := board.Scalars(".", "broken", 1)
	require.Len(t, broken, 1)
	require.True(t, math.IsNaN(broken[0].Value))

	require.ElementsMatch(t, []string{"dense/kernel", "constant", "nothing"}, board.HistogramTags(".", 3))
	require.Empty(t, board.Histograms(".", "nothing", 1)[0].Buckets)
	histograms := board.Histograms(".", "dense/kernel", 3)
	require.Len(t, histograms, 3)
	for i, h := range histograms {
		step := int64(i+1) * 100
		require.Equal(t, step, h.Step)
		first, last, sum := h.Buckets[0], h.Buckets[len(h.Buckets)-1], 0.0
		require.Equal(t, -1.0, first[0], "the least element")
		require.Equal(t, float64(step), last[1], "the greatest element")
		for _, b := range h.Buckets {
			sum += b[2]
		}
		require.Equal(t, 4.0, sum)
	}
	for _, h := range board.Histograms(".", "constant", 3) {
		require.Equal(t, [][3]float64{{7, 7, 3}}, h.Buckets)
	}

	require.Equal(t, []string{"x", "dense/kernel", "dense/Mat_Mul", "loss"}, board.GraphNodes("."))
	graph := board.Graph(".")
	for _, part := range []string{`op: "MatMul"`, `input: "dense/Mat_Mul"`, `key: "_output_shapes"`, "size: -1", "type: DT_FLOAT"} {
		require.Contains(t, graph, part)
	}
}

// A run that was killed and goes on from an older step shows one curve, and a record
// that the kill cut short hides nothing that comes after it.
func TestTensorBoardAfterARestart(t *testing.T) {
	for name, args := range readers {
		t.Run(name, func(t *testing.T) {
			logdir := t.TempDir()
			segment := func(restored, from, to int64, value float64) {
				w, err := summaries.NewWriter(logdir)
				require.NoError(t, err)
				require.NoError(t, w.SessionLog(summaries.SessionStart, restored, "", ""))
				for step := from; step <= to; step++ {
					require.NoError(t, w.Scalar("loss", value, step))
				}
				require.NoError(t, w.Close())
				tear(t, w.Path())
			}
			segment(0, 1, 5, 1)
			segment(3, 4, 6, 2)
			board := tensorboardtest.Start(t, logdir, args...)
			points := board.ScalarsWhen(".", "loss", func(points []tensorboardtest.Point) bool {
				return len(points) > 0 && points[len(points)-1].Step == 6
			})
			want := []tensorboardtest.Point{{Step: 1, Value: 1}, {Step: 2, Value: 1}, {Step: 3, Value: 1}, {Step: 4, Value: 2}, {Step: 5, Value: 2}, {Step: 6, Value: 2}}
			if name == "Python" {
				want = append(want[:2], want[3:]...) // it drops the point at the step of START, too
			}
			require.Equal(t, want, points)
		})
	}
}
