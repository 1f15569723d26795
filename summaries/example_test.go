package summaries_test

import (
	"fmt"
	"log"
	"os"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/summaries"
)

// Curves and histograms of a run, for TensorBoard.
func Example() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	w, err := summaries.NewWriter(dir)
	if err != nil {
		log.Fatal(err)
	}
	kernel := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{-1, 0, 0.5, 2}))
	for step := int64(1); step <= 3; step++ {
		if err := w.Scalar("loss", 1/float64(step), step); err != nil {
			log.Fatal(err)
		}
		if err := w.Histogram("dense/kernel", kernel, step); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	steps, values, err := summaries.Scalars(dir, "loss")
	if err != nil {
		log.Fatal(err)
	}
	for i := range steps {
		fmt.Printf("step %d: loss %.2f\n", steps[i], values[i])
	}
	// Output:
	// step 1: loss 1.00
	// step 2: loss 0.50
	// step 3: loss 0.33
}

// All who ask for a directory share its writer.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	training, err := summaries.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer training.Close()
	monitor, err := summaries.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer monitor.Close()
	fmt.Println(training == monitor)
	// Output: true
}

// The events of a run one by one.
func ExampleReadDir() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	w, err := summaries.NewWriter(dir)
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Scalars(map[string]float64{"loss": 0.5, "accuracy": 0.75}, 100); err != nil {
		log.Fatal(err)
	}
	if err := w.SessionLog(summaries.SessionCheckpoint, 100, "model.ckpt-100", ""); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	events, err := summaries.ReadDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range events {
		for _, v := range e.Values {
			fmt.Println(e.Step, v.Plugin, v.Tag, v.Scalar)
		}
		if e.SessionLog != nil {
			fmt.Println(e.Step, e.SessionLog.Status, e.SessionLog.CheckpointPath)
		}
	}
	// Output:
	// 100 scalars accuracy 0.75
	// 100 scalars loss 0.5
	// 100 CHECKPOINT model.ckpt-100
}
