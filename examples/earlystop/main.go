// Command earlystop trains until the loss of rows that are not trained on stops falling,
// and goes back to the variables of the step at which it was lowest. Run again, it goes on there.
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
	dir       = flag.String("dir", filepath.Join(os.TempDir(), "stheno-earlystop"), "model directory")
	steps     = flag.Int64("steps", 5000, "train until the global step is this, if nothing stops it before")
	seed      = flag.Uint64("seed", 1, "seed of initial values and shuffles")
	saveEvery = flag.Int64("save-every", 20, "steps between checkpoints, and between evaluations")
	patience  = flag.Int64("patience", 5, "evaluations without improvement until it stops")
)

func model(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	hidden := nn.Dense(g, nn.Flatten(g, features.One()), 32, nn.WithActivation(nn.ReLU))
	logits := nn.Dense(g, hidden, 10)
	classes := nn.Argmax(g, logits)
	spec := &estimator.Spec{Predictions: graph.Nodes{"class": classes}}
	if mode == estimator.Infer {
		return spec, nil
	}
	spec.Loss = nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())
	spec.Metrics = map[string]metrics.Metric{"accuracy": metrics.Accuracy(labels.One(), classes)}
	if mode == estimator.Train {
		spec.TrainOp = optim.Adam(0.02).Minimize(g, spec.Loss)
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
	train, rest := datasets.Digits().Split(0.1) // so few rows are soon learnt by heart
	validation, test := rest.Split(0.5)
	est, err := estimator.New(model, estimator.ModelDir(*dir), estimator.Seed(*seed), estimator.SaveCheckpointsSteps(*saveEvery),
		estimator.LogStepCountSteps(0), estimator.HandleSignals())
	if err != nil {
		return err
	}
	defer est.Close()
	early := hooks.NewEarlyStopping("loss", hooks.PatienceEvaluations(*patience), hooks.RestoreBest())
	res, err := est.Fit(train.Shuffle(180).Batch(32).Repeat(-1), estimator.MaxSteps(*steps),
		estimator.Validate("validation", validation.Batch(200)),
		estimator.Monitors(hooks.NewValidation("validation", hooks.EverySteps(*saveEvery)), early, hooks.NewProgress(os.Stderr)))
	if err != nil {
		return err
	}
	fmt.Println(res)
	if step := early.BestStep(); step >= 0 {
		fmt.Printf("best validation at step %d: %v\n", step, early.BestMetrics())
	}
	ev, err := est.Evaluate(test.Batch(200)) // with the best variables: the run went back to them
	if err != nil {
		return err
	}
	fmt.Printf("test rows: loss %.3f\naccuracy %.3f\n", ev["loss"], ev["accuracy"])
	return nil
}
