package hooks

import (
	"errors"
	"fmt"
	"maps"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/internal/raw"
	"github.com/stheno-ml/stheno/optim"
)

// GradientStats writes the norms of gradients as summaries. Make one with
// [NewGradientStats].
type GradientStats struct {
	Base
	schedule   Schedule
	histograms bool
	timer      *Timer
	run        *Run
	gradients  []optim.Gradient
	nodes      gorgonia.Nodes
	due        bool
	step       int64
	global     float64
	norms      map[string]float64
}

// GradientStatsOption is an argument of [NewGradientStats].
type GradientStatsOption func(*GradientStats)

// GradientHistograms writes the distribution of each gradient too, as
// gradients/<variable>. One with a value that is not finite is left out.
func GradientHistograms() GradientStatsOption { return func(s *GradientStats) { s.histograms = true } }

// NewGradientStats writes, at the first step and by the schedule of steps or time, the
// Euclidean norm of each variable's gradient as gradient_norm/<variable>, and that of all
// gradients together as global_norm/gradient_norm: the tags of tf.contrib.layers'
// optimize_loss. The gradients are those before clipping. With optim.Accumulate they are
// those of the last of the step's runs. Begin reports a train op that is not of package
// optim.
func NewGradientStats(schedule Schedule, opts ...GradientStatsOption) *GradientStats {
	s := &GradientStats{schedule: schedule}
	for _, o := range opts {
		if o != nil {
			o(s)
		}
	}
	return s
}

// Validate reports a bad schedule.
func (s *GradientStats) Validate() error {
	if err := s.schedule.validateSteps(); err != nil {
		return fmt.Errorf("hooks: GradientStats: %w", err)
	}
	return nil
}

// Begin finds the gradients.
func (s *GradientStats) Begin(run *Run) error {
	if err := s.Validate(); err != nil {
		return err
	}
	s.run, s.timer, s.nodes, s.norms, s.step, s.global = run, NewTimer(s.schedule), nil, nil, -1, math.NaN()
	if s.gradients = optim.GradientsOf(run.Graph, run.TrainOp); len(s.gradients) == 0 {
		return errors.New("hooks: GradientStats: the train op has no optimizer of package optim")
	}
	for _, gradient := range s.gradients {
		s.nodes = append(s.nodes, gradient.Node)
	}
	return nil
}

// StepBegin asks for the gradients when they are due.
func (s *GradientStats) StepBegin(step int64) ([]*gorgonia.Node, error) {
	if s.due = s.timer.Due(step); !s.due {
		return nil, nil
	}
	return s.nodes, nil
}

// StepEnd writes their norms.
func (s *GradientStats) StepEnd(step int64, out Outputs) (bool, error) {
	if !s.due {
		return false, nil
	}
	s.timer.Trigger(step)
	s.step, s.norms = step, map[string]float64{}
	scalars := map[string]float64{}
	sum := 0.0
	for _, gradient := range s.gradients {
		v, err := out.Value(gradient.Node)
		if errors.Is(err, ErrNotComputed) {
			continue // it depends on an update
		}
		if err != nil {
			return false, err
		}
		norm, _ := raw.Norm(v) // package optim has float gradients only
		sum += norm * norm
		s.norms[gradient.Variable.Name], scalars["gradient_norm/"+gradient.Variable.Name] = norm, norm
		if err := s.histogram("gradients/"+gradient.Variable.Name, v, step); err != nil {
			return false, err
		}
	}
	s.global = math.Sqrt(sum)
	scalars["global_norm/gradient_norm"] = s.global
	if s.run.Summaries == nil {
		return false, nil
	}
	if err := s.run.Summaries.Scalars(scalars, step); err != nil {
		return false, fmt.Errorf("hooks: GradientStats: %w", err)
	}
	return false, nil
}

func (s *GradientStats) histogram(tag string, v gorgonia.Value, step int64) error {
	if !s.histograms || s.run.Summaries == nil {
		return nil
	}
	d, ok := v.(*tensor.Dense)
	if !ok {
		d = tensor.New(tensor.FromScalar(v.Data()))
	}
	if !finite(d) {
		return nil
	}
	if err := s.run.Summaries.Histogram(tag, d, step); err != nil {
		return fmt.Errorf("hooks: GradientStats: %w", err)
	}
	return nil
}

// Norms returns the step measured last, the norm of all gradients there and that of each
// variable's: -1, NaN and nil when none was measured. The map is the caller's own.
func (s *GradientStats) Norms() (step int64, global float64, byVariable map[string]float64) {
	if s.norms == nil {
		return -1, math.NaN(), nil
	}
	return s.step, s.global, maps.Clone(s.norms)
}
