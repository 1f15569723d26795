package metrics_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/metrics"
)

// The window of the last n batches is the metric of the last n batches, for every metric
// and to the last bit where sums are exact.
func TestWindowIsTheLastBatches(t *testing.T) {
	const size, updates = 6, 3
	each(t, func(t *testing.T, s subject, columns [][]float64, weights []float64) {
		delta := 1e-12
		if s.exact {
			delta = 0
		}
		m := metrics.Window(s.make(weighted), updates)
		same(t, s.make(), m, 0, "nothing yet")
		for step := range allRows / size {
			update(t, m, s.values(columns, weights, step*size, (step+1)*size)...)
			want := s.make(weighted)
			for old := max(0, step-updates+1); old <= step; old++ {
				update(t, want, s.values(columns, weights, old*size, (old+1)*size)...)
			}
			same(t, want, m, delta, "after a step")
			same(t, want, m, delta, "read again")
		}
		_, isTensor := s.make().(metrics.Tensor)
		w, windowIsTensor := m.(metrics.Tensor)
		require.Equal(t, isTensor, windowIsTensor)
		if isTensor {
			require.Equal(t, s.make().(metrics.Tensor).Labels(), w.Labels())
		}
	})
}

func TestWindowGoesOnAfterARestart(t *testing.T) {
	each(t, func(t *testing.T, s subject, columns [][]float64, weights []float64) {
		m, resumed := metrics.Window(s.make(weighted), 3), metrics.Window(s.make(weighted), 3)
		for step := range 10 {
			state, err := m.(metrics.Stateful).State()
			require.NoError(t, err)
			require.NoError(t, resumed.(metrics.Stateful).SetState(state))
			batch := s.values(columns, weights, 6*step, 6*step+6)
			same(t, update(t, m, batch...), update(t, resumed, batch...), 0, "after a step")
		}
	})
}

func TestWindowOfShards(t *testing.T) {
	step := func(m metrics.Metric, x ...float64) { update(t, m, vector(x...)) }
	a := metrics.Window(metrics.Mean(node), 2)
	b, late := a.Clone(), a.Clone()
	step(a, 1)
	step(a, 2)
	step(a, 4)
	step(b, 100)
	step(b, 6)
	step(b, 8)
	step(late, 10)
	require.NoError(t, a.Merge(b))
	require.Equal(t, (2+4+6+8)/4.0, a.Value(), "of the last two steps of both")
	require.NoError(t, late.Merge(a))
	require.Equal(t, (2+4+6+8+10)/5.0, late.Value(), "the newest with the newest")
	step(late, 3)
	require.Equal(t, (4+8+10+3)/4.0, late.Value(), "the step that was the only one of one shard is now the older one")
	require.Equal(t, (2+4+6+8)/4.0, a.Value(), "what is merged is not changed")
	late.Reset()
	require.Zero(t, late.Value())
}

// rowSum adds up the rows that it is told of.
type rowSum struct {
	metrics.Metric
	rows, sum int
}

func (m *rowSum) SetRows(rows int)              { m.rows = rows }
func (m *rowSum) Update([]gorgonia.Value) error { m.sum += m.rows; return nil }
func (m *rowSum) Value() float64                { return float64(m.sum) }
func (m *rowSum) Reset()                        { m.sum = 0 }
func (m *rowSum) Clone() metrics.Metric         { return &rowSum{} }
func (m *rowSum) Nodes() gorgonia.Nodes         { return gorgonia.Nodes{node} }
func (m *rowSum) Merge(other metrics.Metric) error {
	m.sum += other.(*rowSum).sum
	return nil
}

func TestWindowOfAStranger(t *testing.T) {
	m := metrics.Window(&rowSum{}, 2)
	require.NoError(t, metrics.Check(m))
	for rows := range 5 {
		m.(metrics.RowCounter).SetRows(rows)
		require.NoError(t, m.Update(nil))
	}
	require.Equal(t, 3+4.0, m.Value())
	_, err := m.(metrics.Stateful).State()
	require.ErrorContains(t, err, "Window: a *metrics_test.rowSum has no State")
	require.ErrorContains(t, m.(metrics.Stateful).SetState([]byte(`["e30="]`)), "has no State")
}

func TestBadWindows(t *testing.T) {
	for _, row := range []struct {
		name, want string
		metric     metrics.Metric
	}{
		{"nil", "Window: the metric is nil", metrics.Window(nil, 3)},
		{"no updates", "Window: 0 updates, want at least 1", metrics.Window(metrics.Mean(node), 0)},
		{"of a bad metric", "Mean: argument 0 is nil", metrics.Window(metrics.Mean(nil), 3)},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.ErrorContains(t, metrics.Check(row.metric), row.want)
			require.ErrorContains(t, metrics.Check(row.metric.Clone()), row.want)
			require.ErrorContains(t, row.metric.Update(values(vector(1.0))), row.want)
			_, err := row.metric.(metrics.Stateful).State()
			if row.name != "of a bad metric" {
				require.ErrorContains(t, err, row.want)
				require.ErrorContains(t, row.metric.Merge(row.metric.Clone()), row.want)
				require.ErrorContains(t, row.metric.(metrics.Stateful).SetState([]byte("[]")), row.want)
			}
			require.Zero(t, row.metric.Value())
			row.metric.Reset()
		})
	}
	m := metrics.Window(metrics.Mean(node), 3)
	update(t, m, vector(5.0))
	require.ErrorContains(t, m.Update(values(nil)), "Mean: value 0: it is nil")
	require.ErrorContains(t, m.Merge(metrics.Mean(node)), "merging a *metrics.streaming into a Window")
	require.ErrorContains(t, m.Merge(metrics.Window(metrics.Mean(node), 4)), "a Window of 4 updates into one of 3")
	require.ErrorContains(t, m.Merge(update(t, metrics.Window(metrics.Sum(node), 3), vector(1.0))), "merging Sum into Mean")
	set := m.(metrics.Stateful).SetState
	require.ErrorContains(t, set([]byte("{")), "Window: SetState")
	state, err := update(t, metrics.Window(metrics.Sum(node), 3), vector(1.0)).(metrics.Stateful).State()
	require.NoError(t, err)
	require.ErrorContains(t, set(state), "Mean: SetState: the state is of Sum")
	require.Equal(t, 5.0, m.Value(), "all that changed nothing")

	tensor := metrics.Window(metrics.MeanTensor(node), 3)
	update(t, tensor, vector(1.0, 2))
	require.ErrorContains(t, tensor.Update(values(vector(1.0, 2, 3))), "a batch of shape (3) after one of (2)")
	require.Equal(t, []float64{1, 2}, result(tensor))
	require.Equal(t, []float64{2, 3}, result(update(t, tensor, vector(3.0, 4))))
}

// A shorter window takes the newest batches of a longer one's state.
func TestAShorterWindowGoesOn(t *testing.T) {
	long, short := metrics.Window(metrics.Mean(node), 3), metrics.Window(metrics.Mean(node), 2)
	for _, x := range []float64{1, 2, 4} {
		update(t, long, vector(x))
	}
	state, err := long.(metrics.Stateful).State()
	require.NoError(t, err)
	require.NoError(t, short.(metrics.Stateful).SetState(state))
	require.Equal(t, 3.0, short.Value())
}

// A value that was not finite does not stay: it leaves the window.
func TestWindowForgetsNaN(t *testing.T) {
	m := metrics.Window(metrics.Mean(node), 2)
	for _, x := range []float64{1, math.NaN(), 3} {
		update(t, m, vector(x))
	}
	require.True(t, math.IsNaN(m.Value()))
	require.Equal(t, 3.5, update(t, m, vector(4.0)).Value())
}

func BenchmarkWindow(b *testing.B) {
	m := metrics.Window(metrics.AUC(labels, predictions), 100)
	random := rand.New(rand.NewPCG(5, 6))
	columns := likely(random, 128)
	batch := values(vector(columns[0]...), vector(columns[1]...))
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Update(batch); err != nil {
			b.Fatal(err)
		}
		m.Value()
	}
}
