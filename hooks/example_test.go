package hooks_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/ops"
)

// trainFor makes that many steps of a graph that only counts, with the monitors.
func trainFor(steps int64, monitors ...hooks.Monitor) {
	g := graph.New()
	trainOp := ops.AssignAdd(g, g.GlobalStep(), g.NamedConstant("one", int64(1)))
	loss := g.NamedConstant("loss", float32(0.5))
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
	fmt.Println(strings.TrimSpace(fmt.Sprintln("ended at step", res.LastStep, res.Detail)))
}

func ExampleFuncs() {
	var run *hooks.Run
	trainFor(100, hooks.Funcs{
		OnBegin: func(r *hooks.Run) error { run = r; return nil },
		OnStepEnd: func(step int64, out hooks.Outputs) (stop bool, err error) {
			fmt.Println(step, out.Loss)
			if step == 3 {
				run.RequestStop("three are enough")
			}
			return false, nil
		},
	})
	// Output:
	// 1 0.5
	// 2 0.5
	// 3 0.5
	// ended at step 3 three are enough
}

// A monitor that embeds EveryN acts at the steps that EveryN chooses.
func ExampleEveryN() {
	m := &hooks.EveryN{N: 4, First: 2}
	m.OnStepEnd = func(step int64, _ hooks.Outputs) (stop bool, err error) {
		fmt.Println(step)
		return false, nil
	}
	trainFor(11, m)
	// Output:
	// 1
	// 2
	// 6
	// 10
	// 11
	// ended at step 11
}

func ExampleNewStopAtStep() {
	trainFor(100, hooks.NewStopAtStep(hooks.NumSteps(7)))
	// Output: ended at step 7
}

func ExampleNewCheckpointSaver() {
	listener := hooks.Funcs{OnSaved: func(step int64, path string) error { fmt.Println("saved", step); return nil }}
	trainFor(7, hooks.NewCheckpointSaver(hooks.EverySteps(3)), listener)
	// Output:
	// saved 0
	// saved 3
	// saved 6
	// saved 7
	// ended at step 7
}

// The loss of the test rows, which an estimator would compute (estimator.Validate), has
// its minimum at step 40.
func ExampleNewEarlyStopping() {
	g := graph.New()
	trainOp := ops.AssignAdd(g, g.GlobalStep(), g.NamedConstant("one", int64(1)))
	dir, err := os.MkdirTemp("", "hooks-example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var step int64
	count := hooks.Funcs{OnStepEnd: func(s int64, _ hooks.Outputs) (bool, error) { step = s; return false, nil }}
	evaluate := func(context.Context, string) (hooks.Metrics, error) {
		return hooks.Metrics{"loss": 1 + float64((step-40)*(step-40))/1000}, nil
	}
	early := hooks.NewEarlyStopping("loss", hooks.PatienceEvaluations(2))
	res, err := graphactions.Train(context.Background(), g, dir, trainOp, g.NamedConstant("loss", float32(0.5)),
		graphactions.Steps(1000), graphactions.OnEvaluate(evaluate), graphactions.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))),
		graphactions.Monitors(count, hooks.NewValidation("test", hooks.EverySteps(20)), early))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ended at step", res.LastStep)
	fmt.Println(res.Detail)
	fmt.Println("best:", early.BestMetrics(), "at step", early.BestStep())
	// Output:
	// ended at step 80
	// early stopping: "loss" of evaluation "test" has not improved for 40 steps and 2 evaluations: it is 2.6 at step 80, the best was 1 at step 40
	// best: loss = 1 at step 40
}

func ExampleNewGraphDump() {
	dumpOf := func(by int64) *hooks.GraphDump {
		g := graph.New()
		trainOp := g.SetName(ops.AssignAdd(g, g.GlobalStep(), g.NamedConstant("by", by)), "next_step")
		dir, err := os.MkdirTemp("", "hooks-example")
		if err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(dir)
		dump := hooks.NewGraphDump()
		_, err = graphactions.Train(context.Background(), g, dir, trainOp, g.NamedConstant("loss", float32(0.5)),
			graphactions.Steps(1), graphactions.Monitors(dump), graphactions.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
		if err != nil {
			log.Fatal(err)
		}
		return dump
	}
	matched, different, err := dumpOf(1).Compare(dumpOf(2), 1, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same:", matched)
	for name, values := range different {
		fmt.Println(name, "differs:", values[0], values[1])
	}
	// Output:
	// the same: [global_step]
	// next_step differs: 1 2
}

func ExampleSchedule() {
	s := hooks.Or(hooks.EverySteps(100), hooks.AtEnd())
	fmt.Println(s)
	timer := hooks.NewTimer(s)
	for step := int64(1); step <= 250; step++ {
		if timer.Due(step) {
			fmt.Println(step)
			timer.Trigger(step)
		}
	}
	// Output:
	// every 100 steps or at the end
	// 1
	// 101
	// 201
}

func ExampleNewProgress() {
	trainFor(2, hooks.NewProgress(lossOnly{}, hooks.ProgressEvery(0)))
	// Output:
	// step 1/2  loss 0.5
	// step 2/2  loss 0.5
	// ended at step 2
}

// lossOnly leaves out what depends on the machine.
type lossOnly struct{}

func (lossOnly) Write(line []byte) (int, error) {
	var step, last int
	var loss float64
	if _, err := fmt.Sscanf(string(line), "step %d/%d  loss %g", &step, &last, &loss); err != nil {
		return 0, err
	}
	fmt.Printf("step %d/%d  loss %v\n", step, last, loss)
	return len(line), nil
}

// A History has the curves of a run, for people and for other programs.
func ExampleHistory() {
	history := hooks.NewHistory()
	trainFor(4, history)
	fmt.Print(history)
	if err := history.CSV(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// ended at step 4
	// curve  points  steps   first  last  lowest    highest
	// loss   4       1 to 4  0.5    0.5   0.5 at 1  0.5 at 1
	// step,loss
	// 1,0.5
	// 2,0.5
	// 3,0.5
	// 4,0.5
}
