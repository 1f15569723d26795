package hooks_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/saver"
)

// slowSaver takes five seconds for a checkpoint.
type slowSaver struct{}

func (slowSaver) Save(context.Context, saver.Checkpoint) (string, error) {
	time.Sleep(5 * time.Second)
	return "path", nil
}

// slowly makes four steps in which everything takes its own time: the input 1 s, another
// monitor 2 s, an evaluation 3 s at step 2, a checkpoint 5 s at steps 2 and 4. It does not
// count the checkpoint of the first state.
func slowly(t *testing.T, m hooks.Monitor, opts ...graphactions.Option) {
	t.Helper()
	opts = append([]graphactions.Option{
		graphactions.Steps(4), graphactions.SaveModelSteps(2), graphactions.Saver(slowSaver{}), graphactions.LogEverySteps(0),
		graphactions.FeedFn(func() (graph.Feed, error) { time.Sleep(time.Second); return nil, nil }),
		graphactions.OnEvaluate(func(context.Context, string) (hooks.Metrics, error) {
			time.Sleep(3 * time.Second)
			return nil, nil
		}),
		graphactions.Monitors(m, hooks.NewValidation("test", hooks.EverySteps(2)),
			hooks.Funcs{OnPostStep: func(int64) error { time.Sleep(2 * time.Second); return nil }}),
	}, opts...)
	_, err := newCounting().train(t.TempDir(), opts...)
	require.NoError(t, err)
}

func TestTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := hooks.NewTimeline(hooks.Never())
		start := time.Now()
		slowly(t, m)
		// The first batch is taken before the first step, to try it.
		want := hooks.Times{
			Steps: 4, Wall: 27 * time.Second,
			Input: 3 * time.Second, Hooks: 8 * time.Second, Evaluation: 6 * time.Second, Saving: 10 * time.Second,
		}
		require.Equal(t, 33*time.Second, time.Since(start), "with the first batch and the first checkpoint")
		require.Equal(t, want, m.Times())
		require.Zero(t, m.Times().Other())
		require.Equal(t, "4 steps in 27s: input 11.1%, step 0.0%, hooks 29.6%, evaluation 22.2%, saving 37.0%, other 0.0%", m.Times().String())
	})
}

func TestTimelineSummaries(t *testing.T) {
	spans := func(m *hooks.Timeline, step int64, input time.Duration) {
		m.Tracing(step)
		m.Span(hooks.Span{Phase: hooks.PhaseInput, Duration: input})
		m.Span(hooks.Span{Phase: "lunch", Duration: time.Hour})
	}
	for name, row := range map[string]struct {
		schedule hooks.Schedule
		want     map[int64]float64
	}{
		"every two": {hooks.EverySteps(2), map[int64]float64{3: 2.5, 5: 4.5}},
		"the end":   {hooks.AtEnd(), map[int64]float64{6: 3.5}},
		"epochs":    {hooks.EveryEpochs(1), map[int64]float64{3: 2, 6: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			m := hooks.NewTimeline(row.schedule)
			d := newDriver(t).start(m, -1)
			for step := int64(1); step <= 6; step++ {
				spans(m, step, time.Duration(step)*time.Second)
				d.step(m, step)
				if step%3 == 0 {
					require.NoError(t, m.EpochEnd(step/3-1))
				}
			}
			require.NoError(t, m.End(nil))
			require.Equal(t, row.want, d.written("timeline/input"))
			require.Len(t, d.written("timeline/saving"), len(row.want))
		})
	}
}
