package hooks

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"
)

// LossSpike ends a run whose loss has jumped. It compares each loss with the median of
// the losses before, in units of their median absolute deviation, which single losses
// cannot move as they do a mean and its variance (Hampel 1974). Make one with
// [NewLossSpike].
type LossSpike struct {
	Base
	window, patience int
	threshold        float64
	fail             bool

	run     *Run
	resumed bool // SetState was called since the last Begin
	at      spikes
	sorted  []float64 // at.Recent in ascending order
}

// spikes is what survives a restart.
type spikes struct {
	Recent []float64 `json:"recent"` // the window, oldest first
	InARow int       `json:"in_a_row"`
}

// LossSpikeOption is an argument of [NewLossSpike].
type LossSpikeOption func(*LossSpike)

// SpikeWindow is how many losses are compared with, default 100, at least 5. Nothing is
// judged before there are as many.
func SpikeWindow(n int) LossSpikeOption { return func(s *LossSpike) { s.window = n } }

// SpikeThreshold is how many deviations above the median a loss is a spike, default 10.
func SpikeThreshold(k float64) LossSpikeOption { return func(s *LossSpike) { s.threshold = k } }

// SpikePatience is how many spikes in a row end the run, default 3: a single batch may
// well be an odd one.
func SpikePatience(n int) LossSpikeOption { return func(s *LossSpike) { s.patience = n } }

// FailOnSpike ends the run with a *LossSpikeError in place of a stop.
func FailOnSpike() LossSpikeOption { return func(s *LossSpike) { s.fail = true } }

// NewLossSpike returns a monitor that ends a run after [SpikePatience] losses in a row
// that are spikes: above
//
//	median + threshold * max(1.4826 * MAD, 0.01*|median|)
//
// of the last [SpikeWindow] losses, where MAD is the median of the distances from the
// median; 1.4826 makes it the standard deviation of normal values. Spikes do not enter
// the window. The window is saved in checkpoints. A loss that is not finite is for the
// loop to act upon.
//
// The updates of the spikes were made by then, and the final checkpoint has them: to go
// back, resume from an older one.
func NewLossSpike(opts ...LossSpikeOption) *LossSpike {
	s := &LossSpike{window: 100, threshold: 10, patience: 3}
	for _, o := range opts {
		if o != nil {
			o(s)
		}
	}
	return s
}

// LossSpikeError says that the loss has jumped.
type LossSpikeError struct {
	Step int64
	// Loss is that of the step, Limit the greatest that had been no spike, Median that of
	// the window.
	Loss, Limit, Median float64
	// InARow is how many spikes there were.
	InARow int
}

// Error names all of it.
func (e *LossSpikeError) Error() string {
	return fmt.Sprintf("hooks: LossSpike: the loss is %.6g at step %d, the last of %d spikes in a row: want at most %.6g, the median is %.6g",
		e.Loss, e.Step, e.InARow, e.Limit, e.Median)
}

// Validate reports a number out of range.
func (s *LossSpike) Validate() error {
	switch {
	case s.window < 5:
		return fmt.Errorf("hooks: LossSpike: SpikeWindow: %d, want at least 5", s.window)
	case !(s.threshold > 0) || math.IsInf(s.threshold, 1):
		return fmt.Errorf("hooks: LossSpike: SpikeThreshold: %v, want more than 0", s.threshold)
	case s.patience < 1:
		return fmt.Errorf("hooks: LossSpike: SpikePatience: %d, want at least 1", s.patience)
	}
	return nil
}

// Begin forgets an earlier run, unless SetState gave back what it saw.
func (s *LossSpike) Begin(run *Run) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if !s.resumed {
		s.at = spikes{}
	}
	s.run, s.resumed = run, false
	recent := s.at.Recent[max(len(s.at.Recent)-s.window, 0):]
	s.at.Recent = append(make([]float64, 0, s.window), recent...)
	s.sorted = append(make([]float64, 0, s.window), recent...)
	slices.Sort(s.sorted)
	return nil
}

// StepEnd looks at the loss.
func (s *LossSpike) StepEnd(step int64, out Outputs) (bool, error) {
	if !out.Finite() {
		return false, nil
	}
	if len(s.at.Recent) < s.window {
		s.keep(out.Loss)
		return false, nil
	}
	median := middle(s.sorted)
	limit := median + s.threshold*max(1.4826*deviation(s.sorted, median), 0.01*math.Abs(median))
	if out.Loss <= limit {
		s.at.InARow = 0
		s.keep(out.Loss)
		return false, nil
	}
	if s.at.InARow++; s.at.InARow < s.patience {
		return false, nil
	}
	err := &LossSpikeError{Step: step, Loss: out.Loss, Limit: limit, Median: median, InARow: s.at.InARow}
	if s.fail {
		return false, err
	}
	s.run.Logger.Warn(err.Error())
	s.run.RequestStop(err.Error())
	return true, nil
}

// keep moves the window on. It allocates nothing.
func (s *LossSpike) keep(loss float64) {
	if len(s.at.Recent) == s.window {
		i, _ := slices.BinarySearch(s.sorted, s.at.Recent[0])
		s.sorted = slices.Delete(s.sorted, i, i+1)
		copy(s.at.Recent, s.at.Recent[1:])
		s.at.Recent = s.at.Recent[:s.window-1]
	}
	i, _ := slices.BinarySearch(s.sorted, loss)
	s.sorted = slices.Insert(s.sorted, i, loss)
	s.at.Recent = append(s.at.Recent, loss)
}

// middle returns the median.
func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// deviation returns the median of the distances from the median: the distances to either
// side ascend, so that they are merged until their middle.
func deviation(sorted []float64, median float64) float64 {
	n := len(sorted)
	right := sort.SearchFloat64s(sorted, median)
	left := right - 1
	var before, last float64
	for range n/2 + 1 {
		before = last
		if right == n || left >= 0 && median-sorted[left] <= sorted[right]-median {
			last = median - sorted[left]
			left--
		} else {
			last = sorted[right] - median
			right++
		}
	}
	if n%2 == 1 {
		return last
	}
	return (before + last) / 2
}

// State returns the window.
func (s *LossSpike) State() ([]byte, error) {
	if len(s.at.Recent) == 0 {
		return nil, nil
	}
	return json.Marshal(s.at)
}

// SetState goes on with the window of an earlier run.
func (s *LossSpike) SetState(state []byte) error {
	s.at, s.resumed = spikes{}, true
	if len(state) == 0 {
		return nil
	}
	if err := json.Unmarshal(state, &s.at); err != nil {
		return fmt.Errorf("hooks: LossSpike: the state: %w", err)
	}
	return nil
}
