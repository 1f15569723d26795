package hooks_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/hooks/hookstest"
)

// Every bad argument is reported by Validate, by Begin and, before anything is written,
// by the loop; the text names the argument and the value.
func TestBadInput(t *testing.T) {
	d := newDriver(t)
	vector := d.g.Placeholder("vector", tensor.Float32, 3)
	steps := hooks.EverySteps(1)
	nodes := graph.Nodes{"a": d.answer}
	for _, row := range []struct {
		name, want string
		monitor    hooks.Monitor
	}{
		{"EveryN", "EveryN: N is -1, want at least 0", &hooks.EveryN{N: -1}},
		{"both of StopAtStep", "StopAtStep: NumSteps (10) and LastStep (20) are both given", hooks.NewStopAtStep(hooks.NumSteps(10), hooks.LastStep(20))},
		{"none of StopAtStep", "StopAtStep: give NumSteps or LastStep", hooks.NewStopAtStep(nil)},
		{"NumSteps", "StopAtStep: NumSteps: 0, want at least 1", hooks.NewStopAtStep(hooks.NumSteps(0))},
		{"LastStep", "StopAtStep: LastStep: -3, want at least 1", hooks.NewStopAtStep(hooks.LastStep(-3))},
		{"NaN of a vector", `NaN: node "vector" has shape (3), want a scalar`, hooks.NewNaN(vector, true)},
		{"nothing to log", "LoggingTensor: there are no nodes", hooks.NewLoggingTensor(nil, steps)},
		{"nil node to log", `LoggingTensor: node "b" is nil`, hooks.NewLoggingTensor(graph.Nodes{"a": d.answer, "b": nil}, steps)},
		{"pattern", `LoggingTensor: pattern "(": error parsing regexp`, hooks.NewLoggingVariables("(", steps)},
		{"pattern that closes ours", `LoggingTensor: pattern "a)|(b": error parsing regexp`, hooks.NewLoggingVariables("a)|(b", steps)},
		{"LoggingTensor schedule", "LoggingTensor: hooks: schedule: EverySteps: 0, want at least 1", hooks.NewLoggingTensor(nodes, hooks.EverySteps(0))},
		{"LoggingVariables schedule", "LoggingTensor: hooks: schedule: EverySteps: -7", hooks.NewLoggingVariables("", hooks.EverySteps(-7))},
		{"nil node to capture", "Capture: the node is nil", hooks.NewCapture(nil, steps)},
		{"Capture schedule", "Capture: hooks: schedule: EveryEpochs: -1, want at least 1", hooks.NewCapture(d.answer, hooks.EveryEpochs(-1))},
		{"CheckpointSaver schedule", "CheckpointSaver: hooks: schedule: EveryDuration: 0s, want more than 0", hooks.NewCheckpointSaver(hooks.EveryDuration(0))},
		{"SummarySaver schedule", "SummarySaver: hooks: schedule: EveryDuration: -1s", hooks.NewSummarySaver(hooks.EveryDuration(-time.Second))},
		{"StepCounter schedule", "StepCounter: hooks: schedule: EverySteps: 0", hooks.NewStepCounter(hooks.EverySteps(0))},
		{"part of a schedule", "EverySteps: 0", hooks.NewCheckpointSaver(hooks.Or(steps, hooks.Or(hooks.AtEnd(), hooks.EverySteps(0))))},
		{"Validation schedule", "Validation: hooks: schedule: EverySteps: 0, want at least 1", hooks.NewValidation("test", hooks.EverySteps(0))},
		{"no metric", "EarlyStopping: the metric's name is empty", hooks.NewEarlyStopping("", hooks.PatienceSteps(1))},
		{"no patience", "EarlyStopping: give PatienceSteps or PatienceEvaluations", hooks.NewEarlyStopping("loss", nil)},
		{"both patiences", "EarlyStopping: PatienceSteps (3) and PatienceEvaluations (2) are both given", hooks.NewEarlyStopping("loss", hooks.PatienceSteps(3), hooks.PatienceEvaluations(2))},
		{"PatienceSteps", "EarlyStopping: PatienceSteps: 0, want at least 1", hooks.NewEarlyStopping("loss", hooks.PatienceSteps(0))},
		{"PatienceEvaluations", "EarlyStopping: PatienceEvaluations: -2, want at least 1", hooks.NewEarlyStopping("loss", hooks.PatienceEvaluations(-2))},
		{"MinDelta", "EarlyStopping: MinDelta: -0.5, want at least 0", hooks.NewEarlyStopping("loss", hooks.PatienceSteps(1), hooks.MinDelta(-0.5))},
		{"MinDelta NaN", "EarlyStopping: MinDelta: NaN", hooks.NewEarlyStopping("loss", hooks.PatienceSteps(1), hooks.MinDelta(math.NaN()))},
		{"Baseline", "EarlyStopping: Baseline: +Inf, want a finite number", hooks.NewEarlyStopping("loss", hooks.PatienceSteps(1), hooks.Baseline(math.Inf(1)))},
		{"empty kind", `GraphDump: IgnoreOps: there is an empty kind among ["Const" ""]`, hooks.NewGraphDump(hooks.IgnoreOps("Const", ""))},
		{"nil listener", "CheckpointSaver: listener 1 is nil", hooks.NewCheckpointSaver(steps, hooks.Listeners(hooks.BaseListener{}, nil))},
		{"nothing to print", "PrintTensor: there are no nodes", hooks.NewPrintTensor(nil, 1, 1)},
		{"nil node to print", `PrintTensor: node "b" is nil`, hooks.NewPrintTensor(graph.Nodes{"b": nil}, 1, 1)},
		{"everyN of PrintTensor", "N is -1, want at least 0", hooks.NewPrintTensor(nodes, -1, 1)},
		{"scope", `LoggingTrainable: pattern "(": error parsing regexp`, hooks.NewLoggingTrainable("(", 1, 1)},
		{"no name to capture", "CaptureVariable: the name is empty", hooks.NewCaptureVariable("", 1, 1)},
		{"everyN of CaptureVariable", "N is -2, want at least 0", hooks.NewCaptureVariable("w", -2, 1)},
		{"no directory to look at", "StopAtCheckpointStep: the model directory is empty", hooks.NewStopAtCheckpointStep("", 1)},
		{"lastStep", "StopAtCheckpointStep: lastStep: 0, want at least 1", hooks.NewStopAtCheckpointStep("dir", 0)},
		{"nil feed function", "FeedFn: the function is nil", hooks.NewFeedFn(nil)},
		{"no final ops", "FinalOps: there are no nodes", hooks.NewFinalOps(nil, nil)},
		{"nil final op", `FinalOps: node "x" is nil`, hooks.NewFinalOps(graph.Nodes{"x": nil}, nil)},
		{"LearningRate schedule", "LearningRate: hooks: schedule: EverySteps: 0", hooks.NewLearningRate(hooks.EverySteps(0))},
		{"LearningRate at the end", "LearningRate: hooks: schedule: at the end: give steps or durations", hooks.NewLearningRate(hooks.AtEnd())},
		{"GradientStats schedule", "GradientStats: hooks: schedule: EverySteps: 0", hooks.NewGradientStats(hooks.EverySteps(0))},
		{"GradientStats by epochs", "every 1 steps or every 2 epochs: give steps or durations", hooks.NewGradientStats(hooks.Or(steps, hooks.EveryEpochs(2)))},
		{"SpikeWindow", "LossSpike: SpikeWindow: 4, want at least 5", hooks.NewLossSpike(hooks.SpikeWindow(4))},
		{"SpikeThreshold", "LossSpike: SpikeThreshold: NaN, want more than 0", hooks.NewLossSpike(hooks.SpikeThreshold(math.NaN()), nil)},
		{"SpikePatience", "LossSpike: SpikePatience: 0, want at least 1", hooks.NewLossSpike(hooks.SpikePatience(0))},
		{"Timeline schedule", "Timeline: hooks: schedule: EveryDuration: 0s", hooks.NewTimeline(hooks.EveryDuration(0))},
		{"Profiler schedule", "Profiler: hooks: schedule: EverySteps: 0", hooks.NewProfiler(hooks.EverySteps(0))},
		{"Profiler at the end", "Profiler: hooks: schedule: at the end: give steps or durations", hooks.NewProfiler(hooks.AtEnd())},
		{"ProfileSteps", "Profiler: ProfileSteps: 0, want at least 1", hooks.NewProfiler(steps, hooks.ProfileSteps(0))},
		{"CPUProfile backwards", "Profiler: CPUProfile: steps 5 to 4", hooks.NewProfiler(steps, hooks.CPUProfile(5, 4))},
		{"CPUProfile from 0", "Profiler: CPUProfile: steps 0 to 4", hooks.NewProfiler(steps, hooks.CPUProfile(0, 4))},
		{"Export schedule", "Export: hooks: schedule: EverySteps: 0", hooks.NewExport(hooks.EverySteps(0), "dir", writeStep)},
		{"no directory to export to", "Export: the directory is empty", hooks.NewExport(steps, "", writeStep)},
		{"nothing exports", "Export: the function is nil", hooks.NewExport(steps, "dir", nil)},
		{"ExportsToKeep", "Export: ExportsToKeep: -1, want at least 0", hooks.NewExport(steps, "dir", writeStep, hooks.ExportsToKeep(-1))},
		{"nil writer", "Progress: the writer is nil", hooks.NewProgress(nil)},
		{"negative time", "Progress: ProgressEvery: -1s, want at least 0", hooks.NewProgress(&bytes.Buffer{}, hooks.ProgressEvery(-time.Second))},
	} {
		t.Run(row.name, func(t *testing.T) {
			hookstest.Rejects(t, row.monitor, row.want)
		})
	}
}
