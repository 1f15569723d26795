package hooks_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/nn"
	"github.com/stheno-ml/stheno/ops"
	"github.com/stheno-ml/stheno/optim"
	"github.com/stheno-ml/stheno/session"
)

// line trains y = w*x on one row, x = 2, with the monitors, and returns the model directory.
func line(steps int64, monitors ...hooks.Monitor) (dir string, remove func()) {
	g := graph.New()
	w := g.Variable("w", tensor.Float32, nil, nil)
	loss := nn.MeanSquaredError(g, ops.Add(g, w, w), g.NamedConstant("y", float32(4)))
	trainOp := optim.SGD(0.1, optim.WithSchedule(optim.ExponentialDecay{DecaySteps: 1, DecayRate: 0.5})).Minimize(g, loss)
	dir, err := os.MkdirTemp("", "hooks-example")
	if err != nil {
		log.Fatal(err)
	}
	_, err = graphactions.Train(context.Background(), g, dir, trainOp, loss, graphactions.Steps(steps),
		graphactions.Monitors(monitors...), graphactions.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() { os.RemoveAll(dir) }
}

func ExampleNewGradientStats() {
	stats, rate := hooks.NewGradientStats(hooks.EverySteps(1)), hooks.NewLearningRate(hooks.EverySteps(1))
	_, remove := line(3, stats, rate)
	defer remove()
	step, global, byVariable := stats.Norms()
	fmt.Printf("step %d: norm %.3f, of w %.3f, rate %v\n", step, global, byVariable["w"], rate.LastRate())
	// Output: step 3: norm 1.920, of w 1.920, rate 0.025
}

// The timelines are for ui.perfetto.dev or chrome://tracing.
func ExampleNewProfiler() {
	dir, remove := line(25, hooks.NewProfiler(hooks.EverySteps(10)))
	defer remove()
	files, err := filepath.Glob(filepath.Join(dir, "timeline-*.json"))
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range files {
		fmt.Println(filepath.Base(file))
	}
	// Output:
	// timeline-12.json
	// timeline-2.json
	// timeline-22.json
}

func ExampleNewTimeline() {
	timeline := hooks.NewTimeline(hooks.EverySteps(100))
	_, remove := line(10, timeline)
	defer remove()
	times := timeline.Times()
	fmt.Println(times.Steps, times.Step > 0, times.Input+times.Step+times.Hooks+times.Saving <= times.Wall)
	// Output: 10 true true
}

func ExampleNewFinalOps() {
	g := graph.New()
	w := g.Variable("w", tensor.Float32, nil, filled(21))
	doubled := ops.Add(g, w, w)
	final := hooks.NewFinalOps(graph.Nodes{"answer": doubled}, nil)
	trainWith(g, 3, final)
	fmt.Println(final.Values()["answer"])
	// Output: 42
}

// trainWith makes steps of a graph that only counts, whose loss is a constant.
func trainWith(g *graph.Graph, steps int64, monitors ...hooks.Monitor) *graphactions.Result {
	w := g.Variable("counter", tensor.Float32, nil, nil)
	one := []optim.Gradient{{Variable: g.VariableOf(w), Node: g.NamedConstant("one", float32(1))}}
	return trainLoss(g, optim.SGD(1).ApplyGradients(g, one), g.NamedConstant("loss", float32(0.5)), steps, monitors...)
}

func trainLoss(g *graph.Graph, trainOp, loss *gorgonia.Node, steps int64, monitors ...hooks.Monitor) *graphactions.Result {
	dir, err := os.MkdirTemp("", "hooks-example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	res, err := graphactions.Train(context.Background(), g, dir, trainOp, loss, graphactions.Steps(steps),
		graphactions.Monitors(monitors...), graphactions.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		log.Fatal(err)
	}
	return res
}

// The loss of this run is what a feed function says: it falls, and jumps at step 41.
func ExampleNewLossSpike() {
	g := graph.New()
	loss := g.Placeholder("loss", tensor.Float32)
	w := g.Variable("w", tensor.Float32, nil, nil)
	trainOp := optim.SGD(1).ApplyGradients(g, []optim.Gradient{{Variable: g.VariableOf(w), Node: g.NamedConstant("one", float32(1))}})
	step := 0
	feed := hooks.NewFeedFn(func() (graph.Feed, error) {
		step++
		x := 1 + 1/float32(step)
		if step > 40 {
			x = 9
		}
		return graph.Feed{loss: tensor.New(tensor.FromScalar(x))}, nil
	})
	res := trainLoss(g, trainOp, loss, 100, feed, hooks.NewLossSpike(hooks.SpikeWindow(20), hooks.SpikePatience(2)))
	fmt.Println("ended at step", res.LastStep)
	fmt.Println(res.Detail)
	// Output:
	// ended at step 42
	// hooks: LossSpike: the loss is 9 at step 42, the last of 2 spikes in a row: want at most 1.13608, the median is 1.0328
}

func ExampleNewExport() {
	dir, err := os.MkdirTemp("", "hooks-example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	write := func(run *hooks.Run, step int64, dir string) error {
		w, err := run.Session.Store().Value("counter")
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "model.txt"), fmt.Appendf(nil, "counter = %v", w.Data()), 0o644)
	}
	export := hooks.NewExport(hooks.Or(hooks.EverySteps(4), hooks.AtEnd()), dir, write, hooks.ExportsToKeep(2))
	trainWith(graph.New(), 10, export)
	text, err := os.ReadFile(filepath.Join(export.LastExportDir(), "model.txt"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Base(export.LastExportDir()), string(text))
	// Output: 00000010 counter = -10
}

// copier is told of every checkpoint, before and after.
type copier struct{ hooks.BaseListener }

func (copier) BeforeSave(step int64) error { fmt.Println("about to save", step); return nil }

func (copier) AfterSave(step int64, path string) (stop bool, err error) {
	fmt.Println("saved", filepath.Base(path))
	return false, nil
}

func ExampleListeners() {
	trainWith(graph.New(), 5, hooks.NewCheckpointSaver(hooks.EverySteps(3), hooks.Listeners(copier{})))
	// Output:
	// about to save 0
	// saved model.ckpt-0.safetensors
	// about to save 3
	// saved model.ckpt-3.safetensors
	// about to save 5
	// saved model.ckpt-5.safetensors
}

// watch is a hook in the manner of tf.train.
type watch struct {
	hooks.BaseSessionRunHook
	counter *gorgonia.Node
}

func (w *watch) Begin(g *graph.Graph) error { w.counter = g.VariableNamed("counter").Node; return nil }

func (w *watch) BeforeRun(*hooks.SessionRunContext) (*hooks.SessionRunArgs, error) {
	return &hooks.SessionRunArgs{Fetches: graph.Nodes{"c": w.counter}}, nil
}

func (w *watch) AfterRun(ctx *hooks.SessionRunContext, values *hooks.SessionRunValues) error {
	fmt.Println("hook:", ctx.Step(), values.Results["c"])
	if ctx.Step() == 2 {
		ctx.RequestStop()
	}
	return nil
}

// counts is a monitor in the manner of tf.contrib.learn.
type counts struct{ oldStyle }

func (counts) StepBegin(int64) ([]string, error) { return []string{"counter:0"}, nil }

func (counts) StepEnd(step int64, output map[string]gorgonia.Value) (stop bool, err error) {
	fmt.Println("monitor:", step, output["counter:0"])
	return false, nil
}

// oldStyle does nothing; there is no base class for monitors of the old kind.
type oldStyle struct{}

func (oldStyle) Begin(int64) error                      { return nil }
func (oldStyle) EpochBegin(int64) error                 { return nil }
func (oldStyle) EpochEnd(int64) error                   { return nil }
func (oldStyle) PostStep(int64, *session.Session) error { return nil }
func (oldStyle) End(*session.Session) error             { return nil }
func (oldStyle) RunOnAllWorkers() bool                  { return false }

// Monitors of all kinds go into one list.
func ExampleFromSessionRunHook() {
	trainWith(graph.New(), 9, hooks.FromSessionRunHook(&watch{}), hooks.FromBaseMonitor(counts{}), hooks.NewStopAtStep(hooks.NumSteps(5)))
	// Output:
	// hook: 1 0
	// monitor: 1 0
	// hook: 2 -1
	// monitor: 2 -1
}
