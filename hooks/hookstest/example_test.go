package hookstest_test

import (
	"fmt"
	"log"
	"os"

	"github.com/stheno-ml/stheno/hooks"
	"github.com/stheno-ml/stheno/hooks/hookstest"
)

// A loop shows what a monitor does when an evaluation gets worse.
func ExampleLoop() {
	dir, err := os.MkdirTemp("", "hookstest-example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := hookstest.NewLoop(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	l.Steps = 100
	l.Metrics = func(step int64, name string) hooks.Metrics {
		return hooks.Metrics{"loss": float64((step - 3) * (step - 3))}
	}
	early := hooks.NewEarlyStopping("loss", hooks.PatienceEvaluations(2))
	if err := l.Run(hooks.NewValidation("test", hooks.EverySteps(1)), early); err != nil {
		log.Fatal(err)
	}
	fmt.Println("made", l.Made, "steps, the best was", early.BestStep())
	// Output: made 5 steps, the best was 3
}

// A recorder tells in which order a monitor was called.
func ExampleRecord() {
	dir, err := os.MkdirTemp("", "hookstest-example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := hookstest.NewLoop(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	l.Steps = 1
	r := hookstest.Record(hooks.NewStopAtStep(hooks.NumSteps(1)))
	if err := l.Run(r); err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Calls(), r.Err())
	// Output: [Begin BeforeSave 0 Saved 0 EpochBegin 0 StepBegin 1 StepEnd 1 PostStep 1 BeforeSave 1 Saved 1 End <nil>] <nil>
}
