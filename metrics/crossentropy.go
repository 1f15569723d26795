package metrics

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
)

// LogLoss is the weighted mean of -label*ln(p) - (1-label)*ln(1-p) for labels and
// probabilities in [0, 1], of one shape. Probabilities are clipped to [1e-7, 1-1e-7];
// Keras' BinaryCrossentropy adds 1e-7 to them besides. It takes [ClassID].
func LogLoss(labels, probabilities *gorgonia.Node, opts ...Option) Metric {
	r := pairs(func(y, p float64) float64 {
		p = clip(p)
		return -y*math.Log(p) - (1-y)*math.Log1p(-p)
	})
	r.valid = probabilitiesIn(0, 1)
	return collect("LogLoss", opts, "ClassID").build(r, labels, probabilities)
}

// BrierScore is the weighted mean of (p-label)^2 for labels and probabilities in [0, 1],
// of one shape. It takes [ClassID].
func BrierScore(labels, probabilities *gorgonia.Node, opts ...Option) Metric {
	r := pairs(squared)
	r.valid = probabilitiesIn(0, 1)
	return collect("BrierScore", opts, "ClassID").build(r, labels, probabilities)
}

// CategoricalCrossEntropy is the weighted mean over rows of -sum(label*ln(p)): labels
// are probabilities of the classes or one-hot, both are [batch, classes]. Each row of
// probabilities is divided by its sum and clipped to [1e-7, 1-1e-7], as in Keras.
func CategoricalCrossEntropy(labels, probabilities *gorgonia.Node, opts ...Option) Metric {
	r := rowMean(func(b *batch, i int) float64 {
		y, p := b.row(0, i), b.row(1, i)
		sum, loss := sumOf(p), 0.0
		for k := range y {
			if y[k] != 0 {
				loss -= y[k] * math.Log(clip(quotient(p[k], sum)))
			}
		}
		return loss
	})
	r.valid = probabilitiesIn(0, 1)
	return collect("CategoricalCrossEntropy", opts).build(r, labels, probabilities)
}

// SparseCategoricalCrossEntropy is [CategoricalCrossEntropy] for labels that are class
// numbers, [batch] or [batch, 1].
func SparseCategoricalCrossEntropy(labels, probabilities *gorgonia.Node, opts ...Option) Metric {
	r := mean(ranked, func(b *batch, i int) (float64, bool) {
		p := b.row(1, i)
		return -math.Log(clip(quotient(p[int(b.x[0][i])], sumOf(p)))), true
	})
	in := probabilitiesIn(1)
	r.valid = func(b *batch) error {
		if err := oneLabel(b); err != nil {
			return err
		}
		if err := classesIn(b, 0, "label", b.width[1]); err != nil {
			return err
		}
		return in(b)
	}
	return collect("SparseCategoricalCrossEntropy", opts).build(r, labels, probabilities)
}

// KLDivergence is the weighted mean over rows of sum(label*ln(label/p)), for
// distributions over classes [batch, classes]. Both are clipped to [1e-7, 1], as in Keras.
func KLDivergence(labels, probabilities *gorgonia.Node, opts ...Option) Metric {
	r := rowMean(func(b *batch, i int) float64 {
		y, p := b.row(0, i), b.row(1, i)
		sum := 0.0
		for k := range y {
			label := math.Max(y[k], keep)
			sum += label * math.Log(label/math.Max(p[k], keep))
		}
		return sum
	})
	r.valid = probabilitiesIn(0, 1)
	return collect("KLDivergence", opts).build(r, labels, probabilities)
}

// PoissonLoss is the weighted mean of prediction - label*ln(prediction+1e-7), for
// predicted rates, of the labels' shape. It takes [ClassID].
func PoissonLoss(labels, predictions *gorgonia.Node, opts ...Option) Metric {
	return errorMean("PoissonLoss", func(y, p float64) float64 { return p - y*math.Log(p+keep) }, opts, labels, predictions)
}

func clip(p float64) float64 { return math.Min(math.Max(p, keep), 1-keep) }

func sumOf(x []float64) (sum float64) {
	for _, v := range x {
		sum += v
	}
	return sum
}

// probabilitiesIn reports what is not in [0, 1], among elements with a weight. Node 0 is
// the labels.
func probabilitiesIn(nodes ...int) func(b *batch) error {
	return func(b *batch) error {
		for _, node := range nodes {
			for i, p := range b.x[node] {
				if !(p >= 0 && p <= 1) && b.weights[i/b.width[node]] != 0 {
					return fmt.Errorf("%s %d is %v, want a probability in [0, 1]", noun(node), i, p)
				}
			}
		}
		return nil
	}
}

// classesIn reports what is not a class number, among rows with a weight.
func classesIn(b *batch, node int, what string, classes int) error {
	for i, c := range b.x[node] {
		if !(c >= 0 && c < float64(classes) && c == math.Trunc(c)) && b.weights[i/b.width[node]] != 0 {
			return fmt.Errorf("%s %d is %v, want a class in [0, %d)", what, i, c, classes)
		}
	}
	return nil
}

// oneLabel reports labels of which a row has several.
func oneLabel(b *batch) error {
	if b.width[0] != 1 {
		return fmt.Errorf("labels have %d elements in a row, want one class number", b.width[0])
	}
	return nil
}

func noun(node int) string {
	if node == 0 {
		return "label"
	}
	return "prediction"
}
