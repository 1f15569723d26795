package estimator_test

import (
	"context"
	"testing"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
)

// BenchmarkPredict is the prediction of one row by networks of the sizes of W1 and W2.
func BenchmarkPredict(b *testing.B) {
	for name, sizes := range map[string][]int{"W1": {784, 256, 10}, "W2": {16, 64, 64, 1}} {
		b.Run(name, func(b *testing.B) {
			model := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
				h := features.One()
				for _, units := range sizes[1 : len(sizes)-1] {
					h = nn.Dense(g, h, units, nn.WithActivation(nn.ReLU))
				}
				out := nn.Dense(g, h, sizes[len(sizes)-1])
				spec := &estimator.Spec{Predictions: graph.Nodes{"out": out}}
				if mode != estimator.Infer {
					spec.Loss = nn.MeanSquaredError(g, out, labels.One())
				}
				if mode == estimator.Train {
					spec.TrainOp = optim.SGD(0.001).Minimize(g, spec.Loss)
				}
				return spec, nil
			}
			last := sizes[len(sizes)-1]
			x := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(4, sizes[0]))
			y := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(4, last))
			est, err := estimator.New(model, estimator.ModelDir(b.TempDir()), estimator.LogStepCountSteps(0))
			if err != nil {
				b.Fatal(err)
			}
			defer est.Close()
			if _, err := est.Fit(datasets.FromTensors(x, y).Batch(4), estimator.Steps(1)); err != nil {
				b.Fatal(err)
			}
			p, err := est.Predictor()
			if err != nil {
				b.Fatal(err)
			}
			row := map[string]*tensor.Dense{datasets.DefaultFeature: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(1, sizes[0]))}
			b.Run("PredictBatch", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := p.PredictBatch(context.Background(), row); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("PredictInto", func(b *testing.B) {
				b.ReportAllocs()
				predictions := map[string]*tensor.Dense{}
				for b.Loop() {
					if err := p.PredictInto(context.Background(), predictions, row); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
