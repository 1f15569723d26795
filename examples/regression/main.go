// Command regression predicts the progress of diabetes from ten measurements, and
// compares the error on held-out patients with that of always guessing their mean.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
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

// model is linear regression.
func model(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	prediction := nn.Dense(g, features.One(), 1)
	spec := &estimator.Spec{Predictions: graph.Nodes{"progress": prediction}}
	if mode == estimator.Infer {
		return spec, nil
	}
	y := labels.One()
	spec.Loss = nn.MeanSquaredError(g, prediction, y)
	spec.Metrics = map[string]metrics.Metric{
		"rmse":        metrics.RootMeanSquaredError(y, prediction),
		"label/mean":  metrics.Mean(y),
		"label/power": metrics.Mean(ops.Square(g, y)),
	}
	if mode == estimator.Train {
		spec.TrainOp = optim.Adam(0.5).Minimize(g, spec.Loss)
	}
	return spec, nil
}

func main() {
	dir := flag.String("dir", filepath.Join(os.TempDir(), "stheno-regression"), "model directory")
	steps := flag.Int64("steps", 1500, "train until the global step is this")
	seed := flag.Uint64("seed", 1, "seed of initial values and shuffles")
	saveEvery := flag.Int64("save-every", 500, "steps between checkpoints")
	flag.Parse()
	err := run(*dir, *steps, *seed, *saveEvery)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(estimator.ExitCode(err))
}

func run(dir string, steps int64, seed uint64, saveEvery int64) error {
	train, test := datasets.Diabetes().Split(0.8)
	scaler, err := datasets.FitScaler(context.Background(), train) // of the training rows alone
	if err != nil {
		return err
	}
	est, err := estimator.New(model, estimator.ModelDir(dir), estimator.Seed(seed),
		estimator.SaveCheckpointsSteps(saveEvery), estimator.LogStepCountSteps(0), estimator.HandleSignals())
	if err != nil {
		return err
	}
	defer est.Close()
	input := train.Map(scaler.Apply).Shuffle(400).Batch(64).Repeat(-1)
	res, err := est.Fit(input, estimator.MaxSteps(steps), estimator.Monitors(hooks.NewProgress(os.Stderr)))
	if err != nil {
		return err
	}
	ev, err := est.Evaluate(test.Map(scaler.Apply).Batch(50))
	if err != nil {
		return err
	}
	baseline := math.Sqrt(ev["label/power"] - ev["label/mean"]*ev["label/mean"])
	fmt.Printf("%v\nbaseline %.1f\nrmse %.1f\nr2 %.3f\n", res, baseline, ev["rmse"], 1-math.Pow(ev["rmse"]/baseline, 2))
	return nil
}
