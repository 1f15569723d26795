// Package jsonlines is a monitor as a plugin author writes one: it appends the loss
// and every evaluation to a file, one JSON object a line.
package jsonlines

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/stheno-ml/stheno/hooks"
)

// Monitor writes metrics as JSON lines. Make one with [New].
type Monitor struct {
	hooks.Base
	path  string
	every int64
	file  *os.File
}

// New returns a monitor that appends to the file at path: the loss every so many
// steps, and every evaluation.
func New(path string, every int64) *Monitor { return &Monitor{path: path, every: every} }

// Validate reports a bad argument before anything is written.
func (m *Monitor) Validate() error {
	if m.path == "" {
		return errors.New("jsonlines: path is empty")
	}
	if m.every < 1 {
		return fmt.Errorf("jsonlines: every is %d, want at least 1", m.every)
	}
	return nil
}

// Begin opens the file.
func (m *Monitor) Begin(*hooks.Run) (err error) {
	if err := m.Validate(); err != nil {
		return err
	}
	m.file, err = os.OpenFile(m.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return err
}

// StepEnd writes the loss.
func (m *Monitor) StepEnd(step int64, out hooks.Outputs) (bool, error) {
	if step%m.every != 0 {
		return false, nil
	}
	return false, m.write(map[string]any{"step": step, "loss": number(out.Loss)})
}

// Evaluated writes the results of an evaluation.
func (m *Monitor) Evaluated(step int64, name string, metrics hooks.Metrics) error {
	values := map[string]any{}
	for metric, x := range metrics {
		values[metric] = number(x)
	}
	return m.write(map[string]any{"step": step, "evaluation": name, "metrics": values})
}

// number makes text of what JSON has no number for.
func number(x float64) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Sprint(x)
	}
	return x
}

// End closes the file.
func (m *Monitor) End(error) error {
	if m.file == nil {
		return nil
	}
	file := m.file
	m.file = nil
	return file.Close()
}

func (m *Monitor) write(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = m.file.Write(append(text, '\n'))
	return err
}
