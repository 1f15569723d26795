package parallel

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counter counts how often each task ran, and starts a loop inside a task.
type counter struct {
	done  [1000]atomic.Int32
	inner *counter
}

func (c *counter) Task(_, t int) {
	c.done[t].Add(1)
	if c.inner != nil && t%100 == 0 {
		For(5, c.inner)
	}
}

type work func(worker, t int)

func (f work) Task(worker, t int) { f(worker, t) }

// No two tasks that run at once have the same worker, nor the same scratch.
func TestWorkersHaveNumbersAndScratch(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	var busy [mostHelpers + 1]atomic.Bool
	var scratch Scratch[atomic.Int32]
	for range 200 {
		For(100, work(func(worker, _ int) {
			if !busy[worker].CompareAndSwap(false, true) {
				panic("two tasks")
			}
			x := scratch.Get(worker)
			if x.Add(1) != 1 {
				panic("used twice")
			}
			runtime.Gosched()
			For(2, work(func(worker, _ int) {
				if worker != 0 {
					panic("a task inside a task")
				}
			}))
			x.Add(-1)
			scratch.Put(worker, x)
			busy[worker].Store(false)
		}))
	}
}

func TestEveryTaskRunsOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	c := counter{inner: new(counter)}
	for round := range int32(300) {
		For(len(c.done), &c)
		for i := range c.done {
			require.Equal(t, round+1, c.done[i].Load())
		}
		require.Equal(t, 10*(round+1), c.inner.done[4].Load())
	}
}

// A worker that is alone does its own part forwards, then the others' backwards.
func TestAWorkerBeginsWithItsOwnPart(t *testing.T) {
	for worker, want := range [][]int{{0, 1, 2, 5, 4, 3, 9, 8, 7, 6}, {3, 4, 5, 9, 8, 7, 6, 2, 1, 0}, {6, 7, 8, 9, 2, 1, 0, 5, 4, 3}} {
		p := newPool()
		var order []int
		p.work = work(func(_, t int) { order = append(order, t) })
		p.cut(10, 3)
		p.loop(worker)
		require.Equal(t, want, order, worker)
		require.False(t, p.anyLeft())
	}
}

func TestCallersAtOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	done := make(chan *counter)
	for range 4 {
		go func() {
			c := new(counter)
			for range 50 {
				For(len(c.done), c)
			}
			done <- c
		}()
	}
	for range 4 {
		c := <-done
		for i := range c.done {
			require.EqualValues(t, 50, c.done[i].Load())
		}
	}
}

func TestPanicsReachTheCaller(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for _, at := range []int{0, 7, 99} {
		require.PanicsWithValue(t, at, func() {
			For(100, work(func(_, t int) {
				time.Sleep(time.Microsecond)
				if t == at {
					panic(at)
				}
			}))
		})
	}
	c := new(counter) // the pool still works
	For(len(c.done), c)
	require.EqualValues(t, 1, c.done[999].Load())
}

func TestWorkers(t *testing.T) {
	defer SetWorkers(0)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for _, c := range [][2]int{{0, 4}, {-3, 4}, {1, 1}, {3, 3}, {9, 4}} {
		SetWorkers(c[0])
		require.Equal(t, c[1], Workers())
	}
}

func TestForAllocatesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector allocates")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // AllocsPerRun would make it 1
	c := new(counter)
	var before, after runtime.MemStats
	for range 100 {
		For(len(c.done), c)
	}
	runtime.ReadMemStats(&before)
	for range 1000 {
		For(len(c.done), c)
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.Mallocs-before.Mallocs, uint64(100))
}

func TestHelpersEnd(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	For(1000, new(counter))
	require.Eventually(t, func() bool { return workers.alive.Load() == 0 }, 10*time.Second, time.Millisecond)
}

// What the caller pays for two tasks of nothing, while its helper polls and when it has
// ended.
func BenchmarkFor(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	c := new(counter)
	b.Run("polling", func(b *testing.B) {
		for b.Loop() {
			For(2, c)
		}
	})
	b.Run("ended", func(b *testing.B) {
		var spent time.Duration
		for b.Loop() {
			time.Sleep(time.Millisecond)
			start := time.Now()
			For(2, c)
			spent += time.Since(start)
		}
		b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/loop")
	})
}
