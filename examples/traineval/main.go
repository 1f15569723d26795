// Command traineval trains on pictures of clothes and evaluates two sets while it goes:
// the test pictures at each checkpoint, and some of the training pictures, which show
// how much of what was learnt is learnt by heart, at a schedule of their own. The learning
// curves are drawn, and the best model is kept, exported, and used for predictions.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/exporters"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/metrics"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
)

var (
	dir       = flag.String("dir", filepath.Join(os.TempDir(), "stheno-traineval"), "model directory")
	steps     = flag.Int64("steps", 400, "train until the global step is this")
	seed      = flag.Uint64("seed", 1, "seed of initial values, dropout and shuffles")
	saveEvery = flag.Int64("save-every", 50, "steps between checkpoints")
)

func model(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	hidden := nn.Dense(g, nn.Flatten(g, features.One()), 64, nn.WithActivation(nn.ReLU))
	logits := nn.Dense(g, nn.Dropout(g, hidden, 0.2), 10)
	classes := nn.Argmax(g, logits)
	spec := &estimator.Spec{Predictions: graph.Nodes{"class": classes}}
	if mode == estimator.Infer {
		return spec, nil
	}
	spec.Loss = nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())
	spec.Metrics = map[string]metrics.Metric{"accuracy": metrics.Accuracy(labels.One(), classes)}
	if mode == estimator.Train {
		spec.TrainOp = optim.Adam(0.002).Minimize(g, spec.Loss)
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
	est, err := estimator.New(model, estimator.ModelDir(*dir), estimator.Seed(*seed),
		estimator.SaveCheckpointsSteps(*saveEvery), estimator.KeepCheckpointMax(2), estimator.LogStepCountSteps(0), estimator.HandleSignals())
	if err != nil {
		return err
	}
	defer est.Close()
	accuracy, history := estimator.Greatest("accuracy"), hooks.NewHistory(hooks.HistoryEvery(5))
	res, err := est.TrainAndEvaluate(
		estimator.NewTrainSpec(train.Shuffle(1000).Batch(32).Repeat(-1), estimator.MaxSteps(*steps), estimator.Monitors(hooks.NewProgress(os.Stderr), history)),
		estimator.NewEvalSpec("test", test.Batch(50), estimator.KeepBest(accuracy, 1), estimator.Exporters(exporters.Best("best", accuracy, exporters.Keep(1)))),
		estimator.NewEvalSpec("train", train.Take(100).Batch(50), estimator.At(hooks.EverySteps(20))))
	if err != nil {
		return err
	}
	fmt.Println(res.Train)
	if err := table(est); err != nil {
		return err
	}
	curves := filepath.Join(*dir, "curves.svg")
	if err := os.WriteFile(curves, []byte(history.SVG()), 0o644); err != nil {
		return err
	}
	fmt.Println("the curves are in", curves)
	return useBest(est, test)
}

// table prints the evaluations of all runs in this directory.
func table(est *estimator.Estimator) error {
	var all estimator.Evaluations
	for _, name := range []string{"test", "train"} {
		read, err := estimator.ReadEvalMetrics(est.EvalDir(name))
		if err != nil {
			return err
		}
		for _, e := range read {
			e.Name = name
			all = append(all, e)
		}
	}
	fmt.Print(all)
	return nil
}

// useBest evaluates the best checkpoint, and predicts with its export, which needs nothing
// else of the model directory.
func useBest(est *estimator.Estimator, test *datasets.Dataset) error {
	checkpoint, err := est.BestCheckpoint()
	if err != nil {
		return err
	}
	best, err := est.Evaluate(test.Batch(50), estimator.CheckpointPath(checkpoint), estimator.Name("best"))
	if err != nil {
		return err
	}
	versions, err := exporters.Versions(est.ExportDir("best"))
	if err != nil {
		return err
	}
	export := versions[len(versions)-1].Path
	served, err := estimator.New(model, estimator.ModelDir(export))
	if err != nil {
		return err
	}
	defer served.Close()
	for row, err := range served.Predict(test.Take(3)) {
		if err != nil {
			return err
		}
		fmt.Printf("predicted class %d\n", row["class"])
	}
	fmt.Printf("the best checkpoint is %s, its export %s\n", checkpoint, export)
	fmt.Printf("best_step %v\naccuracy %.3f\n", best["global_step"], best["accuracy"])
	return nil
}
