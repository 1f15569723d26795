package hooks_test

import (
	"math"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stheno-ml/stheno/hooks"
)

// losses gives a driver the losses in turn and returns the votes.
func losses(d *driver, m hooks.Monitor, list ...float64) []int64 {
	for i, loss := range list {
		d.loss = loss
		d.step(m, int64(i+1))
	}
	return d.votes
}

// The limit is that of the formula, computed here in the plain way.
func TestLossSpikeLimit(t *testing.T) {
	plain := func(window []float64, threshold float64) float64 {
		middle := func(x []float64) float64 {
			x = slices.Sorted(slices.Values(x))
			return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
		}
		median := middle(window)
		distances := make([]float64, len(window))
		for i, x := range window {
			distances[i] = math.Abs(x - median)
		}
		return median + threshold*math.Max(1.4826*middle(distances), 0.01*math.Abs(median))
	}
	for _, size := range []int{5, 6, 17, 100} {
		r := rand.New(rand.NewSource(int64(size)))
		m := hooks.NewLossSpike(hooks.SpikeWindow(size), hooks.SpikeThreshold(4), hooks.SpikePatience(1), hooks.FailOnSpike())
		newDriver(t).start(m, -1)
		var window []float64
		for step := int64(1); step <= 400; step++ {
			loss := math.Round(100*r.NormFloat64()) / 10 // some are equal
			limit := math.Inf(1)
			if len(window) == size {
				limit = plain(window, 4)
			}
			_, err := m.StepEnd(step, hooks.Outputs{Loss: loss})
			if loss > limit {
				var spike *hooks.LossSpikeError
				require.ErrorAs(t, err, &spike)
				require.InDelta(t, limit, spike.Limit, 1e-9)
				require.Equal(t, loss, spike.Loss)
				continue // a spike does not enter the window
			}
			require.NoError(t, err)
			if window = append(window, loss); len(window) > size {
				window = window[1:]
			}
		}
	}
}

func TestLossSpikeStops(t *testing.T) {
	m := hooks.NewLossSpike(hooks.SpikeWindow(5), hooks.SpikePatience(2))
	d := newDriver(t).start(m, -1)
	require.Equal(t, []int64{10}, losses(d, m, 1, 1, 1, 1, 1, 50, 1, math.NaN(), 50, 50), "one alone does not, nor one before the window is full")
	text := "hooks: LossSpike: the loss is 50 at step 10, the last of 2 spikes in a row: want at most 1.1, the median is 1"
	require.Equal(t, text, d.reason)
	require.Equal(t, []string{text}, d.lines.text)
}

func TestLossSpikeOfAFallingLoss(t *testing.T) {
	m := hooks.NewLossSpike(hooks.SpikeWindow(20), hooks.SpikePatience(1))
	d := newDriver(t).start(m, -1)
	var list []float64
	for i := range 200 {
		list = append(list, 10*math.Exp(-float64(i)/50)+0.1*math.Sin(float64(i)))
	}
	require.Empty(t, losses(d, m, list...))
}

// The window survives a restart, whatever the new one's size.
func TestLossSpikeResumes(t *testing.T) {
	m := hooks.NewLossSpike(hooks.SpikeWindow(8), hooks.SpikePatience(2))
	losses(newDriver(t).start(m, -1), m, 1, 2, 3, 4, 5, 6, 7, 8, 500)
	state, err := m.State()
	require.NoError(t, err)
	require.JSONEq(t, `{"recent": [1,2,3,4,5,6,7,8], "in_a_row": 1}`, string(state))
	for _, size := range []int{5, 8} {
		fresh := hooks.NewLossSpike(hooks.SpikeWindow(size), hooks.SpikePatience(2))
		require.NoError(t, fresh.SetState(state))
		d := newDriver(t).start(fresh, -1)
		require.Equal(t, []int64{1}, losses(d, fresh, 500))
	}
	require.ErrorContains(t, m.SetState([]byte("[")), "LossSpike: the state")
	require.NoError(t, m.SetState(nil))
}

func TestLossSpikeAllocatesNothing(t *testing.T) {
	m := hooks.NewLossSpike()
	newDriver(t).start(m, -1)
	step := int64(0)
	require.Zero(t, testing.AllocsPerRun(500, func() {
		step++
		if _, err := m.StepEnd(step, hooks.Outputs{Loss: math.Sin(float64(step))}); err != nil {
			panic(err)
		}
	}))
}
