package graphactions

import (
	"fmt"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
)

// checkTrain reports the first bad argument, in the order of the original.
func (c *config) checkTrain() error {
	const f = "Train"
	if c.given["Steps"] && c.given["MaxSteps"] {
		return argumentError(f, "Steps", fmt.Sprintf("both Steps (%d) and MaxSteps (%d) are given: give one", c.steps, c.maxSteps))
	}
	if c.given["Steps"] && c.steps <= 0 {
		return argumentError(f, "Steps", fmt.Sprintf("%d, must specify steps > 0", c.steps))
	}
	if c.given["MaxSteps"] && c.maxSteps <= 0 {
		return argumentError(f, "MaxSteps", fmt.Sprintf("%d, must specify max_steps > 0", c.maxSteps))
	}
	if strings.TrimSpace(c.outputDir) == "" {
		return argumentError(f, "outputDir", "the output directory is empty")
	}
	if c.graph == nil {
		return argumentError(f, "g", "the graph is nil")
	}
	if err := c.graph.Err(); err != nil {
		return &ArgumentError{Function: f, Argument: "g", Err: err}
	}
	if err := c.checkNode(f, "trainOp", "missing train_op", c.trainOp); err != nil {
		return err
	}
	if err := c.checkNode(f, "lossOp", "missing loss_op", c.loss); err != nil {
		return err
	}
	if shape := c.loss.Shape(); shape.Dims() != 0 {
		return argumentError(f, "lossOp", fmt.Sprintf("node %q has shape %v, want a scalar", c.loss.Name(), shape))
	}
	if dt := c.loss.Dtype(); dt != tensor.Float32 && dt != tensor.Float64 {
		return argumentError(f, "lossOp", fmt.Sprintf("node %q has dtype %v, want float32 or float64", c.loss.Name(), dt))
	}
	if err := c.findGlobalStep(f); err != nil {
		return err
	}
	if err := c.onlyFor(f, "GlobalStep", "InitOp", "InitFeed", "InitFn", "LogEverySteps", "Chief", "Master", "SaveModelSecs",
		"SaveModelSteps", "SaveInBackground", "KeepCheckpointMax", "KeepCheckpointEveryNHours", "SaveSummariesSteps", "SaveSummariesSecs",
		"Restarts", "FeedFn", "Input", "Steps",
		"MaxSteps", "FailOnNaNLoss", "Monitors", "Logger", "Session", "WithLive", "Saver", "OnEvaluate", "Seed", "Metadata"); err != nil {
		return err
	}
	if err := c.checkNumbers(f); err != nil {
		return err
	}
	if c.given["InitOp"] {
		if err := c.checkNode(f, "InitOp", "it is nil", c.initOp); err != nil {
			return err
		}
	} else if c.given["InitFeed"] {
		return argumentError(f, "InitFeed", "there is no InitOp to feed")
	}
	if err := c.checkInput(f); err != nil {
		return err
	}
	return c.checkMonitors(f)
}

func (c *config) checkNumbers(f string) error {
	switch {
	case c.given["SaveModelSecs"] && c.given["SaveModelSteps"]:
		return argumentError(f, "SaveModelSteps", "SaveModelSecs and SaveModelSteps cannot be both set")
	case c.saveModelEvery < 0:
		return argumentError(f, "SaveModelSecs", fmt.Sprintf("%v, want at least 0", c.saveModelEvery.Seconds()))
	case c.given["SaveModelSteps"] && c.saveModelSteps <= 0:
		return argumentError(f, "SaveModelSteps", fmt.Sprintf("%d, want at least 1", c.saveModelSteps))
	case c.logEverySteps < 0:
		return argumentError(f, "LogEverySteps", fmt.Sprintf("%d, want at least 0", c.logEverySteps))
	case c.keepMax < 0:
		return argumentError(f, "KeepCheckpointMax", fmt.Sprintf("%d, want at least 0", c.keepMax))
	case !(c.keepHours > 0):
		return argumentError(f, "KeepCheckpointEveryNHours", fmt.Sprintf("%v, want more than 0", c.keepHours))
	case c.saveSummaries < 0:
		return argumentError(f, "SaveSummariesSteps", fmt.Sprintf("%d, want at least 0", c.saveSummaries))
	case c.given["SaveSummariesSecs"] && c.given["SaveSummariesSteps"]:
		return argumentError(f, "SaveSummariesSecs", "SaveSummariesSteps and SaveSummariesSecs cannot be both set")
	case c.given["SaveSummariesSecs"] && c.summariesEvery <= 0:
		return argumentError(f, "SaveSummariesSecs", fmt.Sprintf("%v, want more than 0", c.summariesEvery.Seconds()))
	case c.restarts < 0:
		return argumentError(f, "Restarts", fmt.Sprintf("%d, want at least 0", c.restarts))
	case c.given["Session"] && c.session == nil:
		return argumentError(f, "Session", "it is nil")
	case c.session != nil && c.session.Graph() != c.graph:
		return argumentError(f, "Session", "it runs another graph")
	case c.given["Saver"] && c.ownSaver == nil:
		return argumentError(f, "Saver", "it is nil")
	case c.ownSaver != nil && c.live != nil:
		return argumentError(f, "Saver", "not together with WithLive, which looks at the files of the output directory")
	case c.live != nil && c.session == nil:
		return argumentError(f, "WithLive", "it needs Session: the variables live in the session's store")
	}
	return nil
}

func (c *config) checkNode(f, argument, missing string, n *gorgonia.Node) error {
	switch {
	case n == nil:
		return argumentError(f, argument, missing)
	case c.graph.Poisoned(n):
		return argumentError(f, argument, "it is the result of a building call that failed")
	case n.Graph() != c.graph.ExprGraph:
		return argumentError(f, argument, fmt.Sprintf("node %q belongs to another graph", n.Name()))
	}
	return nil
}

// findGlobalStep sets globalStep and checks that it is one.
func (c *config) findGlobalStep(f string) error {
	if c.globalStep == nil {
		c.globalStep = c.graph.FindGlobalStep()
	}
	if c.globalStep == nil {
		return argumentError(f, "GlobalStep", `no "global_step" was provided or found in the graph: call g.GlobalStep(), or use optim's Minimize`)
	}
	v := c.graph.VariableOf(c.globalStep)
	if v == nil || v.Local || v.Dtype != tensor.Int64 || v.Shape.Dims() != 0 {
		return argumentError(f, "GlobalStep", fmt.Sprintf("node %q is not an int64 scalar variable of the graph", c.globalStep.Name()))
	}
	return nil
}

func (c *config) checkMonitors(f string) error {
	for i, m := range c.monitors {
		if m == nil {
			return argumentError(f, "Monitors", fmt.Sprintf("monitor %d is nil", i))
		}
		if v, ok := m.(hooks.Validator); ok {
			if err := v.Validate(); err != nil {
				return &ArgumentError{Function: f, Argument: "Monitors", Err: fmt.Errorf("monitor %d: %w", i, err)}
			}
		}
	}
	return nil
}

// chosenMonitors returns the caller's monitors after the standard ones. On workers
// that are not the chief only those that run on all workers are left.
func (c *config) chosenMonitors() []hooks.Monitor {
	var chosen []hooks.Monitor
	if c.chief {
		if !c.given["Monitors"] {
			chosen = append(chosen, hooks.NewLoggingTensor(graph.Nodes{"loss": c.loss}, hooks.EverySteps(100)))
		}
		if schedule, on := c.summarySchedule(); on {
			if !has[*hooks.SummarySaver](c.monitors) {
				chosen = append(chosen, hooks.NewSummarySaver(schedule))
			}
			if !has[*hooks.StepCounter](c.monitors) {
				chosen = append(chosen, hooks.NewStepCounter(schedule))
			}
		}
		if schedule, on := c.saveSchedule(); on && !has[*hooks.CheckpointSaver](c.monitors) {
			chosen = append(chosen, hooks.NewCheckpointSaver(schedule))
		}
	}
	for _, m := range c.monitors {
		if c.chief || m.AllWorkers() {
			chosen = append(chosen, m)
		}
	}
	return chosen
}

func (c *config) summarySchedule() (schedule hooks.Schedule, on bool) {
	if c.given["SaveSummariesSecs"] {
		return hooks.EveryDuration(c.summariesEvery), true
	}
	if c.saveSummaries > 0 {
		return hooks.EverySteps(c.saveSummaries), true
	}
	return schedule, false
}

func (c *config) saveSchedule() (schedule hooks.Schedule, on bool) {
	if c.given["SaveModelSteps"] {
		return hooks.EverySteps(c.saveModelSteps), true
	}
	if c.saveModelEvery > 0 {
		return hooks.EveryDuration(c.saveModelEvery), true
	}
	return schedule, false
}

func has[M hooks.Monitor](monitors []hooks.Monitor) bool {
	for _, m := range monitors {
		if _, ok := m.(M); ok {
			return true
		}
	}
	return false
}
