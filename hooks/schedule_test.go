package hooks_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/hooks"
)

// due follows a schedule over steps 1 to n.
func due(s hooks.Schedule, n int64) (steps []int64) {
	timer := hooks.NewTimer(s)
	for step := int64(1); step <= n; step++ {
		if timer.Due(step) {
			steps = append(steps, step)
			timer.Trigger(step)
		}
	}
	return steps
}

func TestSchedulesOfSteps(t *testing.T) {
	require.Equal(t, []int64{1, 2, 3, 4}, due(hooks.EverySteps(1), 4))
	require.Equal(t, []int64{1, 5, 9}, due(hooks.EverySteps(4), 12))
	require.Empty(t, due(hooks.Never(), 12))
	require.Empty(t, due(hooks.Schedule{}, 12))
	require.Empty(t, due(hooks.AtEnd(), 12))
	require.Empty(t, due(hooks.EveryEpochs(1), 12))
	require.Empty(t, due(hooks.Or(), 12))
	require.Equal(t, []int64{1, 4, 7}, due(hooks.Or(hooks.EverySteps(5), hooks.AtEnd(), hooks.Or(hooks.EverySteps(3), hooks.Never())), 8))
}

// A step may be skipped: due is at least so many steps later, counted from when it
// happened.
func TestDueAfterAGap(t *testing.T) {
	timer := hooks.NewTimer(hooks.EverySteps(10))
	timer.Trigger(100)
	require.False(t, timer.Due(109))
	require.True(t, timer.Due(137))
	require.True(t, timer.Due(137), "asking changes nothing")
	timer.Trigger(137)
	require.False(t, timer.Due(146))
	require.True(t, timer.Due(147))
	timer.Reset()
	require.True(t, timer.Due(147))
}

func TestStepsOrTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timer := hooks.NewTimer(hooks.Or(hooks.EverySteps(100), hooks.EveryDuration(time.Minute)))
		timer.Trigger(1)
		time.Sleep(59 * time.Second)
		require.False(t, timer.Due(50))
		time.Sleep(time.Second)
		require.True(t, timer.Due(50))
		elapsed, steps, ok := timer.Trigger(50)
		require.True(t, ok)
		require.Equal(t, time.Minute, elapsed)
		require.EqualValues(t, 49, steps)
		require.False(t, timer.Due(149), "whatever made it due, both begin anew")
		require.True(t, timer.Due(150))
	})
}

func TestEpochs(t *testing.T) {
	timer := hooks.NewTimer(hooks.Or(hooks.AtEnd(), hooks.EveryEpochs(3)))
	var got []int64
	for epoch := range int64(10) {
		if timer.EpochDue(epoch) {
			got = append(got, epoch)
		}
	}
	require.Equal(t, []int64{2, 5, 8}, got)
	require.False(t, hooks.NewTimer(hooks.EverySteps(1)).EpochDue(0))
}

func TestScheduleString(t *testing.T) {
	require.Equal(t, "every 10 steps or every 1m0s or every 2 epochs or at the end",
		hooks.Or(hooks.EverySteps(10), hooks.EveryDuration(time.Minute), hooks.EveryEpochs(2), hooks.AtEnd()).String())
	require.Equal(t, "never", hooks.Never().String())
}
