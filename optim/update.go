package optim

import (
	"fmt"
	"hash"
	"hash/fnv"
	"math"
	"unsafe"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// updateOp is a train op. Its inputs are the global step, the learning rate, the factor
// of all gradients, the rule's state, and then for each variable the variable, its
// gradient and its slots. Everything but the rate, the factor and the gradients is
// changed in place. The result is the new global step.
type updateOp struct {
	rule    Rule
	inputs  gorgonia.Nodes
	updated []int
	salt    uint32

	// Scratch memory of one program.
	step    Step
	slots32 [][]float32
	slots64 [][]float64
}

var (
	_ graph.Update     = (*updateOp)(nil)
	_ graph.Saltable   = (*updateOp)(nil)
	_ graph.PerProgram = (*updateOp)(nil)
)

// ForProgram returns an instance with scratch memory of its own.
func (u *updateOp) ForProgram() gorgonia.Op {
	c := *u
	c.step.State = make([]float64, len(u.rule.State()))
	c.slots32 = make([][]float32, len(u.rule.Slots()))
	c.slots64 = make([][]float64, len(u.rule.Slots()))
	return &c
}

func (u *updateOp) add(n *gorgonia.Node, updated bool) {
	if updated {
		u.updated = append(u.updated, len(u.inputs))
	}
	u.inputs = append(u.inputs, n)
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
// of another size is run.
func (u *updateOp) InferShape(sizes ...gorgonia.DimSizer) (tensor.Shape, error) {
	each := 2 + len(u.rule.Slots())
	for i := 3 + len(u.rule.State()); i+1 < len(sizes); i += each {
		v, g := sizes[i].(tensor.Shape), sizes[i+1].(tensor.Shape)
		if len(v) != len(g) {
			return nil, fmt.Errorf("the gradient of %q has shape %v, the variable %v", u.inputs[i].Name(), g, v)
		}
		for axis := range v {
			if v[axis] != g[axis] {
				return nil, fmt.Errorf("the gradient of %q has shape %v, the variable %v", u.inputs[i].Name(), g, v)
			}
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
	if u.step.State == nil {
		u = u.ForProgram().(*updateOp) // run by itself, outside a session
	}
	u.step.LearningRate = float64(*rate)
	var err error
	if floats[float32](in[2]) != nil {
		err = updateAll(u, in, u.slots32, u.rule.Update32)
	} else {
		err = updateAll(u, in, u.slots64, u.rule.Update64)
	}
	if err != nil {
		return nil, err
	}
	*step++
	return step, nil
}

func updateAll[T float32 | float64](u *updateOp, in []gorgonia.Value, slots [][]T, update func(s Step, v, g []T, slots [][]T)) error {
	state := u.rule.State()
	u.step.Scale = float64(floats[T](in[2])[0])
	for i := range state {
		u.step.State[i] = float64(floats[T](in[3+i])[0])
	}
	for i := 3 + len(state); i < len(in); i += 2 + len(slots) {
		v, g := floats[T](in[i]), floats[T](in[i+1])
		if len(v) != len(g) {
			return fmt.Errorf("the gradient of variable %q has %d elements, the variable %d", u.inputs[i].Name(), len(g), len(v))
		}
		for k := range slots {
			slots[k] = floats[T](in[i+2+k])
		}
		update(u.step, v, g, slots)
	}
	for i := range state {
		floats[T](in[3+i])[0] = T(state[i].Next(u.step.State[i]))
	}
	return nil
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
func (u *updateOp) String() string        { return u.rule.Name() }
func (u *updateOp) WriteHash(h hash.Hash) { fmt.Fprintf(h, "optim.%s/%d", u, u.salt) }

func (u *updateOp) Hashcode() uint32 {
	h := fnv.New32a()
	u.WriteHash(h)
	return h.Sum32()
}

// floats returns the memory of a value, nil when it is of another dtype.
func floats[T float32 | float64](v gorgonia.Value) []T {
	var t T
	switch v := v.(type) {
	case *tensor.Dense:
		switch any(t).(type) {
		case float32:
			if v.Dtype() == tensor.Float32 {
				s := v.Float32s()
				return *(*[]T)(unsafe.Pointer(&s))
			}
		case float64:
			if v.Dtype() == tensor.Float64 {
				s := v.Float64s()
				return *(*[]T)(unsafe.Pointer(&s))
			}
		}
	case *gorgonia.F32:
		if _, ok := any(t).(float32); ok {
			return unsafe.Slice((*T)(unsafe.Pointer(v)), 1)
		}
	case *gorgonia.F64:
		if _, ok := any(t).(float64); ok {
			return unsafe.Slice((*T)(unsafe.Pointer(v)), 1)
		}
	}
	return nil
}

// scalarOp computes a scalar that steers the update: the learning rate, or the factor of
// the gradients.
type scalarOp struct {
	name  string
	dtype tensor.Dtype
	types []hm.Type
	run   func(out gorgonia.Value, in []gorgonia.Value) error
	salt  uint32
}

var (
	_ graph.SizedByInputs = (*scalarOp)(nil)
	_ graph.Saltable      = (*scalarOp)(nil)
)

func newScalar(g *graph.Graph, name string, dt tensor.Dtype, run func(gorgonia.Value, []gorgonia.Value) error, inputs ...*gorgonia.Node) *gorgonia.Node {
	s := &scalarOp{name: name, dtype: dt, run: run}
	for _, n := range inputs {
		s.types = append(s.types, n.Type())
	}
	return g.Apply(s, inputs...)
}

func (s *scalarOp) Arity() int { return len(s.types) }
func (s *scalarOp) Type() hm.Type {
	return hm.NewFnType(append(append([]hm.Type(nil), s.types...), s.dtype)...)
}
func (s *scalarOp) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return tensor.ScalarShape(), nil
}
func (s *scalarOp) SizedByInputs() {}

func (s *scalarOp) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	if s.dtype == tensor.Float32 {
		return s.UsePreallocDo(new(gorgonia.F32), in...)
	}
	return s.UsePreallocDo(new(gorgonia.F64), in...)
}

func (s *scalarOp) UsePreallocDo(out gorgonia.Value, in ...gorgonia.Value) (gorgonia.Value, error) {
	return out, s.run(out, in)
}

func (s *scalarOp) WithSalt(salt uint32) gorgonia.Op {
	c := *s
	c.salt = salt
	return &c
}

func (s *scalarOp) ReturnsPtr() bool      { return true }
func (s *scalarOp) CallsExtern() bool     { return false }
func (s *scalarOp) OverwritesInput() int  { return -1 }
func (s *scalarOp) String() string        { return s.name }
func (s *scalarOp) WriteHash(h hash.Hash) { fmt.Fprintf(h, "optim.%s/%d", s, s.salt) }

func (s *scalarOp) Hashcode() uint32 {
	h := fnv.New32a()
	s.WriteHash(h)
	return h.Sum32()
}

// learningRate is a float64 scalar: the rate of the update that follows this many.
func learningRate(g *graph.Graph, step *gorgonia.Node, rate float64, schedule Schedule) *gorgonia.Node {
	return newScalar(g, fmt.Sprintf("LearningRate{%v,%v}", rate, schedule), tensor.Float64, func(out gorgonia.Value, in []gorgonia.Value) error {
		at := rate
		if schedule != nil {
			at = schedule.LearningRate(rate, int64(*in[0].(*gorgonia.I64)))
		}
		*out.(*gorgonia.F64) = gorgonia.F64(at)
		return nil
	}, step)
}

// clipScale is the factor that all gradients are multiplied by, 1 without clipping.
func clipScale(g, scope *graph.Graph, gradients []Gradient, clipNorm float64) *gorgonia.Node {
	dt := gradients[0].Variable.Dtype
	if clipNorm == 0 {
		if dt == tensor.Float32 {
			return g.NamedConstant("optim/one_float32", float32(1))
		}
		return g.NamedConstant("optim/one_float64", float64(1))
	}
	var nodes gorgonia.Nodes
	for _, gradient := range gradients {
		nodes = append(nodes, gradient.Node)
	}
	norm := scope.SetName(GlobalNorm(g, nodes...), "global_norm")
	if g.Poisoned(norm) {
		return norm
	}
	return newScalar(g, fmt.Sprintf("ClipScale{%v}", clipNorm), dt, func(out gorgonia.Value, in []gorgonia.Value) error {
		setScalar(out, clipNorm/max(clipNorm, scalar(in[0])))
		return nil
	}, norm)
}

// GlobalNorm is the square root of the sum of the squares of all elements of all nodes,
// which have one dtype, float32 or float64. The result is a scalar of that dtype; the
// sum is accumulated in float64.
func GlobalNorm(g *graph.Graph, nodes ...*gorgonia.Node) *gorgonia.Node {
	if len(nodes) == 0 {
		return g.Fail(fmt.Errorf("optim.GlobalNorm: there are no nodes"))
	}
	for i, n := range nodes {
		switch {
		case n == nil:
			return g.Fail(fmt.Errorf("optim.GlobalNorm: node %d is nil", i))
		case g.Poisoned(n):
			return n
		case n.Dtype() != nodes[0].Dtype() || n.Dtype() != tensor.Float32 && n.Dtype() != tensor.Float64:
			return g.Fail(fmt.Errorf("optim.GlobalNorm: node %q has dtype %v, want one float dtype for all", n.Name(), n.Dtype()))
		}
	}
	return newScalar(g, "GlobalNorm", nodes[0].Dtype(), func(out gorgonia.Value, in []gorgonia.Value) error {
		sum := 0.0
		for _, v := range in {
			for _, x := range floats[float32](v) {
				sum += float64(x) * float64(x)
			}
			for _, x := range floats[float64](v) {
				sum += x * x
			}
		}
		setScalar(out, math.Sqrt(sum))
		return nil
	}, nodes...)
}

func scalar(v gorgonia.Value) float64 {
	switch v := v.(type) {
	case *gorgonia.F32:
		return float64(*v)
	case *gorgonia.F64:
		return float64(*v)
	}
	return math.NaN()
}

func setScalar(v gorgonia.Value, x float64) {
	switch v := v.(type) {
	case *gorgonia.F32:
		*v = gorgonia.F32(x)
	case *gorgonia.F64:
		*v = gorgonia.F64(x)
	}
}
