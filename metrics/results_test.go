package metrics_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/metrics"
)

func TestResults(t *testing.T) {
	y, p := vector(0.0, 1, 1), vector(0.25, 0.5, 0.75)
	confusion := metrics.ConfusionMatrix(labels, predictions, 2)
	update(t, confusion, vector(0, 0, 0, 1, 1, 1, 1, 1, 1, 1), vector(0, 0, 0, 0, 0, 1, 1, 1, 1, 1))
	require.InDelta(t, 0.8, confusion.Value(), 1e-12, "the value of a confusion matrix is the accuracy")
	recall := metrics.RecallAtThresholds(labels, predictions, []float64{0.5, 0.1})
	update(t, recall, y, p)
	require.InDelta(t, 0.75, recall.Value(), 1e-6, "the value of others is the mean")
	all := map[string]metrics.Metric{
		"mean": update(t, metrics.Mean(node), p), "confusion": confusion, "recall": recall,
		"center": update(t, metrics.MeanTensor(node), gorgonia.NewF64(3)), "later": metrics.MeanTensor(node),
	}
	v := metrics.Results(all)
	require.InDelta(t, 0.5, v["recall/positive_threshold_0.5"], 1e-6)
	require.InDelta(t, 1, v["recall/positive_threshold_0.1"], 1e-6)
	delete(v, "recall/positive_threshold_0.5")
	delete(v, "recall/positive_threshold_0.1")
	require.Equal(t, metrics.Values{
		"mean": 0.5, "confusion/0/0": 3, "confusion/0/1": 0, "confusion/1/0": 2, "confusion/1/1": 5, "center": 3,
	}, v, "a tensor of unknown shape has no results")
	require.Equal(t, "center = 3, confusion = [[3 0] [2 5]], mean = 0.5", v.String())
	require.Contains(t, v.HTML(), "<tr><td>confusion</td><td>[[3 0] [2 5]]</td></tr>")
	d := v.Tensor("confusion")
	require.Equal(t, tensor.Shape{2, 2}, d.Shape())
	require.Equal(t, []float64{3, 0, 2, 5}, d.Float64s())
	confusion.Tensor().Float64s()[0] = 100
	require.Equal(t, 3.0, confusion.Tensor().Float64s()[0], "the tensor is the caller's own")
}

func TestValuesOfTensors(t *testing.T) {
	for _, row := range []struct {
		name string
		v    metrics.Values
		want string
	}{
		{"vector", metrics.Values{"iou/1": 2, "iou/0": 1, "iou/2": 0.5}, "iou = [1 2 0.5]"},
		{"ten elements are ordered as numbers", metrics.Values{"a/0": 0, "a/1": 1, "a/10": 10, "a/2": 2, "a/3": 3, "a/4": 4, "a/5": 5, "a/6": 6, "a/7": 7, "a/8": 8, "a/9": 9}, "a = [0 1 2 3 4 5 6 7 8 9 10]"},
		{"one is missing", metrics.Values{"iou/0": 1, "iou/2": 0.5}, "iou/0 = 1, iou/2 = 0.5"},
		{"one element", metrics.Values{"iou/0": 1}, "iou/0 = 1"},
		{"two ranks", metrics.Values{"iou/0": 1, "iou/1/0": 0.5}, "iou/0 = 1, iou/1/0 = 0.5"},
		{"a name with a slash", metrics.Values{"head/iou/0": 1, "head/iou/1": 0.5, "head/loss": 3}, "head/iou = [1 0.5], head/loss = 3"},
		{"the name is taken", metrics.Values{"iou/0": 1, "iou/1": 0.5, "iou": 2}, "iou = 2, iou/0 = 1, iou/1 = 0.5"},
		{"no name", metrics.Values{"/0": 1, "/1": 0.5}, "/0 = 1, /1 = 0.5"},
		{"not an index", metrics.Values{"iou/00": 1, "iou/01": 0.5, "iou/-1": 3}, "iou/-1 = 3, iou/00 = 1, iou/01 = 0.5"},
		{"an index that no tensor has", metrics.Values{"iou/2000000000/2000000000/2000000000": 1, "iou/0/0/0": 2}, "iou/0/0/0 = 2, iou/2000000000/2000000000/2000000000 = 1"},
		{"three axes", metrics.Values{"c/0/0/0": 1, "c/0/1/0": 2, "c/1/0/0": 3, "c/1/1/0": 4}, "c = [[[1] [2]] [[3] [4]]]"},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, row.v.String()) })
	}
	require.Nil(t, metrics.Values{"iou/0": 1}.Tensor("recall"))
	require.Nil(t, metrics.Values{"iou/0": 1, "iou/2": 1}.Tensor("iou"))
	large := metrics.ConfusionMatrix(labels, predictions, 11)
	require.Equal(t, "large = 121 numbers of shape (11, 11)", metrics.Results(map[string]metrics.Metric{"large": large}).String())
}

func TestCheckNames(t *testing.T) {
	several, one := metrics.ConfusionMatrix(labels, predictions, 2), metrics.Mean(node)
	ok := map[string]metrics.Metric{"a": several, "b": one, "b/0": one, "a b/0": one, "c/d": several}
	require.NoError(t, metrics.CheckNames(ok))
	require.NoError(t, metrics.CheckNames(nil))
	for _, name := range []string{"a/0", "a/recall/positive", "c/d/0/1"} {
		bad := map[string]metrics.Metric{name: one}
		for k, m := range ok {
			bad[k] = m
		}
		require.ErrorContains(t, metrics.CheckNames(bad), `"`+name+`" is named like an element of "`)
	}
}
