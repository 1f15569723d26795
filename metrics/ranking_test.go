package metrics_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/metrics"
)

// The definitions, with maps and a sort: hits, predictions and labels of one row.
func slowRanking(rowLabels, scores []float64, k, class int) (hits, predicted, relevant, average float64) {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	is := map[float64]bool{}
	inRange := 0
	for _, c := range rowLabels {
		if !is[c] && c >= 0 && c < float64(len(scores)) {
			inRange++
		}
		is[c] = true
	}
	for rank, c := range order[:k] {
		if is[float64(c)] {
			hits++
			average += hits / float64(rank+1)
		}
	}
	if inRange > 0 {
		average /= float64(min(inRange, k))
	} else {
		average = math.NaN()
	}
	if class < 0 {
		return hits, float64(k), float64(len(is)), average
	}
	found := slices.Contains(order[:k], class)
	hits, predicted, relevant = 0, 0, 0
	if found {
		predicted = 1
	}
	if is[float64(class)] {
		relevant = 1
	}
	return predicted * relevant, predicted, relevant, average
}

func TestRankingIsItsDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	const rows, perRow, classes = 40, 3, 6
	for range 30 {
		k, class := 1+random.IntN(classes), random.IntN(classes+1)-1
		y, p, w := make([]float64, rows*perRow), make([]float64, rows*classes), whole(random, rows, 3)
		hot := make([]float64, rows*classes)
		for i := range y {
			y[i] = float64(random.IntN(classes+2) - 1) // some are out of range
			if c := int(y[i]); c >= 0 && c < classes {
				hot[i/perRow*classes+c] = 1
			}
		}
		for i := range p {
			p[i] = float64(random.IntN(8)) // many are equal
		}
		var hits, predicted, relevant, hotRelevant, average, counted float64
		for i := range rows {
			h, n, r, a := slowRanking(y[i*perRow:(i+1)*perRow], p[i*classes:(i+1)*classes], k, class)
			hits, predicted, relevant = hits+w[i]*h, predicted+w[i]*n, relevant+w[i]*r
			if !math.IsNaN(a) {
				average, counted = average+w[i]*a, counted+w[i]
			}
			for c, x := range hot[i*classes : (i+1)*classes] {
				if class < 0 || c == class {
					hotRelevant += w[i] * x
				}
			}
		}
		ids := func(m metrics.Metric) float64 {
			return update(t, m, shaped(tensor.Shape{rows, perRow}, y...), shaped(tensor.Shape{rows, classes}, p...), vector(w...)).Value()
		}
		multi := func(m metrics.Metric) float64 {
			return update(t, m, shaped(tensor.Shape{rows, classes}, hot...), shaped(tensor.Shape{rows, classes}, p...), vector(w...)).Value()
		}
		options := []metrics.Option{weighted}
		if class >= 0 {
			options = append(options, metrics.ClassID(class))
		}
		hotOptions := append(slices.Clone(options), metrics.MultiHot())
		require.InDelta(t, hits/predicted, ids(metrics.PrecisionAtK(labels, predictions, k, options...)), 1e-12)
		require.InDelta(t, hits/relevant, ids(metrics.RecallAtK(labels, predictions, k, options...)), 1e-12)
		require.InDelta(t, hits/predicted, multi(metrics.PrecisionAtK(labels, predictions, k, hotOptions...)), 1e-12)
		require.InDelta(t, hits/hotRelevant, multi(metrics.RecallAtK(labels, predictions, k, hotOptions...)), 1e-12)
		require.InDelta(t, average/counted, ids(metrics.AveragePrecisionAtK(labels, predictions, k, weighted)), 1e-12)
		require.InDelta(t, average/counted, multi(metrics.AveragePrecisionAtK(labels, predictions, k, weighted, metrics.MultiHot())), 1e-12)
	}
}

func TestRankingShapes(t *testing.T) {
	scores := shaped(tensor.Shape{2, 3}, 0.1, 0.5, 0.4, 0.3, 0.2, 0.5)
	for _, row := range []struct {
		name   string
		labels gorgonia.Value
	}{{"vector", vector(1, 0)}, {"column", shaped(tensor.Shape{2, 1}, 1, 0)}, {"twice", shaped(tensor.Shape{2, 2}, 1, 1, 0, 0)}} {
		require.Equal(t, 0.5, update(t, metrics.RecallAtK(labels, predictions, 1), row.labels, scores).Value(), row.name)
	}
	sequence := shaped(tensor.Shape{1, 2, 3}, 0.1, 0.5, 0.4, 0.3, 0.2, 0.5)
	mask := shaped(tensor.Shape{1, 2}, 1.0, 0)
	m := metrics.PrecisionAtK(labels, predictions, 1, weighted)
	require.Equal(t, 1.0, update(t, m, shaped(tensor.Shape{1, 2}, 1, 0), sequence, mask).Value(), "a sequence with a mask")
	require.Equal(t, 1.0, update(t, m.Clone(), shaped(tensor.Shape{1, 2, 1}, 1, 0), sequence, mask).Value())
	require.Equal(t, 0.5, update(t, metrics.TopKAccuracy(labels, predictions, 1), vector(1, 7), scores).Value(), "a label out of range is not found")
	equal := shaped(tensor.Shape{1, 3}, 0.5, 0.5, 0.5)
	require.Equal(t, 1.0, update(t, metrics.TopKAccuracy(labels, predictions, 1), vector(2), equal).Value(), "equal scores are all the best")
	require.Equal(t, 0.0, update(t, metrics.RecallAtK(labels, predictions, 1), vector(2), equal).Value(), "of equal scores the first is best")
}

// The rates at a threshold by their definition, for each rule.
func TestOperatingPointsAreTheirDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	for range 40 {
		const rows, thresholds = 50, 21
		columns, w := likely(random, rows), whole(random, rows, 3)
		y, p := columns[0], columns[1]
		target := float64(random.IntN(11)) / 10
		type rates struct{ sensitivity, specificity, precision float64 }
		at := func(threshold, e float64) rates {
			var tp, fp, fn, tn float64
			for i := range y {
				switch above := p[i] > threshold; {
				case y[i] != 0 && above:
					tp += w[i]
				case y[i] != 0:
					fn += w[i]
				case above:
					fp += w[i]
				default:
					tn += w[i]
				}
			}
			ratio := func(a, b float64) float64 {
				if b == 0 {
					return 0
				}
				return a / b
			}
			return rates{ratio(tp, tp+fn+e), ratio(tn, tn+fp+e), ratio(tp, tp+fp+e)}
		}
		sensitivity, specificity := func(r rates) float64 { return r.sensitivity }, func(r rates) float64 { return r.specificity }
		precision := func(r rates) float64 { return r.precision }
		for _, row := range []struct {
			name          string
			given, wanted func(rates) float64
			last          bool
		}{
			{"SensitivityAtSpecificity", specificity, sensitivity, false},
			{"SpecificityAtSensitivity", sensitivity, specificity, true},
			{"PrecisionAtRecall", sensitivity, precision, true},
			{"RecallAtPrecision", precision, sensitivity, false},
		} {
			closest, distance, best := 0.0, math.Inf(1), 0.0
			for i, threshold := range even(thresholds) {
				r := at(threshold, 1e-7)
				d := math.Abs(row.given(r) - target)
				if d < distance || row.last && d == distance {
					closest, distance = row.wanted(r), d
				}
				if exact := at(float64(i)/(thresholds-1), 0); row.given(exact) >= target {
					best = max(best, row.wanted(exact))
				}
			}
			value := func(o ...metrics.Option) float64 {
				o = append(o, weighted, metrics.NumThresholds(thresholds))
				return update(t, withRate[row.name](labels, predictions, target, o...), vector(y...), vector(p...), vector(w...)).Value()
			}
			require.InDelta(t, closest, value(), 1e-12, row.name)
			require.InDelta(t, best, value(metrics.AtLeast()), 1e-12, row.name)
		}
	}
}

// Predictions in float32 that were given as the threshold are not above it.
func TestThresholdsOfSinglePrecision(t *testing.T) {
	for _, threshold := range []float64{0.1, 0.2, 0.3, 0.7} {
		one, p := vector(1.0), vector(float32(threshold))
		require.Zero(t, update(t, metrics.Recall(labels, predictions, metrics.Threshold(threshold)), one, p).Value())
		require.Zero(t, update(t, metrics.RecallAtThresholds(labels, predictions, []float64{threshold}), one, p).Value())
		require.Zero(t, update(t, metrics.PercentageBelow(node, threshold), p).Value())
		below := vector(math.Nextafter32(float32(threshold), 0))
		above := vector(math.Nextafter32(float32(threshold), 1))
		require.Equal(t, 1.0, update(t, metrics.PercentageBelow(node, threshold), below).Value())
		require.Equal(t, 1.0, update(t, metrics.Recall(labels, predictions, metrics.Threshold(threshold)), one, above).Value())
	}
}

func TestClassIDIsAColumn(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	const rows, class = 30, 2
	y, p, w := whole(random, rows*testClasses, 2), fractions(random, rows*testClasses), whole(random, rows, 3)
	full := tensor.Shape{rows, testClasses}
	var columnY, columnP []float64
	each := make([]float64, rows*testClasses)
	for i := range rows {
		columnY, columnP = append(columnY, y[i*testClasses+class]), append(columnP, p[i*testClasses+class])
		for k := range testClasses {
			each[i*testClasses+k] = w[i]
		}
	}
	all := subjects()
	for _, name := range []string{"AUC", "PRAUC", "Precision", "MeanSquaredError", "R2", "F1", "CalibrationCurve", "PrecisionAtRecall", "RecallAtThresholds", "LogLoss"} {
		want := update(t, all[name].make(weighted), vector(columnY...), vector(columnP...), vector(w...))
		for _, weights := range []gorgonia.Value{vector(w...), shaped(tensor.Shape{rows, 1}, w...), shaped(full, each...)} {
			m := all[name].make(weighted, metrics.ClassID(class))
			same(t, want, update(t, m, shaped(full, y...), shaped(full, p...), weights), 0, name)
			single := update(t, m.Clone(), shaped(full, cast[float32](y)...), shaped(full, cast[float32](p)...), weights)
			same(t, want, single, 0, name)
		}
	}
	m := metrics.Mean(node, metrics.ClassID(class))
	require.ErrorContains(t, m.Update(values(vector(1.0, 2))), "Mean: ClassID: the shape is (2), want [batch, classes]")
	require.ErrorContains(t, m.Update(values(shaped(tensor.Shape{1, 2}, 1.0, 2))), "ClassID: 2, but there are 2 classes in shape (1, 2)")
}
