package metrics

import (
	"gorgonia.org/gorgonia"
)

// ConfusionMatrix is the weight of each pair of label and prediction, [classes, classes]:
// rows are labels, columns are predictions. Both are class numbers in [0, classes), of
// one shape. Its Value is the accuracy.
func ConfusionMatrix(labels, predictions *gorgonia.Node, classes int, opts ...Option) Tensor {
	o := collect("ConfusionMatrix", opts)
	o.between("classes", classes, 1, 1<<14) // 2 GiB
	o.parameter("%d classes", classes)
	return streamingTensor{o.build(rule{
		size:  classes * classes,
		valid: allClasses(classes),
		add: func(sums []float64, b *batch) {
			for i, w := range b.weights {
				if w != 0 {
					sums[int(b.x[0][i])*classes+int(b.x[1][i])] += w
				}
			}
		},
		each:  func(sums []float64) []float64 { return sums },
		shape: shaped(classes, classes),
		value: func(sums []float64) float64 {
			right, all := 0.0, 0.0
			for i, w := range sums {
				all += w
				if i%(classes+1) == 0 {
					right += w
				}
			}
			return quotient(right, all)
		},
	}, labels, predictions)}
}

// MeanIoU is the mean over classes of the intersection over union, tp/(tp+fp+fn), of
// their weights; classes that neither labels nor predictions have are left out. Labels
// and predictions are class numbers in [0, classes), of one shape.
func MeanIoU(labels, predictions *gorgonia.Node, classes int, opts ...Option) Metric {
	return ofClasses("MeanIoU", classes, opts, labels, predictions, func(all []point) float64 {
		sum, n := 0.0, 0.0
		for _, c := range all {
			if union := c.tp + c.fp + c.fn; union > 0 {
				sum += c.tp / union
				n++
			}
		}
		return quotient(sum, n)
	})
}

// IoUPerClass is the intersection over union of each class, [classes], 0 for a class
// that is nowhere; as [MeanIoU].
func IoUPerClass(labels, predictions *gorgonia.Node, classes int, opts ...Option) Tensor {
	return eachClass(collect("IoUPerClass", opts), classes, labels, predictions,
		func(c point) float64 { return quotient(c.tp, c.tp+c.fp+c.fn) })
}

// MeanPerClassAccuracy is the mean over all classes of the fraction of their labels that
// are predicted; a class without labels counts 0, as in tf.metrics. [BalancedAccuracy]
// leaves it out. Labels and predictions are class numbers in [0, classes), of one shape.
func MeanPerClassAccuracy(labels, predictions *gorgonia.Node, classes int, opts ...Option) Metric {
	return ofClasses("MeanPerClassAccuracy", classes, opts, labels, predictions, func(all []point) float64 {
		sum := 0.0
		for _, c := range all {
			sum += quotient(c.tp, c.tp+c.fn)
		}
		return sum / float64(classes)
	})
}

// BalancedAccuracy is the mean, over the classes that have labels, of the fraction of
// them that are predicted, as in scikit-learn; as [MeanPerClassAccuracy].
func BalancedAccuracy(labels, predictions *gorgonia.Node, classes int, opts ...Option) Metric {
	return ofClasses("BalancedAccuracy", classes, opts, labels, predictions, func(all []point) float64 {
		sum, n := 0.0, 0.0
		for _, c := range all {
			if c.tp+c.fn > 0 {
				sum += c.tp / (c.tp + c.fn)
				n++
			}
		}
		return quotient(sum, n)
	})
}

// PrecisionPerClass is, for each class, the fraction of its predictions that are right,
// [classes], 0 for a class that was not predicted. Labels and predictions are class
// numbers in [0, classes), of one shape.
func PrecisionPerClass(labels, predictions *gorgonia.Node, classes int, opts ...Option) Tensor {
	return eachClass(collect("PrecisionPerClass", opts), classes, labels, predictions,
		func(c point) float64 { return quotient(c.tp, c.tp+c.fp) })
}

// RecallPerClass is, for each class, the fraction of its labels that are predicted; as
// [PrecisionPerClass].
func RecallPerClass(labels, predictions *gorgonia.Node, classes int, opts ...Option) Tensor {
	return eachClass(collect("RecallPerClass", opts), classes, labels, predictions,
		func(c point) float64 { return quotient(c.tp, c.tp+c.fn) })
}

// FBetaPerClass is the F-score of each class against the rest, see [FBeta]; as
// [PrecisionPerClass].
func FBetaPerClass(labels, predictions *gorgonia.Node, classes int, beta float64, opts ...Option) Tensor {
	o := collect("FBetaPerClass", opts)
	o.beta(beta)
	return eachClass(o, classes, labels, predictions,
		func(c point) float64 { return fBeta(beta, c.tp, c.fp, c.fn) })
}

// Average is how the numbers of several classes become one.
type Average string

// The averages. The micro average over classes that exclude each other is the accuracy.
const (
	// Macro is the plain mean over all classes.
	Macro Average = "macro"
	// Weighted weighs each class by the weight of its labels.
	Weighted Average = "weighted"
)

// ClassFBeta is the average over classes of [FBetaPerClass].
func ClassFBeta(labels, predictions *gorgonia.Node, classes int, beta float64, average Average, opts ...Option) Metric {
	o := collect("ClassFBeta", opts)
	o.beta(beta)
	if average != Macro && average != Weighted {
		o.fail("the average is %q, want %q or %q", average, Macro, Weighted)
	}
	o.parameter("%s", average)
	r := o.perClass(classes)
	r.value = func(sums []float64) float64 {
		sum, all := 0.0, 0.0
		for _, c := range points(sums) {
			weight := 1.0
			if average == Weighted {
				weight = c.tp + c.fn
			}
			sum += weight * fBeta(beta, c.tp, c.fp, c.fn)
			all += weight
		}
		return quotient(sum, all)
	}
	return o.build(r, labels, predictions)
}

// ofClasses is one number made of the counts of all classes.
func ofClasses(name string, classes int, opts []Option, labels, predictions *gorgonia.Node, of func(all []point) float64) Metric {
	o := collect(name, opts)
	r := o.perClass(classes)
	r.value = func(sums []float64) float64 { return of(points(sums)) }
	return o.build(r, labels, predictions)
}

// eachClass is a number for each class, made of its counts.
func eachClass(o *options, classes int, labels, predictions *gorgonia.Node, of func(point) float64) Tensor {
	r := o.perClass(classes)
	r.shape = shaped(classes)
	r.each = func(sums []float64) []float64 {
		results := make([]float64, classes)
		for k, c := range points(sums) {
			results[k] = of(c)
		}
		return results
	}
	return streamingTensor{o.build(r, labels, predictions)}
}

// perClass is the rule whose sums are, of each class against the rest, the true
// positives, the false positives and the false negatives.
func (o *options) perClass(classes int) rule {
	o.between("classes", classes, 1, 1<<26) // 1.5 GiB
	o.parameter("%d classes", classes)
	return rule{
		size:  classSums * classes,
		valid: allClasses(classes),
		add: func(sums []float64, b *batch) {
			for i, w := range b.weights {
				if w == 0 {
					continue
				}
				y, p := classSums*int(b.x[0][i]), classSums*int(b.x[1][i])
				if y == p {
					sums[y] += w
				} else {
					sums[p+1] += w
					sums[y+2] += w
				}
			}
		},
	}
}

const classSums = 3

// points returns the sums by class, without true negatives.
func points(sums []float64) []point {
	all := make([]point, len(sums)/classSums)
	for k := range all {
		s := sums[classSums*k:]
		all[k] = point{tp: s[0], fp: s[1], fn: s[2]}
	}
	return all
}

func allClasses(classes int) func(b *batch) error {
	return func(b *batch) error {
		for node := range b.x {
			if err := classesIn(b, node, noun(node), classes); err != nil {
				return err
			}
		}
		return nil
	}
}
