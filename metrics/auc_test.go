package metrics_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/metrics"
)

// slowAUC is the definition, threshold by threshold.
func slowAUC(thresholds, y, p, w []float64) float64 {
	const e = 1e-6
	var area, x0, y0 float64
	for k, threshold := range thresholds {
		var tp, fp, positive, negative float64
		for i := range y {
			above := 0.0
			if p[i] > threshold {
				above = w[i]
			}
			if y[i] != 0 {
				tp, positive = tp+above, positive+w[i]
			} else {
				fp, negative = fp+above, negative+w[i]
			}
		}
		x1, y1 := fp/(negative+e), (tp+e)/(positive+e)
		if k > 0 {
			area += (x0 - x1) * (y0 + y1) / 2
		}
		x0, y0 = x1, y1
	}
	return area
}

func even(n int) []float64 {
	thresholds := make([]float64, n)
	for i := range thresholds {
		thresholds[i] = float64(i) / float64(n-1)
	}
	thresholds[0], thresholds[n-1] = -1e-7, 1+1e-7
	return thresholds
}

func TestAUCIsItsDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{2, 3, 50, 200} {
		thresholds := even(n)
		for range 20 {
			rows := 1 + random.IntN(60)
			y, p, w := make([]float64, rows), make([]float64, rows), make([]float64, rows)
			for i := range y {
				y[i], w[i] = float64(random.IntN(2)), random.Float64()
				switch random.IntN(4) {
				case 0: // exactly a threshold: it is not above it
					p[i] = min(max(thresholds[random.IntN(n)], 0), 1)
				case 1:
					p[i] = float64(random.IntN(2))
				default:
					p[i] = random.Float64()
				}
			}
			m := update(t, metrics.AUC(labels, predictions, weighted, metrics.NumThresholds(n)), vector(y...), vector(p...), vector(w...))
			require.InDelta(t, slowAUC(thresholds, y, p, w), m.Value(), 1e-12)
		}
	}
}

func TestAUCOfPerfectAndUseless(t *testing.T) {
	auc := func(y, p []float64) float64 {
		return update(t, metrics.AUC(labels, predictions), vector(y...), vector(p...)).Value()
	}
	require.InDelta(t, 1, auc([]float64{0, 1, 1, 0}, []float64{0, 1, 1, 0}), 1e-5)
	require.InDelta(t, 0, auc([]float64{0, 1, 1, 0}, []float64{1, 0, 0, 1}), 1e-5)
	require.InDelta(t, 0.5, auc([]float64{0, 1, 1, 0}, []float64{1, 0, 1, 0}), 1e-5)
	require.InDelta(t, 1, auc([]float64{0, 0, 0, 0}, []float64{0, 0, 0, 0}), 1e-5, "without positives, as in TensorFlow")
	require.InDelta(t, 0, auc([]float64{1, 1}, []float64{0.5, 1}), 1e-5, "without negatives")
}

func TestThresholds(t *testing.T) {
	y, p := []float64{0, 1, 0, 1}, []float64{0, 0.3, 0.5, 1}
	w := []float64{1, 1, 1, 1}
	want := slowAUC([]float64{-1e-7, 0, 0.4, 1 + 1e-7}, y, p, w)
	for _, manual := range []metrics.Option{metrics.Thresholds(0, 0.4), metrics.Thresholds(0.4, 0, 0.4)} {
		require.InDelta(t, want, update(t, metrics.AUC(labels, predictions, manual), vector(y...), vector(p...)).Value(), 1e-12)
	}
	mine := []float64{0.9, 0.1}
	m := metrics.AUC(labels, predictions, metrics.Thresholds(mine...))
	require.Equal(t, []float64{0.9, 0.1}, mine, "the caller's slice is not sorted")
	require.NoError(t, m.Merge(metrics.AUC(labels, predictions, metrics.Thresholds(0.1, 0.9))))
	require.ErrorContains(t, m.Merge(metrics.AUC(labels, predictions, metrics.Thresholds(0.1, 0.8))), "merging AUC (thresholds [0.1 0.8], trapezoidal, epsilon 1e-06) into AUC (thresholds [0.1 0.9]")
}

func BenchmarkAUC(b *testing.B) {
	const rows = 1000
	random := rand.New(rand.NewPCG(5, 6))
	y, p := make([]float64, rows), make([]float64, rows)
	for i := range y {
		y[i], p[i] = float64(random.IntN(2)), random.Float64()
	}
	m := metrics.AUC(labels, predictions)
	yv, pv := vector(y...), vector(p...)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Update(values(yv, pv)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "rows/s")
}
