package metrics_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/metrics"
)

// golden is testdata/golden.json, which testdata/golden.py wrote.
type golden struct {
	Data  map[string]map[string]goldenTensor
	Cases []goldenCase
}

type goldenTensor struct {
	Dtype  string
	Shape  []int
	Values []float64
}

type goldenCase struct {
	Metric, Data, Source string
	Weighted             bool
	Arguments            goldenArguments
	Want                 []float64
	Tolerance            float64
}

type goldenArguments struct {
	K, Dim, Bins, Classes, Num int
	Threshold, Beta, At        float64
	Thresholds, Manual         []float64
	Cut, Epsilon               *float64
	ClassID                    *int `json:"class_id"`
	AtLeast                    bool `json:"at_least"`
	Summation                  metrics.Summation
	Average                    metrics.Average
}

func readGolden(t *testing.T) golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(text, &g))
	require.Greater(t, len(g.Cases), 200)
	return g
}

// rows returns rows from to to of a tensor, in its dtype.
func (g goldenTensor) rows(from, to int) gorgonia.Value {
	shape := append(tensor.Shape{to - from}, g.Shape[1:]...)
	each := len(g.Values) / g.Shape[0]
	x := g.Values[from*each : to*each]
	switch g.Dtype {
	case "float32":
		return shaped(shape, cast[float32](x)...)
	case "int64":
		return shaped(shape, cast[int64](x)...)
	}
	return shaped(shape, x...)
}

func cast[T float32 | int64](x []float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

// make returns the metric of a case.
func (c goldenCase) make(t *testing.T) metrics.Metric {
	t.Helper()
	var o []metrics.Option
	a := c.Arguments
	if c.Weighted {
		o = append(o, weighted)
	}
	if a.Cut != nil {
		o = append(o, metrics.Threshold(*a.Cut))
	}
	if a.ClassID != nil {
		o = append(o, metrics.ClassID(*a.ClassID))
	}
	if a.Epsilon != nil {
		o = append(o, metrics.Epsilon(*a.Epsilon))
	}
	if a.Summation != "" {
		o = append(o, metrics.SummationMethod(a.Summation))
	}
	if a.Num != 0 {
		o = append(o, metrics.NumThresholds(a.Num))
	}
	if a.Manual != nil {
		o = append(o, metrics.Thresholds(a.Manual...))
	}
	if a.AtLeast {
		o = append(o, metrics.AtLeast())
	}
	l, p := labels, predictions
	switch c.Metric {
	case "Mean":
		return metrics.Mean(l, o...)
	case "MeanTensor":
		return metrics.MeanTensor(l, o...)
	case "PercentageBelow":
		return metrics.PercentageBelow(l, a.Threshold, o...)
	case "MeanRelativeError":
		return metrics.MeanRelativeError(l, p, node, o...)
	case "MeanCosineDistance":
		return metrics.MeanCosineDistance(l, p, a.Dim, o...)
	case "FBeta":
		return metrics.FBeta(l, p, a.Beta, o...)
	case "CalibrationCurve":
		return metrics.CalibrationCurve(l, p, a.Bins, o...)
	case "ExpectedCalibrationError":
		return metrics.ExpectedCalibrationError(l, p, a.Bins, o...)
	case "ClassFBeta":
		return metrics.ClassFBeta(l, p, a.Classes, a.Beta, a.Average, o...)
	case "FBetaPerClass":
		return metrics.FBetaPerClass(l, p, a.Classes, a.Beta, o...)
	}
	if make, ok := ofPairs[c.Metric]; ok {
		return make(l, p, o...)
	}
	if make, ok := withK[c.Metric]; ok {
		return make(l, p, a.K, o...)
	}
	if make, ok := withClasses[c.Metric]; ok {
		return make(l, p, a.Classes, o...)
	}
	if make, ok := withRate[c.Metric]; ok {
		return make(l, p, a.At, o...)
	}
	if make, ok := withThresholds[c.Metric]; ok {
		return make(l, p, a.Thresholds, o...)
	}
	t.Fatalf("no metric %q", c.Metric)
	return nil
}

// The constructors by what they take.
var (
	ofPairs = map[string]func(l, p *gorgonia.Node, o ...metrics.Option) metrics.Metric{
		"Accuracy": metrics.Accuracy, "Precision": metrics.Precision, "Recall": metrics.Recall, "F1": metrics.F1,
		"TruePositives": metrics.TruePositives, "FalsePositives": metrics.FalsePositives,
		"TrueNegatives": metrics.TrueNegatives, "FalseNegatives": metrics.FalseNegatives,
		"AUC": metrics.AUC, "PRAUC": metrics.PRAUC, "LogLoss": metrics.LogLoss, "BrierScore": metrics.BrierScore,
		"CategoricalCrossEntropy":       metrics.CategoricalCrossEntropy,
		"SparseCategoricalCrossEntropy": metrics.SparseCategoricalCrossEntropy,
		"KLDivergence":                  metrics.KLDivergence, "PoissonLoss": metrics.PoissonLoss,
		"MeanSquaredError": metrics.MeanSquaredError, "RootMeanSquaredError": metrics.RootMeanSquaredError,
		"MeanAbsoluteError": metrics.MeanAbsoluteError, "LogCoshError": metrics.LogCoshError,
		"MeanAbsolutePercentageError": metrics.MeanAbsolutePercentageError,
		"MeanSquaredLogarithmicError": metrics.MeanSquaredLogarithmicError,
		"Hinge":                       metrics.Hinge, "SquaredHinge": metrics.SquaredHinge, "CategoricalHinge": metrics.CategoricalHinge,
		"CosineSimilarity": metrics.CosineSimilarity, "R2": metrics.R2,
		"Covariance": metrics.Covariance, "PearsonCorrelation": metrics.PearsonCorrelation,
		"PrecisionAtTopK": metrics.PrecisionAtTopK, "RecallAtTopK": metrics.RecallAtTopK,
	}
	withK = map[string]func(l, p *gorgonia.Node, k int, o ...metrics.Option) metrics.Metric{
		"TopKAccuracy": metrics.TopKAccuracy, "PrecisionAtK": metrics.PrecisionAtK, "RecallAtK": metrics.RecallAtK,
		"AveragePrecisionAtK": metrics.AveragePrecisionAtK,
	}
	withClasses = map[string]func(l, p *gorgonia.Node, classes int, o ...metrics.Option) metrics.Metric{
		"MeanIoU": metrics.MeanIoU, "MeanPerClassAccuracy": metrics.MeanPerClassAccuracy, "BalancedAccuracy": metrics.BalancedAccuracy,
		"ConfusionMatrix": scalar(metrics.ConfusionMatrix), "IoUPerClass": scalar(metrics.IoUPerClass),
		"PrecisionPerClass": scalar(metrics.PrecisionPerClass), "RecallPerClass": scalar(metrics.RecallPerClass),
	}
	withRate = map[string]func(l, p *gorgonia.Node, rate float64, o ...metrics.Option) metrics.Metric{
		"SensitivityAtSpecificity": metrics.SensitivityAtSpecificity, "SpecificityAtSensitivity": metrics.SpecificityAtSensitivity,
		"PrecisionAtRecall": metrics.PrecisionAtRecall, "RecallAtPrecision": metrics.RecallAtPrecision,
	}
	withThresholds = map[string]func(l, p *gorgonia.Node, thresholds []float64, o ...metrics.Option) metrics.Metric{
		"PrecisionAtThresholds": scalar(metrics.PrecisionAtThresholds), "RecallAtThresholds": scalar(metrics.RecallAtThresholds),
		"TruePositivesAtThresholds":  scalar(metrics.TruePositivesAtThresholds),
		"FalsePositivesAtThresholds": scalar(metrics.FalsePositivesAtThresholds),
		"TrueNegativesAtThresholds":  scalar(metrics.TrueNegativesAtThresholds),
		"FalseNegativesAtThresholds": scalar(metrics.FalseNegativesAtThresholds),
	}
)

// scalar lets constructors of tensors stand beside those of metrics.
func scalar[T any](make func(l, p *gorgonia.Node, x T, o ...metrics.Option) metrics.Tensor) func(l, p *gorgonia.Node, x T, o ...metrics.Option) metrics.Metric {
	return func(l, p *gorgonia.Node, x T, o ...metrics.Option) metrics.Metric { return make(l, p, x, o...) }
}

// batch returns rows of a case's data, as the metric wants them.
func (g golden) batch(c goldenCase, m metrics.Metric, from, to int) []gorgonia.Value {
	names := []string{"labels", "predictions", "normalizer"}
	if c.Metric == "Mean" || c.Metric == "MeanTensor" || c.Metric == "PercentageBelow" {
		names = names[:1]
	}
	n := len(m.Nodes())
	if c.Weighted {
		n--
	}
	names = names[:n:n]
	if c.Weighted {
		names = append(names, "weights")
	}
	var values []gorgonia.Value
	for _, name := range names {
		values = append(values, g.Data[c.Data][name].rows(from, to))
	}
	return values
}

// result returns all numbers of a metric.
func result(m metrics.Metric) []float64 {
	if t, ok := m.(metrics.Tensor); ok {
		return append([]float64(nil), t.Tensor().Float64s()...)
	}
	return []float64{m.Value()}
}

// The numbers of TensorFlow, Keras and scikit-learn, for all rows at once, in batches, and
// in shards that are merged.
func TestGolden(t *testing.T) {
	g := readGolden(t)
	tested := map[string]bool{}
	for _, c := range g.Cases {
		tested[c.Metric] = true
		t.Run(fmt.Sprintf("%s of %s by %s %v", c.Metric, c.Data, c.Source, c.Weighted), func(t *testing.T) {
			m := c.make(t)
			rows := g.Data[c.Data]["labels"].Shape[0]
			requireClose(t, c, update(t, m, g.batch(c, m, 0, rows)...))
			if c.Metric == "MeanTensor" {
				return // it takes batches of one size
			}
			a, b := m.Clone(), m.Clone()
			update(t, a, g.batch(c, m, 0, 5)...)
			update(t, b, g.batch(c, m, 5, 6)...)
			update(t, a, g.batch(c, m, 6, rows)...)
			require.NoError(t, a.Merge(b))
			requireClose(t, c, a)
		})
	}
	for _, names := range []map[string]bool{keys(ofPairs), keys(withK), keys(withClasses), keys(withThresholds)} {
		for name := range names {
			require.Contains(t, tested, name, "nobody else's number was compared with it")
		}
	}
}

func requireClose(t *testing.T, c goldenCase, m metrics.Metric) {
	t.Helper()
	got := result(m)
	require.Len(t, got, len(c.Want))
	for i, want := range c.Want {
		require.InDelta(t, want, got[i], c.Tolerance*max(1, want, -want), "element %d", i)
	}
}

func keys[V any](m map[string]V) map[string]bool {
	names := map[string]bool{}
	for name := range m {
		names[name] = true
	}
	return names
}
