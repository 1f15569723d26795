package estimator_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
)

// convolutional has what is shared by several goroutines or random: a convolution, batch
// normalisation, pooling, dropout and large products.
func convolutional(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	h := nn.Conv2D(g, ops.ReshapeRows(g, features.One(), 28, 28, 1), 16, 3)
	h = nn.MaxPool2D(g, nn.ReLU(g, nn.BatchNorm(g, h)), 2)
	h = nn.Dense(g, nn.Dropout(g, nn.Flatten(g, h), 0.3), 256, nn.WithActivation(nn.ReLU))
	return classes(g, nn.Dense(g, h, 10), labels, mode)
}

// The checkpoint files of one training are the same bytes whatever the numbers of
// processors and workers.
func TestSameCheckpointsForAnyNumberOfWorkers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	x, y := pictures()
	// The last batch of its two epochs is short.
	input := datasets.FromTensors(x, y).Take(220).Shuffle(220).Batch(64).Repeat(2)
	train := func(opts ...estimator.Option) map[string][]byte {
		dir := t.TempDir()
		est := newEstimator(t, convolutional, append(opts, estimator.ModelDir(dir), estimator.SaveCheckpointsSteps(3))...)
		fit(t, est, input)
		paths, err := filepath.Glob(filepath.Join(dir, "model.ckpt-*"))
		require.NoError(t, err)
		files := map[string][]byte{}
		for _, path := range paths {
			files[filepath.Base(path)], err = os.ReadFile(path)
			require.NoError(t, err)
		}
		return files
	}
	runtime.GOMAXPROCS(1)
	want := train()
	require.Len(t, want, 4, "steps 0, 3, 6 and 8")
	for _, processors := range []int{1, 2, 4} {
		for _, workers := range []int{1, 2, 4, 8} {
			t.Run(fmt.Sprintf("GOMAXPROCS %d, %d workers", processors, workers), func(t *testing.T) {
				runtime.GOMAXPROCS(processors)
				got := train(estimator.Workers(workers))
				for name, file := range want {
					require.True(t, string(file) == string(got[name]), name)
				}
				require.Len(t, got, len(want))
			})
		}
	}
}
