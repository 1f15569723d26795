package hookstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/graphactions"
	"github.com/stheno-ml/stheno/hooks"
)

// What a monitor does to the world around it: files, goroutines, other runs, the loop.

// checkWorker compares the files before and after.
func checkWorker(newMonitor func() hooks.Monitor, dir string) error {
	m := newMonitor()
	if !m.AllWorkers() {
		return nil
	}
	var before, after []string
	_, err := drive(m, dir, func(l *Loop) { l.Worker = true; before = list(dir) })
	if after = list(dir); err == nil && !slices.Equal(before, after) {
		err = fmt.Errorf("run.OutputDir had the files %q and has %q", before, after)
	}
	return err
}

// list returns the files below dir with their sizes. The loop's own event file is not
// looked at: it may grow when it is closed.
func list(dir string) (files []string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == filepath.Join(dir, "events") {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			files = append(files, fmt.Sprintf("%s (%d bytes)", rel, info.Size()))
		}
		return nil
	})
	return files
}

// patience is how long the kit waits for a monitor that should not wait.
var patience = 10 * time.Second

// checkCancelled makes a run that was cancelled before it began.
func checkCancelled(newMonitor func() hooks.Monitor, dir string) error {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	m := newMonitor()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("panic: %v", p)
			}
		}()
		_, err := drive(m, dir, func(l *Loop) { l.Context = cancelled })
		done <- err
	}()
	select {
	case err := <-done:
		if err == context.Canceled {
			return nil
		}
		return err
	case <-time.After(patience):
		return fmt.Errorf("%T is still waiting %v after the run was cancelled", m, patience)
	}
}

// checkConcurrent makes several runs at once. The race detector sees what they share.
func checkConcurrent(newMonitor func() hooks.Monitor, dir string) error {
	const runs = 4
	var wg sync.WaitGroup
	errs := make([]error, runs)
	for i := range runs {
		m, own := newMonitor(), filepath.Join(dir, fmt.Sprint(i))
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("panic: %v", p)
				}
			}()
			_, errs[i] = drive(m, own, nil)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func checkGoroutines(newMonitor func() hooks.Monitor, dir string) error {
	before := goroutines(func(n, last int) bool { return n == last })
	if _, err := drive(newMonitor(), dir, nil); err != nil {
		return err
	}
	if after := goroutines(func(n, _ int) bool { return n <= before }); after > before {
		return fmt.Errorf("there were %d goroutines before the run and are %d after it", before, after)
	}
	return nil
}

// goroutines counts until enough says so, for a tenth of a second at most: goroutines that
// were told to end need a moment.
func goroutines(enough func(n, last int) bool) (n int) {
	for range 100 {
		last := n
		if n = runtime.NumGoroutine(); enough(n, last) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return n
}

// checkFiles counts open files where the operating system tells.
func checkFiles(newMonitor func() hooks.Monitor, dir string) error {
	before, ok := openFiles()
	if !ok {
		return nil
	}
	if _, err := drive(newMonitor(), dir, nil); err != nil {
		return err
	}
	after, _ := openFiles()
	for path, n := range after {
		if n > before[path] {
			return fmt.Errorf("%s is still open", path)
		}
	}
	return nil
}

// openFiles returns how often each file is open in this process, on Linux.
func openFiles() (files map[string]int, ok bool) {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, false
	}
	files = map[string]int{}
	for _, e := range entries {
		if path, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && filepath.IsAbs(path) {
			files[path]++
		}
	}
	return files, true
}

// checkTrainingLoop makes a run with the training loop and goes on with a fresh monitor.
func checkTrainingLoop(newMonitor func() hooks.Monitor, dir string) error {
	for _, what := range []string{"a fresh run", "the resumed run"} {
		g, trainOp, loss := model()
		step := 0.0
		feed := func() (graph.Feed, error) {
			step++
			return graph.Feed{loss: tensor.New(tensor.FromScalar(float32(1 / step)))}, nil
		}
		evaluate := func(context.Context, string) (hooks.Metrics, error) {
			return hooks.Metrics{"loss": 1 / step, "global_step": step}, nil
		}
		_, err := graphactions.Train(context.Background(), g, dir, trainOp, loss, graphactions.Steps(3), graphactions.FeedFn(feed),
			graphactions.OnEvaluate(evaluate), graphactions.SaveModelSteps(2), graphactions.Monitors(newMonitor()),
			graphactions.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))))
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}
