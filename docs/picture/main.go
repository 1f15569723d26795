// Command picture draws the training run that the README shows: it trains a small
// network on the embedded Fashion-MNIST pictures, evaluates it as it goes, and writes
// the curves as an SVG to standard output.
//
//	go run ./docs/picture > docs/images/training-run.svg
package main

import (
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
)

func model(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	hidden := nn.Dense(g, nn.Flatten(g, features.One()), 128, nn.WithActivation(nn.ReLU))
	logits := nn.Dense(g, nn.Dropout(g, hidden, 0.3), 10)
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
	dir, err := os.MkdirTemp("", "picture")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := draw(dir, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func draw(dir string, out io.Writer) error {
	train, test := datasets.MiniFashionMNIST()
	est, err := estimator.New(model, estimator.ModelDir(dir), estimator.Seed(1), estimator.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		return err
	}
	defer est.Close()
	history := hooks.NewHistory()
	_, err = est.Fit(train.Shuffle(10_000).Batch(64).Repeat(-1), estimator.Steps(300), estimator.Validate("held-out pictures", test.Batch(100)),
		estimator.Monitors(hooks.NewValidation("held-out pictures", hooks.EverySteps(10)), history))
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, history.SVG())
	return err
}
