package graphactions

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/hooks"
)

// steps makes steps whose parts take 1, 5 and 2 seconds.
func steps(w *stopwatch, n int) {
	for range n {
		w.next()
		w.lap(hooks.PhaseHooks)
		time.Sleep(time.Second)
		w.lap(hooks.PhaseInput)
		time.Sleep(5 * time.Second)
		w.lap(hooks.PhaseStep)
		time.Sleep(2 * time.Second)
	}
}

func TestStopwatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, n := range []int{0, 1, sampleEvery, sampleEvery + 1, 10 * sampleEvery, 1000} {
			w := stopwatch{start: time.Now()}
			steps(&w, n)
			w.stop()
			times := w.split(time.Since(w.start))
			require.InDelta(t, float64(n), times.Input.Seconds(), 1e-3, "%d steps", n)
			require.InDelta(t, float64(5*n), times.Step.Seconds(), 1e-3)
			require.InDelta(t, float64(2*n), times.Hooks.Seconds(), 1e-3)
		}
	})
}

// Few steps are measured, so that measuring costs little.
func TestStopwatchLooksSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stopwatch{start: time.Now()}
		measured := 0
		for range 31 * 100 {
			w.next()
			if w.on {
				measured++
			}
		}
		require.Equal(t, 31+99, measured)
	})
}

// What was measured apart is left out.
func TestStopwatchSkips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stopwatch{start: time.Now()}
		w.next()
		time.Sleep(time.Second)
		w.lap(hooks.PhaseInput)
		time.Sleep(time.Hour) // a checkpoint
		w.skip()
		time.Sleep(2 * time.Second)
		w.stop()
		require.Equal(t, hooks.Times{Input: time.Second, Hooks: 2 * time.Second}, w.split(3*time.Second))
	})
}

func TestTimesAndResultsArePrinted(t *testing.T) {
	times := hooks.Times{Input: time.Second, Step: 7 * time.Second, Hooks: time.Second, Saving: time.Second}
	r := &Result{FinalLoss: 0.25, FirstStep: 5, LastStep: 105, Reason: ReasonStopRequested, Detail: "it is <good>", Rows: 3200, Duration: 12500 * time.Millisecond, Times: times, Checkpoint: "dir/model.ckpt-105.safetensors"}
	require.Equal(t, `reason      stop requested: it is <good>
steps       5 to 105
final loss  0.25
rows        3200
time        12.5s, 8 steps/s
  input     1s, 8 %
  step      7s, 56 %
  hooks     1s, 8 %
  saving    1s, 8 %
checkpoint  dir/model.ckpt-105.safetensors
`, r.Table())
	html := r.HTML()
	require.Contains(t, html, "it is &lt;good&gt;")
	require.Contains(t, html, "<th>&ensp;&ensp;step</th>")
	require.Equal(t, "time        0.1235ms\n", (&Result{Duration: 123456}).Table()[len("reason      \nsteps       0 to 0\nfinal loss  0\n"):])
}
