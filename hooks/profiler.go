package hooks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/internal/atomicfile"
)

// Profiler writes where the time of single steps went: the input, the run and every op of
// it, every monitor, evaluations and saving, as timelines for a browser. ProfilerHook of
// tf.train is its model. It can write a CPU profile of a range of steps too. Make one with
// [NewProfiler].
type Profiler struct {
	Base
	schedule Schedule
	steps    int64
	dir      string // "" for the output directory

	cpuFirst, cpuLast int64
	cpuGiven          bool
	cpuBegun          bool
	cpu               *os.File // the profile that is being written

	run         *Run
	timer       *Timer
	step        int64 // the one being made
	made        int64 // the last one made in this run, -1 before the first
	from, until int64 // the steps being traced; from is -1 when there are none
	trace       chromeTrace
	err         error // of a file that could not be written
}

var _ Tracer = (*Profiler)(nil)

// ProfilerOption is an argument of [NewProfiler].
type ProfilerOption func(*Profiler)

// ProfileDir is where the files go; it is made if it is missing. The default is the
// model directory.
func ProfileDir(dir string) ProfilerOption { return func(p *Profiler) { p.dir = dir } }

// ProfileSteps is how many steps one timeline has, default 1.
func ProfileSteps(n int64) ProfilerOption { return func(p *Profiler) { p.steps = n } }

// CPUProfile writes a CPU profile of the steps first to last, for go tool pprof, as
// cpu-<first>-<last>.pprof. It covers all of the process. A process can have one CPU
// profile at a time: where there is another, a warning takes its place. In a session with
// [session.Profiling] it has the ops' names as labels.
func CPUProfile(first, last int64) ProfilerOption {
	return func(p *Profiler) { p.cpuFirst, p.cpuLast, p.cpuGiven = first, last, true }
}

// NewProfiler writes a timeline of the second step of a run and then by the schedule, of
// steps or time, as timeline-<step>.json, where step is the last one in it: Chrome's trace
// events, which chrome://tracing and ui.perfetto.dev show. The first step has to compile
// and is never traced. Steps that are not traced cost nothing.
func NewProfiler(schedule Schedule, opts ...ProfilerOption) *Profiler {
	p := &Profiler{schedule: schedule, steps: 1}
	for _, o := range opts {
		if o != nil {
			o(p)
		}
	}
	return p
}

// Validate reports a bad schedule or number.
func (p *Profiler) Validate() error {
	if err := p.schedule.validateSteps(); err != nil {
		return fmt.Errorf("hooks: Profiler: %w", err)
	}
	switch {
	case p.steps < 1:
		return fmt.Errorf("hooks: Profiler: ProfileSteps: %d, want at least 1", p.steps)
	case p.cpuGiven && (p.cpuFirst < 1 || p.cpuLast < p.cpuFirst):
		return fmt.Errorf("hooks: Profiler: CPUProfile: steps %d to %d, want from 1 on, ascending", p.cpuFirst, p.cpuLast)
	}
	return nil
}

// Begin makes the directory.
func (p *Profiler) Begin(run *Run) error {
	p.run, p.timer, p.made, p.from, p.err = run, NewTimer(p.schedule), -1, -1, nil
	p.cpu, p.cpuBegun = nil, false
	if err := p.Validate(); err != nil {
		return err
	}
	if err := os.MkdirAll(p.directory(), 0o777); err != nil {
		return fmt.Errorf("hooks: Profiler: %w", err)
	}
	return nil
}

func (p *Profiler) directory() string {
	if p.dir == "" {
		return p.run.OutputDir
	}
	return p.dir
}

// Tracing ends what is over, and tells whether the step is to be traced.
func (p *Profiler) Tracing(step int64) bool {
	p.step = step
	p.keep(p.profileCPU(step))
	if p.from >= 0 && step > p.until {
		p.keep(p.write())
	}
	if p.from < 0 && p.made >= 0 && p.timer.Due(step) {
		p.timer.Trigger(step)
		p.from, p.until = step, step+p.steps-1
		p.trace.begin(time.Now())
		p.run.Session.Trace(func(n *gorgonia.Node, op string, start time.Time, took time.Duration) {
			p.trace.add(trackOps, op, start, took, p.step, n.Name())
		})
	}
	return p.from >= 0
}

// keep keeps an error until there is a method to return it from.
func (p *Profiler) keep(err error) { p.err = errors.Join(p.err, err) }

// Span notes what the loop did.
func (p *Profiler) Span(s Span) {
	p.trace.add(string(s.Phase), s.Name, s.Start, s.Duration, s.Step, "")
}

// StepBegin reports a file that could not be written.
func (p *Profiler) StepBegin(int64) ([]*gorgonia.Node, error) {
	err := p.err
	p.err = nil
	return nil, err
}

// StepEnd notes that the step was made.
func (p *Profiler) StepEnd(step int64, _ Outputs) (bool, error) {
	p.made = step
	return false, nil
}

// write writes the timeline, unless none of its steps was made.
func (p *Profiler) write() error {
	p.run.Session.Trace(nil)
	from := p.from
	p.from = -1
	if p.made < from {
		return nil
	}
	path := filepath.Join(p.directory(), fmt.Sprintf("timeline-%d.json", p.made))
	if err := atomicfile.Write(atomicfile.Disk, path, p.trace.write); err != nil {
		return fmt.Errorf("hooks: Profiler: %w", err)
	}
	p.run.Logger.Info("a timeline was written: open it in ui.perfetto.dev", "path", path)
	return nil
}

// profileCPU begins and ends the CPU profile.
func (p *Profiler) profileCPU(step int64) error {
	switch {
	case p.cpu != nil && step > p.cpuLast:
		return p.stopCPU()
	case p.cpuGiven && !p.cpuBegun && step >= p.cpuFirst && step <= p.cpuLast:
		p.cpuBegun = true
		return p.startCPU()
	}
	return nil
}

func (p *Profiler) startCPU() error {
	file, err := os.Create(filepath.Join(p.directory(), fmt.Sprintf("cpu-%d-%d.pprof", p.cpuFirst, p.cpuLast)))
	if err != nil {
		return fmt.Errorf("hooks: Profiler: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		p.run.Logger.Warn("there will be no CPU profile of these steps", "reason", err)
		return errors.Join(file.Close(), os.Remove(file.Name()))
	}
	p.cpu = file
	return nil
}

func (p *Profiler) stopCPU() error {
	pprof.StopCPUProfile()
	file := p.cpu
	p.cpu = nil
	if err := file.Close(); err != nil {
		return fmt.Errorf("hooks: Profiler: %w", err)
	}
	p.run.Logger.Info("a CPU profile was written: go tool pprof shows it", "path", file.Name())
	return nil
}

// End writes what was begun.
func (p *Profiler) End(error) error {
	if p.run == nil {
		return nil
	}
	if p.cpu != nil {
		p.keep(p.stopCPU())
	}
	if p.from >= 0 {
		p.keep(p.write())
	}
	return p.err
}
