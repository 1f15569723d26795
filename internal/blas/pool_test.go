package blas

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counter counts how often each task ran, and starts a product inside a task.
type counter struct {
	done  [1000]atomic.Int32
	inner *counter
}

func (c *counter) task(s *scratch, t int) {
	c.done[t].Add(1)
	if c.inner != nil && t%100 == 0 {
		workers.run(c.inner, 5, parallelFrom, s)
	}
}

func TestEveryTaskRunsOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	c := counter{inner: new(counter)}
	for round := range int32(300) {
		workers.run(&c, len(c.done), parallelFrom, new(scratch))
		for i := range c.done {
			require.Equal(t, round+1, c.done[i].Load())
		}
		require.Equal(t, 10*(round+1), c.inner.done[4].Load())
	}
}

func TestHelpersEnd(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	workers.run(new(counter), 1000, parallelFrom, new(scratch))
	require.Eventually(t, func() bool { return workers.alive.Load() == 0 }, 10*time.Second, time.Millisecond)
}

// What the caller pays for two tasks of nothing, while its helper polls and when it has
// ended.
func BenchmarkShare(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	s, c := new(scratch), new(counter)
	b.Run("polling", func(b *testing.B) {
		for b.Loop() {
			workers.run(c, 2, parallelFrom, s)
		}
	})
	b.Run("ended", func(b *testing.B) {
		var spent time.Duration
		for b.Loop() {
			time.Sleep(time.Millisecond)
			start := time.Now()
			workers.run(c, 2, parallelFrom, s)
			spent += time.Since(start)
		}
		b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/share")
	})
}
