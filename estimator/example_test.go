package estimator_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
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

// layered is a classifier with the layers that its params ask for.
func layered(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
	hidden := features.One()
	for _, units := range g.IntsParam("hidden_units") {
		hidden = nn.Dense(g, hidden, units, nn.WithActivation(nn.ReLU))
	}
	logits := nn.Dense(g, hidden, 3, nn.WithName("logits"))
	spec := &estimator.Spec{Predictions: graph.Nodes{"class": nn.Argmax(g, logits)}}
	if mode == estimator.Infer {
		return spec, nil
	}
	spec.Loss = nn.SparseSoftmaxCrossEntropy(g, logits, labels.One())
	if mode == estimator.Train {
		spec.TrainOp = optim.Adam(g.FloatParam("learning_rate", 0.001)).Minimize(g, spec.Loss)
	}
	return spec, nil
}

func ExampleParams() {
	est, err := estimator.New(layered, estimator.Params(map[string]any{"hidden_units": []int{10, 20}, "learning_rate": 0.01}), quiet)
	if err != nil {
		log.Fatal(err)
	}
	defer est.Close()
	wider, err := est.Clone(estimator.Params(map[string]any{"hidden_units": []int{100}}))
	if err != nil {
		log.Fatal(err)
	}
	defer wider.Close()
	fmt.Println(est.Params(), wider.Params())
	// Output: map[hidden_units:[10 20] learning_rate:0.01] map[hidden_units:[100]]
}

func ExampleWarmStartFrom() {
	parent, err := os.MkdirTemp("", "iris")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(parent)
	params := estimator.Params(map[string]any{"hidden_units": []int{10}})
	first, err := estimator.New(layered, estimator.ModelDir(filepath.Join(parent, "first")), params, quiet)
	if err != nil {
		log.Fatal(err)
	}
	defer first.Close()
	train := datasets.Iris().Shuffle(150).Batch(10).Repeat(-1)
	if _, err := first.Fit(train, estimator.Steps(100)); err != nil {
		log.Fatal(err)
	}

	// Another model takes over the hidden layer and learns new logits.
	next, err := estimator.New(layered, estimator.ModelDir(filepath.Join(parent, "next")), params, quiet,
		estimator.WarmStartFrom(first.ModelDir(), estimator.TrainableVars("dense/")))
	if err != nil {
		log.Fatal(err)
	}
	defer next.Close()
	res, err := next.Fit(train, estimator.Steps(100))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("steps", res.FirstStep, "to", res.LastStep)
	for _, v := range next.WarmStarted().Variables {
		fmt.Println(v.Name)
	}
	// Output:
	// steps 0 to 100
	// dense/kernel
	// dense/bias
}

func ExampleAddMetrics() {
	est, err := estimator.New(line, estimator.Seed(1), quiet)
	if err != nil {
		log.Fatal(err)
	}
	defer est.Close()
	withMetrics, err := estimator.AddMetrics(est, func(g *graph.Graph, features, labels, predictions graph.Nodes) (map[string]metrics.Metric, error) {
		return map[string]metrics.Metric{"label/mean": metrics.Mean(labels.One())}, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	defer withMetrics.Close()
	defer os.RemoveAll(withMetrics.ModelDir())

	points := datasets.FromTensors([][]float32{{-1}, {0}, {1}}, [][]float32{{-1}, {1}, {3}}).Batch(3)
	if _, err := est.Fit(points.Repeat(-1), estimator.Steps(10)); err != nil {
		log.Fatal(err)
	}
	ev, err := withMetrics.Evaluate(points)
	fmt.Println(ev["label/mean"], ev["global_step"], err)
	// Output: 1 10 <nil>
}

func ExampleParseTFConfig() {
	cluster, err := estimator.ParseTFConfig(`{
		"cluster": {"chief": ["host0:2222"], "worker": ["host1:2222", "host2:2222"], "ps": ["host3:2222"]},
		"task": {"type": "worker", "index": 1}}`)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cluster)
	fmt.Println(cluster.IsChief(), cluster.NumWorkerReplicas(), cluster.GlobalID())

	_, err = estimator.ParseTFConfig(`{"cluster": {"worker": ["host1:2222"]}, "task": {"type": "ps"}}`)
	fmt.Println(err)
	// Output:
	// chief 0 at host0:2222, the chief
	// worker 0 at host1:2222
	// worker 1 at host2:2222 <- this process
	// ps 0 at host3:2222
	// false 3 2
	// TF_CONFIG: the cluster has no "chief", want one
	// task type "ps" is not in the cluster, which has ["worker"]
	// there is a cluster, so the task's index must be set
}
