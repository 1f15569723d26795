// Command search looks for the learning rate and the units with which a network reads
// handwritten digits best, by cross-validation. Kill it and run it again: it goes on.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/tune"
)

var (
	dir       = flag.String("dir", filepath.Join(os.TempDir(), "stheno-search"), "directory of the search")
	steps     = flag.Int64("steps", 200, "train each model until its global step is this")
	trials    = flag.Int("trials", 10, "number of trials")
	seed      = flag.Uint64("seed", 1, "seed of the trials, folds, initial values and shuffles")
	saveEvery = flag.Int64("save-every", 50, "steps between checkpoints")
)

// hyper is what is searched.
type hyper struct {
	Rate  float64 `json:"learning_rate"`
	Units int     `json:"units"`
}

func (h hyper) model(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	hidden := nn.Dense(g, nn.Flatten(g, features.One()), h.Units, nn.WithActivation(nn.ReLU))
	logits := nn.Dense(g, hidden, 10)
	spec := &estimator.Spec{Predictions: graph.Nodes{"class": nn.Argmax(g, logits)}}
	if mode != estimator.Infer {
		spec.Loss = nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())
		spec.Metrics = map[string]metrics.Metric{"accuracy": metrics.Accuracy(labels.One(), spec.Predictions["class"])}
	}
	if mode == estimator.Train {
		spec.TrainOp = optim.Adam(h.Rate).Minimize(g, spec.Loss)
	}
	return spec, nil
}

// newEstimator returns the estimator of one fit.
func newEstimator(dir string, p tune.Params) (*estimator.Estimator, error) {
	var h hyper
	if err := p.Decode(&h); err != nil {
		return nil, err
	}
	return estimator.New(h.model, estimator.ModelDir(dir), estimator.Seed(*seed),
		estimator.SaveCheckpointsSteps(*saveEvery), estimator.LogStepCountSteps(0))
}

func main() {
	flag.Parse()
	ctx, caught := estimator.UntilSignal(context.Background())
	err := run(ctx)
	if signal := caught(); signal != nil {
		err = signal
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(estimator.ExitCode(err))
}

func run(ctx context.Context) error {
	folds, err := datasets.Digits().Folds(3, *seed)
	if err != nil {
		return err
	}
	space := tune.Space{"learning_rate": tune.LogUniform(1e-4, 1e-1), "units": tune.Choice(4, 8, 16, 32)}
	model := tune.Model{New: newEstimator, Steps: *steps}
	res, err := tune.Search(ctx, *dir, model, folds, tune.Random(space, *seed), tune.Trials(*trials), tune.Maximize("accuracy"))
	if err != nil {
		return err
	}
	fmt.Println(res)
	best, _ := res.Best()
	fmt.Printf("the best is trial %d: %v\n%v\naccuracy %.3f\n", best.Number, best.Params, best.Scores, res.Value(best))
	return nil
}
