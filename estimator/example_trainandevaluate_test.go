package estimator_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/hooks"
)

func ExampleEstimator_TrainAndEvaluate() {
	dir, err := os.MkdirTemp("", "line")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	est, err := estimator.New(line, estimator.ModelDir(dir), estimator.Seed(1), estimator.SaveCheckpointsSteps(25), quiet)
	if err != nil {
		log.Fatal(err)
	}
	defer est.Close()

	points := datasets.FromTensors([][]float32{{-1}, {-0.5}, {0}, {0.5}, {1}}, [][]float32{{-1}, {0}, {1}, {2}, {3}}) // y = 2x + 1
	others := datasets.FromTensors([][]float32{{-2}, {2}}, [][]float32{{-3}, {5}})
	res, err := est.TrainAndEvaluate(
		estimator.NewTrainSpec(points.Batch(5).Repeat(-1), estimator.MaxSteps(100)),
		estimator.NewEvalSpec("test", others.Batch(2), estimator.KeepBest(estimator.Least("loss"), 1)), // at each checkpoint
		estimator.NewEvalSpec("train", points.Batch(5), estimator.At(hooks.EverySteps(50))))
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"test", "train"} {
		steps, _ := res.Evaluations.Curve(name, "loss")
		fmt.Println(name, "at", steps)
	}
	fmt.Printf("final loss %.3f\n", res.Final["test"]["loss"])
	best, err := est.BestCheckpoint()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("best:", filepath.Base(best))
	// Output:
	// test at [25 50 75 100]
	// train at [50 100]
	// final loss 0.000
	// best: model.ckpt-100.safetensors
}

// An evaluator of what another process trains; here that has trained already.
func ExampleEstimator_ContinuousEval() {
	dir, err := os.MkdirTemp("", "line")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	points := datasets.FromTensors([][]float32{{-1}, {0}, {1}}, [][]float32{{-1}, {1}, {3}}).Batch(3)
	trainer, err := estimator.New(line, estimator.ModelDir(dir), estimator.Seed(1), quiet)
	if err != nil {
		log.Fatal(err)
	}
	defer trainer.Close()
	if _, err := trainer.Fit(points.Repeat(-1), estimator.MaxSteps(100)); err != nil {
		log.Fatal(err)
	}

	evaluator, err := estimator.New(line, estimator.ModelDir(dir), quiet)
	if err != nil {
		log.Fatal(err)
	}
	defer evaluator.Close()
	all, err := evaluator.ContinuousEval(context.Background(), estimator.NewEvalSpec("test", points), estimator.UntilStep(100))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("evaluated step", all.Last("test").Step)
	// Output: evaluated step 100
}
