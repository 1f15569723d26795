package metrics_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/metrics"
)

func values(v ...gorgonia.Value) []gorgonia.Value { return v }

// Arguments are reported by Check and by Update, and name themselves.
func TestBadInput(t *testing.T) {
	three := values(vector(1.0), vector(1.0), vector(1.0))
	for _, row := range []struct {
		name, want string
		metric     metrics.Metric
	}{
		{"nil labels", "Accuracy: argument 0 is nil", metrics.Accuracy(nil, predictions)},
		{"nil predictions", "Recall: argument 1 is nil", metrics.Recall(labels, nil)},
		{"nil node", "Mean: argument 0 is nil", metrics.Mean(nil)},
		{"nil of an AUC", "AUC: argument 0 is nil", metrics.AUC(nil, predictions)},
		{"nil weights", "Mean: Weights: the node is nil", metrics.Mean(node, metrics.Weights(nil))},
		{"one threshold", "AUC: NumThresholds: 1, want at least 2", metrics.AUC(labels, predictions, metrics.NumThresholds(1))},
		{"no thresholds", "AUC: Thresholds: there are none", metrics.AUC(labels, predictions, metrics.Thresholds())},
		{"threshold below 0", "AUC: Thresholds: number 1 is -0.1", metrics.AUC(labels, predictions, metrics.Thresholds(0, -0.1))},
		{"threshold NaN", "AUC: Thresholds: number 0 is NaN", metrics.AUC(labels, predictions, metrics.Thresholds(math.NaN()))},
		{"both", "NumThresholds (7) and Thresholds ([0.5]) are both given", metrics.AUC(labels, predictions, metrics.NumThresholds(7), metrics.Thresholds(0.5))},
		{"an option without use", "Mean: NumThresholds: 5, but it has no thresholds", metrics.Mean(node, metrics.NumThresholds(5))},
		{"another", "Precision: Thresholds: [0.5], but it has none", metrics.Precision(labels, predictions, metrics.Thresholds(0.5))},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.ErrorContains(t, metrics.Check(row.metric), row.want)
			require.ErrorContains(t, row.metric.Update(three[:len(row.metric.Nodes())]), row.want)
			require.ErrorContains(t, metrics.Check(row.metric.Clone()), row.want)
			require.Zero(t, row.metric.Value())
		})
	}
	require.ErrorContains(t, metrics.Check(nil), "the metric is nil")
	require.ErrorContains(t, metrics.Check(stranger{}), "stranger: node 0 is nil")
	require.NoError(t, metrics.Check(metrics.Mean(node, nil)), "a nil option is none")
}

// stranger is a metric of someone else.
type stranger struct{ metrics.Metric }

func (stranger) Nodes() gorgonia.Nodes { return gorgonia.Nodes{nil} }

// Values are reported by Update, which then has changed nothing.
func TestBadValues(t *testing.T) {
	text := shaped(tensor.Shape{1}, "text")
	for _, row := range []struct {
		name, want string
		metric     metrics.Metric
		values     []gorgonia.Value
	}{
		{"too few", "Accuracy: 1 values, want 2", standard["Accuracy"](), values(vector(1.0))},
		{"too many", "Mean: 2 values, want 1", standard["Mean"](), values(vector(1.0), vector(1.0))},
		{"nil", "Mean: value 0: it is nil", standard["Mean"](), values(nil)},
		{"text", "Mean: value 0: its type []string of shape (1) is not numeric", standard["Mean"](), values(text)},
		{"lengths", "Accuracy: shapes (3) and (2) do not match", standard["Accuracy"](), values(vector(1.0, 2, 3), vector(1.0, 2))},
		{"shapes", "AUC: shapes (2, 3) and (3, 2) do not match", standard["AUC"](), values(shaped(tensor.Shape{2, 3}, make([]float64, 6)...), shaped(tensor.Shape{3, 2}, make([]float64, 6)...))},
		{"more weights than rows", "Mean: weights can not be broadcast to values: weights have shape (4), values (2, 4)", standard["Mean"](weighted), values(shaped(tensor.Shape{2, 4}, make([]float64, 8)...), vector(1.0, 1, 1, 1))},
		{"weights of another length", "weights can not be broadcast to values", standard["Recall"](weighted), values(vector(1.0, 1), vector(1.0, 1), vector(1.0, 1, 1))},
		{"weights for a scalar", "weights can not be broadcast to values", standard["Mean"](weighted), values(gorgonia.NewF64(1), vector(1.0, 1, 1))},
		{"no weights", "weights can not be broadcast to values", standard["Mean"](weighted), values(vector(1.0, 2), tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(0)))},
		{"weights of another rank", "weights can not be broadcast to values", standard["Mean"](weighted), values(shaped(tensor.Shape{2, 2}, 1.0, 2, 3, 4), shaped(tensor.Shape{2, 3}, 1.0, 1, 1, 1, 1, 1))},
		{"above 1", "AUC: prediction 1 is 1.5, want a probability in [0, 1]", standard["AUC"](), values(vector(1.0, 0), vector(0.5, 1.5))},
		{"below 0", "AUC: prediction 0 is -0.5", standard["AUC"](), values(vector(1.0, 0), vector(-0.5, 0.5))},
		{"NaN", "AUC: prediction 1 is NaN", standard["AUC"](), values(vector(1.0, 0), vector(0.5, math.NaN()))},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.NotPanics(t, func() { require.ErrorContains(t, row.metric.Update(row.values), row.want) })
			require.Zero(t, row.metric.Value())
			name := "AUC"
			if standard["Mean"]().Nodes()[0] == row.metric.Nodes()[0] {
				name = "Mean"
			}
			batch := batchFor(name)
			if len(row.metric.Nodes()) > len(batch) {
				batch = append(batch, gorgonia.NewF64(1))
			}
			fresh := update(t, row.metric.Clone(), batch...).Value()
			require.Equal(t, fresh, update(t, row.metric, batch...).Value(), "the failed update counted for nothing")
		})
	}
}

func TestBadMerges(t *testing.T) {
	require.ErrorContains(t, standard["Mean"]().Merge(standard["Recall"]()), "merging Recall into Mean")
	require.ErrorContains(t, standard["MeanSquaredError"]().Merge(standard["RootMeanSquaredError"]()), "merging RootMeanSquaredError into MeanSquaredError")
	require.ErrorContains(t, standard["Mean"]().Merge(standard["AUC"]()), "merging AUC into Mean")
	require.ErrorContains(t, standard["AUC"]().Merge(standard["Mean"]()), "merging Mean into AUC")
	require.ErrorContains(t, standard["AUC"]().Merge(stranger{}), "merging metrics_test.stranger into AUC")
	require.ErrorContains(t, standard["Mean"]().Merge(nil), "merging <nil> into Mean")
	require.ErrorContains(t, standard["AUC"]().Merge(standard["AUC"](metrics.NumThresholds(3))), "3 thresholds into one of 200")
}
