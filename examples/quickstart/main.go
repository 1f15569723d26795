// Command quickstart trains a classifier on the iris flowers, evaluates it and
// predicts three flowers. Run it again: it resumes, or says that nothing is left.
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

func model(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	hidden := nn.Dense(g, features.One(), 16, nn.WithActivation(nn.ReLU))
	logits := nn.Dense(g, hidden, 3)
	classes := nn.Argmax(g, logits)
	spec := &estimator.Spec{Predictions: graph.Nodes{"class": classes, "probabilities": nn.Softmax(g, logits)}}
	if mode == estimator.Infer {
		return spec, nil
	}
	spec.Loss = nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())
	spec.Metrics = map[string]metrics.Metric{"accuracy": metrics.Accuracy(labels.One(), classes)}
	if mode == estimator.Train {
		spec.TrainOp = optim.Adam(0.02).Minimize(g, spec.Loss)
		for _, v := range g.TrainableVariables() {
			g.AddSummary(v.Name, graph.HistogramSummary, v.Node)
		}
	}
	return spec, nil
}

func main() {
	dir := flag.String("dir", filepath.Join(os.TempDir(), "stheno-quickstart"), "model directory")
	steps := flag.Int64("steps", 400, "train until the global step is this")
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
	iris := datasets.Iris()
	train, test := iris.Split(0.8)
	est, err := estimator.New(model, estimator.ModelDir(dir), estimator.Seed(seed),
		estimator.SaveCheckpointsSteps(saveEvery), estimator.LogStepCountSteps(0), estimator.HandleSignals())
	if err != nil {
		return err
	}
	defer est.Close()
	res, err := est.Fit(train.Shuffle(150).Batch(32).Repeat(-1), estimator.MaxSteps(steps), estimator.Monitors(hooks.NewProgress(os.Stderr)))
	if err != nil {
		return err
	}
	fmt.Println(res)
	ev, err := est.Evaluate(test.Batch(30))
	if err != nil {
		return err
	}
	for row, err := range est.Predict(test.Take(3).Batch(3)) {
		if err != nil {
			return err
		}
		fmt.Printf("predicted %s, probabilities %.2f\n", iris.Card.ClassNames[row["class"].(int64)], row["probabilities"])
	}
	fmt.Printf("checkpoints are in %s; to look at the run: tensorboard --logdir %s\n", dir, dir)
	fmt.Printf("accuracy %.3f\n", ev["accuracy"])
	return nil
}
