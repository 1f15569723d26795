package optim

import (
	"fmt"
	"hash"
	"hash/fnv"
	"slices"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// updateOp is a train op: one pass over all variables. Its inputs are the global step,
// the learning rate, the factor of all gradients, with Accumulate the count of runs, the
// state of the parts and the rule, and then a block for each variable: the variable, its
// gradient, the slots of the parts and the rule, the sum of gradients with Accumulate,
// and the average. The indices of sparse gradients come last. Everything but the rate, the factor and the gradients is changed in
// place. The result is the new global step.
type updateOp struct {
	*recipe
	inputs  gorgonia.Nodes
	updated []int
	salt    uint32

	// Scratch memory of one program.
	worker32 *worker[float32]
	worker64 *worker[float64]
}

var (
	_ graph.Update     = (*updateOp)(nil)
	_ graph.Saltable   = (*updateOp)(nil)
	_ graph.PerProgram = (*updateOp)(nil)
)

// recipe is what a train op does; it does not change.
type recipe struct {
	name     string
	rule     Rule
	parts    []Transform
	clipNorm float64
	micro    int
	average  *average
	names    list // of the variables

	slots   []Slot    // of the parts, then of the rule
	state   []State   // likewise
	each    []applied // what belongs to each part and then to the rule
	counted int       // 1 where runs are counted
	indices []int     // for each variable, the position of its indices among the inputs; 0 where its gradient is dense
}

// recipe prepares the parts and the rule for the variables.
func (o *optimizer) recipe(gradients []Gradient) (*recipe, error) {
	r := &recipe{name: o.name, clipNorm: o.clipNorm, micro: max(o.micro, 1), average: o.average}
	for _, gradient := range gradients {
		r.names = append(r.names, gradient.Variable.Name)
	}
	for _, t := range o.parts {
		t, err := forVariables(t, r.names)
		if err != nil {
			return nil, err
		}
		r.parts = append(r.parts, t)
		r.include(t.Slots(), t.State())
	}
	var err error
	if r.rule, err = forVariables(o.rule, r.names); err != nil {
		return nil, err
	}
	r.include(r.rule.Slots(), r.rule.State())
	if r.micro > 1 {
		r.counted = 1
	}
	return r, nil
}

func (r *recipe) include(slots []Slot, state []State) {
	r.each = append(r.each, applied{
		slots: [2]int{len(r.slots), len(r.slots) + len(slots)},
		state: [2]int{len(r.state), len(r.state) + len(state)},
	})
	r.slots, r.state = append(r.slots, slots...), append(r.state, state...)
}

// Positions among the inputs, and within a block.
func (r *recipe) firstState() int  { return 3 + r.counted }
func (r *recipe) firstBlock() int  { return r.firstState() + len(r.state) }
func (r *recipe) accumulator() int { return 2 + len(r.slots) }
func (r *recipe) averages() int    { return r.accumulator() + r.counted }
func (r *recipe) blockSize() int   { return r.averages() + r.average.size() }

func (r *recipe) block(in []gorgonia.Value, variable int) []gorgonia.Value {
	from := r.firstBlock() + variable*r.blockSize()
	return in[from : from+r.blockSize()]
}

func (u *updateOp) add(n *gorgonia.Node, updated bool) {
	if updated {
		u.updated = append(u.updated, len(u.inputs))
	}
	u.inputs = append(u.inputs, n)
}

// addVariable adds a variable's block.
func (u *updateOp) addVariable(g *graph.Graph, gradient source) {
	v := gradient.Variable
	slot := func(name string, s Slot) {
		u.add(g.Variable(g.FreeName(v.Name+"/"+name), v.Dtype, v.Shape, s.initializer(), graph.NotTrainable()), true)
	}
	u.add(v.Node, true)
	u.add(gradient.Node, false)
	for i, a := range u.each {
		name := u.rule.Name()
		if i < len(u.parts) {
			name = u.parts[i].Name()
		}
		for _, s := range slotsOf(a, u.slots) {
			slot(name, s)
		}
	}
	if u.counted > 0 {
		slot("Accumulator", Slot{})
	}
	if u.average != nil {
		for _, n := range u.average.nodes(g, v) {
			u.add(n, true)
		}
	}
}

// addIndices adds what comes after the blocks.
func (u *updateOp) addIndices(sources []source) {
	u.indices = make([]int, len(sources))
	for i, s := range sources {
		if s.indices != nil {
			u.indices[i] = len(u.inputs)
			u.add(s.indices, false)
		}
	}
}

// ForProgram returns an instance with scratch memory of its own.
func (u *updateOp) ForProgram() gorgonia.Op {
	c := *u
	if u.inputs[2].Dtype() == tensor.Float32 {
		c.worker32 = newWorker(u, Rule.Update32, Transform.Apply32)
	} else {
		c.worker64 = newWorker(u, Rule.Update64, Transform.Apply64)
	}
	return &c
}

func (u *updateOp) UpdatedInputs() []int { return u.updated }
func (u *updateOp) Arity() int           { return len(u.inputs) }

func (u *updateOp) Type() hm.Type {
	types := make([]hm.Type, 0, len(u.inputs)+1)
	for _, n := range u.inputs {
		types = append(types, n.Type())
	}
	return hm.NewFnType(append(types, tensor.Int64)...)
}

// InferShape sees to it that every gradient still has its variable's shape when a batch
// of another size is run; a sparse one has a size of its own.
func (u *updateOp) InferShape(sizes ...gorgonia.DimSizer) (tensor.Shape, error) {
	for i, name := range u.names {
		at := u.firstBlock() + i*u.blockSize()
		v, g := sizes[at].(tensor.Shape), sizes[at+1].(tensor.Shape)
		if u.indices[i] == 0 && !slices.Equal(v, g) {
			return nil, fmt.Errorf("the gradient of %q has shape %v, the variable %v", name, g, v)
		}
	}
	return tensor.ScalarShape(), nil
}

// Do makes one step.
func (u *updateOp) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	step, ok := in[0].(*gorgonia.I64)
	if !ok {
		return nil, fmt.Errorf("the global step is a %T, want an int64 scalar", in[0])
	}
	rate, ok := in[1].(*gorgonia.F64)
	if !ok {
		return nil, fmt.Errorf("the learning rate is a %T, want a float64 scalar", in[1])
	}
	if u.worker32 == nil && u.worker64 == nil {
		u = u.ForProgram().(*updateOp) // run by itself, outside a session
	}
	s := Step{LearningRate: float64(*rate), GlobalStep: int64(*step)}
	var updated bool
	var err error
	if u.worker32 != nil {
		updated, err = u.worker32.run(u.recipe, in, s)
	} else {
		updated, err = u.worker64.run(u.recipe, in, s)
	}
	if err != nil {
		return nil, err
	}
	if updated {
		*step++
	}
	return step, nil
}

// WithSalt returns the same op with another hash.
func (u *updateOp) WithSalt(salt uint32) gorgonia.Op {
	c := *u
	c.salt = salt
	return &c
}

func (u *updateOp) ReturnsPtr() bool      { return true }
func (u *updateOp) CallsExtern() bool     { return false }
func (u *updateOp) OverwritesInput() int  { return -1 }
func (u *updateOp) String() string        { return u.name }
func (u *updateOp) WriteHash(h hash.Hash) { fmt.Fprintf(h, "optim.%s/%d", u, u.salt) }

func (u *updateOp) Hashcode() uint32 {
	h := fnv.New32a()
	u.WriteHash(h)
	return h.Sum32()
}
