package hooks

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
)

// GraphDump keeps the value of every node at every step, to find where two runs part.
// It keeps all of it in memory: use it for a few steps. Make one with [NewGraphDump].
type GraphDump struct {
	Base
	ignored []string
	nodes   gorgonia.Nodes
	keys    []string // of the nodes
	data    map[int64]map[string]gorgonia.Value
}

// GraphDumpOption is an argument of [NewGraphDump].
type GraphDumpOption func(*GraphDump)

// IgnoreOps leaves out nodes of these kinds in place of the default, which is "Const",
// "Placeholder" and "Assign". The other kinds are "Variable" and, for an op, what its
// String begins with: "AssignAdd" for "AssignAdd{counter}". No kinds leaves out nothing.
func IgnoreOps(kinds ...string) GraphDumpOption {
	return func(d *GraphDump) { d.ignored = slices.Clone(kinds) }
}

// NewGraphDump returns a monitor that keeps the values of all nodes that can be had
// without changing what a step does: those that need no placeholder which the train op
// and the loss do not need, and no update which the train op does not make. Variables,
// and what is computed from them, have their values from before the step; updates, and
// what is computed from those, the values after it.
func NewGraphDump(opts ...GraphDumpOption) *GraphDump {
	d := &GraphDump{ignored: []string{"Const", "Placeholder", "Assign"}}
	for _, o := range opts {
		if o != nil {
			o(d)
		}
	}
	return d
}

// Validate reports an empty kind.
func (d *GraphDump) Validate() error {
	if slices.Contains(d.ignored, "") {
		return fmt.Errorf("hooks: GraphDump: IgnoreOps: there is an empty kind among %q", d.ignored)
	}
	return nil
}

// Begin finds the nodes and forgets an earlier run.
func (d *GraphDump) Begin(run *Run) error {
	if err := d.Validate(); err != nil {
		return err
	}
	d.nodes, d.keys, d.data = nil, nil, map[int64]map[string]gorgonia.Value{}
	count := map[string]int{}
	for _, n := range computable(run) {
		if slices.Contains(d.ignored, kindOf(run.Graph, n)) {
			continue
		}
		key := n.Name()
		if count[key]++; count[key] > 1 {
			key = fmt.Sprintf("%s#%d", key, count[key])
		}
		d.nodes, d.keys = append(d.nodes, n), append(d.keys, key)
	}
	return nil
}

// computable returns the nodes that a step can compute beside what it does, in the order
// of building.
func computable(run *Run) (nodes gorgonia.Nodes) {
	var roots gorgonia.Nodes
	for _, n := range []*gorgonia.Node{run.TrainOp, run.Loss} {
		if n != nil {
			roots = append(roots, n)
		}
	}
	ofTheStep := map[*gorgonia.Node]bool{}
	for _, n := range graph.Topological(roots...) {
		ofTheStep[n] = true
	}
	can := map[*gorgonia.Node]bool{}
	for _, n := range graph.Topological(run.Graph.AllNodes()...) {
		_, updates := n.Op().(graph.Update)
		can[n] = ofTheStep[n] || !updates && (n.Op() != nil || run.Graph.VariableOf(n) != nil || n.Value() != nil)
		for _, in := range graph.InputsOf(n) {
			can[n] = can[n] && can[in]
		}
		if can[n] {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, func(a, b *gorgonia.Node) int { return int(a.ID() - b.ID()) })
	return nodes
}

// kindOf names what computes a node.
func kindOf(g *graph.Graph, n *gorgonia.Node) string {
	switch {
	case g.VariableOf(n) != nil:
		return "Variable"
	case n.Op() == nil:
		return "Placeholder"
	}
	kind := n.Op().String()
	if end := strings.IndexAny(kind, " {(["); end > 0 {
		kind = kind[:end]
	}
	if kind == "const" {
		return "Const"
	}
	return kind
}

// StepBegin asks for all of the nodes.
func (d *GraphDump) StepBegin(int64) ([]*gorgonia.Node, error) { return d.nodes, nil }

// StepEnd keeps copies of the values. After a loss that is not finite those that were
// not computed are left out.
func (d *GraphDump) StepEnd(step int64, out Outputs) (bool, error) {
	values := make(map[string]gorgonia.Value, len(d.nodes))
	for i, n := range d.nodes {
		v, err := out.Value(n)
		if errors.Is(err, ErrNotComputed) {
			continue
		}
		if err != nil {
			return false, err
		}
		if values[d.keys[i]], err = gorgonia.CloneValue(v); err != nil {
			return false, fmt.Errorf("hooks: GraphDump: node %q: %w", n.Name(), err)
		}
	}
	d.data[step] = values
	return false, nil
}

// Data returns the values by step and by the node's name; where several nodes have one
// name the second of them is name#2. The maps are the caller's own, the values are not.
func (d *GraphDump) Data() map[int64]map[string]gorgonia.Value {
	data := make(map[int64]map[string]gorgonia.Value, len(d.data))
	for step, values := range d.data {
		data[step] = maps.Clone(values)
	}
	return data
}

// Compare compares the values of a step with those of another dump. matched has the
// names of the nodes whose values are equal to within atol in every element, in
// ascending order; NaN matches NaN. different has the other values, this dump's first. A
// step or a name that only one of the dumps has is an error.
func (d *GraphDump) Compare(other *GraphDump, step int64, atol float64) (matched []string, different map[string][2]gorgonia.Value, err error) {
	if !(atol >= 0) {
		return nil, nil, fmt.Errorf("hooks: GraphDump: Compare: atol: %v, want at least 0", atol)
	}
	if other == nil {
		return nil, nil, errors.New("hooks: GraphDump: Compare: the other dump is nil")
	}
	mine, ok := d.data[step]
	theirs, otherOK := other.data[step]
	if !ok || !otherOK {
		return nil, nil, fmt.Errorf("hooks: GraphDump: Compare: step %d is missing from %s", step, which(ok))
	}
	all := maps.Clone(mine)
	maps.Copy(all, theirs)
	different = map[string][2]gorgonia.Value{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a, ok := mine[name]
		b, otherOK := theirs[name]
		if !ok || !otherOK {
			return nil, nil, fmt.Errorf("hooks: GraphDump: Compare: node %q is missing from %s at step %d", name, which(ok), step)
		}
		if same(a, b, atol) {
			matched = append(matched, name)
		} else {
			different[name] = [2]gorgonia.Value{a, b}
		}
	}
	return matched, different, nil
}

func which(inThis bool) string {
	if inThis {
		return "the other dump"
	}
	return "this dump"
}

// same reports whether two values have one dtype and shape and are within atol.
func same(a, b gorgonia.Value, atol float64) bool {
	if a.Dtype() != b.Dtype() || !dense.SameShape(a.Shape(), b.Shape()) {
		return false
	}
	switch x := elements(a).(type) {
	case []float64:
		return within(x, elements(b).([]float64), atol)
	case []float32:
		return within(x, elements(b).([]float32), atol)
	case []int:
		return within(x, elements(b).([]int), atol)
	case []int64:
		return within(x, elements(b).([]int64), atol)
	case []int32:
		return within(x, elements(b).([]int32), atol)
	case []uint8:
		return within(x, elements(b).([]uint8), atol)
	case []bool:
		return slices.Equal(x, elements(b).([]bool))
	}
	return gorgonia.ValueEq(a, b)
}

// elements returns the elements of a scalar or a tensor as a slice.
func elements(v gorgonia.Value) any {
	t, ok := v.(*tensor.Dense)
	if !ok {
		t = tensor.New(tensor.FromScalar(v.Data()))
	}
	return dense.Elements(dense.Contiguous(t))
}

func within[T float64 | float32 | int | int64 | int32 | uint8](a, b []T, atol float64) bool {
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		if a[i] != b[i] && !(math.Abs(x-y) <= atol) && !(math.IsNaN(x) && math.IsNaN(y)) {
			return false
		}
	}
	return len(a) == len(b)
}
