//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"runtime"
	"time"
)

var allWorkloads = []string{"W1", "W2", "W3", "W4", "W6", "W7"}

// predicted are the workloads whose predictions are measured.
var predicted = []string{"W1", "W2"}

const predictions = 1000 // calls in a round

// measurement is what was measured: series with one value for each round, NaN where there
// is none.
type measurement struct {
	config
	rowsUsed  []row
	processes map[string]*process
	about     []string // what each worker says it is
	notes     []string // what was left out, and why

	speed    series // steps/s, by workload and row
	p50, p99 series // microseconds, by workload and name of the prediction
	wall     series // seconds to the first step, by "" and row
	memory   series // MB, the same
	busy     []float64
	distance []float64 // nanoseconds, see cacheLine
}

// series has values by workload and row.
type series map[string]map[string][]float64

func (s series) add(workload, row string, round int, value float64) {
	if s[workload] == nil {
		s[workload] = map[string][]float64{}
	}
	for len(s[workload][row]) < round {
		s[workload][row] = append(s[workload][row], math.NaN())
	}
	s[workload][row] = append(s[workload][row], value)
}

// spread returns the spread of a row's values.
func (s series) spread(workload, row string) (spread, bool) {
	var values []float64
	for _, v := range s[workload][row] {
		if !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return spreadOf(values)
}

func newMeasurement(c config) *measurement {
	return &measurement{config: c, processes: map[string]*process{},
		speed: series{}, p50: series{}, p99: series{}, wall: series{}, memory: series{}}
}

// note records what is left out.
func (m *measurement) note(what string, err error) {
	note := fmt.Sprintf("%s: %v", what, err)
	progress("left out: %s", note)
	if text := []rune(note); len(text) > 250 {
		note = string(text[:250]) + "..."
	}
	m.notes = append(m.notes, note)
}

func (m *measurement) close() {
	for _, p := range m.processes {
		p.end()
	}
	m.processes = map[string]*process{}
}

func (m *measurement) measure(ctx context.Context) error {
	for _, r := range m.allRows() {
		if m.rows.MatchString(r.name) {
			m.rowsUsed = append(m.rowsUsed, r)
		}
	}
	if len(m.rowsUsed) == 0 {
		return errors.New("-rows matches no row")
	}
	for _, e := range unset() {
		progress("workers run without %s", e)
	}
	failed := m.prepare(m.rowsUsed)
	usable := m.rowsUsed[:0]
	for _, r := range m.rowsUsed {
		if err := m.usable(r, failed); err != nil {
			m.note(r.name, err)
			continue
		}
		usable = append(usable, r)
	}
	m.rowsUsed = usable
	for _, r := range m.rowsUsed {
		p, err := m.start(ctx, r)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			m.note(r.name, err)
			continue
		}
		progress("%s: %s", r.name, p.about)
		m.processes[r.name] = p
		m.about = append(m.about, fmt.Sprintf("%s: %s", r.name, p.about))
	}
	if err := m.train(ctx); err != nil {
		return err
	}
	if m.predict {
		if err := m.predictOne(ctx); err != nil {
			return err
		}
	}
	m.close()
	if m.first {
		return m.firstSteps(ctx, failed)
	}
	return nil
}

// ask wakes a worker, asks the questions, and puts it to sleep. It returns the answer to
// the last one. A worker that died is not asked again.
func (m *measurement) ask(ctx context.Context, name string, limit time.Duration, questions ...string) (answer [3]float64, err error) {
	p := m.processes[name]
	if p == nil {
		return answer, errDied
	}
	sleep := p.wake()
	defer sleep()
	for _, q := range questions {
		if answer, err = p.ask(ctx, limit, q); err != nil {
			break
		}
	}
	if errors.Is(err, errDied) {
		p.kill()
		delete(m.processes, name)
	}
	return answer, err
}

// train measures training speed: first each worker builds each workload and finds how
// many steps fill a cell, then the rounds go over all of them in turn.
func (m *measurement) train(ctx context.Context) error {
	steps := map[[2]string]int{}
	for _, w := range m.workloads {
		for _, r := range m.rowsUsed {
			if !r.trains || m.processes[r.name] == nil {
				continue
			}
			n, built, err := m.calibrate(ctx, r.name, w)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				m.note(r.name+" "+w, err)
				continue
			}
			progress("%s %s: built in %.1f s, %d steps a cell", w, r.name, built, n)
			steps[[2]string{r.name, w}] = n
		}
	}
	for round := range m.rounds {
		for _, w := range m.workloads {
			m.listen(ctx)
			for i := range m.rowsUsed {
				r := m.rowsUsed[(i+round)%len(m.rowsUsed)]
				n := steps[[2]string{r.name, w}]
				if n == 0 || m.processes[r.name] == nil {
					continue
				}
				rate, err := m.fill(ctx, r.name, w, n)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					m.note(fmt.Sprintf("%s %s, round %d", r.name, w, round+1), err)
					continue
				}
				m.speed.add(w, r.name, round, rate)
				steps[[2]string{r.name, w}] = m.stepsFor(rate)
			}
		}
		progress("round %d of %d done", round+1, m.rounds)
	}
	return nil
}

// fill fills one cell, with n steps or with more if these take too short a time, after a
// tenth of them to warm up, and returns the steps/s.
func (m *measurement) fill(ctx context.Context, name, workload string, n int) (rate float64, err error) {
	for range 3 {
		answer, err := m.ask(ctx, name, time.Minute+20*m.cell, fmt.Sprintf("run %s %d", workload, (n+9)/10), fmt.Sprintf("run %s %d", workload, n))
		if err != nil {
			return 0, err
		}
		rate = answer[0] / answer[1]
		if answer[1] > 0.75*m.cell.Seconds() {
			break
		}
		n = m.stepsFor(rate)
	}
	return rate, nil
}

func (m *measurement) stepsFor(rate float64) int {
	return max(1, int(math.Ceil(rate*m.cell.Seconds())))
}

// calibrate builds a workload and returns the number of steps that fill a cell.
func (m *measurement) calibrate(ctx context.Context, name, workload string) (steps int, built float64, err error) {
	answer, err := m.ask(ctx, name, 10*time.Minute, fmt.Sprintf("run %s 1", workload))
	if err != nil {
		return 0, 0, err
	}
	built = answer[1]
	for n := 1; ; {
		answer, err = m.ask(ctx, name, 5*time.Minute, fmt.Sprintf("run %s %d", workload, n))
		if err != nil {
			return 0, 0, err
		}
		if answer[1] > m.cell.Seconds()/3 {
			return m.stepsFor(answer[0] / answer[1]), built, nil
		}
		n = max(2*n, min(20*n, m.stepsFor(answer[0]/max(answer[1], 1e-9))/2))
	}
}

// predictOne measures predictions of one row.
func (m *measurement) predictOne(ctx context.Context) error {
	left := map[string]bool{}
	for round := -1; round < m.rounds; round++ { // round -1 builds
		for _, w := range predicted {
			m.listen(ctx)
			for _, r := range m.rowsUsed {
				if r.predicts == "" || m.processes[r.name] == nil || left[r.name+w] {
					continue
				}
				n := predictions
				if round < 0 {
					n = 10
				}
				answer, err := m.ask(ctx, r.name, 5*time.Minute, fmt.Sprintf("predict %s %d", w, n))
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					left[r.name+w] = true
					m.note(r.predicts+" "+w, err)
					continue
				}
				if round >= 0 {
					m.p50.add(w, r.predicts, round, answer[1])
					m.p99.add(w, r.predicts, round, answer[2])
				}
			}
		}
	}
	progress("predictions done")
	return nil
}

// firstSteps measures fresh processes up to their first training step.
func (m *measurement) firstSteps(ctx context.Context, failed map[string]error) error {
	left := map[string]bool{}
	for round := -1; round < m.rounds; round++ { // round -1 fills the page cache
		m.listen(ctx)
		for _, r := range m.rowsUsed {
			if r.once == nil || left[r.name] {
				continue
			}
			seconds, kb, err := m.firstStep(ctx, r)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if r.name == ours && failed["first"] != nil {
				err = failed["first"]
			}
			if err != nil {
				left[r.name] = true
				m.note(r.name+", first step", err)
				continue
			}
			if round >= 0 {
				m.wall.add("", r.name, round, seconds)
				m.memory.add("", r.name, round, kb/1000)
			}
		}
	}
	progress("first steps done")
	return nil
}

func (m *measurement) firstStep(ctx context.Context, r row) (seconds, kb float64, err error) {
	r.argv = r.once
	cmd := m.command(r)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	_, err = fmt.Fscanf(out, "first %g\n", &kb)
	seconds = time.Since(start).Seconds()
	if waited := cmd.Wait(); err == nil {
		err = waited
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("it ended with %v", exit)
	}
	return seconds, kb, err
}

// listen records how busy the machine is while all workers sleep.
func (m *measurement) listen(ctx context.Context) {
	before, ok := processorTime()
	if !ok {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(200 * time.Millisecond):
	}
	after, _ := processorTime()
	if total := after.total - before.total; total > 0 {
		m.busy = append(m.busy, float64(after.busy-before.busy)/float64(total))
	}
	if runtime.GOMAXPROCS(0) > 1 {
		m.distance = append(m.distance, cacheLine())
	}
}
