package hooks

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
)

// SummarySaver writes the graph's summaries, and the loss under the tag "loss" unless
// one of them has that tag, to the run's event file. A histogram of values that are not
// finite is left out, with a warning. Make one with [NewSummarySaver].
type SummarySaver struct {
	Base
	schedule Schedule
	timer    *Timer
	run      *Run
	list     []graph.Summary
	nodes    gorgonia.Nodes
	withLoss bool
	warned   bool
	due      bool
	written  int64   // the last step that was written
	step     int64   // the step of last
	last     Outputs // of a schedule of epochs or of the end
}

// NewSummarySaver writes at the first step and by the schedule. Summaries are computed
// at those steps only.
func NewSummarySaver(schedule Schedule) *SummarySaver { return &SummarySaver{schedule: schedule} }

// Validate reports a bad schedule.
func (s *SummarySaver) Validate() error {
	if err := s.schedule.Validate(); err != nil {
		return fmt.Errorf("hooks: SummarySaver: %w", err)
	}
	return nil
}

// Begin collects the graph's summaries.
func (s *SummarySaver) Begin(run *Run) error {
	s.run, s.timer, s.list, s.nodes, s.withLoss = run, NewTimer(s.schedule), run.Graph.SummaryList(), nil, true
	s.warned, s.written, s.step, s.last = false, run.FirstStep, run.FirstStep, Outputs{}
	for _, summary := range s.list {
		s.nodes = append(s.nodes, summary.Node)
		s.withLoss = s.withLoss && summary.Tag != "loss"
	}
	return s.Validate()
}

// late reports whether any step may turn out to be one to write.
func (s *SummarySaver) late() bool {
	return s.run.Summaries != nil && (s.schedule.byEpochs() || s.schedule.atEnd())
}

// StepBegin asks for the summaries when they are due.
func (s *SummarySaver) StepBegin(step int64) ([]*gorgonia.Node, error) {
	if s.due = s.run.Summaries != nil && s.timer.Due(step); !s.due && !s.late() {
		return nil, nil
	}
	return s.nodes, nil
}

// StepEnd writes them.
func (s *SummarySaver) StepEnd(step int64, out Outputs) (bool, error) {
	if s.late() {
		values, err := out.valuesOf(s.nodes)
		if err != nil {
			return false, err
		}
		s.step, s.last = step, NewOutputs(out.Loss, s.nodes, values)
	}
	if !s.due {
		return false, nil
	}
	return false, s.write(step, out)
}

// EpochEnd writes the epoch's last step when the schedule has epochs, unless that step
// was written.
func (s *SummarySaver) EpochEnd(epoch int64) error {
	if !s.timer.EpochDue(epoch) {
		return nil
	}
	return s.writeLast()
}

// End writes the last step when the schedule has the end, unless that step was written,
// and flushes the event file.
func (s *SummarySaver) End(error) error {
	if s.run == nil || s.run.Summaries == nil {
		return nil
	}
	var err error
	if s.schedule.atEnd() {
		err = s.writeLast()
	}
	return errors.Join(err, s.run.Summaries.Flush())
}

func (s *SummarySaver) writeLast() error {
	if s.step == s.written || s.run.Summaries == nil {
		return nil
	}
	return s.write(s.step, s.last)
}

func (s *SummarySaver) write(step int64, out Outputs) error {
	s.timer.Trigger(step)
	s.written = step
	if s.withLoss {
		if err := s.run.Summaries.Scalar("loss", out.Loss, step); err != nil {
			return fmt.Errorf("hooks: SummarySaver: %w", err)
		}
	}
	for _, summary := range s.list {
		if err := s.writeOne(summary, step, out); err != nil && !errors.Is(err, ErrNotComputed) {
			return fmt.Errorf("hooks: SummarySaver: summary %q: %w", summary.Tag, err)
		}
	}
	return nil
}

func (s *SummarySaver) writeOne(summary graph.Summary, step int64, out Outputs) error {
	if summary.Kind == graph.ScalarSummary {
		x, err := out.Scalar(summary.Node)
		if err != nil {
			return err
		}
		return s.run.Summaries.Scalar(summary.Tag, x, step)
	}
	v, err := out.Value(summary.Node)
	if err != nil {
		return err
	}
	d, ok := v.(*tensor.Dense)
	if !ok {
		d = tensor.New(tensor.FromScalar(v.Data()))
	}
	if !finite(d) {
		if !s.warned {
			s.warned = true
			s.run.Logger.Warn("a histogram is left out: its values are not finite", "summary", summary.Tag, "step", step)
		}
		return nil
	}
	return s.run.Summaries.Histogram(summary.Tag, d, step)
}

// finite reports whether no element is NaN or infinite.
func finite(d *tensor.Dense) bool {
	switch x := dense.Elements(d).(type) {
	case []float32:
		return allFinite(x)
	case []float64:
		return allFinite(x)
	}
	return true
}

func allFinite[T float32 | float64](x []T) bool {
	for _, v := range x {
		if v-v != 0 { // NaN for NaN and the infinities
			return false
		}
	}
	return true
}
