package estimator

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stheno-ml/stheno/hooks"
)

// StopWhen is a monitor that asks a function, by a schedule, whether the run should end:
// make_early_stopping_hook of tf.estimator. Make one with [NewStopWhen].
type StopWhen struct {
	hooks.Base
	should   func(run *hooks.Run) (reason string, err error)
	schedule hooks.Schedule
	problem  error // a bad argument
	timer    *hooks.Timer
	run      *hooks.Run
}

// NewStopWhen returns a monitor that ends the run when should returns a reason to. It is
// asked after the first step and then by the schedule, of steps or of time.
func NewStopWhen(should func(run *hooks.Run) (reason string, err error), schedule hooks.Schedule) *StopWhen {
	return &StopWhen{should: should, schedule: schedule}
}

// Validate reports a nil function or a bad schedule.
func (s *StopWhen) Validate() error {
	switch {
	case s.problem != nil:
		return s.problem
	case s.should == nil:
		return errors.New("estimator: StopWhen: the function is nil")
	}
	if err := s.schedule.Validate(); err != nil {
		return fmt.Errorf("estimator: StopWhen: %w", err)
	}
	return nil
}

// Begin starts the schedule.
func (s *StopWhen) Begin(run *hooks.Run) error {
	s.run, s.timer = run, hooks.NewTimer(s.schedule)
	return s.Validate()
}

// PostStep asks when it is time to.
func (s *StopWhen) PostStep(step int64) error {
	if !s.timer.Due(step) {
		return nil
	}
	s.timer.Trigger(step)
	reason, err := s.should(s.run)
	if err == nil && reason != "" {
		s.run.RequestStop(reason)
	}
	return err
}

// StopIfOption is an argument of [Estimator.StopIfHigher] and the others.
type StopIfOption func(*stopIf)

// stopIf looks at the evaluations in a directory.
type stopIf struct {
	est      *Estimator
	name     string
	metric   string
	minSteps int64
	schedule hooks.Schedule
}

// OfEval looks at the evaluation of that name; the default is "".
func OfEval(name string) StopIfOption { return func(s *stopIf) { s.name = name } }

// MinSteps leaves out evaluations at steps below n.
func MinSteps(n int64) StopIfOption { return func(s *stopIf) { s.minSteps = n } }

// Checking sets when the directory is read; the default is every 60 seconds.
func Checking(schedule hooks.Schedule) StopIfOption { return func(s *stopIf) { s.schedule = schedule } }

// StopIfHigher returns a monitor that ends a fit when the metric of an evaluation that
// another process makes, by ContinuousEval for one, is above the threshold. It reads the
// summaries in EvalDir. Evaluations of steps from before the fit do not end it.
//
// For evaluations of the fit itself there is hooks.NewEarlyStopping, which reads no files.
func (e *Estimator) StopIfHigher(metric string, threshold float64, opts ...StopIfOption) *StopWhen {
	return e.stopAtThreshold(metric, threshold, "above", func(x float64) bool { return x > threshold }, opts)
}

// StopIfLower is StopIfHigher for a metric below the threshold.
func (e *Estimator) StopIfLower(metric string, threshold float64, opts ...StopIfOption) *StopWhen {
	return e.stopAtThreshold(metric, threshold, "below", func(x float64) bool { return x < threshold }, opts)
}

// StopIfNoIncrease ends a fit when the metric has not increased for maxSteps steps:
// when an evaluation of this fit is of a step that is as many after the best one's. See
// StopIfHigher.
func (e *Estimator) StopIfNoIncrease(metric string, maxSteps int64, opts ...StopIfOption) *StopWhen {
	return e.stopAtPlateau(Greatest(metric), maxSteps, opts)
}

// StopIfNoDecrease is StopIfNoIncrease for a metric that should decrease.
func (e *Estimator) StopIfNoDecrease(metric string, maxSteps int64, opts ...StopIfOption) *StopWhen {
	return e.stopAtPlateau(Least(metric), maxSteps, opts)
}

// stopAtThreshold returns a monitor that ends a run at the first value beyond a threshold.
func (e *Estimator) stopAtThreshold(metric string, threshold float64, where string, beyond func(float64) bool, opts []StopIfOption) *StopWhen {
	s := e.newStopIf(metric, opts)
	return s.monitor(func(all Evaluations, first int64) string {
		for _, ev := range all {
			if x := ev.Metrics[metric]; ev.Step > first && beyond(x) {
				return fmt.Sprintf("%q of evaluation %q is %.6g at step %d, %s %.6g", metric, s.name, x, ev.Step, where, threshold)
			}
		}
		return ""
	})
}

// stopAtPlateau returns a monitor that ends a run where nothing better came for long.
func (e *Estimator) stopAtPlateau(by Criterion, maxSteps int64, opts []StopIfOption) *StopWhen {
	s := e.newStopIf(by.metric, opts)
	m := s.monitor(func(all Evaluations, first int64) string {
		var best *Evaluation
		for _, ev := range all {
			if best == nil {
				best = ev
			} else if better, _ := by.Better(ev.Metrics, best.Metrics); better {
				best = ev
			}
			if ev.Step > first && ev.Step-best.Step >= maxSteps {
				return fmt.Sprintf("%q of evaluation %q has not improved for %d steps: the best was %.6g at step %d",
					by.metric, s.name, ev.Step-best.Step, best.Metrics[by.metric], best.Step)
			}
		}
		return ""
	})
	if maxSteps < 1 && m.problem == nil {
		m.problem = fmt.Errorf("estimator: StopIf %v: %d steps without improvement, want at least 1", by, maxSteps)
	}
	return m
}

func (e *Estimator) newStopIf(metric string, opts []StopIfOption) *stopIf {
	s := &stopIf{est: e, metric: metric, schedule: hooks.EveryDuration(time.Minute)}
	for _, opt := range opts {
		if opt != nil {
			opt(s)
		}
	}
	return s
}

// monitor returns a monitor that ends a run when find finds a reason in the evaluations.
// first is the step at which the run began.
func (s *stopIf) monitor(find func(all Evaluations, first int64) string) *StopWhen {
	m := NewStopWhen(func(run *hooks.Run) (string, error) {
		all, err := ReadEvalMetrics(s.est.EvalDir(s.name))
		if err != nil {
			run.Logger.Warn("evaluations that cannot be read are left out", "evaluation", s.name, "reason", err)
		}
		all = slices.DeleteFunc(all, func(ev *Evaluation) bool { return ev.Step < s.minSteps })
		for _, ev := range all {
			if _, ok := ev.Metrics[s.metric]; !ok {
				return "", fmt.Errorf("estimator: StopIf: metric %q is missing from evaluation %q of step %d: there are %q", s.metric, s.name, ev.Step, ev.Metrics.Names())
			}
		}
		return find(all, run.FirstStep), nil
	}, s.schedule)
	if s.metric == "" {
		m.problem = errors.New("estimator: StopIf: the metric's name is empty")
	}
	return m
}
