package hooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gorgonia.org/gorgonia"

	"github.com/stheno-ml/stheno/graph"
)

// History records how a run went: the loss and scalar nodes by step, and the results of
// evaluations by name and step. Make one with [NewHistory]. It prints as a table, and
// CSV, JSONL, SVG and HTML are for other eyes. Its state is in the checkpoints, so that
// the curves of a run that was interrupted are whole.
//
// Memory is bounded. When a curve has more points than [HistoryPoints] allows, every
// second of them is dropped, and from then on only every second point that comes is kept;
// later every fourth, and so on. The newest is there in any case. A point that is kept is
// the value of its step, never a mean.
//
// It may be read while the run goes on, from any goroutine.
type History struct {
	Base
	nodes  graph.Nodes
	every  int64
	points int
	names  []string       // of nodes, in order
	sorted gorgonia.Nodes // nodes in that order
	due    bool

	mu     sync.Mutex
	curves map[curveKey]*curve
	kept   bool // the curves are those of the run that is resumed
}

// HistoryOption is an argument of [NewHistory].
type HistoryOption func(*History)

// HistoryNodes records scalar nodes beside the loss, under these names. They are computed
// in the step and, like the loss, see the variables as they were before its update.
func HistoryNodes(nodes graph.Nodes) HistoryOption {
	return func(h *History) { h.nodes = maps.Clone(nodes) }
}

// HistoryEvery records the loss and the nodes at every n-th step; the default is 1.
func HistoryEvery(n int64) HistoryOption { return func(h *History) { h.every = n } }

// HistoryPoints bounds the points of one curve; the default is 1000.
func HistoryPoints(n int) HistoryOption { return func(h *History) { h.points = n } }

// NewHistory returns a monitor that records.
func NewHistory(opts ...HistoryOption) *History {
	h := &History{every: 1, points: 1000, curves: map[curveKey]*curve{}}
	for _, o := range opts {
		if o != nil {
			o(h)
		}
	}
	return h
}

// lossCurve is the name of the loss among the curves of training.
const lossCurve = "loss"

// Validate reports a bad argument.
func (h *History) Validate() error {
	switch {
	case h.every < 1:
		return fmt.Errorf("hooks: History: HistoryEvery: %d, want at least 1", h.every)
	case h.points < 2:
		return fmt.Errorf("hooks: History: HistoryPoints: %d, want at least 2", h.points)
	}
	for _, name := range h.nodes.Names() {
		n := h.nodes[name]
		switch {
		case name == lossCurve:
			return fmt.Errorf("hooks: History: HistoryNodes: %q is the loss of the run, which is recorded anyway", name)
		case n == nil:
			return fmt.Errorf("hooks: History: HistoryNodes: node %q is nil", name)
		case n.Shape().Dims() != 0:
			return fmt.Errorf("hooks: History: HistoryNodes: node %q has shape %v, want a scalar", name, n.Shape())
		}
	}
	return nil
}

// Name is the key of the state in checkpoints.
func (h *History) Name() string { return "hooks.History" }

// Begin goes on with the curves of the checkpoint, or begins new ones.
func (h *History) Begin(*Run) error {
	if err := h.Validate(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.names, h.sorted = h.nodes.Names(), h.nodes.Ordered()
	if !h.kept {
		h.curves = map[curveKey]*curve{}
	}
	h.kept = false
	return nil
}

// StepBegin asks for the nodes.
func (h *History) StepBegin(step int64) ([]*gorgonia.Node, error) {
	if h.due = step%h.every == 0; !h.due {
		return nil, nil
	}
	return h.sorted, nil
}

// StepEnd records the step.
func (h *History) StepEnd(step int64, out Outputs) (bool, error) {
	if !h.due {
		return false, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.add(curveKey{Name: lossCurve}, step, out.Loss)
	for i, name := range h.names {
		x, err := out.Scalar(h.sorted[i])
		if errors.Is(err, ErrNotComputed) {
			continue
		}
		if err != nil {
			return false, err
		}
		h.add(curveKey{Name: name}, step, x)
	}
	return false, nil
}

// Evaluated records the results, but not the global step, nor the elements of results that
// are matrices or vectors without labels: those are names that end in a slash and an
// index.
func (h *History) Evaluated(step int64, name string, results Metrics) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if name == "" {
		name = "eval"
	}
	for _, metric := range results.Names() {
		_, err := strconv.Atoi(metric[strings.LastIndex(metric, "/")+1:])
		if metric != graph.GlobalStepName && (err != nil || !strings.Contains(metric, "/")) {
			h.add(curveKey{name, metric}, step, results[metric])
		}
	}
	return nil
}

func (h *History) add(key curveKey, step int64, value float64) {
	c := h.curves[key]
	if c == nil {
		c = &curve{Stride: 1}
		h.curves[key] = c
	}
	c.add(step, number64(value), h.points)
}

// curveKey names a curve.
type curveKey struct {
	Evaluation string // "" for training
	Name       string
}

// curve has its points with numbers that Stride divides, counted from 0, and the newest.
type curve struct {
	Steps  []int64
	Values []number64
	Stride int64
	Seen   int64
}

func (c *curve) add(step int64, value number64, limit int) {
	last := len(c.Steps) - 1
	if last >= 0 && c.Steps[last] == step {
		c.Values[last] = value // evaluated once more
		return
	}
	if last >= 0 && (c.Seen-1)%c.Stride != 0 {
		c.Steps, c.Values = c.Steps[:last], c.Values[:last] // it was there as the newest only
	}
	c.Steps, c.Values = append(c.Steps, step), append(c.Values, value)
	c.Seen++
	for len(c.Steps) > limit {
		c.thin()
	}
}

// thin drops every second point. The newest stays.
func (c *curve) thin() {
	c.Stride *= 2
	last, n := len(c.Steps)-1, 0
	for i := 0; i < last; i += 2 {
		c.Steps[n], c.Values[n] = c.Steps[i], c.Values[i]
		n++
	}
	c.Steps[n], c.Values[n] = c.Steps[last], c.Values[last]
	c.Steps, c.Values = c.Steps[:n+1], c.Values[:n+1]
}

// number64 is null in JSON where it is not finite.
type number64 float64

// MarshalJSON writes all digits.
func (x number64) MarshalJSON() ([]byte, error) {
	if f := float64(x); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return json.Marshal(f)
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (x *number64) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*x = number64(math.NaN())
		return nil
	}
	return json.Unmarshal(text, (*float64)(x))
}

// curveState is a curve in a checkpoint.
type curveState struct {
	curveKey
	curve
}

// State returns the curves.
func (h *History) State() ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []curveState
	for _, key := range h.keys() {
		all = append(all, curveState{key, *h.curves[key]})
	}
	return json.Marshal(all)
}

// SetState goes on with the curves of an earlier run.
func (h *History) SetState(state []byte) error {
	var all []curveState
	if err := json.Unmarshal(state, &all); err != nil {
		return fmt.Errorf("hooks: History: the state: %w", err)
	}
	curves := map[curveKey]*curve{}
	for _, c := range all {
		if len(c.Steps) != len(c.Values) || c.Stride < 1 {
			return fmt.Errorf("hooks: History: the state: curve %q has %d steps, %d values, stride %d", c.Name, len(c.Steps), len(c.Values), c.Stride)
		}
		curves[c.curveKey] = &c.curve
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.curves, h.kept = curves, true
	return nil
}

// keys are in the order of [History.Curves].
func (h *History) keys() []curveKey {
	return slices.SortedFunc(maps.Keys(h.curves), func(a, b curveKey) int {
		if c := strings.Compare(a.Evaluation, b.Evaluation); c != 0 {
			return c
		}
		if a.Name == lossCurve || b.Name == lossCurve {
			return map[bool]int{true: -1, false: 1}[a.Name == lossCurve && a.Name != b.Name]
		}
		return strings.Compare(a.Name, b.Name)
	})
}
