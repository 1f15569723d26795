package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

// processors is processor time in ticks.
type processors struct{ busy, total int64 }

// processorTime reads how much of the machine's processor time was used so far.
func processorTime() (processors, bool) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return processors{}, false
	}
	var p processors
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(strings.TrimPrefix(line, "cpu")) {
		var ticks int64
		if _, err := fmt.Sscan(field, &ticks); err != nil || i > 7 { // guest time is in user time already
			break
		}
		p.total += ticks
		if i != 3 && i != 4 { // idle, iowait
			p.busy += ticks
		}
	}
	return p, true
}

// cpuModel names the processor.
func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// machine says in a few lines what was measured where.
func machine(c config) []string {
	revision := "unknown"
	if out, err := exec.Command("git", "-C", c.root, "describe", "--always", "--dirty", "--exclude", "*").Output(); err == nil {
		revision = strings.TrimSpace(string(out))
	}
	command := fmt.Sprintf("go run . -rounds %d -cell %v -threads %d", c.rounds, c.cell, c.threads)
	if len(c.workloads) != len(allWorkloads) {
		command += " -only " + strings.Join(c.workloads, ",")
	}
	if c.rows.String() != "" {
		command += fmt.Sprintf(" -rows '%s'", c.rows)
	}
	if c.out != "" {
		command += " -out ../docs/" + filepath.Base(c.out)
	}
	return []string{
		fmt.Sprintf("%s, %d processors, %s/%s, %s", cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()),
		fmt.Sprintf("%s, commit %s, `%s` in bench", time.Now().UTC().Format(time.DateOnly), revision, command),
	}
}

// cacheLine returns how many nanoseconds a cache line takes from one processor to another
// and back. Processors of one chiplet are near; a virtual machine's may be moved to
// different ones at any time, which slows down everything that shares data.
func cacheLine() float64 {
	const there, rounds = 1000, 20000
	var ball atomic.Int64
	done := make(chan struct{})
	go func() {
		for i := int64(0); i < rounds; i++ {
			for ball.Load() != 2*i+1 {
			}
			ball.Store(2*i + 2)
		}
		close(done)
	}()
	var start time.Time
	for i := int64(0); i < rounds; i++ {
		if i == there {
			start = time.Now()
		}
		ball.Store(2*i + 1)
		for ball.Load() != 2*i+2 {
		}
	}
	took := time.Since(start)
	<-done
	return float64(took.Nanoseconds()) / (rounds - there)
}
