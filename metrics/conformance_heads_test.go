package metrics_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/metrics"
)

// sigmoid of logits.
func sigmoid(logits ...float64) []float64 {
	p := make([]float64, len(logits))
	for i, x := range logits {
		p[i] = 1 / (1 + math.Exp(-x))
	}
	return p
}

// The golden numbers of TensorFlow's heads that are metrics of labels and predictions.
func TestConformanceHeads(t *testing.T) {
	threeLabels, threeProbabilities, threeWeights := vector(1.0, 1, 0), vector(sigmoid(45, -41, 44)...), vector(1, .1, 1.5)
	square := tensor.Shape{2, 2}
	// Logits 10, -10, 12, -12.
	squareLabels, squareProbabilities := shaped(square, 0.0, 0, 1, 1), shaped(square, sigmoid(10, -10, 12, -12)...)
	squareWeights := shaped(square, 1, 1.5, 2, 2.5)
	multiLabels, multiProbabilities := shaped(square, 1.0, 0, 1, 1), shaped(square, sigmoid(-1, 1, -1.5, 1.5)...)
	half, v1, v2 := metrics.Threshold(0.5), metrics.SummationMethod(metrics.Trapezoidal), metrics.Epsilon(0)
	for _, row := range []struct {
		id     string
		metric metrics.Metric
		values []gorgonia.Value
		want   float64
		tol    float64
	}{
		{"B08", metrics.Mean(node, weighted), []gorgonia.Value{vector(0.0, 41, 44), threeWeights}, 26.96153846, 1e-7},
		{"B12", metrics.Accuracy(labels, predictions, half, weighted), []gorgonia.Value{squareLabels, squareProbabilities, squareWeights}, 0.5, 1e-9},
		{"B12", metrics.Precision(labels, predictions, half, weighted), []gorgonia.Value{squareLabels, squareProbabilities, squareWeights}, 2.0 / 3, 1e-9},
		{"B12", metrics.Recall(labels, predictions, half, weighted), []gorgonia.Value{squareLabels, squareProbabilities, squareWeights}, 4.0 / 9, 1e-9},
		{"B12", metrics.Mean(node, weighted), []gorgonia.Value{squareProbabilities, squareWeights}, 3.0 / 7, 1e-4},
		{"B12", metrics.Mean(node, weighted), []gorgonia.Value{squareLabels, squareWeights}, 4.5 / 7, 1e-9},
		{"B12", metrics.AccuracyBaseline(node, weighted), []gorgonia.Value{squareLabels, squareWeights}, 4.5 / 7, 1e-9},
		{"B13", metrics.AUC(labels, predictions, v2, weighted), []gorgonia.Value{threeLabels, threeProbabilities, threeWeights}, 0.45454545, 1e-8},
		{"B15", metrics.PRAUC(labels, predictions, v1, weighted), []gorgonia.Value{threeLabels, threeProbabilities, threeWeights}, 0.6737757, 1e-7},
		{"B17", metrics.PRAUC(labels, predictions, v1, weighted), []gorgonia.Value{squareLabels, squareProbabilities, squareWeights}, 0.7341268907155456, 1e-6},
		{"C04", metrics.Mean(node, weighted), []gorgonia.Value{vector(10.0, 10, 0), vector(1.0, 2, 3)}, 5, 1e-9},
		{"C04", metrics.Accuracy(labels, predictions, weighted), []gorgonia.Value{vector(1, 2, 2), vector(0, 1, 2), vector(1.0, 2, 3)}, 0.5, 1e-9},
		{"M05", metrics.AUC(labels, predictions, v2), []gorgonia.Value{multiLabels, multiProbabilities}, 1.0 / 3, 1e-9},
		{"M05", metrics.PRAUC(labels, predictions, v2), []gorgonia.Value{multiLabels, multiProbabilities}, 0.7689509398133516, 1e-9},
	} {
		t.Run(row.id, func(t *testing.T) {
			require.InDelta(t, row.want, update(t, row.metric, row.values...).Value(), row.tol)
		})
	}
	t.Run("M06", func(t *testing.T) {
		for _, at := range []struct{ threshold, accuracy, precision, recall float64 }{
			{0.25, 0.5, 2.0 / 3, 2.0 / 3}, {0.5, 0.25, 0.5, 1.0 / 3}, {0.75, 0.5, 1, 1.0 / 3},
		} {
			above := metrics.Threshold(at.threshold)
			value := func(m metrics.Metric) float64 { return update(t, m, multiLabels, multiProbabilities).Value() }
			require.InDelta(t, at.accuracy, value(metrics.Accuracy(labels, predictions, above)), 1e-12)
			require.InDelta(t, at.precision, value(metrics.Precision(labels, predictions, above)), 1e-12)
			require.InDelta(t, at.recall, value(metrics.Recall(labels, predictions, above)), 1e-12)
		}
	})
}
