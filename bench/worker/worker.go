// Package worker is the worker's side of the benchmark: the protocol on standard input
// and output that bench/python/common.py speaks too, and the workloads.
//
// A worker is one framework in one process. It says what it is when it is ready, and then
// answers one line to each:
//
//	                   ready GoMLX v0.28.2
//	run W1 200         ok 200 0.512345          steps, seconds
//	predict W1 1000    ok 1000 4.1 7.5          calls, microseconds: median and 99th percentile
//	run W6 1           skip there is no LSTM    or: error what went wrong
//
// The first run of a workload builds and compiles it. Started with the arguments
// "once W1" it makes one step, says how much memory it took at most, in kB, and ends:
//
//	first 15320
package worker

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Skip is the error of a workload that a framework cannot do, and why.
type Skip string

func (s Skip) Error() string { return string(s) }

// Train makes n training steps.
type Train func(n int) error

// Predict predicts one row and waits for the result.
type Predict func() error

// Worker is a framework.
type Worker struct {
	// About names it and its version in one line.
	About string
	// Train and Predict build a workload.
	Train   func(Workload) (Train, error)
	Predict func(Workload) (Predict, error)

	trains   map[string]Train
	predicts map[string]Predict
}

// Main serves until standard input ends, or makes one step if args say so.
func (w *Worker) Main(args []string) error {
	if len(args) == 2 && args[0] == "once" {
		work, ok := Find(args[1])
		if !ok {
			return fmt.Errorf("there is no workload %q", args[1])
		}
		work.Batches = 1
		train, err := w.Train(work)
		if err != nil {
			return err
		}
		if err := train(1); err != nil {
			return err
		}
		First()
		return nil
	}
	return w.serve(os.Stdin, os.Stdout)
}

// First tells the driver that the first step is done.
func First() { fmt.Println("first", peak()) }

// peak returns the most memory the process has held so far, in kB, 0 if unknown.
func peak() (kb int) {
	status, _ := os.ReadFile("/proc/self/status")
	if _, after, ok := strings.Cut(string(status), "VmHWM:"); ok {
		_, _ = fmt.Sscan(after, &kb)
	}
	return kb
}

func (w *Worker) serve(in io.Reader, out io.Writer) error {
	w.trains, w.predicts = map[string]Train{}, map[string]Predict{}
	fmt.Fprintln(out, "ready", w.About)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		answer, err := w.answer(lines.Text())
		var skip Skip
		switch {
		case errors.As(err, &skip):
			answer = "skip " + oneLine(skip)
		case err != nil:
			answer = "error " + oneLine(err)
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func oneLine(err error) string {
	text := []rune(strings.Join(strings.Fields(err.Error()), " "))
	return string(text[:min(len(text), 400)])
}

func (w *Worker) answer(line string) (answer string, err error) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", r, debug.Stack())
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	var what, name string
	var n int
	if _, err := fmt.Sscan(line, &what, &name, &n); err != nil || n < 1 {
		return "", fmt.Errorf("bad line %q", line)
	}
	work, ok := Find(name)
	switch {
	case !ok:
		return "", Skip("there is no workload " + name)
	case what == "run" && w.Train != nil:
		return w.run(work, n)
	case what == "predict" && w.Predict != nil:
		return w.predict(work, n)
	}
	return "", Skip(what + " is not supported")
}

func (w *Worker) run(work Workload, n int) (string, error) {
	train := w.trains[work.Name]
	if train == nil {
		var err error
		if train, err = w.Train(work); err != nil {
			return "", err
		}
		w.trains[work.Name] = train
	}
	start := time.Now()
	if err := train(n); err != nil {
		return "", err
	}
	return fmt.Sprintf("ok %d %.6f", n, time.Since(start).Seconds()), nil
}

// warmUp is how long predictions are made before they are measured: the workers slept, and
// what they had in caches, and memory they gave back, comes again.
const warmUp = 70 * time.Millisecond

func (w *Worker) predict(work Workload, n int) (string, error) {
	predict := w.predicts[work.Name]
	if predict == nil {
		var err error
		if predict, err = w.Predict(work); err != nil {
			return "", err
		}
		w.predicts[work.Name] = predict
	}
	for start := time.Now(); time.Since(start) < warmUp; {
		if err := predict(); err != nil {
			return "", err
		}
	}
	times := make([]time.Duration, n)
	for i := range times {
		start := time.Now()
		if err := predict(); err != nil {
			return "", err
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	at := func(share float64) float64 { return float64(times[int(share*float64(n-1))].Nanoseconds()) / 1e3 }
	return fmt.Sprintf("ok %d %.2f %.2f", n, at(0.5), at(0.99)), nil
}

// Version returns the version of a module that this program is built from.
func Version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return m.Version
			}
		}
	}
	return "(unknown)"
}
