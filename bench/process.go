//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// skipped is the error of a workload that a worker cannot do.
type skipped string

func (s skipped) Error() string { return string(s) }

// process is a worker that runs. It is stopped by a signal except while it is asked
// something, so that nothing of it, a thread that polls for work for instance, takes
// time from the others.
type process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan string
	about   string
	log     string // the name of the file with its standard error, in the folder of programs
}

// command makes a command of a worker in a process group of its own.
func (c config) command(r row, args ...string) *exec.Cmd {
	argv := append(append([]string{}, r.argv...), args...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = c.root
	cmd.Env = c.environment(r)
	cmd.SysProcAttr = groupAttributes()
	return cmd
}

// start starts a worker and waits until it is ready.
func (c config) start(ctx context.Context, r row) (*process, error) {
	p := &process{cmd: c.command(r), answers: make(chan string, 1), log: strings.ReplaceAll(r.name, " ", "-") + ".log"}
	stderr, err := os.Create(filepath.Join(c.bin, p.log))
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	p.cmd.Stderr = stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.answers)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.answers <- lines.Text()
		}
	}()
	line, err := p.wait(ctx, 2*time.Minute)
	about, ok := strings.CutPrefix(line, "ready ")
	if err == nil && !ok {
		err = fmt.Errorf("it said %q, not that it is ready", line)
	}
	if err != nil {
		p.kill()
		return nil, err
	}
	p.about = about
	p.signal(syscall.SIGSTOP)
	return p, nil
}

func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }

// kill ends the worker and whatever it started.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
}

// end lets the worker clean up, and kills it if that takes long.
func (p *process) end() {
	p.signal(syscall.SIGCONT)
	_ = p.in.Close()
	done := make(chan struct{})
	go func() {
		for range p.answers {
		}
		_ = p.cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
	}
	p.signal(syscall.SIGKILL) // and what it started
	<-done
}

var errDied = errors.New("the worker died")

func (p *process) wait(ctx context.Context, limit time.Duration) (string, error) {
	select {
	case line, ok := <-p.answers:
		if !ok {
			return "", fmt.Errorf("%w, see .bin/%s", errDied, p.log)
		}
		return line, nil
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(limit):
		return "", fmt.Errorf("there was no answer in %v: %w", limit, errDied)
	}
}

// wake lets the worker run until the function that it returns is called.
func (p *process) wake() (sleep func()) {
	p.signal(syscall.SIGCONT)
	return func() { p.signal(syscall.SIGSTOP) }
}

// ask sends a line to a worker that is awake and returns the numbers of its answer.
func (p *process) ask(ctx context.Context, limit time.Duration, question string) ([3]float64, error) {
	var numbers [3]float64
	if _, err := fmt.Fprintln(p.in, question); err != nil {
		return numbers, fmt.Errorf("%w (%w), see .bin/%s", errDied, err, p.log)
	}
	line, err := p.wait(ctx, limit)
	if err != nil {
		return numbers, err
	}
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "ok":
		n, _ := fmt.Sscan(rest, &numbers[0], &numbers[1], &numbers[2])
		if n < 2 {
			return numbers, fmt.Errorf("it answered %q", line)
		}
		return numbers, nil
	case "skip":
		return numbers, skipped(rest)
	}
	return numbers, errors.New(rest)
}
