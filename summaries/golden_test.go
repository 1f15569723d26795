package summaries

import (
	"os"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

var goldenGraph = GraphDef{Nodes: []NodeDef{
	{Name: "x", Op: "Placeholder", Shape: tensor.Shape{-1, 4}, Dtype: "float32"},
	{Name: "dense/kernel", Op: "VariableV2", Shape: tensor.Shape{4, 2}, Dtype: "float32"},
	{Name: "dense/MatMul", Op: "MatMul", Inputs: []string{"x", "dense/kernel"}, Shape: tensor.Shape{-1, 2}, Dtype: "float32"},
}}

var goldenValues = []float64{-3, -1e-13, 0, 1e-12, 0.5, 0.5, 0.51, 2, -1e30, 1e15}

// Our bytes are those of TensorBoard's own protobuf classes and record writer;
// testdata/golden.py made the file.
func TestGolden(t *testing.T) {
	want, err := os.ReadFile("testdata/golden.tfevents")
	require.NoError(t, err)
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { // time stands at the start of 2000
		w, err := NewWriter(dir)
		require.NoError(t, err)
		require.NoError(t, w.Graph(goldenGraph))
		require.NoError(t, w.SessionLog(SessionStart, 1, "", ""))
		require.NoError(t, w.Scalar("loss", 0.25, 2))
		require.NoError(t, w.Scalars(map[string]float64{"loss": 0.125, "accuracy": 0}, 3))
		require.NoError(t, w.Histogram("dense/kernel", tensor.New(tensor.WithBacking(goldenValues)), 300))
		require.NoError(t, w.SessionLog(SessionCheckpoint, 301, "model.ckpt-301", "saved"))
		require.NoError(t, w.Close())
		got, err := os.ReadFile(w.Path())
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestReadGolden(t *testing.T) {
	events, err := ReadFile("testdata/golden.tfevents")
	require.NoError(t, err)
	require.Len(t, events, 7)
	for _, e := range events {
		require.Equal(t, "2000-01-01 00:00:00 +0000 UTC", e.Time().UTC().String())
	}
	require.Equal(t, FileVersion, events[0].FileVersion)
	require.Equal(t, &goldenGraph, events[1].Graph)
	require.Equal(t, &SessionLog{Status: SessionStart}, events[2].SessionLog)
	require.EqualValues(t, 1, events[2].Step)
	require.Equal(t, []Value{{Tag: "loss", Plugin: "scalars", Scalar: 0.25}}, events[3].Values)
	require.EqualValues(t, 2, events[3].Step)
	require.Equal(t, []Value{{Tag: "accuracy", Plugin: "scalars"}, {Tag: "loss", Plugin: "scalars", Scalar: 0.125}}, events[4].Values)
	require.EqualValues(t, 300, events[5].Step)
	require.Equal(t, "dense/kernel", events[5].Values[0].Tag)
	require.Equal(t, "histograms", events[5].Values[0].Plugin)
	h := events[5].Values[0].Histogram
	require.Equal(t, []float64{-1e30, 1e15, 10}, []float64{h.Min, h.Max, h.Num})
	require.Equal(t, &SessionLog{Status: SessionCheckpoint, CheckpointPath: "model.ckpt-301", Message: "saved"}, events[6].SessionLog)
}

// What TensorFlow 2 writes; testdata/tf2.py made the file.
func TestReadTensorFlow2(t *testing.T) {
	events, err := ReadFile("testdata/tf2.tfevents")
	require.NoError(t, err)
	var values []Value
	for _, e := range events {
		values = append(values, e.Values...)
	}
	require.Equal(t, []Value{
		{Tag: "loss", Plugin: "scalars", Scalar: 0.5},
		{Tag: "loss", Plugin: "scalars", Scalar: 0.25},
		{Tag: "wide", Plugin: "scalars", Scalar: 0.1},
		{Tag: "vector"},
		{Tag: "note", Plugin: "text"},
		{Tag: "picture", Plugin: "images"},
	}, values)
}
