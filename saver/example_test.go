package saver_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/saver"
)

func tempDir() string {
	dir, err := os.MkdirTemp("", "saver")
	if err != nil {
		log.Fatal(err)
	}
	return dir
}

func Example() {
	dir := tempDir()
	defer os.RemoveAll(dir)

	lock, err := saver.Lock(dir) // keeps another trainer out
	if err != nil {
		log.Fatal(err)
	}
	defer lock.Close()
	s, err := saver.New(dir, saver.KeepMax(2))
	if err != nil {
		log.Fatal(err)
	}
	for step := int64(0); step <= 300; step += 100 {
		w := tensor.New(tensor.WithBacking([]float32{float32(step), 0.5}))
		_, err := s.Save(context.Background(), saver.Checkpoint{
			Step:     step,
			Tensors:  map[string]*tensor.Dense{"w": w},
			Metadata: map[string]string{"data_position": "epoch 1"},
		})
		if err != nil {
			log.Fatal(err)
		}
	}

	ckpt, path, skipped, err := saver.LoadLatest(dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Base(path), ckpt.Step, ckpt.Tensors["w"].Data(), ckpt.Metadata["data_position"], len(skipped))
	steps, err := saver.Steps(dir)
	fmt.Println(steps, err)
	// Output:
	// model.ckpt-300.safetensors 300 [300 0.5] epoch 1 0
	// [200 300] <nil>
}

func ExampleOpen() {
	// A file of Python's safetensors.
	r, err := saver.Open(filepath.Join("testdata", "golden.safetensors"))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for _, v := range r.Variables() {
		fmt.Println(v)
	}
	bias, err := r.Tensor("dense/bias")
	fmt.Println(bias.Data(), err)
	// Output:
	// Gewichte/größe "q" float32 (1)
	// dense/bias float64 (3)
	// dense/kernel float32 (2, 3)
	// empty float32 (0, 3)
	// global_step int64 ()
	// ids int32 (2, 1)
	// mask bool (5)
	// pixels uint8 (3)
	// [-1.5 2.5 1e+300] <nil>
}

func ExampleLoad() {
	ckpt, err := saver.Load(filepath.Join("testdata", "golden.safetensors"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ckpt.Tensors["global_step"].Data(), ckpt.Tensors["pixels"].Data(), ckpt.Metadata["format"])
	// Output: 1234567890123 [0 255 3] np
}

func ExampleLatest() {
	_, err := saver.Latest("no/such/directory")
	fmt.Println(errors.Is(err, saver.ErrNoCheckpoint))
	fmt.Println(err)
	// Output:
	// true
	// saver: no checkpoint in no/such/directory
}

func ExampleCompare() {
	want := []saver.Variable{{Name: "dense/kernel", Dtype: tensor.Float32, Shape: tensor.Shape{3, 2}}}
	have := &saver.Checkpoint{Tensors: map[string]*tensor.Dense{
		"dense/kernel": tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(2, 3)),
		"dense/bias":   tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(3)),
	}}
	report := saver.Compare(want, have)
	fmt.Println(report)
	fmt.Println(report.Err(saver.AllowUnused))
	// Output:
	// 0 restored, 0 missing, 1 mismatched, 1 unused
	//   variable "dense/kernel" is float32 (2, 3) in the checkpoint, expected float32 (3, 2)
	//   tensor "dense/bias" float32 (3) of the checkpoint is not a variable
	// the checkpoint does not fit the variables:
	//   variable "dense/kernel" is float32 (2, 3) in the checkpoint, expected float32 (3, 2)
}

func ExampleCheck() {
	dir := tempDir()
	defer os.RemoveAll(dir)
	s, err := saver.New(dir)
	if err != nil {
		log.Fatal(err)
	}
	for step := range int64(2) {
		if _, err := s.Save(context.Background(), saver.Checkpoint{Step: step}); err != nil {
			log.Fatal(err)
		}
	}
	if err := os.Truncate(filepath.Join(dir, "model.ckpt-1.safetensors"), 100); err != nil {
		log.Fatal(err)
	}
	report, err := saver.Check(dir)
	for _, f := range report.Files {
		fmt.Println(filepath.Base(f.Path), f.Err == nil)
	}
	fmt.Println(errors.Is(err, saver.ErrCorrupt))
	// Output:
	// model.ckpt-0.safetensors true
	// model.ckpt-1.safetensors false
	// true
}

func ExampleAssign() {
	shape := tensor.Shape{2}
	have := []saver.Variable{{Name: "old/kernel", Dtype: tensor.Float32, Shape: shape}, {Name: "old/bias", Dtype: tensor.Float32, Shape: shape}}
	want := []saver.Variable{{Name: "new/kernel", Dtype: tensor.Float32, Shape: shape}}
	all, err := saver.Assign(have, want, map[string]string{"old/": "new/"})
	for _, a := range all {
		fmt.Println(a.Variable.Name, "from", a.Tensor.Name)
	}
	fmt.Println(err)
	// Output:
	// new/kernel from old/kernel
	// <nil>
}

func ExampleVocabulary_Remap() {
	old := tensor.New(tensor.WithShape(3, 1), tensor.WithBacking([]float32{1, 2, 3}))
	v := &saver.Vocabulary{Old: []string{"apple", "banana", "cherry"}, New: []string{"cherry", "damson", "apple"}, OOV: 1}
	now := tensor.New(tensor.WithShape(v.Size(), 1), tensor.Of(tensor.Float32))
	err := v.Remap(now, old)
	fmt.Println(now.Data(), v.Known(), err)
	// Output: [3 0 1 0] 2 <nil>
}

func ExampleCheckpoints() {
	dir := tempDir()
	defer os.RemoveAll(dir)
	s, err := saver.New(dir)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := s.Save(context.Background(), saver.Checkpoint{Step: 100}); err != nil {
		log.Fatal(err)
	}
	for path, err := range saver.Checkpoints(context.Background(), dir, saver.Timeout(0)) {
		fmt.Println(filepath.Base(path), err)
	}
	// Output: model.ckpt-100.safetensors <nil>
}

func ExampleSetPins() {
	dir := tempDir()
	defer os.RemoveAll(dir)
	s, err := saver.New(dir, saver.KeepMax(1))
	if err != nil {
		log.Fatal(err)
	}
	for step := int64(1); step <= 4; step++ {
		w := tensor.New(tensor.WithBacking([]float32{float32(step)}))
		if _, err := s.Save(context.Background(), saver.Checkpoint{Step: step, Tensors: map[string]*tensor.Dense{"w": w}}); err != nil {
			log.Fatal(err)
		}
		if step == 2 {
			if err := saver.SetPins(dir, "best", saver.Pin{Step: step, Note: "loss 0.1"}); err != nil {
				log.Fatal(err)
			}
		}
	}
	steps, err := saver.Steps(dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("kept:", steps)
	pins, err := saver.Pins(dir, "best")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("best:", pins[0].Step, pins[0].Note)
	// Output:
	// kept: [2 4]
	// best: 2 loss 0.1
}
