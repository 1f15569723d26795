package experiment_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/experiment"
)

func Example() {
	dir, err := os.MkdirTemp("", "experiment")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	build := func(dir string) (*experiment.Experiment, error) {
		est, err := estimator.New(counter, estimator.ModelDir(dir), estimator.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
		if err != nil {
			return nil, err
		}
		return experiment.New(est,
			estimator.NewTrainSpec(numbers(1).Repeat(-1), estimator.MaxSteps(20)),
			estimator.NewEvalSpec("test", numbers(1, 2, 3)))
	}
	for _, schedule := range []string{"test", "train_and_evaluate", "continuous_eval"} {
		res, err := experiment.Run(context.Background(), build, dir, experiment.WithSchedule(schedule))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: evaluated step %d\n", schedule, res.Evaluations.Last("test").Step)
	}
	// Output:
	// test: evaluated step 1
	// train_and_evaluate: evaluated step 20
	// continuous_eval: evaluated step 20
}
