// Command cnn trains a convolutional network on pictures of 28 by 28: the embedded 600 of
// Fashion-MNIST, or MNIST, Fashion-MNIST or pictures of one's own from IDX files.
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
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
)

var (
	dir       = flag.String("dir", filepath.Join(os.TempDir(), "stheno-cnn"), "model directory")
	steps     = flag.Int64("steps", 300, "train until the global step is this; 1876 are two epochs of MNIST")
	seed      = flag.Uint64("seed", 1, "seed of initial values and shuffles")
	saveEvery = flag.Int64("save-every", 100, "steps between checkpoints")
	data      = flag.String("data", "", "folder with train-images-idx3-ubyte.gz and the other three files, instead of the embedded data")
)

func model(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	h := ops.ReshapeRows(g, features.One(), 28, 28, 1) // one channel: they are grey
	h = nn.MaxPool2D(g, nn.Conv2D(g, h, 32, 3, nn.WithActivation(nn.ReLU)), 2)
	h = nn.MaxPool2D(g, nn.Conv2D(g, h, 64, 3, nn.WithActivation(nn.ReLU)), 2)
	logits := nn.Dense(g, nn.Dense(g, nn.Flatten(g, h), 128, nn.WithActivation(nn.ReLU)), 10)
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
	res, err := est.Fit(train.Shuffle(60_000).Batch(64).Repeat(-1), estimator.MaxSteps(*steps), estimator.Monitors(hooks.NewProgress(os.Stderr)))
	if err != nil {
		return err
	}
	ev, err := est.Evaluate(test.Batch(100))
	if err != nil {
		return err
	}
	rows, err := est.PredictAll(test.Take(3).Batch(3))
	fmt.Printf("%v\npredicted %v\naccuracy %.4f\n", res, rows, ev["accuracy"])
	return err
}
