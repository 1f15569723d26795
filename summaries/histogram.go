package summaries

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/dense"
)

// Histogram is the distribution of a tensor's elements as an event file holds it.
type Histogram struct {
	Min, Max        float64 // the smallest and the greatest element, 0 when there is none
	Num             float64 // how many there are
	Sum, SumSquares float64
	// Counts[i] elements x lie in Limits[i-1] <= x < Limits[i], where the first bucket
	// begins at Min. A run of empty buckets is one bucket, and there are none at the
	// ends.
	Limits, Counts []float64
}

// Histogram writes the distribution of t's elements, counted in TensorFlow's buckets:
// their edges are 0 and ±1e-12·1.1^j up to 1e20. The dtype is float32, float64, int,
// int32, int64 or uint8. A tensor with a NaN or an infinity is an error, as in
// TensorFlow, and nothing is written: such an element is in no bucket. A tensor without
// elements gives an empty histogram.
func (w *Writer) Histogram(tag string, t *tensor.Dense, step int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.ready(); err != nil {
		return err
	}
	if err := w.checkTag(tag); err != nil {
		return err
	}
	if t == nil || t.Dtype().Type == nil {
		return fmt.Errorf("summaries: %s: histogram %q: the tensor is nil or has no dtype", w.path, tag)
	}
	w.scratch.reset()
	if err := w.scratch.addTensor(t); err != nil {
		return fmt.Errorf("summaries: %s: histogram %q: %w", w.path, tag, err)
	}
	h := w.scratch.result()
	w.event(step, func(b []byte) []byte {
		return appendSummary(b, func(b []byte) []byte { return appendHistogram(b, tag, h) })
	})
	return w.written()
}

// edges are the positive bucket limits below the last, which is the greatest float64:
// 1e-12, and 1.1 times the limit before, up to 1e20. TensorFlow multiplies in the same
// way, so that rounding gives the same limits.
var edges = func() []float64 {
	var edges []float64
	for v := 1e-12; v < 1e20; v *= 1.1 {
		edges = append(edges, v)
	}
	return edges
}()

// limits are the right edges of the buckets, ascending, and zero is limits[zero].
var limits = func() []float64 {
	limits := []float64{-math.MaxFloat64}
	for _, v := range slices.Backward(edges) {
		limits = append(limits, -v)
	}
	limits = append(limits, 0)
	limits = append(limits, edges...)
	return append(limits, math.MaxFloat64)
}()

var zero = len(edges) + 1

// firstEdge[i] is how many edges lie below every float64 whose sign, exponent and first
// three bits of mantissa are i. At most two edges share an i, so the search for a
// bucket is a look-up and a step or two.
var firstEdge = func() []int16 {
	first := make([]int16, 1<<14)
	n := 0
	for i := range first {
		low := math.Float64frombits(uint64(i) << cellShift)
		for n < len(edges) && edges[n] < low {
			n++
		}
		first[i] = int16(n)
	}
	return first
}()

const cellShift = 49

// bucketOf returns the bucket of a finite x: the first i with x < limits[i].
func bucketOf(x float64) int {
	if x < 0 {
		// -e <= x for each edge e >= -x.
		n := int(firstEdge[math.Float64bits(-x)>>cellShift])
		for n < len(edges) && edges[n] < -x {
			n++
		}
		return zero - n
	}
	n := int(firstEdge[math.Float64bits(math.Abs(x))>>cellShift]) // minus zero has a sign
	for n < len(edges) && edges[n] <= x {
		n++
	}
	// The greatest float64 is counted in the last bucket, though it is its limit.
	return zero + 1 + n
}

// histogram counts elements. Its zero value is ready after reset.
type histogram struct {
	total   Histogram
	buckets []float64
}

func (h *histogram) reset() {
	if h.buckets == nil {
		h.buckets = make([]float64, len(limits))
	}
	clear(h.buckets)
	h.total = Histogram{Limits: h.total.Limits[:0], Counts: h.total.Counts[:0]}
}

func (h *histogram) addTensor(t *tensor.Dense) error {
	t = dense.Contiguous(t)
	switch t.Dtype() {
	case tensor.Float32:
		return addAll(h, t.Float32s())
	case tensor.Float64:
		return addAll(h, t.Float64s())
	case tensor.Int:
		return addAll(h, t.Ints())
	case tensor.Int32:
		return addAll(h, t.Int32s())
	case tensor.Int64:
		return addAll(h, t.Int64s())
	case tensor.Uint8:
		return addAll(h, t.Uint8s())
	}
	return fmt.Errorf("the tensor's dtype is %v, want float32, float64, int, int32, int64 or uint8", t.Dtype())
}

func addAll[T float32 | float64 | int | int32 | int64 | uint8](h *histogram, data []T) error {
	if len(data) == 0 {
		return nil
	}
	low, high, sum, squares := math.Inf(1), math.Inf(-1), 0.0, 0.0
	for i, element := range data {
		x := float64(element)
		if x-x != 0 { // NaN for NaN and the infinities
			return notFinite(data[i:], i, len(data))
		}
		h.buckets[bucketOf(x)]++
		low, high = min(low, x), max(high, x)
		sum += x
		squares += x * x
	}
	h.total.Min, h.total.Max, h.total.Num, h.total.Sum, h.total.SumSquares = low, high, float64(len(data)), sum, squares
	return nil
}

// notFinite describes data, the rest of a tensor of n elements from the first on that
// is not finite.
func notFinite[T float32 | float64 | int | int32 | int64 | uint8](data []T, first, n int) error {
	nan, inf := 0, 0
	for _, element := range data {
		switch x := float64(element); {
		case math.IsNaN(x):
			nan++
		case math.IsInf(x, 0):
			inf++
		}
	}
	return fmt.Errorf("%d of the %d elements are NaN and %d are infinite (the first at %d is %v), want finite numbers", nan, n, inf, first, data[0])
}

// result returns the histogram with each run of empty buckets merged and without the
// empty ones at both ends. It is valid until reset. TensorFlow writes those ends too,
// but TensorBoard's data server, the reader that is the default, then shows them as
// buckets whose left edge is the greatest element.
func (h *histogram) result() *Histogram {
	first, last := 0, len(limits)-1
	for first <= last && h.buckets[first] == 0 {
		first++
	}
	for last >= first && h.buckets[last] == 0 {
		last--
	}
	for i := first; i <= last; i++ {
		count := h.buckets[i]
		for count == 0 && h.buckets[i+1] == 0 {
			i++
		}
		h.total.Limits = append(h.total.Limits, limits[i])
		h.total.Counts = append(h.total.Counts, count)
	}
	return &h.total
}
