package ops

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/stheno-ml/stheno/graph"
)

// applyWithScratch adds a node whose kernel has memory of its own. make returns a kernel
// with fresh memory: a session asks for one for each program.
func applyWithScratch(g *graph.Graph, d definition, make func() kernel, inputs ...*gorgonia.Node) *gorgonia.Node {
	d.run = func(out gorgonia.Value, in []gorgonia.Value) error { return make()(out, in) }
	o := &scratchOp{op: op{definition: d}, make: make}
	for _, in := range inputs {
		o.inputs = append(o.inputs, in.Type())
	}
	return g.Apply(o, inputs...)
}

// scratchOp is an op whose kernel has memory of its own.
type scratchOp struct {
	op
	make func() kernel
}

var (
	_ gorgonia.SDOp       = (*scratchOp)(nil)
	_ graph.SizedByInputs = (*scratchOp)(nil)
	_ graph.Saltable      = (*scratchOp)(nil)
	_ graph.PerProgram    = (*scratchOp)(nil)
)

// ForProgram returns an instance with memory of its own.
func (o *scratchOp) ForProgram() gorgonia.Op {
	c := *o
	c.run = o.make()
	return &c
}

// WithSalt returns the same op with another hash.
func (o *scratchOp) WithSalt(salt uint32) gorgonia.Op {
	c := *o
	c.salt = salt
	return &c
}

// pickScratch is pick for kernels with memory of their own.
func pickScratch(dt tensor.Dtype, f32, f64 func() kernel) func() kernel {
	if dt == tensor.Float32 {
		return f32
	}
	return f64
}

// grow returns n elements of memory, the old one where it is large enough. Its content
// is undefined.
func grow[T any](memory *[]T, n int) []T {
	if cap(*memory) < n {
		*memory = make([]T, n)
	}
	return (*memory)[:n]
}
