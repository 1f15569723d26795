// Command monitor trains with a monitor plugin that writes metrics as JSON lines, and
// prints the file.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/examples/monitor/jsonlines"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
)

func model(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	logits := nn.Dense(g, features.One(), 3)
	classes := nn.Argmax(g, logits)
	spec := &estimator.Spec{Predictions: graph.Nodes{"class": classes}}
	if mode == estimator.Infer {
		return spec, nil
	}
	spec.Loss = nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())
	spec.Metrics = map[string]metrics.Metric{"accuracy": metrics.Accuracy(labels.One(), classes)}
	if mode == estimator.Train {
		spec.TrainOp = optim.Momentum(0.05, 0.9).Minimize(g, spec.Loss)
	}
	return spec, nil
}

func main() {
	dir := flag.String("dir", filepath.Join(os.TempDir(), "stheno-monitor"), "model directory")
	steps := flag.Int64("steps", 300, "train until the global step is this")
	seed := flag.Uint64("seed", 1, "seed of initial values and shuffles")
	saveEvery := flag.Int64("save-every", 100, "steps between checkpoints")
	flag.Parse()
	err := run(*dir, *steps, *seed, *saveEvery)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(estimator.ExitCode(err))
}

func run(dir string, steps int64, seed uint64, saveEvery int64) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	train, test := datasets.Wine().Split(0.8)
	est, err := estimator.New(model, estimator.ModelDir(dir), estimator.Seed(seed),
		estimator.SaveCheckpointsSteps(saveEvery), estimator.LogStepCountSteps(0), estimator.HandleSignals())
	if err != nil {
		return err
	}
	defer est.Close()
	path := filepath.Join(dir, "metrics.jsonl")
	input := train.Standardize().Shuffle(150).Batch(32).Repeat(-1)
	if _, err := est.Fit(input, estimator.MaxSteps(steps), estimator.Monitors(jsonlines.New(path, 50))); err != nil {
		return err
	}
	lines, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	ev, err := est.Evaluate(test.Standardize().Batch(36))
	if err != nil {
		return err
	}
	fmt.Printf("%saccuracy %.3f\n", lines, ev["accuracy"])
	return nil
}
