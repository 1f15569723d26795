package graphfuzz

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
	"github.com/stheno-ml/stheno/internal/dense"
)

// entry is a node of the graph with what the interpreter knows of it.
type entry struct {
	name string // of the op
	node *gorgonia.Node
	in   []*entry
	ref  reference // nil for a leaf
	out  int       // which of ref's results
	// built is the value with what leaves hold when they are made.
	built array
	// kind is what a leaf is: "placeholder", "variable", "constant".
	kind string
	// update says that the node changes its first input, late that it depends on one that
	// does.
	update, late bool
	stock        bool // made by Gorgonia's op
}

// builder builds one graph.
type builder struct {
	*source
	t       *testing.T
	g       *graph.Graph
	dt      tensor.Dtype // of most floats
	entries []*entry
	updated map[*entry]bool
	// rejected says that a building call failed, as it had to.
	rejected bool
}

func (b *builder) name(kind string) string { return fmt.Sprint(kind, len(b.entries)) }

// leaf adds a placeholder, a variable or a constant.
func (b *builder) leaf(value array) *entry {
	e := &entry{built: value}
	kinds := []string{"placeholder", "variable", "constant", "variable"}
	e.kind = kinds[b.below(len(kinds))]
	if elements(value.shape) == 0 {
		e.kind = "variable" // an empty feed is an error, and Gorgonia has no empty constants
	}
	b.addLeaf(e)
	return e
}

func (b *builder) addLeaf(e *entry) {
	name, value := b.name(e.kind), e.built.dense()
	switch e.kind {
	case "placeholder":
		e.node = b.g.Placeholder(name, e.built.dt, e.built.shape...)
	case "variable":
		e.node = b.g.Variable(name, e.built.dt, e.built.shape, graph.InitializerFunc(func(v *tensor.Dense, _ graph.Random) error {
			return dense.Copy(v, value)
		}))
	case "constant":
		if e.node = b.g.NamedConstant(name, value); len(e.built.shape) == 0 {
			e.node = b.g.NamedConstant(name+"s", value.ScalarValue())
		}
	}
	e.name = name
	if err := b.g.Err(); err != nil {
		b.t.Fatalf("a %s of %v %v: %v", e.kind, e.built.dt, e.built.shape, err)
	}
	b.entries = append(b.entries, e)
}

// fresh is a new leaf of floats.
func (b *builder) fresh(shape ...int) *entry {
	a := zeros(b.dt, shape...)
	for i, v := range b.values(b.dt, len(a.x)) {
		a.x[i] = exact(v)
	}
	return b.leaf(a)
}

// float is a node of floats with so many axes; wrongly one of another dtype.
func (b *builder) float(least, most int) *entry {
	if b.mistake() {
		return b.other()
	}
	fits := func(e *entry) bool {
		return e.built.dt == b.dt && len(e.built.shape) >= least && len(e.built.shape) <= most
	}
	if e := b.existing(fits); e != nil && !b.one(3) {
		return e
	}
	return b.fresh(b.shape(least, most)...)
}

// existing is one of the entries that fit, nil if there is none.
func (b *builder) existing(fits func(*entry) bool) *entry {
	var all []*entry
	for _, e := range b.entries {
		if fits(e) {
			all = append(all, e)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[b.below(len(all))]
}

// other is a leaf of a dtype that most ops do not take.
func (b *builder) other() *entry {
	if b.one(2) {
		return b.integer(0, 3, b.shape(0, 3)...)
	}
	a := zeros(tensor.Float64, b.shape(0, 3)...)
	if b.dt == tensor.Float64 {
		a.dt = tensor.Float32
	}
	return b.leaf(a)
}

// shaped is a node of floats of this shape; wrongly of another one.
func (b *builder) shaped(shape ...int) *entry {
	shape = slices.Clone(shape)
	if b.mistake() {
		switch k := b.below(4); {
		case k == 0:
			return b.other()
		case k == 1 || len(shape) == 0:
			shape = append(shape, 2)
		case k == 2:
			shape = shape[1:]
		default:
			shape[b.below(len(shape))]++
		}
	}
	if e := b.existing(func(e *entry) bool { return e.built.dt == b.dt && slices.Equal(e.built.shape, shape) }); e != nil && b.one(2) {
		return e
	}
	return b.fresh(shape...)
}

// integer is a leaf of integers from low to high-1.
func (b *builder) integer(low, high int, shape ...int) *entry {
	if b.mistake() {
		shape = append(slices.Clone(shape), 2)
	}
	dtypes := []tensor.Dtype{tensor.Int64, tensor.Int32, tensor.Int, tensor.Uint8}
	a := zeros(dtypes[b.below(len(dtypes))], shape...)
	for i, v := range b.integers(len(a.x), low, high) {
		if a.dt == tensor.Uint8 {
			v = min(max(v, 0), 255)
		}
		a.x[i] = exact(float64(v))
	}
	return b.leaf(a)
}

// ids is a leaf of integers, now and then of a dtype that is none.
func (b *builder) ids(low, high int, shape ...int) *entry {
	if b.mistake() {
		return b.fresh(shape...)
	}
	return b.integer(low, high, shape...)
}

// add records an op that was built from in. kinds has a letter for each input: f for
// floats, all of one dtype, i for integers, a for anything, s for the dtype of the first
// input. Building must have failed where dtypes or shapes do not fit, and only there.
func (b *builder) add(name, kinds string, ref reference, in []*entry, nodes ...*gorgonia.Node) []*entry {
	b.t.Helper()
	arrays := make([]array, len(in))
	for i, e := range in {
		arrays[i] = e.built
	}
	results, wrong := []array(nil), kindsFit(kinds, arrays)
	if wrong == nil {
		results, wrong = ref(&arithmetic{}, arrays)
	}
	if wrong == errValue {
		wrong = nil
	}
	err := b.g.Err()
	switch {
	case err == nil && wrong != nil:
		b.t.Fatalf("%s was built of %s although %v", name, describe(arrays), wrong)
	case err != nil && wrong == nil:
		b.t.Fatalf("%s of %s was refused: %v", name, describe(arrays), err)
	case err != nil:
		if !strings.Contains(err.Error(), name) && (madeOf[name] == "" || !strings.Contains(err.Error(), madeOf[name])) {
			b.t.Fatalf("the error does not name %s: %v", name, err)
		}
		b.rejected = true
		return nil
	}
	made := make([]*entry, len(nodes))
	for k, n := range nodes {
		e := &entry{name: name, node: n, in: in, ref: ref, out: k, built: results[k]}
		for _, i := range in {
			e.late = e.late || i.late
		}
		if !slices.Equal(n.Shape(), e.built.shape) || n.Dtype() != e.built.dt {
			b.t.Fatalf("%s of %s is built as %v %v, want %v %v", name, describe(arrays), n.Dtype(), n.Shape(), e.built.dt, e.built.shape)
		}
		made[k] = e
	}
	b.entries = append(b.entries, made...)
	return made
}

// madeOf names the op that says what is wrong with another.
var madeOf = map[string]string{"ScaledDotProductAttention": "AttentionWeights", "AssignMovingAverage": "Assign"}

func kindsFit(kinds string, in []array) error {
	float := func(dt tensor.Dtype) bool { return dt == tensor.Float32 || dt == tensor.Float64 }
	var dt tensor.Dtype
	for i, a := range in {
		wrong := false
		switch kinds[min(i, len(kinds)-1)] {
		case 'f':
			if dt == (tensor.Dtype{}) {
				dt = a.dt
			}
			wrong = !float(a.dt) || a.dt != dt
		case 'i':
			wrong = float(a.dt)
		case 's':
			wrong = a.dt != in[0].dt
		}
		if wrong {
			return fmt.Errorf("input %d is %v", i, a.dt)
		}
	}
	return nil
}

// describe shows dtypes, shapes, and values where there are few.
func describe(in []array) string {
	var parts []string
	for _, a := range in {
		text := fmt.Sprint(a.dt, a.shape)
		for i := 0; i < len(a.x) && len(a.x) <= 16; i++ {
			text += fmt.Sprint(" ", a.x[i].v)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func nodesOf(in []*entry) (nodes gorgonia.Nodes) {
	for _, e := range in {
		nodes = append(nodes, e.node)
	}
	return nodes
}
