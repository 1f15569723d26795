package hookstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
)

// What a monitor must not do within a step.
var (
	errForeign = errors.New("it belongs to another graph")
	errRan     = errors.New("the monitor ran the session between StepBegin and StepEnd")
	errChanged = errors.New("the monitor changed it, but the monitors share what a step computed: clone it")
	errLate    = errors.New("hookstest: in End the monitor asked for a stop, a checkpoint or an evaluation: nobody serves it any more")
)

// step makes the next step.
func (l *Loop) step(run *hooks.Run, monitors []hooks.Monitor) (out hooks.Outputs, stop bool, err error) {
	step := l.First + int64(l.Made) + 1
	l.spans = false
	for _, m := range monitors {
		if t, ok := m.(hooks.Tracer); ok {
			l.spans = t.Tracing(step) || l.spans
		}
	}
	l.span(monitors, hooks.PhaseInput, "batch", step, time.Now())
	if !l.Endless && (l.Made == 0 || epochOf(step) != epochOf(step-1)) {
		if err := each(monitors, "EpochBegin", step, func(m hooks.Monitor) error { return m.EpochBegin(epochOf(step)) }); err != nil {
			return out, true, err
		}
	}
	runs := l.session.Stats().Runs
	wanted, err := l.wanted(run, step, monitors)
	if err != nil {
		return out, true, err
	}
	if l.FailAfter > 0 && l.Made == l.FailAfter {
		return out, true, errStep
	}
	out, values, err := l.compute(step, wanted, monitors)
	if err != nil {
		return out, true, err
	}
	l.Made++
	stop, err = l.stepEnd(step, out, wanted, values, monitors)
	if err == nil && l.session.Stats().Runs != runs+1 {
		err = fmt.Errorf("hookstest: step %d: %w", step, errRan)
	}
	if err == nil {
		err = each(monitors, "PostStep", step, func(m hooks.Monitor) error { return m.PostStep(step) })
	}
	if err == nil && !l.Endless && step%stepsPerEpoch == 0 {
		err = each(monitors, "EpochEnd", step, func(m hooks.Monitor) error { return m.EpochEnd(epochOf(step)) })
	}
	if err == nil {
		stop, err = l.serve(run, step, out, stop, monitors)
	}
	return out, stop || l.StopAfter > 0 && l.Made == l.StopAfter, err
}

// wanted returns the nodes that the monitors ask for, each once.
func (l *Loop) wanted(run *hooks.Run, step int64, monitors []hooks.Monitor) (wanted gorgonia.Nodes, err error) {
	err = each(monitors, "StepBegin", step, func(m hooks.Monitor) error {
		nodes, err := m.StepBegin(step)
		for k, n := range nodes {
			if n == nil {
				return fmt.Errorf("node %d asked for is nil", k)
			}
			if n.Graph() != run.Graph.ExprGraph {
				return fmt.Errorf("node %q: %w", n.Name(), errForeign)
			}
			if !wanted.Contains(n) {
				wanted = append(wanted, n)
			}
		}
		return err
	})
	return wanted, err
}

// compute makes the step's run. The updates of a loss that is not finite are not made.
func (l *Loop) compute(step int64, wanted gorgonia.Nodes, monitors []hooks.Monitor) (out hooks.Outputs, values []gorgonia.Value, err error) {
	out.Loss = 1 / float64(step)
	if l.LossAt != nil {
		out.Loss = l.LossAt(step)
	}
	feed := graph.Feed{l.Loss: tensor.New(tensor.FromScalar(float32(out.Loss)))}
	err = each(monitors, "Feed", step, func(m hooks.Monitor) error {
		feeder, ok := m.(hooks.Feeder)
		if !ok {
			return nil
		}
		more, err := feeder.Feed(step)
		for n := range more {
			if _, twice := feed[n]; twice {
				return fmt.Errorf("placeholder %q is fed twice", n.Name())
			}
		}
		maps.Copy(feed, more)
		return err
	})
	if err != nil {
		return out, nil, err
	}
	start := time.Now()
	values, err = l.session.RunChecked(context.Background(), append(gorgonia.Nodes{l.trainOp}, wanted...), feed, func([]gorgonia.Value) error {
		if !out.Finite() {
			return errSkip
		}
		return nil
	})
	if err != nil && !errors.Is(err, errSkip) {
		return out, nil, err
	}
	l.span(monitors, hooks.PhaseStep, "run", step, start)
	values = values[1:]
	out = hooks.NewOutputs(out.Loss, wanted, values)
	out.Rows = 4
	if !l.Endless {
		out.Epoch = epochOf(step)
	}
	return out, values, nil
}

// errSkip ends a run of the session before its updates.
var errSkip = errors.New("the loss is not finite")

// stepEnd calls StepEnd and looks at what the monitors share.
func (l *Loop) stepEnd(step int64, out hooks.Outputs, wanted gorgonia.Nodes, values []gorgonia.Value, monitors []hooks.Monitor) (stop bool, err error) {
	text := func(i int) string {
		if values[i] == nil {
			return ""
		}
		return fmt.Sprint(values[i].Data())
	}
	before := make([]string, len(values))
	for i := range values {
		before[i] = text(i)
	}
	err = each(monitors, "StepEnd", step, func(m hooks.Monitor) error {
		vote, err := m.StepEnd(step, out)
		stop = stop || vote
		for i, n := range wanted {
			if err == nil && text(i) != before[i] {
				err = fmt.Errorf("the value of node %q: %w", n.Name(), errChanged)
			}
		}
		return err
	})
	return stop, err
}

// serve acts upon what the monitors asked for; nothing is saved or evaluated after a
// loss that is not finite, but it is noted that someone asked.
func (l *Loop) serve(run *hooks.Run, step int64, out hooks.Outputs, vote bool, monitors []hooks.Monitor) (stop bool, err error) {
	asked := run.TakeRequests()
	l.Requested.Save = l.Requested.Save || asked.Save
	l.Requested.Evaluate = append(l.Requested.Evaluate, asked.Evaluate...)
	for _, name := range asked.Evaluate {
		if !out.Finite() {
			break
		}
		l.span(monitors, hooks.PhaseEvaluation, name, step, time.Now())
		results := hooks.Metrics{"loss": out.Loss, "global_step": float64(step)}
		if l.Metrics != nil {
			results = l.Metrics(step, name)
		}
		if err := each(monitors, "Evaluated", step, func(m hooks.Monitor) error { return m.Evaluated(step, name, results) }); err != nil {
			return true, err
		}
	}
	// Evaluated and Saved may ask for more.
	later := run.TakeRequests()
	l.Requested.Save = l.Requested.Save || later.Save
	if (asked.Save || later.Save) && out.Finite() {
		if err := l.save(run, step, monitors); err != nil {
			return true, err
		}
	}
	last := run.TakeRequests()
	for _, more := range []hooks.Requests{later, last} {
		if !asked.Stop {
			asked.Stop, asked.Reason = more.Stop, more.Reason
		}
	}
	if stop = asked.Stop || vote; stop {
		l.Requested.Stop, l.Requested.Reason = true, asked.Reason
	}
	return stop, nil
}
