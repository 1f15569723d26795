package metrics_test

import (
	"fmt"
	"log"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/metrics"
)

func ExampleMean() {
	g := graph.New()
	m := metrics.Mean(g.Placeholder("x", tensor.Float32, 2))
	for _, batch := range [][]float32{{1, 2}, {6}} {
		x := tensor.New(tensor.WithShape(len(batch)), tensor.WithBacking(batch))
		if err := m.Update([]gorgonia.Value{x}); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(m.Value()) // every element counts once: (1+2+6)/3
	// Output: 3
}

func ExampleAccuracy() {
	g := graph.New()
	labels, classes := g.Placeholder("labels", tensor.Int64, 4), g.Placeholder("classes", tensor.Int64, 4)
	weights := g.Placeholder("weights", tensor.Float32, 4)
	m := metrics.Accuracy(labels, classes, metrics.Weights(weights))
	err := m.Update([]gorgonia.Value{
		tensor.New(tensor.WithBacking([]int64{0, 1, 2, 0})),
		tensor.New(tensor.WithBacking([]int64{0, 1, 1, 2})),
		tensor.New(tensor.WithBacking([]float32{1, 1, 2, 0})),
	})
	fmt.Println(m.Value(), err)
	// Output: 0.5 <nil>
}

func ExampleMetric_shards() {
	g := graph.New()
	labels, p := g.Placeholder("labels", tensor.Float32, 2), g.Placeholder("p", tensor.Float32, 2)
	auc := metrics.AUC(labels, p)
	shard := auc.Clone() // another goroutine would have it
	one := func(m metrics.Metric, labels, p []float32) {
		if err := m.Update([]gorgonia.Value{tensor.New(tensor.WithBacking(labels)), tensor.New(tensor.WithBacking(p))}); err != nil {
			log.Fatal(err)
		}
	}
	one(auc, []float32{0, 1}, []float32{0.2, 0.9})
	one(shard, []float32{0, 1}, []float32{0.8, 0.3})
	if err := auc.Merge(shard); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f\n", auc.Value())
	// Output: 0.750
}

func ExampleWindow() {
	g := graph.New()
	accuracy := metrics.Accuracy(g.Placeholder("labels", tensor.Int64, 2), g.Placeholder("classes", tensor.Int64, 2))
	recent := metrics.Window(accuracy, 2) // over the last two steps
	for _, classes := range [][]int64{{1, 1}, {1, 0}, {0, 0}, {0, 0}} {
		if err := recent.Update([]gorgonia.Value{tensor.New(tensor.WithBacking([]int64{0, 0})), tensor.New(tensor.WithBacking(classes))}); err != nil {
			log.Fatal(err)
		}
		fmt.Println(recent.Value())
	}
	// Output:
	// 0
	// 0.25
	// 0.75
	// 1
}

func ExampleConfusionMatrix() {
	g := graph.New()
	confusion := metrics.ConfusionMatrix(g.Placeholder("labels", tensor.Int64, 4), g.Placeholder("classes", tensor.Int64, 4), 2)
	err := confusion.Update([]gorgonia.Value{
		tensor.New(tensor.WithBacking([]int64{0, 1, 1, 1})),
		tensor.New(tensor.WithBacking([]int64{0, 0, 1, 1})),
	})
	if err != nil {
		log.Fatal(err)
	}
	ev := metrics.Results(map[string]metrics.Metric{"confusion": confusion})
	fmt.Println(ev)
	fmt.Println(ev["confusion/1/0"], "of class 1 was taken for class 0")
	// Output:
	// confusion = [[1 0] [1 2]]
	// 1 of class 1 was taken for class 0
}

func ExampleValues() {
	v := metrics.Values{"loss": 0.125, "accuracy": 0.975, "global_step": 2000}
	fmt.Println(v)
	fmt.Println(v["accuracy"])
	// Output:
	// accuracy = 0.975, global_step = 2000, loss = 0.125
	// 0.975
}
