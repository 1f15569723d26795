package main

import (
	"context"
	"math"

	"github.com/stheno-ml/stheno/datasets"
)

// guessTheMean returns the mean label of the training rows and the error of
// predicting it for every test row.
func guessTheMean(train, test *datasets.Dataset) (mean, rmse float64, err error) {
	seen, err := labels(train)
	if err != nil {
		return 0, 0, err
	}
	for _, y := range seen {
		mean += float64(y) / float64(len(seen))
	}
	held, err := labels(test)
	if err != nil {
		return 0, 0, err
	}
	sum := 0.0
	for _, y := range held {
		sum += (float64(y) - mean) * (float64(y) - mean)
	}
	return mean, math.Sqrt(sum / float64(len(held))), nil
}

func labels(ds *datasets.Dataset) (all []float32, err error) {
	for batch, err := range ds.Batch(100).All(context.Background()) {
		if err != nil {
			return nil, err
		}
		all = append(all, batch.Labels[datasets.DefaultLabel].Float32s()...)
	}
	return all, nil
}
