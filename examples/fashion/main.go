// Command fashion trains a small network with dropout on pictures of clothes: the
// embedded 600 of Fashion-MNIST, or the full set from IDX files given by flags.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
)

var (
	dir       = flag.String("dir", filepath.Join(os.TempDir(), "stheno-fashion"), "model directory")
	steps     = flag.Int64("steps", 300, "train until the global step is this")
	seed      = flag.Uint64("seed", 1, "seed of initial values, dropout and shuffles")
	saveEvery = flag.Int64("save-every", 100, "steps between checkpoints")
	data      = flag.String("data", "", "folder with train-images-idx3-ubyte.gz and the other three files, instead of the embedded data")
)

func model(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	hidden := nn.Dense(g, nn.Flatten(g, features.One()), 128, nn.WithActivation(nn.ReLU))
	hidden = nn.Dropout(g, hidden, 0.3)
	logits := nn.Dense(g, hidden, 10)
	classes := nn.Argmax(g, logits)
	spec := &estimator.Spec{Predictions: graph.Nodes{"class": classes}}
	if mode == estimator.Infer {
		return spec, nil
	}
	spec.Loss = nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())
	spec.Metrics = map[string]metrics.Metric{"accuracy": metrics.Accuracy(labels.One(), classes)}
	if mode == estimator.Train {
		spec.TrainOp = optim.Adam(0.001).Minimize(g, spec.Loss)
	}
	return spec, nil
}

func main() {
	flag.Parse()
	err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(estimator.ExitCode(err))
}

func run() error {
	train, test := datasets.MiniFashionMNIST()
	if *data != "" {
		file := func(name string) string { return filepath.Join(*data, name) }
		train = datasets.IDX(file("train-images-idx3-ubyte.gz"), file("train-labels-idx1-ubyte.gz"))
		test = datasets.IDX(file("t10k-images-idx3-ubyte.gz"), file("t10k-labels-idx1-ubyte.gz"))
	}
	est, err := estimator.New(model, estimator.ModelDir(*dir), estimator.Seed(*seed),
		estimator.SaveCheckpointsSteps(*saveEvery), estimator.LogStepCountSteps(0), estimator.HandleSignals())
	if err != nil {
		return err
	}
	defer est.Close()
	res, err := est.Fit(train.Shuffle(10_000).Batch(64).Repeat(-1), estimator.MaxSteps(*steps), estimator.Monitors(hooks.NewProgress(os.Stderr)))
	if err != nil {
		return err
	}
	ev, err := est.Evaluate(test.Batch(100))
	if err != nil {
		return err
	}
	fmt.Printf("%v\naccuracy %.3f\n", res, ev["accuracy"])
	return nil
}
