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

func ExampleValues() {
	v := metrics.Values{"loss": 0.125, "accuracy": 0.975, "global_step": 2000}
	fmt.Println(v)
	fmt.Println(v["accuracy"])
	// Output:
	// accuracy = 0.975, global_step = 2000, loss = 0.125
	// 0.975
}
