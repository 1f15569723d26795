package metrics

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/gorgonia"
)

// PrecisionAtK is the weighted fraction of each row's k best classes that are among its
// labels. labels are class numbers, [batch], [batch, 1] or [batch, n], of which equal
// ones count once and those outside of [0, classes) never; a row with fewer labels repeats
// one of them, or [MultiHot] labels are given. scores are [batch, classes]; of equal
// scores the first are best. Weights are for rows. With [ClassID] only the rows whose k
// best classes have that class count. NaN while no class was predicted.
func PrecisionAtK(labels, scores *gorgonia.Node, k int, opts ...Option) Metric {
	o := collect("PrecisionAtK", opts, "ClassID", "MultiHot")
	o.k(k)
	return o.build(o.atK(true, k), labels, scores)
}

// RecallAtK is the weighted fraction of labels that are among their row's k best classes;
// labels outside of [0, classes) count as never found, otherwise as [PrecisionAtK]. With
// [ClassID] only the labels of that class count. NaN while there was no label.
func RecallAtK(labels, scores *gorgonia.Node, k int, opts ...Option) Metric {
	o := collect("RecallAtK", opts, "ClassID", "MultiHot")
	o.k(k)
	return o.build(o.atK(false, k), labels, scores)
}

// PrecisionAtTopK is [PrecisionAtK] for best classes that are known, as class numbers
// [batch, k].
func PrecisionAtTopK(labels, classes *gorgonia.Node, opts ...Option) Metric {
	o := collect("PrecisionAtTopK", opts, "ClassID", "MultiHot")
	return o.build(o.atK(true, known), labels, classes)
}

// RecallAtTopK is [RecallAtK] for best classes that are known, as class numbers [batch, k].
func RecallAtTopK(labels, classes *gorgonia.Node, opts ...Option) Metric {
	o := collect("RecallAtTopK", opts, "ClassID", "MultiHot")
	return o.build(o.atK(false, known), labels, classes)
}

// known in place of k says that predictions are the best classes themselves.
const known = 0

// atK sums up hits, and what there is to hit: predictions, or labels.
func (o *options) atK(perPrediction bool, k int) rule {
	return rule{
		layout: ranked, size: 2,
		valid: o.validRanking(k),
		add: func(sums []float64, b *batch) {
			for i, w := range b.weights {
				if w == 0 {
					continue
				}
				of, among := b.best(i, k), o.labels(b, i)
				if !perPrediction {
					of, among = among, of
				}
				for _, c := range of {
					if o.class >= 0 && c != float64(o.class) {
						continue
					}
					sums[1] += w
					if slices.Contains(among, c) {
						sums[0] += w
					}
				}
			}
		},
		value: func(sums []float64) float64 { return sums[0] / sums[1] },
	}
}

// AveragePrecisionAtK is the weighted mean over rows of the average precision of the k
// best classes: the sum, over those that are labels, of the precision of the classes up to
// there, over the number of labels or k, whichever is less. Labels outside of
// [0, classes) count for nothing, and so do rows without labels; otherwise as
// [PrecisionAtK]. NaN while there was no label.
func AveragePrecisionAtK(labels, scores *gorgonia.Node, k int, opts ...Option) Metric {
	o := collect("AveragePrecisionAtK", opts, "MultiHot")
	o.k(k)
	r := mean(ranked, func(b *batch, i int) (float64, bool) {
		relevant := o.labels(b, i)
		n := len(relevant)
		for _, c := range relevant {
			if c < 0 || c >= float64(b.width[1]) {
				n--
			}
		}
		if n == 0 {
			return 0, false
		}
		sum, hits := 0.0, 0.0
		for rank, c := range b.best(i, k) {
			if slices.Contains(relevant, c) {
				hits++
				sum += hits / float64(rank+1)
			}
		}
		return sum / float64(min(n, k)), true
	})
	r.valid = o.validRanking(k)
	r.value = func(sums []float64) float64 { return sums[0] / sums[1] }
	return o.build(r, labels, scores)
}

// TopKAccuracy is the weighted fraction of rows whose label is among the k best classes:
// fewer than k classes have a higher score. labels are class numbers, [batch] or
// [batch, 1]; one outside of [0, classes) is never among them. scores are [batch, classes].
func TopKAccuracy(labels, scores *gorgonia.Node, k int, opts ...Option) Metric {
	o := collect("TopKAccuracy", opts)
	o.k(k)
	r := mean(ranked, func(b *batch, i int) (float64, bool) {
		label, row := b.x[0][i], b.row(1, i)
		if label < 0 || label >= float64(len(row)) {
			return 0, true
		}
		higher, own := 0, row[int(label)]
		for _, score := range row {
			if score > own {
				higher++
			}
		}
		return indicator(higher < k), true
	})
	r.valid = func(b *batch) error {
		if err := oneLabel(b); err != nil {
			return err
		}
		return o.validRanking(k)(b)
	}
	return o.build(r, labels, scores)
}

// k notes how many classes are looked at.
func (o *options) k(k int) {
	if k < 1 {
		o.fail("k is %d, want at least 1", k)
	}
	o.parameter("k %d", k)
}

// validRanking reports labels that are no class numbers, scores that cannot be ordered,
// and fewer classes than k. k 0 takes the scores for class numbers.
func (o *options) validRanking(k int) func(b *batch) error {
	return func(b *batch) error {
		if b.width[1] < k {
			return fmt.Errorf("there are %d classes, want at least k, which is %d", b.width[1], k)
		}
		if o.multiHot && k != known && b.width[0] != b.width[1] {
			return fmt.Errorf("MultiHot: labels have %d elements in a row and predictions %d", b.width[0], b.width[1])
		}
		if !o.multiHot {
			if err := integers(b, 0, "label"); err != nil {
				return err
			}
		}
		if k == known {
			return integers(b, 1, "predicted class")
		}
		return numbers(b)
	}
}

// integers reports what is not a whole number, among rows with a weight.
func integers(b *batch, node int, what string) error {
	for i, c := range b.x[node] {
		if (c != math.Trunc(c) || math.IsInf(c, 0)) && b.weights[i/b.width[node]] != 0 {
			return fmt.Errorf("%s %d is %v, want a class number", what, i, c)
		}
	}
	return nil
}

// labels returns the class numbers of a row of labels, valid until the next row.
func (o *options) labels(b *batch, i int) []float64 {
	memory := &b.scratch[0]
	if !o.multiHot {
		return distinct(memory, b.row(0, i))
	}
	*memory = (*memory)[:0]
	for class, hot := range b.row(0, i) {
		if hot != 0 {
			*memory = append(*memory, float64(class))
		}
	}
	return *memory
}

// best returns the k best classes of a row, highest score first and, of equal ones, the
// first first. It is valid until the next row.
func (b *batch) best(i, k int) []float64 {
	scores, memory := b.row(1, i), &b.scratch[1]
	if k == known {
		return distinct(memory, scores)
	}
	top := (*memory)[:0]
	for class, score := range scores {
		if len(top) == k && score <= scores[int(top[k-1])] {
			continue
		}
		if len(top) < k {
			top = append(top, 0)
		}
		at := len(top) - 1
		for ; at > 0 && score > scores[int(top[at-1])]; at-- {
			top[at] = top[at-1]
		}
		top[at] = float64(class)
	}
	*memory = top
	return top
}

// distinct returns the elements of x without repetitions.
func distinct(memory *[]float64, x []float64) []float64 {
	d := (*memory)[:0]
	for _, c := range x {
		if !slices.Contains(d, c) {
			d = append(d, c)
		}
	}
	*memory = d
	return d
}
