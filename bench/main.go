//go:build unix

// Command bench runs Stheno and other frameworks side by side and writes tables of medians
// and ratios. See README.md for how it measures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

type config struct {
	root, bin, envs string // folders
	rounds, threads int
	cell            time.Duration
	workloads       []string
	rows            *regexp.Regexp
	out             string
	setup           bool
	predict, first  bool
}

func main() {
	runtime.LockOSThread() // workers are killed when the thread that started them ends
	var c config
	var only, rows string
	flag.IntVar(&c.rounds, "rounds", 5, "rounds; medians and ratios are over these")
	flag.IntVar(&c.threads, "threads", 2, "threads of each worker")
	flag.DurationVar(&c.cell, "cell", 700*time.Millisecond, "how long a worker trains one workload in a round")
	flag.StringVar(&only, "only", "", "workloads, separated by commas, instead of all")
	flag.StringVar(&rows, "rows", "", "regular expression of the rows to run")
	flag.StringVar(&c.out, "out", "", "Markdown file to write the tables into, between its markers; standard output if empty")
	flag.StringVar(&c.envs, "envs", ".envs", "folder of the Python environments")
	flag.BoolVar(&c.setup, "setup", false, "make the Python environments that are missing first (about 8 GB)")
	flag.BoolVar(&c.predict, "predict", true, "measure predictions of one row")
	flag.BoolVar(&c.first, "first", true, "measure processes up to their first step")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := c.complete(only, rows)
	if err == nil {
		err = c.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// complete checks the flags and finds the folders.
func (c *config) complete(only, rows string) error {
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if c.rounds < 1 || c.threads < 1 || c.cell <= 0 {
		return errors.New("-rounds, -threads and -cell must be positive")
	}
	c.workloads = slices.Clone(allWorkloads)
	if only != "" {
		c.workloads = strings.Split(only, ",")
		for _, w := range c.workloads {
			if !slices.Contains(allWorkloads, w) {
				return fmt.Errorf("-only: there is no workload %q, there are %s", w, strings.Join(allWorkloads, ", "))
			}
		}
	}
	var err error
	if c.rows, err = regexp.Compile(rows); err != nil {
		return fmt.Errorf("-rows: %w", err)
	}
	if c.root, err = os.Getwd(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(c.root, "python", "setup.sh")); err != nil {
		return errors.New("run it in the folder bench")
	}
	if c.envs, err = filepath.Abs(c.envs); err != nil {
		return err
	}
	c.bin = filepath.Join(c.root, ".bin")
	if c.out != "" { // so that it fails before an hour's work, not after
		text, err := os.ReadFile(c.out)
		if err != nil {
			return err
		}
		if _, err := between(string(text), ""); err != nil {
			return fmt.Errorf("%s: %w", c.out, err)
		}
	}
	return os.MkdirAll(c.bin, 0o755)
}

func (c config) run(ctx context.Context) error {
	started := time.Now()
	if c.setup {
		cmd := exec.CommandContext(ctx, filepath.Join(c.root, "python", "setup.sh"), c.envs)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			progress("python/setup.sh: %v; rows without an environment are left out", err)
		}
	}
	m := newMeasurement(c)
	defer m.close()
	if err := m.measure(ctx); err != nil {
		return err
	}
	progress("done in %v", time.Since(started).Round(time.Second))
	text := m.report(machine(c))
	if c.out == "" {
		fmt.Println(text)
		return nil
	}
	page, err := os.ReadFile(c.out)
	if err != nil {
		return err
	}
	written, err := between(string(page), text)
	if err != nil {
		return err
	}
	return os.WriteFile(c.out, []byte(written), 0o644)
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
