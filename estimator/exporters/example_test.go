package exporters_test

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/estimator/exporters"
)

func Example() {
	dir, err := os.MkdirTemp("", "exports")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	quiet := estimator.Logger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	est, err := estimator.New(line, estimator.ModelDir(dir), estimator.Seed(1), quiet)
	if err != nil {
		log.Fatal(err)
	}
	defer est.Close()
	points := datasets.FromTensors([][]float32{{-1}, {0}, {1}}, [][]float32{{-1}, {1}, {3}}).Batch(3) // y = 2x + 1
	res, err := est.TrainAndEvaluate(
		estimator.NewTrainSpec(points.Repeat(-1), estimator.MaxSteps(300)),
		estimator.NewEvalSpec("", points, estimator.Exporters(exporters.Final("final"))))
	if err != nil {
		log.Fatal(err)
	}

	info, err := estimator.ReadExport(res.Exports[0])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("step", info.Step, "predicts y", info.Predictions["y"])
	served, err := estimator.New(line, estimator.ModelDir(info.Path), quiet)
	if err != nil {
		log.Fatal(err)
	}
	defer served.Close()
	rows, err := served.PredictAll(datasets.FromTensors([][]float32{{4}}, nil))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.1f\n", rows[0]["y"])
	// Output:
	// step 300 predicts y float32 (1)
	// [9.0]
}
