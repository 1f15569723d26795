package hooks_test

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/hooks/hookstest"
)

// Every standard monitor keeps the rules that it is our kit's task to state.
func TestStandardMonitorsConform(t *testing.T) {
	steps := hooks.Or(hooks.EverySteps(2), hooks.EveryDuration(time.Hour), hooks.EveryEpochs(1), hooks.AtEnd())
	plain := hooks.Or(hooks.EverySteps(2), hooks.EveryDuration(time.Hour))
	exports := t.TempDir()
	for name, newMonitor := range map[string]func() hooks.Monitor{
		"Base":             func() hooks.Monitor { return hooks.Base{} },
		"Funcs":            func() hooks.Monitor { return hooks.Funcs{Everywhere: true} },
		"EveryN":           func() hooks.Monitor { return &hooks.EveryN{N: 2, First: 1} },
		"StopAtStep":       func() hooks.Monitor { return hooks.NewStopAtStep(hooks.NumSteps(2)) },
		"LastStep":         func() hooks.Monitor { return hooks.NewStopAtStep(hooks.LastStep(4)) },
		"NaN":              func() hooks.Monitor { return hooks.NewNaN(nil, true) },
		"NaN that stops":   func() hooks.Monitor { return hooks.NewNaN(nil, false) },
		"CheckpointSaver":  func() hooks.Monitor { return hooks.NewCheckpointSaver(steps) },
		"SummarySaver":     func() hooks.Monitor { return hooks.NewSummarySaver(steps) },
		"StepCounter":      func() hooks.Monitor { return hooks.NewStepCounter(steps) },
		"LoggingVariables": func() hooks.Monitor { return hooks.NewLoggingVariables("weight", steps) },
		"Progress":         func() hooks.Monitor { return hooks.NewProgress(io.Discard) },
		"ProgressJSON": func() hooks.Monitor {
			return hooks.NewProgress(io.Discard, hooks.ProgressJSON(), hooks.ProgressEvery(0))
		},
		"ProgressTerminal": func() hooks.Monitor {
			return hooks.NewProgress(io.Discard, hooks.ProgressTerminal(true), hooks.ProgressEvery(0))
		},
		"GraphDump":  func() hooks.Monitor { return hooks.NewGraphDump() },
		"Validation": func() hooks.Monitor { return hooks.NewValidation("test", steps) },
		"AtCheckpoints": func() hooks.Monitor {
			return hooks.NewValidation("test", hooks.EverySteps(2), hooks.AtCheckpoints())
		},
		"EarlyStopping": func() hooks.Monitor { return hooks.NewEarlyStopping("loss", hooks.PatienceSteps(1)) },
		"EarlyStopping that is told": func() hooks.Monitor {
			return &told{EarlyStopping: hooks.NewEarlyStopping("loss", hooks.PatienceEvaluations(2), hooks.Maximize())}
		},
		"RestoreBest": func() hooks.Monitor {
			return &told{EarlyStopping: hooks.NewEarlyStopping("loss", hooks.PatienceEvaluations(2), hooks.Maximize(), hooks.RestoreBest())}
		},
		"CheckpointListener": func() hooks.Monitor {
			return hooks.NewCheckpointSaver(steps, hooks.Listeners(&savingListener{}, hooks.BaseListener{}))
		},
		"LoggingTrainable":        func() hooks.Monitor { return hooks.NewLoggingTrainable("weight", 2, 1) },
		"CaptureVariable":         func() hooks.Monitor { return hooks.NewCaptureVariable("weight", 2, 1) },
		"CaptureVariable of late": func() hooks.Monitor { return hooks.NewCaptureVariable("SGD/train", 2, 1) },
		"GlobalStepWaiter":        func() hooks.Monitor { return hooks.NewGlobalStepWaiter(0) },
		"StopAtCheckpointStep":    func() hooks.Monitor { return hooks.NewStopAtCheckpointStep(exports, 1e6) },
		"FeedFn":                  func() hooks.Monitor { return hooks.NewFeedFn(func() (graph.Feed, error) { return nil, nil }) },
		"LearningRate":            func() hooks.Monitor { return hooks.NewLearningRate(plain) },
		"GradientStats":           func() hooks.Monitor { return hooks.NewGradientStats(plain, hooks.GradientHistograms()) },
		"LossSpike":               func() hooks.Monitor { return hooks.NewLossSpike(hooks.SpikeWindow(5)) },
		"LossSpike that fails":    func() hooks.Monitor { return hooks.NewLossSpike(hooks.FailOnSpike()) },
		"Timeline":                func() hooks.Monitor { return hooks.NewTimeline(steps) },
		"Profiler": func() hooks.Monitor {
			return hooks.NewProfiler(plain, hooks.ProfileSteps(2), hooks.CPUProfile(2, 4))
		},
		"Export": func() hooks.Monitor {
			return hooks.NewExport(steps, exports, func(*hooks.Run, int64, string) error { return nil })
		},
		"FromSessionRunHook": func() hooks.Monitor { return hooks.FromSessionRunHook(&runHook{fetch: "weight"}) },
		"FromBaseMonitor":    func() hooks.Monitor { return hooks.FromBaseMonitor(&oldMonitor{fetch: "SGD/train:0"}) },
		// These need a node of the loop's graph, which is made anew for every run.
		"LoggingTensor": func() hooks.Monitor {
			return &ofTheRun{make: func(run *hooks.Run) hooks.Monitor {
				return hooks.NewLoggingTensor(map[string]*gorgonia.Node{"w": run.Graph.VariableNamed("weight").Node}, steps)
			}}
		},
		"PrintTensor": func() hooks.Monitor {
			return &ofTheRun{make: func(run *hooks.Run) hooks.Monitor {
				return hooks.NewPrintTensor(map[string]*gorgonia.Node{"t": run.TrainOp}, 2, 1)
			}}
		},
		"FinalOps": func() hooks.Monitor {
			return &ofTheRun{make: func(run *hooks.Run) hooks.Monitor {
				return hooks.NewFinalOps(map[string]*gorgonia.Node{"w": run.Graph.VariableNamed("weight").Node}, nil)
			}}
		},
		"Capture": func() hooks.Monitor {
			return &ofTheRun{make: func(run *hooks.Run) hooks.Monitor { return hooks.NewCapture(run.Loss, steps) }}
		},
		"NaN of a node": func() hooks.Monitor {
			return &ofTheRun{make: func(run *hooks.Run) hooks.Monitor { return hooks.NewNaN(run.Loss, false) }}
		},
	} {
		t.Run(name, func(t *testing.T) { hookstest.Run(t, newMonitor) })
	}
}

// The state of a monitor depends on what it saw, not on where a run was cut.
func TestExactResume(t *testing.T) {
	for name, newMonitor := range map[string]func() hooks.Monitor{
		"Validation": func() hooks.Monitor { return hooks.NewValidation("test", hooks.EverySteps(3)) },
		"EarlyStopping": func() hooks.Monitor {
			return &told{EarlyStopping: hooks.NewEarlyStopping("loss", hooks.PatienceEvaluations(20), hooks.Maximize())}
		},
		"LossSpike": func() hooks.Monitor { return hooks.NewLossSpike(hooks.SpikeWindow(5)) },
	} {
		t.Run(name, func(t *testing.T) { require.NoError(t, hookstest.ExactResume(newMonitor)) })
	}
}

// told is early stopping that asks for an evaluation of every step itself.
type told struct {
	*hooks.EarlyStopping
	run *hooks.Run
}

func (m *told) Begin(run *hooks.Run) error {
	m.run = run
	return m.EarlyStopping.Begin(run)
}

func (m *told) StepEnd(_ int64, out hooks.Outputs) (bool, error) {
	if out.Finite() {
		m.run.RequestEvaluate("test")
	}
	return false, nil
}

// ofTheRun makes its monitor when it knows the run.
type ofTheRun struct {
	hooks.Monitor
	make func(*hooks.Run) hooks.Monitor
}

func (m *ofTheRun) Begin(run *hooks.Run) error {
	m.Monitor = m.make(run)
	return m.Monitor.Begin(run)
}

func (m *ofTheRun) State() ([]byte, error) { return nil, nil }
func (m *ofTheRun) SetState([]byte) error  { return nil }
func (m *ofTheRun) AllWorkers() bool       { return true }
