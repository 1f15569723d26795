package metrics

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"gorgonia.org/tensor"
)

// stateJSON is what State returns. Sums are float64, little-endian.
type stateJSON struct {
	Metric     string `json:"metric"`
	Parameters string `json:"parameters,omitempty"`
	Dims       []int  `json:"dims,omitempty"`
	Begun      bool   `json:"begun"`
	Sums       []byte `json:"sums,omitempty"`
}

// State returns what was accumulated.
func (m *streaming) State() ([]byte, error) {
	if m.err != nil {
		return nil, m.err
	}
	s := stateJSON{Metric: m.name, Parameters: m.parameters, Dims: m.dims, Begun: m.sums != nil}
	for _, x := range m.sums {
		s.Sums = binary.LittleEndian.AppendUint64(s.Sums, math.Float64bits(x))
	}
	return json.Marshal(s)
}

// SetState goes on with what was accumulated before.
func (m *streaming) SetState(state []byte) error {
	var s stateJSON
	if err := json.Unmarshal(state, &s); err != nil {
		return fmt.Errorf("metrics: %s: SetState: %w", m.name, err)
	}
	if s.Metric != m.name || s.Parameters != m.parameters {
		return fmt.Errorf("metrics: %v: SetState: the state is of %v", m, &streaming{name: s.Metric, parameters: s.Parameters})
	}
	if m.err != nil {
		return m.err
	}
	c := m.mapped(same)
	if m.rule.dims != nil && s.Begun {
		dims := tensor.Shape(s.Dims)
		if want := 8 * m.rule.size * product(dims); len(s.Sums) != want {
			return fmt.Errorf("metrics: %s: SetState: %d bytes of sums for shape %v, want %d", m.name, len(s.Sums), dims, want)
		}
		if err := c.setDims(dims); err != nil {
			return err
		}
	}
	if len(s.Sums) != 8*len(c.sums) {
		return fmt.Errorf("metrics: %s: SetState: %d bytes of sums, want %d", m.name, len(s.Sums), 8*len(c.sums))
	}
	for i := range c.sums {
		c.sums[i] = math.Float64frombits(binary.LittleEndian.Uint64(s.Sums[8*i:]))
	}
	m.dims, m.sums = c.dims, c.sums
	return nil
}
