package summaries

import (
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

func counted(t *testing.T, d *tensor.Dense) *Histogram {
	t.Helper()
	w := newWriter(t)
	require.NoError(t, w.Histogram("h", d, 1))
	require.NoError(t, w.Close())
	events, err := ReadFile(w.Path())
	require.NoError(t, err)
	require.Len(t, events[1].Values, 1)
	return events[1].Values[0].Histogram
}

func TestLimits(t *testing.T) {
	require.Len(t, limits, 2*774+3)
	require.True(t, sort.Float64sAreSorted(limits))
	require.Zero(t, limits[zero])
	require.Equal(t, 1e-12, limits[zero+1])
	require.Equal(t, -1e-12, limits[zero-1])
	require.Less(t, edges[len(edges)-1], 1e20)
	require.GreaterOrEqual(t, edges[len(edges)-1]*1.1, 1e20)
	require.Equal(t, math.MaxFloat64, limits[len(limits)-1])
	require.Equal(t, -math.MaxFloat64, limits[0])
}

// The look-up finds the bucket that a search through all limits finds.
func TestBucketOf(t *testing.T) {
	search := func(x float64) int { return sort.Search(len(limits), func(i int) bool { return x < limits[i] }) }
	check := func(x float64) {
		t.Helper()
		if want, got := min(search(x), len(limits)-1), bucketOf(x); want != got {
			t.Fatalf("%g is counted in bucket %d, want %d", x, got, want)
		}
	}
	for _, limit := range limits {
		for _, x := range []float64{limit, math.Nextafter(limit, math.Inf(1)), math.Nextafter(limit, math.Inf(-1))} {
			if !math.IsInf(x, 0) {
				check(x)
			}
		}
	}
	for _, x := range []float64{0, math.Copysign(0, -1), math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 1e300, -1e300} {
		check(x)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		check(random.NormFloat64() * math.Pow(10, float64(random.IntN(40)-16)))
		if x := math.Float64frombits(random.Uint64()); x-x == 0 {
			check(x)
		}
	}
}

func TestCounts(t *testing.T) {
	h := counted(t, tensor.New(tensor.WithBacking([]float64{1, 1, -2, 0, 4})))
	require.Equal(t, []float64{-2, 4, 5, 4, 22}, []float64{h.Min, h.Max, h.Num, h.Sum, h.SumSquares})
	// -2, empty, 0, empty, 1 twice, empty, 4.
	require.Equal(t, []float64{1, 0, 1, 0, 2, 0, 1}, h.Counts)
	require.Less(t, -2.0, h.Limits[0])
	require.InDelta(t, -2, h.Limits[0], 0.2)
	for i, x := range map[int]float64{2: 0, 4: 1, 6: 4} {
		require.LessOrEqual(t, h.Limits[i-1], x)
		require.Greater(t, h.Limits[i], x)
		if x != 0 {
			require.InDelta(t, 1.1, h.Limits[i]/h.Limits[i-1], 1e-9)
		}
	}
}

func TestEveryDtype(t *testing.T) {
	want := counted(t, tensor.New(tensor.WithBacking([]float64{1, 2, 200})))
	for _, backing := range []any{[]float32{1, 2, 200}, []int{1, 2, 200}, []int32{1, 2, 200}, []int64{1, 2, 200}, []uint8{1, 2, 200}} {
		require.Equal(t, want, counted(t, tensor.New(tensor.WithBacking(backing))), "%T", backing)
	}
}

func TestScalarAndView(t *testing.T) {
	require.Equal(t, 7.0, counted(t, tensor.New(tensor.FromScalar(float32(7)))).Sum)
	m := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6}))
	column, err := m.Slice(nil, tensor.S(1))
	require.NoError(t, err)
	h := counted(t, column.(*tensor.Dense))
	require.Equal(t, []float64{2, 5, 2, 7}, []float64{h.Min, h.Max, h.Num, h.Sum})
}

func TestEmptyHistogram(t *testing.T) {
	empty := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(0, 3))
	require.Equal(t, &Histogram{}, counted(t, empty))
}

// The outermost elements are counted too.
func TestOuterBuckets(t *testing.T) {
	h := counted(t, tensor.New(tensor.WithBacking([]float64{-math.MaxFloat64, -1e300, math.MaxFloat64})))
	require.Equal(t, []float64{2, 0, 1}, h.Counts)
	require.Equal(t, math.MaxFloat64, h.Limits[2])
}

// A histogram must not remember the one before it.
func TestHistogramsAreSeparate(t *testing.T) {
	w := newWriter(t)
	small := tensor.New(tensor.WithBacking([]float32{1}))
	require.NoError(t, w.Histogram("h", tensor.New(tensor.WithBacking([]float32{-5, 1, 9})), 1))
	require.Error(t, w.Histogram("h", tensor.New(tensor.WithBacking([]float32{-5, float32(math.NaN())})), 2))
	require.NoError(t, w.Histogram("h", small, 3))
	require.NoError(t, w.Close())
	events, err := ReadFile(w.Path())
	require.NoError(t, err)
	require.Len(t, events, 3)
	require.Equal(t, counted(t, small), events[2].Values[0].Histogram)
}
