package hooks

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
)

// Progress shows how a run goes: on a terminal one line that is rewritten (step, epoch
// and fraction, loss, rows a second, time left), elsewhere a plain line every 10
// seconds, or JSON lines. A line that cannot be written is no reason to end a run: it is
// logged once, and nothing more is shown. Make one with [NewProgress].
type Progress struct {
	Base
	out      io.Writer
	terminal bool
	json     bool
	every    time.Duration
	given    bool // every was given
	failed   bool // a line could not be written
	run      *Run

	started, shown time.Time
	rows           int64
	width          int
	last           progressLine
	drawn          bool
	batches        int64
}

// ProgressOption changes how progress is shown.
type ProgressOption func(*Progress)

// ProgressJSON writes one JSON object a line.
func ProgressJSON() ProgressOption { return func(p *Progress) { p.json = true } }

// ProgressEvery sets how much time lies between two lines, 0 for a line at every step:
// the default is 0.1 s on a terminal and 10 s elsewhere, in JSON too.
func ProgressEvery(d time.Duration) ProgressOption {
	return func(p *Progress) { p.every, p.given = d, true }
}

// ProgressTerminal says whether out is a terminal, for writers that are not files.
func ProgressTerminal(terminal bool) ProgressOption {
	return func(p *Progress) { p.terminal = terminal }
}

// NewProgress shows progress on out, os.Stderr for most programs.
func NewProgress(out io.Writer, opts ...ProgressOption) *Progress {
	p := &Progress{out: out, terminal: isTerminal(out)}
	for _, opt := range opts {
		if opt != nil {
			opt(p)
		}
	}
	p.terminal = p.terminal && !p.json
	if !p.given {
		p.every = 10 * time.Second
		if p.terminal {
			p.every = 100 * time.Millisecond
		}
	}
	return p
}

// isTerminal reports whether out is a character device.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Validate reports a nil writer or a negative time.
func (p *Progress) Validate() error {
	switch {
	case p.out == nil:
		return fmt.Errorf("hooks: Progress: the writer is nil")
	case p.every < 0:
		return fmt.Errorf("hooks: Progress: ProgressEvery: %v, want at least 0", p.every)
	}
	return nil
}

// Begin starts the clock.
func (p *Progress) Begin(run *Run) error {
	p.run, p.rows, p.batches, p.width, p.drawn, p.failed = run, 0, 0, 0, false, false
	p.started = time.Now()
	p.shown = p.started
	return p.Validate()
}

// StepEnd shows a line when enough time has passed.
func (p *Progress) StepEnd(step int64, out Outputs) (bool, error) {
	p.rows += int64(out.Rows)
	p.batches++
	now := time.Now()
	p.last = progressLine{Step: step, LastStep: p.run.LastStep, Epoch: float64(out.Epoch), Loss: out.Loss}
	p.drawn = false
	if now.Sub(p.shown) < p.every {
		return false, nil
	}
	p.shown = now
	p.tell(p.show(now))
	return false, nil
}

// tell says once that a line could not be written.
func (p *Progress) tell(err error) {
	if err == nil || p.failed {
		return
	}
	p.failed = true
	p.run.Logger.Warn("progress is not shown any more", "reason", err)
}

// End shows the last step and leaves the line.
func (p *Progress) End(error) error {
	if p.run == nil || p.batches == 0 {
		return nil
	}
	if !p.drawn {
		p.tell(p.show(time.Now()))
	}
	if p.terminal && !p.failed {
		_, err := fmt.Fprintln(p.out)
		p.tell(err)
	}
	return nil
}

// progressLine is what is known of a moment; it is the JSON object too. Numbers that
// JSON lacks are left out.
type progressLine struct {
	Step          int64   `json:"step"`
	LastStep      int64   `json:"last_step,omitempty"`
	Epoch         float64 `json:"epoch"`
	Loss          float64 `json:"-"`
	LossText      any     `json:"loss"`
	RowsPerSecond float64 `json:"rows_per_second,omitempty"`
	StepsPerSec   float64 `json:"steps_per_second,omitempty"`
	ETASeconds    float64 `json:"eta_seconds,omitempty"`
}

func (p *Progress) show(now time.Time) error {
	p.drawn = true
	if p.failed {
		return nil
	}
	line := p.last
	if seconds := now.Sub(p.started).Seconds(); seconds > 0 {
		line.RowsPerSecond = float64(p.rows) / seconds
		line.StepsPerSec = float64(p.batches) / seconds
		if line.LastStep >= 0 {
			line.ETASeconds = float64(line.LastStep-line.Step) / line.StepsPerSec
		}
	}
	if n := p.run.BatchesPerEpoch; n > 0 {
		line.Epoch = float64(line.Step) / float64(n)
	}
	if p.json {
		return p.showJSON(line)
	}
	text := p.text(line)
	if !p.terminal {
		_, err := fmt.Fprintln(p.out, text)
		return err
	}
	// Spaces cover what is left of a longer line before.
	pad := max(p.width-len(text), 0)
	p.width = len(text)
	_, err := fmt.Fprintf(p.out, "\r%s%s", text, strings.Repeat(" ", pad))
	return err
}

func (p *Progress) showJSON(line progressLine) error {
	line.LossText = line.Loss
	if math.IsNaN(line.Loss) || math.IsInf(line.Loss, 0) {
		line.LossText = fmt.Sprint(line.Loss)
	}
	line.LastStep = max(line.LastStep, 0)
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = p.out.Write(append(text, '\n'))
	return err
}

func (p *Progress) text(line progressLine) string {
	var b strings.Builder
	if line.LastStep >= 0 {
		fmt.Fprintf(&b, "step %d/%d", line.Step, line.LastStep)
	} else {
		fmt.Fprintf(&b, "step %d", line.Step)
	}
	if p.run.BatchesPerEpoch > 0 {
		fmt.Fprintf(&b, "  epoch %.2f", line.Epoch)
	}
	fmt.Fprintf(&b, "  loss %.4g", line.Loss)
	if line.RowsPerSecond > 0 {
		fmt.Fprintf(&b, "  %.0f rows/s", line.RowsPerSecond)
	}
	if line.LastStep > line.Step && line.StepsPerSec > 0 {
		fmt.Fprintf(&b, "  %v left", time.Duration(line.ETASeconds*float64(time.Second)).Round(time.Second))
	}
	return b.String()
}
