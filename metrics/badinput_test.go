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
		{"one threshold", "AUC: NumThresholds: 1, want 2 to 1048576", metrics.AUC(labels, predictions, metrics.NumThresholds(1))},
		{"no thresholds", "AUC: Thresholds: there are none", metrics.AUC(labels, predictions, metrics.Thresholds())},
		{"threshold below 0", "AUC: Thresholds: number 1 is -0.1", metrics.AUC(labels, predictions, metrics.Thresholds(0, -0.1))},
		{"threshold NaN", "AUC: Thresholds: number 0 is NaN", metrics.AUC(labels, predictions, metrics.Thresholds(math.NaN()))},
		{"both", "NumThresholds (7) and Thresholds ([0.5]) are both given", metrics.AUC(labels, predictions, metrics.NumThresholds(7), metrics.Thresholds(0.5))},
		{"an option without use", "Mean: it takes no NumThresholds", metrics.Mean(node, metrics.NumThresholds(5))},
		{"a threshold for a curve", "AUC: it takes no Threshold", metrics.AUC(labels, predictions, metrics.Threshold(0.5))},
		{"threshold NaN of a decision", "Recall: Threshold: NaN, want a number", metrics.Recall(labels, predictions, metrics.Threshold(math.NaN()))},
		{"class below 0", "Mean: ClassID: -1, want 0 or more", metrics.Mean(node, metrics.ClassID(-1))},
		{"multi-hot labels of a mean", "Mean: it takes no MultiHot", metrics.Mean(node, metrics.MultiHot())},
		{"unknown summation", `PRAUC: SummationMethod: "simpson", want "trapezoidal", "careful_interpolation", "minoring" or "majoring"`, metrics.PRAUC(labels, predictions, metrics.SummationMethod("simpson"))},
		{"epsilon below 0", "AUC: Epsilon: -1, want it in [0, 1)", metrics.AUC(labels, predictions, metrics.Epsilon(-1))},
		{"epsilon NaN", "AUC: Epsilon: NaN", metrics.AUC(labels, predictions, metrics.Epsilon(math.NaN()))},
		{"rate above 1", "PrecisionAtRecall: the rate to look for is 1.5, want it in [0, 1]", metrics.PrecisionAtRecall(labels, predictions, 1.5)},
		{"one threshold of a point", "RecallAtPrecision: NumThresholds: 1, want 2 to 1048576", metrics.RecallAtPrecision(labels, predictions, 0.5, metrics.NumThresholds(1), metrics.AtLeast())},
		{"no given thresholds", "RecallAtThresholds: thresholds: there are none", metrics.RecallAtThresholds(labels, predictions, nil)},
		{"given threshold NaN", "TruePositivesAtThresholds: thresholds: number 1 is NaN", metrics.TruePositivesAtThresholds(labels, predictions, []float64{0.5, math.NaN()})},
		{"threshold to be below", "PercentageBelow: the threshold is NaN", metrics.PercentageBelow(node, math.NaN())},
		{"beta 0", "FBeta: beta is 0, want a positive number", metrics.FBeta(labels, predictions, 0)},
		{"beta of classes", "ClassFBeta: beta is -1", metrics.ClassFBeta(labels, predictions, 3, -1, metrics.Macro)},
		{"average", `ClassFBeta: the average is "micro", want "macro" or "weighted"`, metrics.ClassFBeta(labels, predictions, 3, 1, "micro")},
		{"no classes", "ConfusionMatrix: classes: 0, want 1 to 16384", metrics.ConfusionMatrix(labels, predictions, 0)},
		{"negative classes", "MeanIoU: classes: -2, want 1", metrics.MeanIoU(labels, predictions, -2)},
		{"more than memory has", "ConfusionMatrix: classes: 4611686018427387904, want 1 to 16384", metrics.ConfusionMatrix(labels, predictions, 1<<62)},
		{"thresholds without end", "PRAUC: NumThresholds: 4611686018427387904, want 2 to", metrics.PRAUC(labels, predictions, metrics.NumThresholds(1<<62))},
		{"no bins", "CalibrationCurve: bins: 0, want 1 to 1048576", metrics.CalibrationCurve(labels, predictions, 0)},
		{"k 0", "PrecisionAtK: k is 0, want at least 1", metrics.PrecisionAtK(labels, predictions, 0)},
		{"k of a top", "TopKAccuracy: k is -1", metrics.TopKAccuracy(labels, predictions, -1)},
		{"k of an average", "AveragePrecisionAtK: k is 0", metrics.AveragePrecisionAtK(labels, predictions, 0)},
		{"nil normalizer", "MeanRelativeError: argument 2 is nil", metrics.MeanRelativeError(labels, predictions, nil)},
		{"nil labels of a matrix", "ConfusionMatrix: argument 0 is nil", metrics.ConfusionMatrix(nil, predictions, 3)},
		{"another", "Precision: it takes no Thresholds", metrics.Precision(labels, predictions, metrics.Thresholds(0.5))},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.ErrorContains(t, metrics.Check(row.metric), row.want)
			require.ErrorContains(t, row.metric.Update(three[:len(row.metric.Nodes())]), row.want)
			require.ErrorContains(t, metrics.Check(row.metric.Clone()), row.want)
			require.Zero(t, row.metric.Value())
			require.ErrorContains(t, row.metric.Merge(row.metric.Clone()), row.want)
			_, err := row.metric.(metrics.Stateful).State()
			require.ErrorContains(t, err, row.want)
			if m, ok := row.metric.(metrics.Tensor); ok {
				require.Nil(t, m.Tensor())
			}
			row.metric.Reset()
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
	require.ErrorContains(t, standard["Mean"]().Merge(standard["AUC"]()), "merging AUC (200 thresholds, trapezoidal, epsilon 1e-06) into Mean: they must be the same")
	require.ErrorContains(t, standard["AUC"]().Merge(standard["Mean"]()), "merging Mean into AUC (200 thresholds")
	require.ErrorContains(t, standard["AUC"]().Merge(stranger{}), "merging a metrics_test.stranger into AUC")
	require.ErrorContains(t, standard["Mean"]().Merge(nil), "merging a <nil> into Mean")
	require.ErrorContains(t, standard["AUC"]().Merge(standard["AUC"](metrics.NumThresholds(3))), "merging AUC (3 thresholds, trapezoidal, epsilon 1e-06) into AUC (200 thresholds")
}

// What a metric wants of its values beside their shapes.
func TestBadContent(t *testing.T) {
	nan := math.NaN()
	row := func(x ...float64) gorgonia.Value { return shaped(tensor.Shape{1, len(x)}, x...) }
	for _, c := range []struct {
		name, want string
		metric     metrics.Metric
		values     []gorgonia.Value
	}{
		{"class too large", "MeanIoU: label 1 is 3, want a class in [0, 3)", metrics.MeanIoU(labels, predictions, 3), values(vector(0, 3), vector(0, 1))},
		{"negative class", "ConfusionMatrix: prediction 0 is -1, want a class in [0, 3)", metrics.ConfusionMatrix(labels, predictions, 3), values(vector(0, 1), vector(-1, 1))},
		{"half a class", "MeanPerClassAccuracy: prediction 1 is 0.5, want a class", metrics.MeanPerClassAccuracy(labels, predictions, 3), values(vector(0, 1), vector(1, 0.5))},
		{"no class", "BalancedAccuracy: label 0 is NaN, want a class", metrics.BalancedAccuracy(labels, predictions, 3), values(vector(nan), vector(1.0))},
		{"neither positive nor negative", "Precision: prediction 1 is NaN, want a number", metrics.Precision(labels, predictions), values(vector(1.0, 0), vector(1, nan))},
		{"a label that is no number", "TruePositives: label 0 is NaN, want a number", metrics.TruePositives(labels, predictions), values(vector(nan, 0), vector(1.0, 0))},
		{"accuracy of probabilities", "Accuracy: prediction 0 is NaN", metrics.Accuracy(labels, predictions, metrics.Threshold(0.5)), values(vector(1.0), vector(nan))},
		{"a label of a curve", "AUC: label 1 is NaN, want 0 or 1", metrics.AUC(labels, predictions), values(vector(1, nan), vector(0.5, 0.5))},
		{"above 1", "PrecisionAtThresholds: prediction 0 is 2, want a probability in [0, 1]", metrics.PrecisionAtThresholds(labels, predictions, []float64{0.5}), values(vector(1.0), vector(2.0))},
		{"label above 1", "LogLoss: label 0 is 2, want a probability", metrics.LogLoss(labels, predictions), values(vector(2.0), vector(0.5))},
		{"Brier", "BrierScore: prediction 0 is -0.5", metrics.BrierScore(labels, predictions), values(vector(1.0), vector(-0.5))},
		{"calibration", "CalibrationCurve: prediction 0 is NaN", metrics.CalibrationCurve(labels, predictions, 3), values(vector(1.0), vector(nan))},
		{"logits", "CategoricalCrossEntropy: prediction 2 is 7, want a probability", metrics.CategoricalCrossEntropy(labels, predictions), values(row(0, 1, 0), row(0, 1, 7))},
		{"a vector where rows are wanted", "CategoricalHinge: the shape is (3), want [batch, n]", metrics.CategoricalHinge(labels, predictions), values(vector(0.0, 1, 0), vector(0.0, 1, 0))},
		{"sparse label", "SparseCategoricalCrossEntropy: label 0 is 3, want a class in [0, 3)", metrics.SparseCategoricalCrossEntropy(labels, predictions), values(vector(3), row(0, 1, 0))},
		{"several sparse labels", "SparseCategoricalCrossEntropy: labels have 2 elements in a row, want one class number", metrics.SparseCategoricalCrossEntropy(labels, predictions), values(row(1, 2), row(0, 1, 0))},
		{"sparse probability", "SparseCategoricalCrossEntropy: prediction 1 is NaN", metrics.SparseCategoricalCrossEntropy(labels, predictions), values(vector(1), row(0, nan, 0))},
		{"an axis that is not there", "MeanCosineDistance: the shape is (1, 3), want [batch, n] or more axes, among them axis 2", metrics.MeanCosineDistance(labels, predictions, 2), values(row(0, 1, 0), row(0, 1, 0))},
		{"an axis before the first", "among them axis -3", metrics.MeanCosineDistance(labels, predictions, -3), values(row(0, 1, 0), row(0, 1, 0))},
		{"too few classes", "PrecisionAtK: there are 3 classes, want at least k, which is 4", metrics.PrecisionAtK(labels, predictions, 4), values(vector(1), row(0, 1, 0))},
		{"scores that cannot be ordered", "RecallAtK: prediction 2 is NaN, want a number", metrics.RecallAtK(labels, predictions, 2), values(vector(1), row(0, 1, nan))},
		{"scores of a top", "TopKAccuracy: prediction 2 is NaN", metrics.TopKAccuracy(labels, predictions, 2), values(vector(1), row(0, 1, nan))},
		{"several labels of a top", "TopKAccuracy: labels have 2 elements in a row", metrics.TopKAccuracy(labels, predictions, 2), values(row(1, 2), row(0, 1, 0))},
		{"half a label", "AveragePrecisionAtK: label 0 is 0.5, want a class number", metrics.AveragePrecisionAtK(labels, predictions, 2), values(vector(0.5), row(0, 1, 0))},
		{"half a prediction", "PrecisionAtTopK: predicted class 1 is 0.5, want a class number", metrics.PrecisionAtTopK(labels, predictions), values(vector(1), row(0, 0.5))},
		{"infinite prediction", "RecallAtTopK: predicted class 0 is +Inf", metrics.RecallAtTopK(labels, predictions), values(vector(1), row(math.Inf(1), 0))},
		{"scores without rows", "RecallAtK: predictions have shape (3), want [batch, classes]", metrics.RecallAtK(labels, predictions, 2), values(vector(1), vector(1.0, 2, 3))},
		{"labels of other rows", "RecallAtK: labels of shape (2) do not match predictions of (1, 3)", metrics.RecallAtK(labels, predictions, 2), values(vector(1, 2), row(1, 2, 3))},
		{"multi-hot of another width", "RecallAtK: MultiHot: labels have 2 elements in a row and predictions 3", metrics.RecallAtK(labels, predictions, 2, metrics.MultiHot()), values(row(1, 0), row(1, 2, 3))},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, metrics.Check(c.metric))
			before := result(c.metric)
			require.NotPanics(t, func() { require.ErrorContains(t, c.metric.Update(c.values), c.want) })
			if !math.IsNaN(before[0]) {
				require.Equal(t, before, result(c.metric), "the failed update counted for nothing")
			}
		})
	}
}

func TestBadStates(t *testing.T) {
	m := metrics.AUC(labels, predictions, metrics.NumThresholds(3)).(metrics.Stateful)
	update(t, m, vector(1.0, 0), vector(0.75, 0.25))
	want := m.Value()
	mean := metrics.MeanTensor(node).(metrics.Stateful)
	update(t, mean, vector(1.0, 2))
	for _, row := range []struct {
		name, state, want string
		metric            metrics.Stateful
	}{
		{"nothing", "", "AUC: SetState: unexpected end of JSON input", m},
		{"another metric", `{"metric":"Mean","begun":true,"sums":""}`, "SetState: the state is of Mean", m},
		{"other parameters", `{"metric":"AUC","parameters":"4 thresholds","begun":true}`, "SetState: the state is of AUC (4 thresholds)", m},
		{"too little", `{"metric":"AUC","parameters":"3 thresholds, trapezoidal, epsilon 1e-06","begun":true,"sums":"AAAA"}`, "3 bytes of sums, want 64", m},
		{"too little for the shape", `{"metric":"MeanTensor","begun":true,"dims":[3],"sums":"AAAA"}`, "3 bytes of sums for shape (3), want 48", mean},
		{"a negative shape", `{"metric":"MeanTensor","begun":true,"dims":[-1],"sums":"AAAA"}`, "MeanTensor: SetState: 3 bytes of sums for shape (-1), want -16", mean},
		{"an endless shape", `{"metric":"MeanTensor","begun":true,"dims":[2305843009213693952],"sums":""}`, "MeanTensor: SetState: 0 bytes of sums for shape (2305843009213693952), want -16", mean},
	} {
		t.Run(row.name, func(t *testing.T) { require.ErrorContains(t, row.metric.SetState([]byte(row.state)), row.want) })
	}
	require.Equal(t, want, m.Value())
	require.Equal(t, []float64{1, 2}, result(mean))
	require.ErrorContains(t, mean.Update(values(vector(1.0, 2, 3))), "MeanTensor: a batch of shape (3) after one of (2): they must have the same")
	require.ErrorContains(t, mean.Merge(update(t, metrics.MeanTensor(node), vector(1.0))), "a batch of shape (1) after one of (2)")
	require.NoError(t, mean.SetState([]byte(`{"metric":"MeanTensor","begun":false}`)))
	require.Nil(t, mean.(metrics.Tensor).Tensor())
}

// Whatever a state is, it is taken or refused, and the metric then works.
func FuzzSetState(f *testing.F) {
	makers := []func() metrics.Metric{
		func() metrics.Metric { return metrics.MeanTensor(node) },
		func() metrics.Metric { return metrics.Window(metrics.MeanTensor(node), 2) },
		func() metrics.Metric { return metrics.Mean(node) },
	}
	for _, make := range makers {
		m := make()
		if err := m.Update(values(vector(1.0, 2))); err != nil {
			f.Fatal(err)
		}
		state, err := m.(metrics.Stateful).State()
		require.NoError(f, err)
		f.Add(state)
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		for _, make := range makers {
			m := make()
			if m.(metrics.Stateful).SetState(state) == nil {
				m.Value()
				_ = m.Update(values(vector(1.0, 2)))
			}
			m.Reset()
			require.NoError(t, m.Update(values(vector(1.0, 2))))
		}
	})
}
