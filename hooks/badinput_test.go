package hooks_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
)

// Every bad argument is reported by Validate, by Begin and, before anything is written,
// by the loop; the text names the argument and the value.
func TestBadInput(t *testing.T) {
	d := newDriver(t)
	vector := d.g.Placeholder("vector", tensor.Float32, 3)
	d.prepare(-1)
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
		{"nothing to log", "LoggingTensor: there are no nodes to log", hooks.NewLoggingTensor(nil, steps)},
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
		{"nil writer", "Progress: the writer is nil", hooks.NewProgress(nil)},
		{"negative time", "Progress: ProgressEvery: -1s, want at least 0", hooks.NewProgress(&bytes.Buffer{}, hooks.ProgressEvery(-time.Second))},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.ErrorContains(t, row.monitor.(hooks.Validator).Validate(), row.want)
			err := row.monitor.Begin(d.run)
			require.ErrorContains(t, err, row.want)
			require.NoError(t, row.monitor.End(err), "End follows a Begin that failed")
			dir := t.TempDir()
			_, err = newCounting().train(dir, graphactions.Steps(1), graphactions.Monitors(row.monitor))
			require.ErrorIs(t, err, graphactions.ErrArgument)
			require.ErrorContains(t, err, row.want)
			files, err := readDir(dir)
			require.NoError(t, err)
			require.Empty(t, files)
		})
	}
}
