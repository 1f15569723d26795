// Command stheno is Stheno's worker. With -loop it trains with graphactions.Train and all
// its defaults, monitors included, and predicts with Predictor.Predict; without it by a
// hand-written loop over session.RunInto and with Predictor.PredictInto.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/bench/worker"
	"github.com/stheno-ml/stheno/datasets"
	"github.com/stheno-ml/stheno/estimator"
	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

var ctx = context.Background()

func main() {
	loop := flag.Bool("loop", false, "train with graphactions.Train")
	flag.Parse()
	dir, err := os.MkdirTemp("", "stheno-bench-")
	if err == nil {
		w := &worker.Worker{About: "Stheno, engine " + session.Engine(), Train: trainBySession}
		if *loop {
			w.Train = func(work worker.Workload) (worker.Train, error) {
				return trainByLoop(work, filepath.Join(dir, work.Name))
			}
		}
		w.Predict = func(work worker.Workload) (worker.Predict, error) {
			return predictor(work, filepath.Join(dir, "predict-"+work.Name), *loop)
		}
		err = w.Main(flag.Args())
		_ = os.RemoveAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func trainBySession(w worker.Workload) (worker.Train, error) {
	m, err := build(w)
	if err != nil {
		return nil, err
	}
	s, err := session.New(m.g)
	if err != nil {
		return nil, err
	}
	it, err := m.input.Iterator()
	if err != nil {
		return nil, err
	}
	feed := graph.Feed{}
	fetches := gorgonia.Nodes{m.loss, m.trainOp}
	outputs := make([]gorgonia.Value, len(fetches))
	return func(n int) error {
		for range n {
			batch, err := it.Next(ctx)
			if err != nil {
				return err
			}
			feed[m.x], feed[m.y] = batch.Features[datasets.DefaultFeature], batch.Labels[datasets.DefaultLabel]
			if err := s.RunInto(ctx, outputs, fetches, feed, nil); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// predictor fits the model for a step and returns a call that predicts one row.
func predictor(w worker.Workload, dir string, rows bool) (worker.Predict, error) {
	if w.Layers == nil {
		return nil, worker.Skip("prediction is measured on multi-layer perceptrons")
	}
	modelFn := func(g *graph.Graph, features, labels graph.Nodes, mode estimator.Mode) (*estimator.Spec, error) {
		logits := perceptron(g, features.One(), w.Layers)
		probabilities, loss := nn.Softmax, nn.SparseSoftmaxCrossEntropy
		if w.Outputs() == 1 {
			probabilities, loss = nn.Sigmoid, nn.SigmoidCrossEntropy
		}
		if mode == estimator.Infer {
			return &estimator.Spec{Predictions: graph.Nodes{"probabilities": probabilities(g, logits)}}, nil
		}
		spec := &estimator.Spec{Loss: loss(g, logits, labels.One())}
		if mode == estimator.Train {
			spec.TrainOp = optim.Adam(0.001).Minimize(g, spec.Loss)
		}
		return spec, nil
	}
	est, err := estimator.New(modelFn, estimator.ModelDir(dir), estimator.Seed(1))
	if err != nil {
		return nil, err
	}
	w.Batches = 1
	m, err := build(w)
	if err != nil {
		return nil, err
	}
	if _, err := est.Fit(m.input, estimator.Steps(1)); err != nil {
		return nil, err
	}
	p, err := est.Predictor()
	if err != nil {
		return nil, err
	}
	row := dense(worker.NewRows(w).X[:w.Inputs()], 1, w.Inputs())
	features := map[string]*tensor.Dense{datasets.DefaultFeature: row}
	if rows {
		return func() error {
			_, err := p.Predict(ctx, features)
			return err
		}, nil
	}
	predictions := map[string]*tensor.Dense{}
	return func() error { return p.PredictInto(ctx, predictions, features) }, nil
}
