package saver

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// testdata/golden.py wrote the file.
func TestPythonsFile(t *testing.T) {
	path := filepath.Join("testdata", "golden.safetensors")
	got, err := Load(path)
	require.NoError(t, err)
	requireEqual(t, &Checkpoint{
		Metadata: map[string]string{"format": "np", "note": "zwei\nZeilen: ü"},
		Tensors: map[string]*tensor.Dense{
			"dense/kernel":         tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{0, .25, .5, .75, 1, 1.25})),
			"dense/bias":           tensor.New(tensor.WithBacking([]float64{-1.5, 2.5, 1e300})),
			"global_step":          tensor.New(tensor.FromScalar(int64(1234567890123))),
			"ids":                  tensor.New(tensor.WithShape(2, 1), tensor.WithBacking([]int32{-2, 7})),
			"pixels":               tensor.New(tensor.WithBacking([]uint8{0, 255, 3})),
			"mask":                 tensor.New(tensor.WithBacking([]bool{true, false, true, true, false})),
			"empty":                dense.New(tensor.Float32, tensor.Shape{0, 3}),
			"Gewichte/größe \"q\"": tensor.New(tensor.WithShape(1), tensor.WithBacking([]float32{0.5})),
		},
	}, got)
	r, err := Open(path)
	require.NoError(t, err)
	require.False(t, r.Checksums())
	require.NoError(t, r.Close())
}

const python = "STHENO_PYTHON"

// readBack is what Python's safetensors finds in a file: JSON of the metadata and, for
// each tensor, NumPy's dtype, the shape, and the bytes in hexadecimal.
const readBack = `
import json, sys
from safetensors import safe_open
from safetensors.numpy import load_file
with safe_open(sys.argv[1], framework="np") as f:
    metadata, names = f.metadata(), sorted(f.keys())
    one = {n: f.get_tensor(n) for n in names}
tensors = load_file(sys.argv[1])
assert sorted(tensors) == names
for n in names:
    assert one[n].tobytes() == tensors[n].tobytes()
print(json.dumps({"metadata": metadata, "tensors": {n: {"dtype": str(t.dtype), "shape": list(t.shape), "hex": t.tobytes().hex()} for n, t in tensors.items()}}))
`

// rewrite lets Python write the tensors of a file to another.
const rewrite = `
import sys
from safetensors.numpy import load_file, save_file
save_file(load_file(sys.argv[1]), sys.argv[2], metadata={"format": "np"})
`

func runPython(t *testing.T, args ...string) []byte {
	t.Helper()
	program := os.Getenv(python)
	if program == "" {
		t.Skip(python + " is not set: the path of a Python with safetensors and numpy; run make test")
	}
	out, err := exec.Command(program, append([]string{"-c"}, args...)...).Output()
	if exit, ok := err.(*exec.ExitError); ok {
		t.Fatalf("%v: %s", err, exit.Stderr)
	}
	require.NoError(t, err)
	return out
}

// Python's safetensors opens our file and finds the same names, dtypes, shapes, bits and
// metadata; what it writes from it, we read.
func TestPythonReadsOurFile(t *testing.T) {
	want := everything()
	path, err := newSaver(t, t.TempDir()).Save(ctx, want)
	require.NoError(t, err)
	var got struct {
		Metadata map[string]string
		Tensors  map[string]struct {
			Dtype string
			Shape []int
			Hex   string
		}
	}
	require.NoError(t, json.Unmarshal(runPython(t, readBack, path), &got))
	for key, value := range want.Metadata {
		require.Equal(t, value, got.Metadata[key], "metadata %q", key)
	}
	require.Equal(t, fmt.Sprint(want.Step), got.Metadata[keyStep])
	require.Len(t, got.Tensors, len(want.Tensors))
	numpy := map[tensor.Dtype]string{
		tensor.Float32: "float32", tensor.Float64: "float64", tensor.Int64: "int64", tensor.Int: "int64",
		tensor.Int32: "int32", tensor.Uint8: "uint8", tensor.Bool: "bool",
	}
	for name, w := range want.Tensors {
		g, ok := got.Tensors[name]
		require.True(t, ok, "tensor %q", name)
		require.Equal(t, numpy[w.Dtype()], g.Dtype, "tensor %q", name)
		require.True(t, dense.SameShape(w.Shape(), g.Shape), "tensor %q: %v, expected %v", name, g.Shape, w.Shape())
		require.Equal(t, fmt.Sprintf("%x", dense.Bytes(w)), g.Hex, "tensor %q", name)
	}

	theirs := filepath.Join(t.TempDir(), "model-9.safetensors")
	runPython(t, rewrite, path, theirs)
	back, err := Load(theirs)
	require.NoError(t, err)
	require.EqualValues(t, 9, back.Step, "the file's name has it")
	require.Equal(t, map[string]string{"format": "np"}, back.Metadata)
	require.Len(t, back.Tensors, len(want.Tensors))
	for name, w := range want.Tensors {
		require.Equal(t, dense.Bytes(w), dense.Bytes(back.Tensors[name]), "tensor %q", name)
	}
}
