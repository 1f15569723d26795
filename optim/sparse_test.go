package optim_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

var noPenalty = map[string]func(opts ...optim.Option) optim.Optimizer{
	"SGD":                     func(o ...optim.Option) optim.Optimizer { return optim.SGD(0.1, o...) },
	"Adagrad":                 func(o ...optim.Option) optim.Optimizer { return optim.Adagrad(0.1, o...) },
	"ProximalAdagrad":         func(o ...optim.Option) optim.Optimizer { return optim.ProximalAdagrad(0.1, o...) },
	"ProximalGradientDescent": func(o ...optim.Option) optim.Optimizer { return optim.ProximalGradientDescent(0.1, o...) },
	"Chain": func(o ...optim.Option) optim.Optimizer {
		return optim.Chain(0.1, append(o, optim.ScaleByRSS(0.1), optim.Scale(0.5), optim.ClipByValue(-0.5, 0.5), optim.AddDecayedWeights(0.1, "^table$"))...)
	},
}

// A sparse update has the bits of the dense one, in the table, its slots and averages,
// over batches of several sizes and in sessions that end after every run.
func TestSparseUpdatesHaveTheBitsOfDenseOnes(t *testing.T) {
	for rule, o := range noPenalty {
		for name, opts := range map[string][]optim.Option{
			"plain":      nil,
			"clipped":    {optim.ClipByGlobalNorm(0.5)},
			"schedule":   {optim.WithSchedule(optim.InverseTimeDecay{DecaySteps: 2, DecayRate: 1})},
			"accumulate": {optim.Accumulate(3), optim.ClipByGlobalNorm(0.5)},
			"average":    {optim.WithExponentialMovingAverage(0.9, optim.NumUpdates)},
			"all":        {optim.Accumulate(2), optim.WithExponentialMovingAverage(0.9, optim.ZeroDebias)},
		} {
			for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
				t.Run(fmt.Sprint(rule, "/", name, "/", dt), func(t *testing.T) {
					sparse := newLookups(t, dt, 40, 3, 4, minimize(o(opts...)))
					dense := newLookups(t, dt, 40, 3, 4, minimizeDense(o(opts...)))
					require.True(t, sparse.isSparse())
					require.False(t, dense.isSparse())
					store, d := session.NewStore(), dense.session(t)
					for k, batch := range []int{4, 4, 9, 1, 4, 2} {
						s := sparse.session(t, session.WithStore(store))
						_, err := s.Run(t.Context(), gorgonia.Nodes{sparse.trainOp}, sparse.feed(k, batch))
						require.NoError(t, err)
						_, err = d.Run(t.Context(), gorgonia.Nodes{dense.trainOp}, dense.feed(k, batch))
						require.NoError(t, err)
						requireSameBits(t, d.Store().Snapshot(), store.Snapshot())
					}
				})
			}
		}
	}
}

// Rows on both sides of a span's end, and the elements behind the last four of the last
// span, enter the sum of squares in the same places as in the dense gradient.
func TestSquaresOfRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, shape := range [][2]int{{1, 1}, {5, 7}, {40, 3}, {900, 37}, {1 << 12, 4}, {9, 4_999}, {5, 17_003}, {40_003, 1}} {
		for range 20 {
			vocabulary, dim := shape[0], shape[1]
			dense := make([]float64, vocabulary*dim)
			var rows []int64
			var values []float64
			for row := range vocabulary {
				if row < vocabulary-1 && r.IntN(5) > 0 {
					continue
				}
				for range 1 + r.IntN(2) { // the second is 0
					rows, values = append(rows, int64(row)), append(values, make([]float64, dim)...)
				}
				for j := range dim {
					dense[row*dim+j] = r.NormFloat64()
				}
				first := len(rows) - 1
				if first > 0 && rows[first-1] == int64(row) {
					first--
				}
				copy(values[first*dim:], dense[row*dim:(row+1)*dim])
			}
			require.Equal(t, optim.Squares(dense), optim.SquaresOfRows(rows, values, len(dense)), "%v", shape)
		}
	}
}

// Which updates are made by rows: those that are exact, and those that Lazy asks for.
func TestWhichUpdatesAreSparse(t *testing.T) {
	penalty := func(g *graph.Graph, loss, table *gorgonia.Node) *gorgonia.Node {
		return optim.SGD(0.1, optim.Lazy()).Minimize(g, ops.Add(g, loss, ops.Sum(g, ops.Square(g, table))))
	}
	frozen := func(g *graph.Graph, loss, _ *gorgonia.Node) *gorgonia.Node {
		return optim.SGD(0.1, optim.Lazy()).Minimize(g, loss, optim.Freeze("table"))
	}
	for name, c := range map[string]struct {
		want  bool
		train trainFunc
	}{
		"SGD":                        {true, minimize(optim.SGD(1))},
		"Adagrad":                    {true, minimize(optim.Adagrad(1))},
		"Adagrad from next to 0":     {false, minimize(optim.Adagrad(1, optim.WithInitialAccumulator(1e-60)))},
		"ProximalAdagrad":            {true, minimize(optim.ProximalAdagrad(1))},
		"ProximalAdagrad with L1":    {false, minimize(optim.ProximalAdagrad(1, optim.WithL1(1)))},
		"proximal descent":           {true, minimize(optim.ProximalGradientDescent(1))},
		"proximal descent with L2":   {false, minimize(optim.ProximalGradientDescent(1, optim.WithL2(1)))},
		"Momentum":                   {false, minimize(optim.Momentum(1, 0.9))},
		"Momentum, lazy":             {true, minimize(optim.Momentum(1, 0.9, optim.Lazy()))},
		"RMSProp":                    {false, minimize(optim.RMSProp(1))},
		"Adadelta":                   {false, minimize(optim.Adadelta(1))},
		"Adam":                       {false, minimize(optim.Adam(1))},
		"Adam, lazy":                 {true, minimize(optim.Adam(1, optim.Lazy()))},
		"Adamax":                     {false, minimize(optim.Adamax(1))},
		"Lion":                       {false, minimize(optim.Lion(1))},
		"Ftrl":                       {false, minimize(optim.Ftrl(1))}, // sets a weight without a gradient to 0
		"clipped by value":           {true, minimize(optim.SGD(1, optim.ClipByValue(-1, 1)))},
		"clipped to positive values": {false, minimize(optim.SGD(1, optim.ClipByValue(0.5, 1)))},
		"clipped by norm":            {false, minimize(optim.SGD(1, optim.ClipByNorm(1)))},
		"clipped by global norm":     {true, minimize(optim.SGD(1, optim.ClipByGlobalNorm(1)))},
		"scaled":                     {true, minimize(optim.SGD(1, optim.Scale(0.5)))},
		"scaled by less than 0":      {false, minimize(optim.SGD(1, optim.Scale(-0.5)))},
		"weight decay":               {false, minimize(optim.SGD(1, optim.AddDecayedWeights(0.1)))},
		"weight decay elsewhere":     {true, minimize(optim.SGD(1, optim.AddDecayedWeights(0.1, "table")))},
		"trace":                      {false, minimize(optim.SGD(1, optim.Trace(0.9)))},
		"own rule":                   {false, minimize(optim.New(halving{}, 1))},
		"accumulation":               {true, minimize(optim.SGD(1, optim.Accumulate(2)))},
		"average":                    {true, minimize(optim.SGD(1, optim.WithExponentialMovingAverage(0.9)))},
		"changed gradient":           {false, minimizeDense(optim.SGD(1, optim.Lazy()))},
		"penalty on the table":       {false, penalty},
		"frozen table":               {false, frozen},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLookups(t, tensor.Float32, 40, 3, 4, c.train)
			require.NoError(t, l.g.Err())
			require.Equal(t, c.want, l.isSparse())
			_, err := l.session(t).Run(t.Context(), gorgonia.Nodes{l.trainOp}, l.feed(1, 4))
			require.NoError(t, err)
		})
	}
	t.Run("more lookups than rows", func(t *testing.T) {
		require.False(t, newLookups(t, tensor.Float32, 12, 3, 4, minimize(optim.SGD(1))).isSparse())
		require.True(t, newLookups(t, tensor.Float32, 13, 3, 4, minimize(optim.SGD(1))).isSparse())
		require.True(t, newLookups(t, tensor.Float32, 12, 3, 4, minimize(optim.SGD(1, optim.Lazy()))).isSparse())
	})
	for _, part := range []optim.Option{optim.ClipByNorm(1), optim.ScaleByTrustRatio()} {
		g := graph.New()
		w := g.Variable("w", tensor.Float64, tensor.Shape{1}, nil)
		optim.Adam(1, optim.Lazy(), part).Minimize(g, ops.Sum(g, w))
		require.ErrorContains(t, g.Err(), "optim.Adam: Lazy: it updates single rows, but ")
	}
}

// An id out of range is an error before anything changes.
func TestSparseUpdateNamesTheBadID(t *testing.T) {
	g := graph.New()
	table := g.Variable("table", tensor.Float64, tensor.Shape{3, 1}, values(1.0, 2, 3))
	ids := g.Placeholder("ids", tensor.Int64, 2)
	trainOp := optim.SGD(1).Minimize(g, ops.Sum(g, ops.Gather(g, table, ids)))
	require.NoError(t, g.Err())
	s, err := session.New(g)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(t.Context(), gorgonia.Nodes{trainOp}, graph.Feed{ids: tensor.New(tensor.WithBacking([]int64{0, 3}))})
	require.ErrorContains(t, err, `id 0 of row 1 is 3, want 0 to 2`)
	require.Equal(t, []float64{1, 2, 3}, value(t, s.Store(), "table"))
	require.EqualValues(t, 0, mustValue(t, s.Store(), "global_step"))
}

func mustValue(t *testing.T, s *session.Store, name string) any {
	t.Helper()
	v, err := s.Value(name)
	require.NoError(t, err)
	return v.Data()
}

// manyLookups have updates that several goroutines share.
func manyLookups() map[string]optim.Optimizer {
	return map[string]optim.Optimizer{
		"SGD":         optim.SGD(0.01, optim.ClipByGlobalNorm(1)),
		"lazy Adam":   optim.Adam(0.01, optim.Lazy(), optim.WithExponentialMovingAverage(0.9)),
		"accumulated": optim.Adagrad(0.01, optim.Accumulate(2)),
		"chain":       optim.Chain(0.01, optim.Lazy(), optim.ScaleByAdam(0.9, 0.999, 1e-8), optim.Scale(0.5)),
	}
}

func TestSparseUpdatesHaveTheSameBitsForAnyNumberOfWorkers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	for name, o := range manyLookups() {
		t.Run(name, func(t *testing.T) {
			after := func(workers int, sparse bool, train trainFunc) map[string]*tensor.Dense {
				l := newLookups(t, tensor.Float32, 2500, 50, 700, train)
				require.Equal(t, sparse, l.isSparse())
				s := l.session(t, session.Workers(workers))
				for k := range 4 {
					_, err := s.Run(t.Context(), gorgonia.Nodes{l.trainOp}, l.feed(k, 700-k))
					require.NoError(t, err)
				}
				return s.Store().Snapshot()
			}
			want, more := after(1, true, minimize(o)), []int{2, 3, 8}
			if testing.Short() { // the race detector, which is slow
				more = more[1:2]
			}
			for _, workers := range more {
				requireSameBits(t, want, after(workers, true, minimize(o)))
			}
			if name == "SGD" || name == "accumulated" { // not lazy
				requireSameBits(t, want, after(2, false, minimizeDense(o)))
			}
		})
	}
}

func TestSparseUpdatesAllocateNothing(t *testing.T) {
	for name, o := range manyLookups() {
		l := newLookups(t, tensor.Float32, 400, 5, 70, minimize(o))
		require.True(t, l.isSparse())
		s, feed, fetches, outputs := l.session(t), l.feed(1, 70), gorgonia.Nodes{l.trainOp}, make([]gorgonia.Value, 1)
		step := func() { require.NoError(t, s.RunInto(t.Context(), outputs, fetches, feed, nil)) }
		step()
		step()
		require.Zero(t, testing.AllocsPerRun(20, step), name)
	}
}

// A step has no memory that grows with the table.
func TestSparseUpdatesNeedNoDenseGradient(t *testing.T) {
	planned := func(vocabulary int) int64 {
		l := newLookups(t, tensor.Float32, vocabulary, 5, 10, minimize(optim.SGD(1, optim.ClipByGlobalNorm(1))))
		s := l.session(t)
		_, err := s.Run(t.Context(), gorgonia.Nodes{l.trainOp}, l.feed(1, 10))
		require.NoError(t, err)
		return s.Stats().PlannedBytes
	}
	require.Equal(t, planned(50), planned(5000))
}
