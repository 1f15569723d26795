package tune_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/tune"
)

// iris makes the estimator of a network of which "units" and "learning_rate" are
// searched.
func iris(dir string, p tune.Params) (*estimator.Estimator, error) {
	h := struct {
		Units int
		Rate  float64 `json:"learning_rate"`
	}{Units: 16, Rate: 0.02}
	if err := p.Decode(&h); err != nil {
		return nil, err
	}
	model := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		hidden := nn.Dense(g, features.One(), h.Units, nn.WithActivation(nn.ReLU))
		logits := nn.Dense(g, hidden, 3)
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
	return estimator.New(model, estimator.ModelDir(dir), estimator.Seed(1), estimator.Logger(silent))
}

func ExampleCrossValidate() {
	dir, err := os.MkdirTemp("", "tune-example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	folds, err := datasets.Iris().Folds(5, 1)
	if err != nil {
		log.Fatal(err)
	}
	scores, err := tune.CrossValidate(context.Background(), dir, tune.Model{New: iris, Steps: 200}, tune.Params{"units": 8}, folds)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(scores), "folds, mean accuracy above 0.9:", scores.Mean()["accuracy"] > 0.9)
	// Output: 5 folds, mean accuracy above 0.9: true
}

func ExampleSearch() {
	dir, err := os.MkdirTemp("", "tune-example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	train, test := datasets.Iris().Split(0.8)
	folds := []datasets.Fold{{Train: train, Test: test}}
	space := tune.Space{"learning_rate": tune.Choice(0.00001, 0.02), "units": tune.Choice(8)}
	res, err := tune.Search(context.Background(), dir, tune.Model{New: iris, Steps: 100}, folds, tune.Grid(space),
		tune.Maximize("accuracy"), tune.Logger(silent))
	if err != nil {
		log.Fatal(err)
	}
	best, _ := res.Best()
	fmt.Println("the best of", len(res.Trials), "trials:", best.Params)
	// Output: the best of 2 trials: learning_rate=0.02 units=8
}

func ExampleRandom() {
	space := tune.Space{"learning_rate": tune.LogUniform(1e-4, 1e-1), "units": tune.Choice(8, 16, 32)}
	sampler := tune.Random(space, 1)
	for n := range 3 {
		p, err := sampler.Next(n, nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(p)
	}
	// Output:
	// learning_rate=0.0194893 units=32
	// learning_rate=0.045852 units=16
	// learning_rate=0.0235034 units=32
}
