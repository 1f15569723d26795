package metrics_test

import (
	"math"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/metrics"
)

// subject is a metric of this package, and data for it.
type subject struct {
	make func(o ...metrics.Option) metrics.Metric
	// rows makes labels and predictions of that many rows. Numbers are multiples of 1/64,
	// so that sums of their products do not depend on the order.
	rows func(random *rand.Rand, n int) [][]float64
	// width is how many elements a row of each has; 0 for a vector of rows.
	width []int
	exact bool // sums of the numbers are the metric's state
	nan   bool // the value of nothing is NaN
}

const testClasses = 4

// subjects are all metrics of this package by name.
func subjects() map[string]subject {
	all := map[string]subject{}
	pair := func(rows func(*rand.Rand, int) [][]float64, exact bool, widths []int, names ...string) {
		for _, name := range names {
			all[name] = subject{make: func(o ...metrics.Option) metrics.Metric { return ofPairs[name](labels, predictions, o...) }, rows: rows, exact: exact, width: widths}
		}
	}
	flat := []int{0, 0}
	pair(decided, true, flat, "Accuracy", "Precision", "Recall", "F1", "TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")
	pair(likely, true, flat, "AUC", "PRAUC", "BrierScore", "MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "Hinge", "SquaredHinge")
	pair(likely, false, flat, "LogLoss", "LogCoshError", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "PoissonLoss", "R2")
	pair(likely, false, flat, "Covariance", "PearsonCorrelation")
	pair(oneHot, true, []int{testClasses, testClasses}, "CategoricalHinge")
	pair(oneHot, false, []int{testClasses, testClasses}, "CategoricalCrossEntropy", "KLDivergence", "CosineSimilarity")
	pair(sparse, false, []int{0, testClasses}, "SparseCategoricalCrossEntropy")
	pair(topTwo, true, []int{3, 2}, "PrecisionAtTopK", "RecallAtTopK")
	for name, make := range withK {
		all[name] = subject{make: func(o ...metrics.Option) metrics.Metric { return make(labels, predictions, 2, o...) }, rows: sparse, width: []int{0, testClasses}, exact: true}
	}
	for name, make := range withClasses {
		all[name] = subject{make: func(o ...metrics.Option) metrics.Metric { return make(labels, predictions, testClasses, o...) }, rows: numbered, width: flat, exact: true}
	}
	for name, make := range withRate {
		all[name] = subject{make: func(o ...metrics.Option) metrics.Metric { return make(labels, predictions, 0.6, o...) }, rows: likely, width: flat, exact: true}
	}
	for name, make := range withThresholds {
		all[name] = subject{make: func(o ...metrics.Option) metrics.Metric {
			return make(labels, predictions, []float64{0.5, 0.25}, o...)
		}, rows: likely, width: flat, exact: true}
	}
	add := func(name string, rows func(*rand.Rand, int) [][]float64, widths []int, make func(o ...metrics.Option) metrics.Metric) {
		all[name] = subject{make: make, rows: rows, width: widths, exact: true}
	}
	add("Mean", single, []int{0}, func(o ...metrics.Option) metrics.Metric { return metrics.Mean(node, o...) })
	add("Sum", single, []int{0}, func(o ...metrics.Option) metrics.Metric { return metrics.Sum(node, o...) })
	add("PercentageBelow", single, []int{0}, func(o ...metrics.Option) metrics.Metric { return metrics.PercentageBelow(node, 0.5, o...) })
	add("AccuracyBaseline", single, []int{0}, func(o ...metrics.Option) metrics.Metric { return metrics.AccuracyBaseline(node, o...) })
	add("FBeta", likely, flat, func(o ...metrics.Option) metrics.Metric {
		return metrics.FBeta(labels, predictions, 2, append(o, metrics.Threshold(0.5))...)
	})
	add("MeanRelativeError", normalized, []int{0, 0, 0}, func(o ...metrics.Option) metrics.Metric {
		return metrics.MeanRelativeError(labels, predictions, node, o...)
	})
	add("MeanCosineDistance", oneHot, []int{testClasses, testClasses}, func(o ...metrics.Option) metrics.Metric {
		return metrics.MeanCosineDistance(labels, predictions, -1, o...)
	})
	add("ClassFBeta", numbered, flat, func(o ...metrics.Option) metrics.Metric {
		return metrics.ClassFBeta(labels, predictions, testClasses, 1, metrics.Weighted, o...)
	})
	add("FBetaPerClass", numbered, flat, func(o ...metrics.Option) metrics.Metric {
		return metrics.FBetaPerClass(labels, predictions, testClasses, 1, o...)
	})
	add("CalibrationCurve", likely, flat, func(o ...metrics.Option) metrics.Metric {
		return metrics.CalibrationCurve(labels, predictions, 5, o...)
	})
	add("ExpectedCalibrationError", likely, flat, func(o ...metrics.Option) metrics.Metric {
		return metrics.ExpectedCalibrationError(labels, predictions, 5, o...)
	})
	for _, name := range []string{"PrecisionAtK", "RecallAtK", "AveragePrecisionAtK", "PrecisionAtTopK", "RecallAtTopK", "Covariance", "PearsonCorrelation"} {
		s := all[name]
		s.nan = true
		all[name] = s
	}
	return all
}

// values makes a batch of rows from to to, with weights.
func (s subject) values(columns [][]float64, weights []float64, from, to int) []gorgonia.Value {
	var batch []gorgonia.Value
	for i, x := range columns {
		if s.width[i] == 0 {
			batch = append(batch, vector(x[from:to]...))
			continue
		}
		shape := tensor.Shape{to - from, s.width[i]}
		batch = append(batch, shaped(shape, x[from*s.width[i]:to*s.width[i]]...))
	}
	if weights != nil {
		batch = append(batch, vector(weights[from:to]...))
	}
	return batch
}

func whole(random *rand.Rand, n, below int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(random.IntN(below))
	}
	return x
}

// fractions are in (0, 1).
func fractions(random *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(1+random.IntN(63)) / 64
	}
	return x
}

func single(random *rand.Rand, n int) [][]float64 { return [][]float64{fractions(random, n)} }

func likely(random *rand.Rand, n int) [][]float64 {
	return [][]float64{whole(random, n, 2), fractions(random, n)}
}

func decided(random *rand.Rand, n int) [][]float64 {
	return [][]float64{whole(random, n, 2), whole(random, n, 2)}
}

func numbered(random *rand.Rand, n int) [][]float64 {
	return [][]float64{whole(random, n, testClasses), whole(random, n, testClasses)}
}

func normalized(random *rand.Rand, n int) [][]float64 {
	x := whole(random, n, 3)
	for i := range x {
		x[i] = math.Floor(math.Exp2(x[i]) / 2) // 0, 1, 2
	}
	return append(likely(random, n), x)
}

func sparse(random *rand.Rand, n int) [][]float64 {
	return [][]float64{whole(random, n, testClasses), fractions(random, n*testClasses)}
}

func oneHot(random *rand.Rand, n int) [][]float64 {
	y := make([]float64, n*testClasses)
	for i, class := range whole(random, n, testClasses) {
		y[i*testClasses+int(class)] = 1
	}
	return [][]float64{y, fractions(random, n*testClasses)}
}

func topTwo(random *rand.Rand, n int) [][]float64 {
	return [][]float64{whole(random, n*3, testClasses), whole(random, n*2, testClasses)}
}
