package optim_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chained are optimizers with everything that goes over all elements.
var chained = map[string]optim.Optimizer{
	"SGD":         optim.SGD(0.1),
	"Momentum":    optim.Momentum(0.1, 0.9, optim.ClipByGlobalNorm(1)),
	"Adam":        optim.Adam(0.1),
	"AdamW":       optim.AdamW(0.1, optim.WithWeightDecay(0.1), optim.WithExponentialMovingAverage(0.9, optim.ZeroDebias)),
	"Lion":        optim.Lion(0.1, optim.WithWeightDecay(0.1), optim.WithExponentialMovingAverage(0.9)),
	"accumulated": optim.RMSProp(0.1, optim.Accumulate(2), optim.ClipByGlobalNorm(1), optim.ClipByValue(-0.5, 0.5)),
	"chain":       optim.Chain(0.1, optim.ScaleByAdam(0.9, 0.999, 1e-8), optim.AddDecayedWeights(0.01), optim.Scale(0.5)),
	"LAMB":        optim.Chain(0.1, optim.ScaleByAdam(0.9, 0.999, 1e-8), optim.AddDecayedWeights(0.01), optim.ScaleByTrustRatio()),
	"schedule":    optim.Chain(0.1, optim.ClipByNorm(1), optim.ScaleBySchedule(optim.WarmUp{Steps: 5})),
}

// large is a train op over variables that several goroutines share, and one that is small.
func large(t *testing.T, dt tensor.Dtype, o optim.Optimizer, opts ...session.Option) (run func(), s *session.Session) {
	t.Helper()
	g := graph.New(graph.Seed(3))
	var losses gorgonia.Nodes
	feed := graph.Feed{}
	for i, shape := range []tensor.Shape{{300, 301}, {7}, {40001}} {
		v := g.Variable(fmt.Sprint("v", i), dt, shape, graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
			fillWith(v, func(k int) float64 { return float64(k%13) - 5 })
			return nil
		}))
		x := g.Placeholder(fmt.Sprint("x", i), dt, shape...)
		value := tensor.New(tensor.Of(dt), tensor.WithShape(shape...))
		fillWith(value, func(k int) float64 { return float64(k%101)/37 - 1 })
		feed[x] = value
		losses = append(losses, ops.Sum(g, ops.Mul(g, v, x)))
	}
	loss := ops.Add(g, ops.Add(g, losses[0], losses[1]), losses[2])
	fetches := gorgonia.Nodes{o.Minimize(g, loss)}
	require.NoError(t, g.Err())
	s, err := session.New(g, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	outputs := make([]gorgonia.Value, 1)
	return func() {
		if err := s.RunInto(t.Context(), outputs, fetches, feed, nil); err != nil {
			require.NoError(t, err)
		}
	}, s
}

func fillWith(v *tensor.Dense, f func(k int) float64) {
	switch x := v.Data().(type) {
	case []float32:
		for k := range x {
			x[k] = float32(f(k))
		}
	case []float64:
		for k := range x {
			x[k] = f(k)
		}
	}
}

func TestSameBitsForAnyNumberOfWorkers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	for name, o := range chained {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			t.Run(fmt.Sprint(name, "/", dt), func(t *testing.T) {
				var want map[string]*tensor.Dense
				check := func(what string, n int, opts ...session.Option) {
					run, s := large(t, dt, o, opts...)
					for range 4 {
						run()
					}
					got := s.Store().Snapshot()
					if want == nil {
						want = got
					}
					require.Len(t, got, len(want))
					for name := range want {
						require.Equal(t, want[name].Data(), got[name].Data(), "%s %d: %s", what, n, name)
					}
				}
				check("workers", 3, session.Workers(3))
				if testing.Short() { // the race detector, which is slow, has seen enough
					return
				}
				for _, n := range []int{1, 2, 4, 8} {
					check("workers", n, session.Workers(n))
				}
				for _, n := range []int{1, 2, 4} {
					before := runtime.GOMAXPROCS(n)
					check("GOMAXPROCS", n)
					runtime.GOMAXPROCS(before)
				}
			})
		}
	}
}

func TestLargeUpdatesAllocateNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector allocates")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // testing.AllocsPerRun would make it 1
	for name, o := range chained {
		run, _ := large(t, tensor.Float32, o)
		for range 6 {
			run()
		}
		const runs = 20
		least := uint64(runs)
		for attempt := 0; attempt < 5 && least >= runs; attempt++ { // a helper may come late to its first span
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range runs {
				run()
			}
			runtime.ReadMemStats(&after)
			least = min(least, after.Mallocs-before.Mallocs)
		}
		require.Less(t, least, uint64(runs), name)
	}
}
