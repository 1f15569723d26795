package estimator_test

import (
	"fmt"
	"log"
	"os"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
)

// line is the model y = kernel*x + bias.
func line(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	y := nn.Dense(g, features.One(), 1, nn.WithName("line"))
	spec := &estimator.Spec{Predictions: graph.Nodes{"y": y}}
	if mode == estimator.Infer {
		return spec, nil // there are no labels
	}
	spec.Loss = nn.MeanSquaredError(g, y, labels.One())
	if mode == estimator.Train {
		spec.TrainOp = optim.SGD(0.1).Minimize(g, spec.Loss)
	}
	return spec, nil
}

func Example() {
	dir, err := os.MkdirTemp("", "line")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	est, err := estimator.New(line, estimator.ModelDir(dir), estimator.Seed(1), quiet)
	if err != nil {
		log.Fatal(err)
	}
	defer est.Close()

	// Points of y = 2x + 1.
	points := datasets.FromTensors([][]float32{{-1}, {-0.5}, {0}, {0.5}, {1}}, [][]float32{{-1}, {0}, {1}, {2}, {3}})
	res, err := est.Fit(points.Shuffle(5).Batch(5).Repeat(-1), estimator.Steps(100))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("trained to step", res.LastStep)
	res, err = est.Fit(points.Shuffle(5).Batch(5).Repeat(-1), estimator.Steps(100))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("trained to step", res.LastStep)

	ev, err := est.Evaluate(points.Batch(2))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("loss %.3f at step %v\n", ev["loss"], ev["global_step"])

	for row, err := range est.Predict(datasets.FromTensors([][]float32{{3}, {-4}}, nil)) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.2f\n", row["y"])
	}
	// Output:
	// trained to step 100
	// trained to step 200
	// loss 0.000 at step 200
	// [7.00]
	// [-7.00]
}
